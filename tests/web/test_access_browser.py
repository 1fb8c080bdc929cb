"""Getting in with a real browser: the first start, a passkey, unlocking; and what of it is seen on the wire."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from playwright.sync_api import Browser, Page, Request, Route

from support.app import PASSPHRASE, App, new_app, running_app
from support.browser import DESK, PHONE, Tab, tab
from tallyglass.app import passkeys, second_factor
from tallyglass.keeper import sealing
from tallyglass.web.auth.coming import WRONG
from tallyglass.web.auth.gate import PROVEN_SECONDS

pytestmark = pytest.mark.browser

HERE = "/settings/access"
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: RFC 9180, A.1: a key pair whose halves everybody knows.
KNOWN_PRIVATE = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
KNOWN_PUBLIC = bytes.fromhex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
SIGNED_AND_THERE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web")) as running:
        yield running


@contextmanager
def wire(page: Page) -> Iterator[list[Request]]:
    """Every request that this page makes."""
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108  (a built-in method cannot be marked)
    yield sent


def in_clear(sent: list[Request], secret: str) -> list[str]:
    """The requests in which it can be read, in whatever spelling: as it is, in a form, in base64."""
    raw = secret.encode()
    spellings = [raw, secret.replace(" ", "+").encode(), secret.replace(" ", "%20").encode()]
    spellings += [base64.b64encode(raw[at:])[4:-4] for at in range(3)]
    told = [(each, each.url.encode() + (each.post_data_buffer or b"") + str(each.headers).encode()) for each in sent]
    return [f"{each.method} {each.url}" for each, content in told if any(one in content for one in spellings)]


def kept(page: Page) -> str:
    """Everything that a page can keep in its browser, and everything it shows."""
    return str(
        page.evaluate(
            "async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,"
            " await indexedDB.databases(), await caches.keys(), document.documentElement.outerHTML,"
            " [...document.querySelectorAll('input')].map(each => each.value)])"
        )
    )


def in_nobodys_way(page: Page) -> None:
    """Nothing that axe finds, in light and dark; and no scrolling sideways at any width."""
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        told = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
        found += [f"{scheme} {each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in told]
    assert found == []
    for width in (320, PHONE[0], 861, DESK[0]):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(TOO_WIDE) <= 0, width
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def forget_what_failed(seen: Tab, status: int) -> None:
    """Browsers write a refused request on the console by themselves."""
    assert all(str(status) in words for words in seen.words)
    seen.words.clear()


def test_the_first_start_leads_from_the_link_to_the_first_exchange(browser: Browser, tmp_path: Path) -> None:
    with new_app(tmp_path) as app, tab(browser, app) as seen, wire(seen.page) as sent:
        page = seen.page
        assert page.url == f"{app.url}/begin"
        in_nobodys_way(page)
        page.fill("#new", "password1234")
        assert page.inner_text("#strength").startswith("Weak")
        page.fill("#new", PASSPHRASE)
        assert page.inner_text("#strength").startswith("Strong")
        page.fill("#again", "another")
        page.click("text=Make my vault")
        assert page.evaluate("document.querySelector('#again').validationMessage") == "The two are not the same."
        assert page.get_attribute("#new", "type") == "password"
        page.click("text=Show")
        assert page.get_attribute("#new", "type") == page.get_attribute("#again", "type") == "text"
        page.fill("#again", PASSPHRASE)
        page.keyboard.press("Enter")
        page.wait_for_url("**/begin/kit")
        assert app.service.state == "unlocked"
        in_nobodys_way(page)
        assert "TALLYGLASS RECOVERY KIT" in page.inner_text("pre")
        assert PASSPHRASE not in kept(page)
        page.emulate_media(media="print")
        assert page.is_visible("pre")
        assert not page.is_visible("text=Go on: connect an exchange")
        page.emulate_media(media="screen")
        assert page.get_attribute("text=Go on: connect an exchange", "href") == "/connect"
        assert in_clear(sent, PASSPHRASE) == []
        assert any("sealed=" in (each.post_data or "") for each in sent)


def test_what_is_sealed_here_the_keepers_own_code_opens(browser: Browser, app: App) -> None:
    """To a key pair that is known: what leaves the browser is caught and opened by the other hand."""
    words = 'Grüße, 月 and 🜚 \\ " end'
    with tab(browser, app) as seen:
        app.clock.ahead += PROVEN_SECONDS + 1
        seen.go(f"/prove?back={HERE}")
        key = {"public_key": base64.b64encode(KNOWN_PUBLIC).decode(), "install_id": "an installation"}
        seen.page.route("**/seal-key", lambda route: route.fulfill(json=key))
        caught: list[str] = []

        def catch(route: Route) -> None:
            caught.append(route.request.post_data or "")
            route.abort()

        seen.page.route("**/enter", catch)
        seen.page.fill("#passphrase", words)
        with seen.page.expect_event("requestfailed"):
            seen.page.keyboard.press("Enter")
        seen.words.clear()
    opener = sealing.Opener()
    opener._private = X25519PrivateKey.from_private_bytes(KNOWN_PRIVATE)
    sealed = parse_qs(caught[0])["sealed"][0]

    with pytest.raises(sealing.NotSealed):
        opener.open(sealing.info("passphrase", "another installation", ""), sealed)
    with pytest.raises(sealing.NotSealed):
        opener.open(sealing.info("key", "an installation", ""), sealed)
    assert opener.open(sealing.info("passphrase", "an installation", ""), sealed) == {"old": words}


def test_a_browser_that_cannot_seal_sends_nothing(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        app.clock.ahead += PROVEN_SECONDS + 1
        seen.go(f"/prove?back={HERE}")
        seen.page.route("**/seal-key", lambda route: route.fulfill(status=503))
        with wire(seen.page) as sent:
            seen.page.fill("#passphrase", PASSPHRASE)
            seen.page.keyboard.press("Enter")
            seen.page.wait_for_selector("text=could not seal it, so nothing was sent")
        assert [each.method for each in sent] == ["GET"]
        forget_what_failed(seen, 503)
    with tab(browser, app, java_script_enabled=False) as seen:
        app.clock.ahead += PROVEN_SECONDS + 1
        seen.page.goto(f"{app.url}/prove?back={HERE}")
        with wire(seen.page) as sent:
            seen.page.fill("#passphrase", PASSPHRASE)
            seen.page.click("button:has-text('Go on')")
            seen.page.wait_for_selector("text=cannot open what it was given")
        assert in_clear(sent, PASSPHRASE) == []
        forget_what_failed(seen, 400)


def test_locked_and_opened_again(browser: Browser, app: App) -> None:
    app.gate.pace.right()
    with tab(browser, app) as seen, wire(seen.page) as sent:
        page = seen.page
        seen.go("/orders")
        app.service.lock()
        page.wait_for_selector("h1:has-text('Locked')")
        page.wait_for_function("'seals' in document.documentElement.dataset")
        in_nobodys_way(page)
        page.fill("#passphrase", "five tall herons by the hill")
        page.click("button:has-text('Unlock')")
        page.wait_for_selector(f"text={WRONG}")
        in_nobodys_way(page)
        forget_what_failed(seen, 403)
        page.fill("#passphrase", PASSPHRASE)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{app.url}/orders")
        assert app.service.state == "unlocked"
        assert in_clear(sent, PASSPHRASE) == in_clear(sent, "five tall herons by the hill") == []
        page.click("text=Leave")
        page.wait_for_url(f"{app.url}/enter")
        in_nobodys_way(page)


def test_a_passkey_is_made_lets_in_proves_and_is_removed(browser: Browser, app: App) -> None:
    app.gate.pace.right()
    with tab(browser, app) as seen:
        page = seen.page
        finger = page.context.new_cdp_session(page)
        finger.send("WebAuthn.enable")
        finger.send("WebAuthn.addVirtualAuthenticator", {"options": SIGNED_AND_THERE})
        seen.go(HERE)
        page.fill("[aria-label='Name of the new passkey']", "my <b>phone</b>")
        page.click("text=Add a passkey")
        page.wait_for_selector("li:has-text('my <b>phone</b>')")
        in_nobodys_way(page)

        page.click("text=Leave")
        page.wait_for_url(f"{app.url}/enter")
        page.click("text=Use a passkey")
        page.wait_for_url(f"{app.url}/")

        app.clock.ahead += PROVEN_SECONDS + 1
        seen.go(f"/prove?back={HERE}")
        assert page.url.startswith(f"{app.url}/prove")
        page.click("text=Use a passkey")
        page.wait_for_url(f"{app.url}{HERE}")

        key = passkeys.all_of(app.service.session())[0]
        assert key.used_at is not None
        page.click("[aria-label^='Remove the passkey']")
        page.wait_for_selector("text=None yet.")
        page.click("text=Leave")
        page.wait_for_url(f"{app.url}/enter")
        assert not page.is_visible("text=Use a passkey")


def test_an_answer_to_another_question_opens_nothing(browser: Browser, app: App) -> None:
    """The same answer twice, and one to a question that was never asked."""
    app.gate.pace.right()
    with tab(browser, app) as seen:
        page = seen.page
        finger = page.context.new_cdp_session(page)
        finger.send("WebAuthn.enable")
        finger.send("WebAuthn.addVirtualAuthenticator", {"options": SIGNED_AND_THERE})
        seen.go(HERE)
        page.click("text=Add a passkey")
        page.wait_for_selector("[aria-label='Remove the passkey Passkey']")
        page.click("text=Leave")
        page.wait_for_url(f"{app.url}/enter")
        caught: list[str] = []
        page.on("request", lambda request: caught.append(request.post_data or ""))
        page.click("text=Use a passkey")
        page.wait_for_url(f"{app.url}/")
        passkeys.remove(app.service.session(), passkeys.all_of(app.service.session())[0].id)
    given = {name: values[0] for name, values in parse_qs(next(each for each in caught if "answer=" in each)).items()}
    own = {"Origin": app.url, "Sec-Fetch-Site": "same-origin"}

    for form in (given, given | {"ticket": "made-up"}, given | {"answer": "{}"}, given | {"answer": "[1]"}):
        app.gate.pace.right()
        answer = app.ask("POST", "/enter/passkey", own, form)
        assert answer.status == 403
        assert WRONG.encode() in answer.body
        assert "set-cookie" not in answer.headers


def test_codes_and_tokens_are_set_up_by_hand(browser: Browser, app: App) -> None:
    import pyotp

    app.gate.pace.right()
    with tab(browser, app) as seen:
        page = seen.page
        seen.go(HERE)
        page.click("section[aria-labelledby=app] >> text=Set up")
        page.wait_for_selector(".square svg")
        in_nobodys_way(page)
        secret = page.inner_text(".offer code").replace(" ", "")
        page.fill("#first-code", pyotp.TOTP(secret).now())
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Your recovery codes")
        assert page.locator(".codes li").count() == second_factor.CODES
        in_nobodys_way(page)
        seen.go(HERE)
        assert secret not in page.content()
        page.click("text=Switch off")
        page.wait_for_selector("section[aria-labelledby=app] >> text=Set up")
        page.click("text=Make one")
        page.fill("#token-name", "a script")
        page.check("text=net worth, holdings")
        page.click("text=Make the token")
        page.wait_for_selector("text=The token “a script”")
        in_nobodys_way(page)


def test_a_new_passphrase_is_sealed_with_the_old_one(browser: Browser, app: App) -> None:
    app.gate.pace.right()
    new = "six short cranes on a dam"
    with tab(browser, app) as seen, wire(seen.page) as sent:
        page = seen.page
        for old, chosen in ((PASSPHRASE, new), (new, PASSPHRASE)):
            seen.go(HERE)
            page.click("text=Change it")
            page.fill("#old", old)
            page.fill("#new", chosen)
            page.fill("#again", chosen)
            page.keyboard.press("Enter")
            page.wait_for_selector("text=Only the new passphrase opens this home now.")
        assert in_clear(sent, PASSPHRASE) == in_clear(sent, new) == []
        assert PASSPHRASE not in kept(page)
