"""The live chart in a real browser: in the place of the drawing, by keyboard, live; an asset for everybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.app import App, running_app, wait
from support.browser import DESK, PHONE, Tab, tab
from support.sandbox import Sandbox
from tallyglass.app import backfilling, worth, worth_history
from tallyglass.app import format as shown

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SLIDER = ".live [role=slider]"
SHIFTS = (
    "window.shift = 0; new PerformanceObserver(list => { for (const each of list.getEntries()) window.shift +="
    " each.value }).observe({type: 'layout-shift', buffered: true})"
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "kraken") as running:
        backfilling.prices(running.service.session())
        worth_history.days(running.service.session())
        yield running


def drawn(seen: Tab, path: str = "/?period=30d") -> None:
    """Open a page and wait until its chart is live."""
    seen.page.add_init_script(SHIFTS)
    seen.page.goto(seen.app.url + path)
    seen.page.wait_for_selector(SLIDER)


def words(seen: Tab) -> str:
    return seen.page.get_attribute(SLIDER, "aria-valuetext") or ""


def test_the_live_chart_takes_the_place_of_the_drawing_and_moves_nothing(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        drawn(seen)
        boxes = [seen.page.locator(each).bounding_box() for each in (".canvas svg", ".live .uplot")]
        assert boxes[0] == boxes[1]
        assert not seen.page.is_visible(".canvas svg")
        assert seen.page.evaluate("window.shift") < 0.01
        seen.page.set_viewport_size({"width": 390, "height": 844})
        seen.page.wait_for_function(
            "() => { const [one, other] = ['.uplot', 'svg'].map(each => document.querySelector(`.canvas ${each}`));"
            " return one.getBoundingClientRect().width === other.getBoundingClientRect().width }"
        )


def test_the_keyboard_goes_through_its_days(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        drawn(seen)
        told = json.loads(app.enter().page("/chart?period=30d"))["words"]
        total = shown.money(worth.worth_view(app.service.session())["total"], "USD")
        assert words(seen) == ", ".join(told[-1])
        assert total in words(seen)

        seen.page.focus(SLIDER)
        for key, day in [("Home", 0), ("ArrowRight", 1), ("PageUp", 11), ("ArrowLeft", 10), ("End", -1)]:
            seen.page.keyboard.press(key)
            seen.page.wait_for_function(
                "text => document.querySelector('.live [role=slider]').getAttribute('aria-valuetext') === text",
                arg=", ".join(told[day]),
            )
            assert seen.page.locator(".tip span").all_inner_texts() == told[day]
        seen.page.keyboard.press("Escape")
        assert not seen.page.is_visible(".tip")


def test_what_happens_shows_in_the_live_chart_too(browser: Browser, app: App, sandbox: Sandbox) -> None:
    with tab(browser, app) as seen:
        drawn(seen)
        seen.page.focus(SLIDER)
        before = words(seen)
        sandbox.happen("kraken", "deposit", asset="USD", amount="1000")
        wait(lambda: not app.service.syncing)
        assert app.service.sync_now()
        seen.page.wait_for_function(
            "text => document.querySelector('.live [role=slider]').getAttribute('aria-valuetext') !== text", arg=before
        )
        total = shown.money(worth.worth_view(app.service.session())["total"], "USD")
        seen.page.wait_for_function(
            "text => document.querySelector('.live [role=slider]').getAttribute('aria-valuetext').includes(text)",
            arg=total,
        )
        assert not seen.page.is_visible(".canvas svg"), "news takes the live chart away no more than the reader does"
        assert seen.page.evaluate("document.activeElement.getAttribute('role')") == "slider"
        assert seen.page.evaluate("window.shift") < 0.01


def test_hidden_amounts_are_hidden_from_the_chart(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.page.click("text=Hide amounts")
        drawn(seen)
        assert "$" not in words(seen)
        assert "•••••" in words(seen)


def test_the_currency_is_chosen_by_keyboard(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.go("/holdings")
        seen.page.focus("#currency summary")
        seen.page.keyboard.press("Enter")
        seen.page.focus("#currency button[value=EUR]")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_function("() => document.querySelector('#total').textContent.startsWith('€')")
        worth.set_currency(app.service.session(), "USD")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_an_asset_stands_in_nobodys_way(browser: Browser, app: App, size: tuple[int, int]) -> None:
    with tab(browser, app, size, reduced_motion="reduce") as seen:
        drawn(seen, "/assets/BTC")
        for details in seen.page.locator("details").all():
            details.locator("summary").first.click()
        seen.page.evaluate(AXE.read_text(encoding="utf-8"))
        for scheme in ("light", "dark"):
            seen.page.emulate_media(color_scheme=scheme)
            found = seen.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
            assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []
        for width in (320, 390, 861, 1280):
            seen.page.set_viewport_size({"width": width, "height": 844})
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert seen.page.evaluate(wide) <= 0
