"""Rotation and made keys in a real browser: the same wizard, the same account, and the old key's death."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from support.app import App
from support.browser import tab
from support.canary import search, traces
from support.sandbox import Sandbox
from support.wizardry import Wizard

pytestmark = pytest.mark.browser


def test_a_new_key_takes_over_and_the_old_one_is_seen_dead(browser: Browser, app: App, sandbox: Sandbox) -> None:
    old, new = sandbox.key("kraken"), sandbox.key("kraken", "can_trade")
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open("/rotate/kraken")
        assert wizard.check(old) == "refused"
        assert wizard.rows()["A new key"] == "the same key"
        assert wizard.check(sandbox.key("kraken", "wrong_account")) == "refused"
        assert "another Kraken account" in wizard.end
        assert "Nothing was changed." in wizard.end
        assert wizard.check(new) == "refused"

        sandbox.change_key("kraken", "can_trade", revoke=["trade"])
        assert wizard.check() == "accepted", wizard.end
        wizard.store()
        seen.page.wait_for_selector("text=Now delete the old key")
        assert old["key"] in seen.text("main")
        assert wizard.faults() == []
        assert seen.page.locator("#paste").count() == 0, "one rotation at a time"
        seen.page.click("text=It is deleted. Ask Kraken")
        assert "It still works." in seen.text("main")

        sandbox.change_key("kraken", "read_only", dead=True)
        seen.page.click("text=It is deleted. Ask Kraken")
        assert "The old key is dead" in seen.text("h1")
        assert wizard.faults() == []
    (known,) = app.service.session().keeper.connections()
    assert (known.key_name, known.old) == (new["key"], None)
    assert search({str(n): body for n, body in enumerate(wizard.sent)}, traces({"new": new["secret"]})) == []


@pytest.mark.soak
def test_a_rotation_can_end_on_the_users_word(browser: Browser, app: App, sandbox: Sandbox) -> None:
    sandbox.change_key("kraken", "can_withdraw", revoke=["withdraw"])
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        wizard.open("/rotate/kraken")
        assert wizard.check(sandbox.key("kraken", "can_withdraw")) == "accepted", wizard.end
        wizard.store()
        seen.page.click("text=Where there can be no proof")
        seen.page.click("text=End without a proof")
        assert seen.page.url == f"{app.url}/connections"
    (known,) = app.service.session().keeper.connections()
    assert known.old is None


@pytest.mark.soak
def test_a_pair_is_made_pasted_and_connected(browser: Browser, app: App, sandbox: Sandbox) -> None:
    with tab(browser, app) as seen:
        wizard = Wizard(seen)
        seen.go("/connect/binance")
        seen.page.click("text=Have Tallyglass make the key")
        assert wizard.faults() == []
        seen.page.click("text=Make the key pair")
        seen.page.wait_for_selector("#paste fieldset:enabled")
        assert wizard.faults() == []
        public = seen.page.text_content(".pem") or ""
        assert public.startswith("-----BEGIN PUBLIC KEY-----")
        assert seen.page.locator("[data-field]").count() == 1, "there is no secret to paste"

        sandbox.change_key("binance", "read_only_ed25519", public_key=public)
        assert wizard.check(sandbox.key("binance", "read_only_ed25519")) == "accepted", wizard.end
        wizard.store()
        assert seen.page.url == f"{app.url}/connected/binance"
    assert {each.id for each in app.service.session().keeper.connections()} == {"kraken", "binance"}


def test_what_is_due_leads_to_the_rotation(app: App) -> None:
    """A finding whose command is a rotation has a button that leads there."""
    known = app.service.session().keeper.connections()
    assert known
    page = app.enter().page(f"/rotate/{known[0].id}")
    assert "The key in use goes on until the new one is proven" in page
