"""The connect wizard as its user works it, in a real browser: boxes filled, keys checked, verdicts read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, Request

from support.browser import Tab

AXE = (Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
#: Of axe's rules those that judge colours.
OF_COLOUR = {"runOnly": ["color-contrast", "link-in-text-block"]}
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: Everything that a browser could have kept of a page.
KEPT = """async () => JSON.stringify([
  {...localStorage}, {...sessionStorage}, document.cookie, history.state, location.href,
  await indexedDB.databases(), await caches.keys(), document.documentElement.outerHTML,
])"""


@dataclass(slots=True)
class Wizard:
    """The wizard's page in a tab."""

    tab: Tab
    #: What the page sent, whole: address, headers and body of each request.
    sent: list[bytes] = field(default_factory=list)
    #: What came back of verdicts.
    answers: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        def note(request: Request) -> None:
            headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
            told = f"{request.method} {request.url}\n{headers}\n\n".encode()
            self.sent.append(told + (request.post_data_buffer or b""))

        self.page.on("request", note)

    @property
    def page(self) -> Page:
        return self.tab.page

    def open(self, path: str) -> None:
        """Open it and wait until it takes a key."""
        self.tab.go(path)
        self.page.wait_for_selector("#paste fieldset:enabled")

    def fill(self, key: Mapping[str, str]) -> None:
        """Type the parts of a key that it asks for."""
        for box in self.page.locator("#paste [data-field]").all():
            box.fill(key[box.get_attribute("data-field") or ""])

    def check(self, key: Mapping[str, str] | None = None) -> str:
        """Press *Check this key*, or *Check again* where no key is given: how it ended."""
        if key is not None:
            self.fill(key)
        again = self.page.locator("#verdict button[value=check]")
        self._press(again if key is None and again.count() else self.page.locator("#paste button[value=check]"))
        return self.page.get_attribute("#verdict", "data-end") or ""

    def _press(self, button: Locator) -> None:
        self.page.evaluate("document.querySelector('#verdict').dataset.before = ''")
        with self.page.expect_response(lambda answer: answer.url.endswith("/check")) as told:
            button.click()
        self.answers.append(told.value.body())
        self.page.wait_for_selector("#verdict:not([data-before])")

    def store(self) -> None:
        """Press the one button of a green card, and come where it leads."""
        with self.page.expect_navigation():
            self.page.click("#verdict button[value=store]")

    def rows(self) -> dict[str, str]:
        """Every row of the verdict: what it is about, and its chip."""
        found = self.page.eval_on_selector_all(
            "#verdict .check", "all => all.map(each => [each.children[1].textContent, each.children[2].textContent])"
        )
        return dict(found)

    @property
    def end(self) -> str:
        """The words under the verdict."""
        return self.page.inner_text("#verdict .stop")

    @property
    def said(self) -> str:
        """What is read out to who does not see it."""
        return self.page.text_content("#said") or ""

    def faults(self) -> list[str]:
        """What axe finds in either light, and whether the page is too wide for a phone."""
        self.page.evaluate(AXE)
        told = []
        for light in ("light", "dark"):
            self.page.emulate_media(color_scheme=light, reduced_motion="reduce")
            asked = {"resultTypes": ["violations"], **(OF_COLOUR if light == "dark" else {})}  # all else is the same
            found = self.page.evaluate("asked => axe.run(document, asked)", asked)["violations"]
            told += [f"{light} {each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in found]
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": 390, "height": 844})
        if self.page.evaluate(TOO_WIDE) > 0:
            told.append("wider than a phone")
        if size is not None:
            self.page.set_viewport_size(size)
        return told
