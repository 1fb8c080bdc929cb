"""The dashboard in a real browser: the same numbers, live without reload, without scripts, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.app import App, running_app, wait
from support.browser import DESK, PHONE, tab
from support.program import run
from support.sandbox import Sandbox
from tallyglass.app import connections
from tallyglass.web.api.addresses import ADDRESSES
from tallyglass.web.pages.index import PAGES, RAIL

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
#: Of axe's rules those that judge colours.
OF_COLOUR = {"runOnly": ["color-contrast", "link-in-text-block"]}
PATHS = tuple(page.path for page in PAGES if page.live)
#: With the pages that no rail leads to, where a reader writes: those look for no news.
EVERY = tuple(page.path for page in PAGES)
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "kraken", "coinbase") as running:
        yield running


def test_the_page_shows_the_net_worth_of_the_command(browser: Browser, app: App, sandbox: Sandbox) -> None:
    command = run("--home", str(app.service.home.path), "worth", "--json", url=sandbox.base_url)
    assert command.code == 0, command.err
    total = Decimal(command.json()["total"])

    with tab(browser, app) as seen:
        assert seen.text("#total") == f"${total:,.2f}"
        assert seen.page.url == f"{app.url}/", "the key of the link is not in the address"
        seen.go("/holdings")
        table = seen.text("table.holdings")
        priced = [each for each in command.json()["holdings"] if each["asset"] != "KFEE"]  # fee credits have no price
        for holding in priced:
            assert f"${Decimal(holding['value']):,.2f}" in table


def test_what_happens_shows_without_a_reload(browser: Browser, app: App, sandbox: Sandbox) -> None:
    with tab(browser, app) as seen:
        seen.go("/")
        before = Decimal(re.sub(r"[$,]", "", seen.text("#total")))
        seen.page.evaluate("window.thisVeryPage = true; window.shift = 0")
        seen.page.evaluate(
            "new PerformanceObserver(list => { for (const entry of list.getEntries()) window.shift += entry.value })"
            ".observe({type: 'layout-shift'})"
        )
        seen.page.focus("text=Hide amounts")
        sandbox.happen("kraken", "deposit", asset="USD", amount="1000")
        wait(lambda: not app.service.syncing)
        assert app.service.sync_now()
        changed = "before => document.querySelector('#total').textContent !== before"
        seen.page.wait_for_function(changed, arg=f"${before:,.2f}")

        after = Decimal(re.sub(r"[$,]", "", seen.text("#total")))
        assert after - before == 1000
        assert seen.page.evaluate("window.thisVeryPage")
        assert seen.page.evaluate("document.activeElement.textContent").strip() == "Hide amounts"
        assert seen.page.evaluate("window.shift") < 0.01


def test_a_click_on_sync_now_syncs(browser: Browser, app: App, sandbox: Sandbox) -> None:
    with tab(browser, app) as seen:
        seen.go("/")
        before = seen.text("#total")
        sandbox.happen("coinbase", "deposit", asset="USD", amount="500")
        seen.page.click("text=Sync now")
        seen.page.wait_for_function("old => document.querySelector('#total').textContent !== old", arg=before)
        assert seen.page.url == f"{app.url}/"


def test_ages_tick(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.page.evaluate(
            "() => { const time = document.createElement('time'); time.id = 'old'; time.dataset.age = ' ago';"
            " time.dateTime = new Date(Date.now() - 3 * 3600 * 1000).toISOString(); document.body.append(time) }"
        )
        seen.page.wait_for_function("() => document.querySelector('#old').textContent === '3 h ago'")


def test_an_ended_session_takes_the_page_away(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.go("/")
        app.gate.close()
        seen.page.wait_for_url(f"{app.url}/enter", timeout=15000)
        assert seen.text("h1") == "Enter"
        # That it ended is a failed request, which browsers write on the console by themselves.
        assert all("401" in words for words in seen.words)
        seen.words.clear()


def test_a_page_says_when_nobody_answers(browser: Browser, tmp_path: Path) -> None:
    with running_app(tmp_path) as own, tab(browser, own) as seen:
        seen.go("/")
        assert not seen.page.is_visible("text=Tallyglass does not answer")
        own.server.should_exit = True
        seen.page.wait_for_selector("text=Tallyglass does not answer", timeout=15000)
        # Browsers, and htmx, write a failed request on the console by themselves.
        assert all("Failed to load resource" in words or "sse:error" in words for words in seen.words)
        seen.words.clear()


def test_everything_works_without_scripts(browser: Browser, app: App) -> None:
    with tab(browser, app, java_script_enabled=False) as seen:
        assert seen.text("#total").startswith("$")
        for page in RAIL:
            seen.page.click(f"nav[aria-label=Pages] >> text={page.title}")
            assert seen.page.url == app.url + page.path
        seen.page.click("text=History")
        first = seen.text("main")
        seen.page.click("text=Older")
        assert seen.text("main") != first
        wait(lambda: not app.service.syncing)
        seen.page.click("text=Overview")
        seen.page.click("text=Sync now")
        assert seen.page.url == f"{app.url}/"
        seen.page.click("[aria-label=Dark]")
        assert seen.page.get_attribute("html", "data-light") == "dark"
        seen.page.click("text=Hide amounts")
        assert seen.text("#total") == "•••••"
        seen.page.click("text=Leave")
        assert seen.page.url == f"{app.url}/enter"


@pytest.mark.parametrize("path", EVERY)
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_stands_in_anyones_way(browser: Browser, app: App, path: str, size: tuple[int, int]) -> None:
    with tab(browser, app, size, reduced_motion="reduce") as seen:
        seen.go(path)
        for details in seen.page.locator("details").all():
            details.locator("summary").click()
        seen.page.evaluate(AXE.read_text(encoding="utf-8"))
        told = []
        for dark in (False, True):
            seen.page.emulate_media(color_scheme="dark" if dark else "light")
            asked = {"resultTypes": ["violations"], **(OF_COLOUR if dark else {})}  # all else is the same in both
            found = seen.page.evaluate("asked => axe.run(document, asked)", asked)["violations"]
            told += [
                f"{'dark' if dark else 'light'} {each['id']}: {[node['html'][:200] for node in each['nodes']]}"
                for each in found
            ]
    assert told == []


@pytest.mark.parametrize("path", EVERY)
def test_no_page_scrolls_sideways(browser: Browser, app: App, path: str) -> None:
    with tab(browser, app) as seen:
        seen.go(path)
        for width in (320, 390, 768, 861, 1024, 1280):
            seen.page.set_viewport_size({"width": width, "height": 844})
            assert seen.page.evaluate(TOO_WIDE) <= 0, width


@pytest.mark.parametrize("path", PATHS)
def test_figures_and_ages_of_any_length_widen_no_page(browser: Browser, app: App, path: str) -> None:
    with tab(browser, app, reduced_motion="reduce") as seen:
        seen.go(path)
        for width in (320, 390, 861, 1280):
            seen.page.set_viewport_size({"width": width, "height": 844})
            made, wide = seen.page.evaluate(
                "() => { let made = 0; for (const each of document.querySelectorAll('main td.figure, main time')) {"
                " each.textContent = each.matches('time') ? '123456 min ago' : '-1,234,567,890.123456789012345678';"
                f" made += 1 }} return [made, {TOO_WIDE}] }}"
            )
            assert made > 0
            assert wide <= 0, width


@pytest.fixture(scope="module")
def long_names(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    """An app whose reader called a connection by one word of a hundred letters."""
    with running_app(tmp_path_factory.mktemp("long"), sandbox) as running:
        for exchange in ("kraken", "binance"):
            key = sandbox.key(exchange)
            connections.connect(running.service.session().keeper, exchange, key, label=exchange[0] * 100)
        running.service.sync()
        yield running


@pytest.mark.parametrize("path", PATHS)
def test_one_long_word_breaks_no_page(browser: Browser, long_names: App, path: str) -> None:
    with tab(browser, long_names) as seen:
        seen.go(path)
        text = seen.text("main")
        named = path != "/performance"  # which is about all of them together
        assert not named or any(letter * 100 in text for letter in "bk")  # of the journal the last uses are shown
        for width in (390, 1280):
            seen.page.set_viewport_size({"width": width, "height": 844})
            page, window, out = seen.page.evaluate(
                "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth,"
                " [...document.querySelectorAll('main *')].filter(each => each.getBoundingClientRect().right"
                " > document.documentElement.clientWidth && !each.closest('.unseen')).map(each => each.outerHTML)]"
            )
            assert page <= window, width
            assert out == [], width


@pytest.mark.parametrize("path", EVERY)
def test_the_keyboard_reaches_everything(browser: Browser, app: App, path: str) -> None:
    with tab(browser, app) as seen:
        seen.go(path)
        count = seen.page.evaluate(
            "[...document.querySelectorAll('a[href], button, summary, input:not([type=hidden]), select, textarea')]"
            ".filter(each => each.checkVisibility()).map((each, place) => each.place = place).length"
        )
        reached = set()
        for _ in range(count + 2):
            seen.page.keyboard.press("Tab")
            place = seen.page.evaluate("document.activeElement.place")  # not an attribute: live news takes those away
            if place is not None:
                reached.add(place)
                assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert count > 5
    assert reached == set(range(count))


def test_the_first_tab_skips_to_the_content(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"


#: Pages, the API, downloads, what is open to all, what there is not.
ROUTES = (
    *(path for path in EVERY if "{" not in path),
    *(f"/api/v1/{name.replace('{id}', 'coinbase/x')}" for name in (*ADDRESSES, "openapi.json")),
    *("/enter", "/healthz", "/seal-key", "/events", "/calendar.ics", "/static/manifest.json", "/nowhere"),
)


def test_a_rebound_name_reads_nothing(browser: Browser, app: App) -> None:
    """The page of an attacker, whose name then leads to this machine: to the browser, all here is of his own origin."""
    asks = """async paths => await Promise.all(paths.map(async path => {
        const answer = await fetch(path, {credentials: 'include'});
        return [path, answer.status, await answer.text()];
    }))"""
    words = "This program answers on its own address only."
    with tab(browser, app) as seen:  # whose reader is logged in
        his = f"http://evil.example:{app.port}"
        answer = seen.page.goto(f"{his}/")
        assert answer is not None
        assert (answer.status, seen.text("body").strip()) == (421, words)
        told = seen.page.evaluate(asks, list(ROUTES))
        seen.words.clear()
        seen.asked.clear()

    assert [path for path, _, _ in told] == list(ROUTES)
    assert {(status, text.strip()) for _, status, text in told} == {(421, words)}


def test_no_route_can_be_framed(browser: Browser, app: App) -> None:
    framed = "".join(f"<iframe src='{app.url}{path}'></iframe>" for path in ROUTES)
    with tab(browser, app) as seen:
        seen.page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=framed))
        seen.page.goto("http://evil.example/", wait_until="load")
        frames = seen.page.frames[1:]
        shown = [frame.evaluate("document.body ? document.body.innerText : ''") for frame in frames]
        asked = {url for url in seen.asked if url.startswith(app.url)}
        seen.words.clear()
        seen.asked.clear()

    assert len(frames) >= len(ROUTES)
    assert len(asked) >= len(ROUTES), "the browser has asked"
    for words in shown:
        assert words == "" or "refused to connect" in words or "blocked" in words, words
