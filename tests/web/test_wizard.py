"""Connecting in a real browser: each exchange, each kind of key; what is refused, stored, and never sent."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.app import App, running_app, wait
from support.browser import tab
from support.canary import files, search, traces
from support.sandbox import Sandbox
from support.wizardry import KEPT, Wizard
from tallyglass.app import connections

pytestmark = pytest.mark.browser

EXCHANGES = ("binance", "coinbase", "kraken")
RIGHTS = ("Read", "Trade", "Withdraw", "Transfer", "Manage")
READ_ONLY = dict(zip(RIGHTS, ("granted", *["absent"] * 4), strict=True))
#: What a kind of key comes to, and words that must stand under the verdict.
ENDS = {
    "read_only": ("accepted", "Nothing is stored yet"),
    "can_trade": ("refused", "Refused. Nothing was stored."),
    "can_withdraw": ("refused", "Refused. Nothing was stored."),
    "ip_bound_elsewhere": ("trouble", "Nothing was stored."),
    "expired": ("trouble", "Nothing was stored."),
    "revoked": ("trouble", "Nothing was stored."),
    "wrong_account": ("accepted", "Nothing is stored yet"),
    "read_only_ed25519": ("accepted", "Nothing is stored yet"),
    "read_only_ecdsa": ("accepted", "Nothing is stored yet"),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox) as running:
        yield running


@pytest.fixture
def calm(sandbox: Sandbox) -> Iterator[Sandbox]:
    yield sandbox
    sandbox.calm()


def connected(app: App) -> dict[str, str]:
    """What the keeper holds: each connection with the public part of its key."""
    return {each.id: each.key_name for each in app.service.session().keeper.connections()}


def test_every_exchange_says_beforehand_what_it_can_prove(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.go("/")
        seen.page.click("text=Connect an exchange")
        for name in ("Binance", "Coinbase", "Kraken"):
            tile = seen.page.inner_text(f"li:has-text('{name}')")
            assert all(words in tile for words in ("read, trade, withdraw, transfer and manage", "History"))
        assert "not the end date" in seen.page.inner_text("li:has-text('Binance')")
        seen.page.fill("input[type=search]", "krak")
        assert [each for each in EXCHANGES if seen.page.is_visible(f"a[href='/connect/{each}']")] == ["kraken"]
        seen.page.fill("input[type=search]", "nowhere")
        assert seen.page.is_visible("text=No exchange of that name")


@pytest.mark.parametrize(
    "exchange", ["kraken", *(pytest.param(each, marks=pytest.mark.soak) for each in EXCHANGES[:2])]
)
def test_each_kind_of_key_ends_in_its_own_words(browser: Browser, app: App, sandbox: Sandbox, exchange: str) -> None:
    """One page for all kinds of an exchange: each key takes the place of the one before."""
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open(f"/connect/{exchange}")
        assert set(wizard.rows().values()) == {"not asked"}
        for kind, key in sandbox.state["exchanges"][exchange]["keys"].items():
            end, words = ENDS[kind]
            assert wizard.check(key) == end, (kind, wizard.end)
            assert words in wizard.end, kind
            assert (wizard.page.locator("#verdict button[value=store]").count() == 1) == (end == "accepted"), kind
            if end == "accepted":
                assert READ_ONLY.items() <= wizard.rows().items()
            if end == "refused":
                bad = wizard.page.inner_text("#verdict .check:has(.bad)")
                assert "untick" in bad, kind
                assert bad.splitlines()[1].lower() in kind or "granted" in bad
            assert wizard.said, kind
    assert connected(app) == {}


def test_a_refused_key_that_is_narrowed_turns_green_and_comes_home(
    browser: Browser, app: App, sandbox: Sandbox
) -> None:
    secret = sandbox.key("kraken", "can_trade")
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open("/connect/kraken")
        assert wizard.faults() == []
        assert wizard.check(secret) == "refused"
        assert wizard.rows()["Trade"] == "granted"
        assert "Create & modify orders" in wizard.page.inner_text("#verdict .check:has(.bad)")
        assert wizard.page.inner_text("#place") == "step 4 of 6"
        assert wizard.said.startswith("Refused. Nothing was stored.")
        assert wizard.faults() == []
        assert connected(app) == {}

        sandbox.change_key("kraken", "can_trade", revoke=["trade"])
        assert wizard.check() == "accepted", "the boxes still hold the key"
        assert wizard.faults() == []
        assert connected(app) == {}, "green, and not stored yet"
        wizard.page.fill("#label", "My savings")
        wizard.store()
        assert wizard.page.url == f"{app.url}/connected/kraken"
        wizard.page.wait_for_selector("#sum")
        assert wizard.faults() == []
        wizard.page.wait_for_selector("#state:has-text('Read')")
        assert "My savings is connected" in seen.text("h1")
        seen.page.click("text=To the overview")
        assert seen.text("#total").startswith("$")
    assert connected(app) == {"kraken": secret["key"]}
    sandbox.change_key("kraken", "can_trade", grant=["trade"])


@pytest.mark.parametrize("exchange", ["coinbase", pytest.param("binance", marks=pytest.mark.soak)])
def test_the_secret_goes_nowhere_but_sealed_to_the_keeper(
    browser: Browser, app: App, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, exchange: str
) -> None:
    caplog.set_level("DEBUG")
    key = sandbox.key(exchange)
    wanted = traces({"the secret": key["secret"]})
    places: dict[str, bytes] = {}
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open(f"/connect/{exchange}")
        assert wizard.check(key) == "accepted", wizard.end
        assert any(b"sealed=" in request for request in wizard.sent)
        places["kept while it stands in its box"] = seen.page.evaluate(KEPT).encode()
        wizard.store()
        places["kept afterwards"] = seen.page.evaluate(KEPT).encode()
        places["the next page"] = seen.page.content().encode()
        seen.page.go_back()
        seen.page.wait_for_selector("#paste fieldset:enabled")
        assert {each.input_value() for each in seen.page.locator("[data-field]").all()} == {""}
    wait(lambda: not app.service.syncing)
    visitor = app.enter()
    for path in ("/", "/connections", "/journal", f"/connected/{exchange}", f"/connect/{exchange}"):
        places[path] = visitor.ask("GET", path).body
    places |= {f"request {number}": body for number, body in enumerate(wizard.sent)}
    places |= {f"answer {number}": body for number, body in enumerate(wizard.answers)}
    places |= files(app.service.home.path) | {"log": caplog.text.encode()}
    assert search(places, wanted) == []


def test_a_whole_key_file_is_understood_and_what_is_swapped_is_noticed(
    browser: Browser, app: App, sandbox: Sandbox
) -> None:
    coinbase, kraken = sandbox.key("coinbase", "wrong_account"), sandbox.key("kraken", "wrong_account")
    whole = json.dumps({"name": coinbase["key"], "privateKey": coinbase["secret"]}, indent=3)
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open("/connect/coinbase")
        seen.page.set_input_files("#file", {"name": "k.json", "mimeType": "application/json", "buffer": whole.encode()})
        seen.page.wait_for_selector("text=The whole key file was understood")
        assert wizard.check() == "accepted", wizard.end

        wizard.open("/connect/coinbase")
        paste = "text => { const told = new DataTransfer(); told.setData('text', text); document.querySelector("
        paste += "'#field-key').dispatchEvent(new ClipboardEvent('paste', {clipboardData: told, cancelable: true})) }"
        seen.page.evaluate(paste, whole)
        assert seen.page.input_value("#field-key") == coinbase["key"]
        assert seen.page.get_attribute("#field-secret", "type") == "password"
        seen.page.check("#look")
        assert seen.page.get_attribute("#field-secret", "type") == "text"

        wizard.open("/connect/kraken")
        seen.page.evaluate(paste, f"\n\u200b  {kraken['secret']} \n")
        assert seen.page.input_value("#field-key") == kraken["secret"]
        seen.page.fill("#field-secret", kraken["key"])
        seen.page.click("text=Swap them")
        assert seen.page.input_value("#field-key") == kraken["key"]
        assert wizard.check() == "accepted", wizard.end


def test_what_cannot_be_told_is_taken_on_the_users_word_alone(browser: Browser, app: App, sandbox: Sandbox) -> None:
    key = sandbox.key("coinbase", "wrong_account")
    sandbox.change_key("coinbase", "wrong_account", also=["can_receive"])
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open("/connect/coinbase")
        assert wizard.check(key) == "unproven", wizard.end
        assert "not told" in wizard.rows().values()
        assert wizard.faults() == []
        seen.page.click("#verdict button[value=store]")
        assert "your word" in wizard.said
        assert key["key"] not in connected(app).values()
        seen.page.check("#verdict [name=accept_unproven]")
        wizard.store()
        assert "Stored on your word" in seen.text("main")
    keeper = app.service.session().keeper
    assert [each.unproven for each in keeper.connections() if each.key_name == key["key"]] == [True]
    sandbox.change_key("coinbase", "wrong_account", also=[])


@pytest.mark.soak
def test_the_whole_flow_by_keyboard_alone(browser: Browser, app: App, sandbox: Sandbox) -> None:
    key = sandbox.key("binance", "wrong_account")
    with tab(browser, app) as seen:
        wizard, keyboard = Wizard(seen), seen.page.keyboard

        def to(what: str) -> None:
            for _ in range(80):
                keyboard.press("Tab")
                if seen.page.evaluate("what => document.activeElement.matches(what)", what):
                    return
            raise AssertionError(f"{what} is not reached")

        seen.go("/connections")
        to("a[href='/connect']")
        keyboard.press("Enter")
        seen.page.wait_for_url("**/connect")
        to("a[href='/connect/binance']")
        keyboard.press("Enter")
        seen.page.wait_for_url("**/connect/binance")
        seen.page.wait_for_selector("#paste fieldset:enabled")
        to("#guide input")
        keyboard.press("Space")
        assert seen.text("#place") == "step 2 of 6"
        to("#field-key")
        keyboard.insert_text(key["key"])
        to("#field-secret")
        keyboard.insert_text(key["secret"])
        keyboard.press("Enter")
        seen.page.wait_for_selector("#verdict[data-end=accepted]")
        to("#label")
        keyboard.insert_text("By keys")
        to("#verdict button[value=store]")
        keyboard.press("Enter")
        seen.page.wait_for_url("**/connected/*")
        assert "By keys is connected" in seen.text("h1")
        assert wizard.faults() == []


@pytest.mark.soak
def test_trouble_is_told_apart(browser: Browser, app: App, calm: Sandbox) -> None:
    key = calm.key("kraken", "read_only")
    heads = []
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open("/connect/kraken")
        calm.fault("status", "kraken", value=503)
        assert wizard.check(key) == "trouble"
        heads.append(seen.text("#end"))
        assert wizard.faults() == []
        calm.calm()
        other = key["secret"][::-1].lstrip("=")[:86] + "=="
        assert wizard.check({**key, "secret": other}) == "trouble"
        heads.append(seen.text("#end"))
        assert wizard.check({"key": "nonsense", "secret": "more of it"}) == "trouble"
        heads.append(seen.text("#end"))
        assert wizard.check(calm.key("kraken", "ip_bound_elsewhere")) == "trouble"
        heads.append(seen.text("#end"))
        assert len(set(heads)) == len(heads), heads
        assert all("Nothing was stored." in each for each in heads)
        assert "tallyglass egress" not in wizard.end

        calm.fault("delay", "kraken", value=6, times=1)
        wizard.fill(key)
        seen.page.click("#paste button[value=check]")
        seen.page.wait_for_selector("#verdict[aria-busy=true]")
        assert wizard.said == "Asking the exchange what this key may do."
        assert wizard.faults() == []
        seen.page.wait_for_selector("#verdict:not([aria-busy=true]):not([data-end=none])")


def test_an_account_that_is_connected_leads_to_its_rotation(browser: Browser, app: App, sandbox: Sandbox) -> None:
    if "kraken" not in connected(app):
        connections.connect(app.service.session().keeper, "kraken", sandbox.key("kraken", "read_only"))
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open("/connect/kraken")
        other = "read_only" if sandbox.key("kraken")["key"] not in connected(app).values() else "can_trade"
        sandbox.change_key("kraken", other, revoke=["trade"])
        assert wizard.check(sandbox.key("kraken", other)) == "refused"
        assert wizard.rows()["A new account"] == "connected already"
        assert wizard.page.locator("#verdict button[value=store]").count() == 0
        seen.page.click("text=Put it in place of the old key")
        assert seen.page.url == f"{app.url}/rotate/kraken"


def test_no_step_is_skipped_by_address_or_by_hand(app: App) -> None:
    visitor = app.enter()
    before = connected(app)
    for path in ("/connect/kraken/store", "/connect/kraken/check", "/rotate/kraken/store"):
        for form in ({}, {"sealed": ""}, {"sealed": "bm90IHNlYWxlZA=="}, {"key": "a", "secret": "b"}):
            answer = visitor.press(path, **form)
            assert answer.status == 200, path
            assert b'data-end="trouble"' in answer.body
        assert visitor.ask("GET", path).status == 405
    assert visitor.ask("GET", "/connected/nothing").status == 400
    assert visitor.ask("GET", "/connect/nothing").status == 404
    assert connected(app) == before


def test_who_proved_himself_long_ago_proves_it_again_before_anything_is_stored(app: App) -> None:
    visitor = app.enter()
    app.clock.ahead += 11 * 60
    answer = visitor.ask("GET", "/connect/kraken")
    assert (answer.status, answer.headers["location"]) == (303, "/prove?back=/connect/kraken")
    for path in ("/connect/kraken/store", "/rotate/kraken/store"):
        told = visitor.press(path, sealed="x").body.decode()
        assert "Is it still you?" in told
        assert "/prove?back=" in told
    made = visitor.press("/connect/binance/pair")
    assert made.status == 303
    assert made.headers["location"].startswith("/prove?")


def test_without_scripts_the_page_says_so_and_names_the_command(browser: Browser, app: App) -> None:
    with tab(browser, app, java_script_enabled=False) as seen:
        for exchange in EXCHANGES:
            seen.page.goto(f"{app.url}/connect/{exchange}")
            assert f"tallyglass connect {exchange}" in seen.text("main")
            assert not seen.page.is_visible("#paste")
            assert seen.page.locator("#paste [name]").count() == 0, "no form can send what stands in it"
        seen.page.goto(f"{app.url}/connect?q=bin")
        assert seen.page.locator(".tile").count() == 1
