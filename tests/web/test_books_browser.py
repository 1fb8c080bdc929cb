"""In a real browser: find over any page, keys that lead somewhere, the phone's tabs, a list that grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.app import App
from support.browser import PHONE, tab
from tallyglass.web.pages.index import RAIL, TABS

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def test_everything_is_found_over_any_page_by_keyboard(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.go("/orders")
        seen.page.keyboard.press("Control+k")
        seen.page.wait_for_selector("[role=option][aria-selected=true]")
        seen.page.evaluate(AXE.read_text(encoding="utf-8"))
        assert seen.page.evaluate("axe.run('dialog', {resultTypes: ['violations']})")["violations"] == []
        seen.page.keyboard.type("journ")
        assert seen.text("[role=option][aria-selected=true]").split() == ["Journal", "page", "g", "j"]
        seen.page.keyboard.press("Escape")
        assert seen.page.locator("dialog").count() == 0

        seen.page.click("[data-find]")
        seen.page.wait_for_selector("[role=option][aria-selected=true]")
        seen.page.keyboard.type("dark")
        chosen = seen.page.locator("[role=option][aria-selected=true]")
        assert chosen.inner_text().startswith("Light or dark") or chosen.inner_text().startswith("Dark")
        seen.page.click("[role=option] >> text=/^Dark$/")
        seen.page.wait_for_function("document.documentElement.dataset.light === 'dark'")
        assert seen.page.url == f"{app.url}/orders"

        seen.page.keyboard.press("Control+k")
        seen.page.wait_for_selector("[role=option][aria-selected=true]")
        seen.page.keyboard.type("btc")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_url(lambda url: url.endswith("BTC"))


def test_keys_lead_to_pages_and_hide_amounts_but_not_while_somebody_writes(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.go("/history")
        for key, path in (("r", "/reconcile"), ("h", "/history")):
            seen.page.keyboard.press("g")
            seen.page.keyboard.press(key)
            seen.page.wait_for_url(app.url + path)
        seen.page.keyboard.press("h")
        seen.page.wait_for_function("document.documentElement.dataset.amounts === 'hidden'")
        assert "•••••" in seen.text("main")
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("gh?")
        assert seen.page.input_value("main input[type=search]") == "gh?"
        assert seen.page.url == f"{app.url}/history"

        seen.page.evaluate("document.activeElement.blur()")
        seen.page.keyboard.press("?")
        seen.page.wait_for_selector("dialog >> text=Hide amounts, or show them")
        seen.page.uncheck("dialog >> #single-keys")
        seen.page.keyboard.press("Escape")
        seen.page.keyboard.press("g")
        seen.page.keyboard.press("r")
        seen.page.wait_for_timeout(200)
        assert seen.page.url == f"{app.url}/history"


def test_a_list_grows_while_it_is_scrolled_and_its_link_leads_on_without(browser: Browser, app: App) -> None:
    with tab(browser, app) as seen:
        seen.go("/history?connection=kraken")
        first = seen.page.locator("[data-entry]").count()
        seen.page.mouse.wheel(0, 20_000)
        seen.page.wait_for_function("before => document.querySelectorAll('[data-entry]').length > before", arg=first)
        ids = seen.page.evaluate("[...document.querySelectorAll('[data-entry]')].map(each => each.dataset.entry)")
        assert len(ids) == len(set(ids))
        assert all(each.startswith("kraken/") for each in ids)
        app.service.sync()  # news comes, and the reader keeps his place
        seen.page.wait_for_timeout(600)
        assert seen.page.locator("[data-entry]").count() >= len(ids)
    with tab(browser, app, java_script_enabled=False) as seen:
        seen.page.goto(f"{app.url}/history")
        seen.page.click("text=Older")
        assert "after=" in seen.page.url
        seen.page.click("[title^=Find]")
        assert seen.page.url == f"{app.url}/find"
        seen.page.fill("input[type=search]", "recon")
        seen.page.click("main button:has-text('Find')")
        seen.page.click("#places >> text=Reconcile")
        assert seen.page.url == f"{app.url}/reconcile"


def test_the_phone_has_tabs_and_all_else_behind_more(browser: Browser, app: App) -> None:
    with tab(browser, app, PHONE, java_script_enabled=False) as seen:
        shown = [
            each.inner_text().split("\n")[0] for each in seen.page.locator("nav[aria-label=Pages] a:visible").all()
        ]
        assert shown == [*(page.title for page in TABS), "More"]
        for page in RAIL:
            if page not in TABS:
                seen.page.click("nav[aria-label=Pages] >> text=More")
                seen.page.click(f"main nav >> text={page.title}")
                assert seen.page.url == app.url + page.path
                assert seen.page.get_attribute("nav[aria-label=Pages] a[href='/more']", "aria-current") == "true"


@pytest.mark.parametrize("kind", ["deposit", "trade"])
def test_an_entry_stands_in_nobodys_way(browser: Browser, app: App, kind: str) -> None:
    with tab(browser, app, PHONE, reduced_motion="reduce") as seen:
        for path in (f"/history?kind={kind}", "/disconnect/kraken"):
            seen.go(path)
            if path.startswith("/history"):
                seen.page.click("[data-entry] a")
                seen.page.wait_for_selector("#raw")
            seen.page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
            seen.page.evaluate(AXE.read_text(encoding="utf-8"))
            for scheme in ("light", "dark"):
                seen.page.emulate_media(color_scheme=scheme)
                assert seen.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"] == []
            for width in (320, 390, 861, 1280):
                seen.page.set_viewport_size({"width": width, "height": 844})
                wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert seen.page.evaluate(wide) <= 0, (path, width)
