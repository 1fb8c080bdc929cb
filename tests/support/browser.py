"""A real browser, and a tab of it that notes all that its page complained about or asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from support.app import App
from tallyglass.web.pages.index import PAGES

#: Without windows where it is to be had: the same engine at less than half the work.
CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
]
#: Counts how often a page has looked for news and been changed by it.
LOOKS = """
window.looked = 0;
document.addEventListener("htmx:finally:request", told =>
    window.looked += Number(told.target.hasAttribute?.("hx-get") ?? 0));  // a link may be gone by then
"""
#: The pages that look for news.
LIVE = tuple(page.path for page in PAGES if page.live)
DESK = (1280, 900)
PHONE = (390, 844)


@contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium, for as long as the block."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@dataclass(slots=True)
class Tab:
    """A page that somebody looks at, and all that it complained about or asked for."""

    page: Page
    app: App
    words: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page and wait until it has looked for news and shows it, as it does once when its stream opens."""
        answer = self.page.goto(self.app.url + path)
        assert answer is not None
        assert answer.status == 200
        if path in LIVE:
            self.page.wait_for_function("() => window.looked > 0")

    def text(self, where: str) -> str:
        return self.page.inner_text(where)


@contextmanager
def tab(browser: Browser, app: App, size: tuple[int, int] = DESK, **more: Any) -> Iterator[Tab]:
    """A tab that has entered. At its end: nothing on the console, nothing asked of anybody else."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    context.add_init_script(LOOKS)
    opened = Tab(context.new_page(), app)
    opened.page.on("console", lambda message: opened.words.append(f"{message.type}: {message.text}"))
    opened.page.on("pageerror", lambda error: opened.words.append(f"error: {error}"))
    opened.page.on("request", lambda request: opened.asked.append(request.url))
    opened.page.goto(app.link())
    try:
        yield opened
    finally:
        context.close()
    assert opened.words == [], opened.words
    assert [url for url in opened.asked if not url.startswith(f"{app.url}/")] == []
