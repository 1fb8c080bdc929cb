"""An exchange that attacks who shows what it tells: markup, code, orders to terminals, formulas, text without end.

All of it is text everywhere: on pages, in the API, in terminals, in exports and reports.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from support.app import App, running_app
from support.browser import PHONE, browsing, tab
from support.program import run
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import history, worth
from tallyglass.app.export import FIGURES
from tallyglass.app.visible import visible
from tallyglass.sandbox.hostile import ASSETS, ATTACKS
from tallyglass.web.pages.index import PAGES

#: More than the pages there are, and some of each kind of those that stand behind them.
MOST = 30
LARGEST_PAGE = 300_000
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        for exchange, lists in (("kraken", "/0/private/Ledgers"), ("coinbase", "/v2/accounts/")):
            running.fault("hostile", exchange, lists, value=1_000_000, times=2)
        running.fault("hostile", value=0)
        yield running


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "kraken", "coinbase") as running:
        yield running


class Seen(HTMLParser):
    """The elements of a page, its words, and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def links(self) -> list[str]:
        return [link for _, found in self.tags if (link := found.get("href") or "").startswith("/")]


@pytest.fixture(scope="module")
def pages(app: App) -> dict[str, str]:
    """Every page, and what its links lead to."""
    visitor, done = app.enter(), dict[str, str]()
    waiting = [page.path for page in PAGES if "{" not in page.path]
    while waiting and len(done) < MOST:
        path = waiting.pop(0)
        if path in done or path.startswith(("/static/", "/enter", "/calendar")):
            continue
        answer = visitor.ask("GET", path)
        assert answer.status == 200, (path, answer)
        done[path] = answer.body.decode()
        links = Seen(done[path]).links
        waiting += [link.partition("#")[0] for link in links if " " not in link]  # no address is a megabyte
    return done


def test_the_attacks_have_come_in(app: App) -> None:
    session = app.service.session()
    held = {each["asset"] for each in worth.worth_view(session)["holdings"]}
    ids = " ".join(each["id"] for each in history.history(session, history.Question(limit=1000))["items"])

    assert held >= set(ASSETS.values())
    assert all(attack in ids for attack in ATTACKS)
    assert len(ids) > 1_000_000


def test_on_every_page_they_are_text(pages: dict[str, str]) -> None:
    seen = 0
    assert "{{7*7}}" in "".join(ASSETS.values()), "what a template might count"
    for path, page in pages.items():
        found = Seen(page)
        assert len(page) < LARGEST_PAGE, path
        assert visible(page) == page, path
        for tag, attributes in found.tags:
            assert tag not in ("img", "iframe", "object", "embed", "base", "style"), (path, tag, attributes)
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (path, attributes)
            for name in ("href", "src", "action", "formaction", "hx-get", "hx-post", "xlink:href"):
                assert re.match(r"/(?!/)|#|https://|$", attributes.get(name) or ""), (path, attributes)
            assert tag != "script" or (attributes.get("src") or "").startswith("/static/"), path
        assert "[/bold]49" not in page, path
        seen += any(attack in found.text for attack in (*ATTACKS, *ASSETS.values()))
    assert seen >= 4, "pages that show them"


def test_an_entry_and_an_asset_of_such_a_name_are_found_by_it(app: App) -> None:
    visitor, session = app.enter(), app.service.session()
    for attack in (*ASSETS.values(), *ATTACKS):
        for path in (
            f"/history?asset={quote(attack)}",
            f"/history?search={quote(attack)}",
            f"/nowhere/{quote(attack)}",
        ):
            assert visitor.ask("GET", path).status in (200, 400, 404), path
    for entry in history.history(session, history.Question(limit=30))["items"]:
        if len(entry["id"]) < 5000:
            told = visitor.ask("GET", f"/api/v1/history/{quote(entry['id'], safe='')}")
            assert told.status == 200
            assert entry["id"] in [each["id"] for each in told.json()["items"]]


def test_the_api_tells_them_exactly_and_orders_no_terminal(app: App) -> None:
    visitor = app.enter()
    for address in (
        "worth",
        "holdings",
        "history?limit=1000",
        "orders",
        "unparsed?limit=1000",
        "transfers",
        "reconcile",
    ):
        answer = visitor.ask("GET", f"/api/v1/{address}")
        assert answer.status == 200, address
        told = answer.body.decode()
        assert visible(told) == told, address
    items = visitor.ask("GET", "/api/v1/history?limit=1000").json()["items"]
    assert items == history.history(app.service.session(), history.Question(limit=1000))["items"]


@pytest.mark.browser
def test_in_a_real_browser_nothing_of_it_runs_and_nothing_is_too_wide(app: App, pages: dict[str, str]) -> None:
    dialogs: list[str] = []
    behind = [path for path in pages if path.count("/") > 1 or "?" in path][:3]
    with browsing() as browser, tab(browser, app, PHONE) as seen:
        seen.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        for path in (*(page.path for page in PAGES if "{" not in page.path), *behind):
            seen.page.goto(app.url + path)
            assert seen.page.evaluate(TOO_WIDE) <= 0, path
            assert seen.page.evaluate("document.images.length") == 0, path
    assert dialogs == []


@pytest.mark.parametrize(
    "command",
    ["worth", "holdings", "history", "history --ids --limit 300", "orders", "unparsed", "keys", "audit",
     "reconcile --all", "transfers --all", "prices", "status", "export history -", "audit --csv", "history --json"],
)  # fmt: skip
def test_no_command_lets_them_order_the_terminal_about(app: App, sandbox: Sandbox, command: str) -> None:
    told = run("--home", str(app.service.home.path), *command.split(), url=sandbox.base_url)

    assert told.code in (0, 1, 6), told.err
    assert told.out
    assert visible(told.out) == told.out
    assert visible(told.err) == told.err


def test_no_cell_of_an_export_is_a_formula_and_every_figure_is_exact(app: App, sandbox: Sandbox) -> None:
    told = run("--home", str(app.service.home.path), "export", "history", "-", url=sandbox.base_url)
    csv.field_size_limit(10_000_000)
    rows = list(csv.DictReader(io.StringIO(told.out)))
    ledger: list[Decimal] = []
    after: str | None = ""
    while after is not None:
        page = history.history(app.service.session(), history.Question(1000, after))
        ledger += [Decimal(leg["amount"]) for entry in page["items"] for leg in entry["legs"]]
        after = page["next"]

    assert [Decimal(row["amount"]) for row in rows] == ledger
    assert any(amount < 0 for amount in ledger)
    harmful = {attack[:12] for attack in (*ATTACKS, *ASSETS.values()) if attack.lstrip()[0] in "=+-@"}
    cells = [cell for row in rows for name, cell in row.items() if name not in FIGURES]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert {cell[1:13] for cell in cells if cell.startswith("'")} & harmful


def test_the_reports_on_keys_and_incidents_are_text(app: App, sandbox: Sandbox, tmp_path: Path) -> None:
    home, report = str(app.service.home.path), tmp_path / "incident.md"
    keys = run("--home", home, "audit", "--csv", url=sandbox.base_url)
    stopped = run(
        "--home", home, "compromised", "kraken", "--since", "2020-01-01", "--report", str(report), url=sandbox.base_url
    )
    told, journal = report.read_text(), report.with_name("incident-journal.csv").read_text()

    assert stopped.code == 0, stopped.err
    assert visible(told) == told
    assert "\\<img src=x onerror=alert(1)\\>" in told
    assert not re.search(r"^[^`]*(?<!\\)<(img|svg)", told, re.MULTILINE), "markup stands within code, or is escaped"
    for table in (keys.out, journal):
        assert not [
            cell for row in csv.reader(io.StringIO(table)) for cell in row if cell.startswith(("=", "+", "-", "@"))
        ]


class Forms(HTMLParser):
    """Each form that is sent: where to, and the names of its fields."""

    #: What would end this very session, lock the house or stop a key.
    LEFT_ALONE = ("/leave", "/lock", "/compromised", "/disconnect")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        action, name = told.get("action") or "", told.get("name")
        if tag == "form":
            self._open = told.get("method") == "post" and not action.startswith(self.LEFT_ALONE)
            if self._open:
                self.found.append((action, []))
        elif name and self._open and name not in self.found[-1][1]:
            self.found[-1][1].append(name)

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"


def test_no_form_fails_of_what_is_written_into_it(app: App, pages: dict[str, str]) -> None:
    """Every field of every form that is found, each attack in turn; nothing that ends the session or a key."""
    visitor, forms = app.enter(), dict[tuple[str, tuple[str, ...]], None]()
    for page in pages.values():
        forms.update({(action, tuple(names)): None for action, names in Forms(page).found if names})
    assert len(forms) >= 10
    for place, (action, names) in enumerate(forms):
        for attack in (f"{ATTACKS[place % len(ATTACKS)]}\r\nX-Injected: yes", "A" * 5000):
            answer = visitor.press(action, **dict.fromkeys(names, attack))
            assert answer.status in (200, 303, 400, 401, 403, 404), (action, names, attack, answer)
            assert "x-injected" not in answer.headers
            assert not [
                name for _, found in Seen(answer.body.decode("latin-1")).tags for name in found if name[:2] == "on"
            ]
