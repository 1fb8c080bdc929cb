"""What pages say: the same numbers as the app, every state in words, and hostile names as nothing but text."""

from __future__ import annotations

import gzip
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from support.app import PASSPHRASE, App, running_app, wait
from support.sandbox import Sandbox
from tallyglass.app import connections, egress, exchanges, history, hygiene, worth
from tallyglass.app import format as shown
from tallyglass.app.views import ExchangeView
from tallyglass.exchanges.streams import Ask, Balance, Order
from tallyglass.keeper.client import Keeper
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset
from tallyglass.store import history as stored
from tallyglass.store import present
from tallyglass.web.pages.index import PAGES
from tallyglass.web.pages.journal import runs

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}"


class Text(HTMLParser):
    """The text of a page and its tags, as a browser would take them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "coinbase") as running:
        yield running


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[App]:
    with running_app(tmp_path) as running:
        yield running


def coinbase() -> ExchangeView:
    return next(each for each in exchanges.exchanges() if each["id"] == "coinbase")


def test_the_overview_says_what_worth_says(app: App) -> None:
    found = worth.worth_view(app.service.session())
    page = Text(app.enter().page("/")).text

    assert found["complete"]
    assert shown.money(found["total"], "USD") in page.replace(" .", ".")
    assert "complete" in page
    page += Text(app.enter().page("/holdings")).text
    for holding in found["holdings"]:
        assert f"{holding['asset']} " in page
        assert shown.quantity(holding["amount"]) in page
        assert shown.money(holding["value"], "USD") in page


def test_the_shares_of_the_bar_are_a_whole(app: App) -> None:
    for path in ("/", "/?by=exchange"):
        (bar,) = [
            found for tag, found in Text(app.enter().page(path)).tags if tag == "svg" and found.get("class") == "bar"
        ]
        shares = [Decimal(share) for share in re.findall(r"([\d.]+) %", bar["aria-label"] or "")]
        assert abs(sum(shares, Decimal(-100))) <= Decimal("0.1") * len(shares)


def test_sandbox_is_written_on_every_page(app: App, empty: App) -> None:
    for page in PAGES:
        assert "Made-up exchanges, made-up money" in app.enter().page(page.path)
        assert "Made-up" not in empty.enter().page(page.path)


def test_connections_show_what_belongs_on_an_exchanges_list(app: App) -> None:
    egress.look(app.service.session())
    page = Text(app.enter().page("/connections")).text

    assert "Your addresses, for Coinbase's list" in page
    assert "API Keys → Secret API Keys, edit the key and put into “IP allowlist”: 127.0.0.1" in page


def test_connections_list_every_read_that_can_be_made(app: App) -> None:
    page = Text(app.enter().page("/connections")).text
    view = coinbase()

    assert f"Everything Tallyglass can ask Coinbase: {len(view['reads'])} reads" in page
    for read in view["reads"]:
        assert read["purpose"] in page
        assert f"{read['method']} {read['host']}{read['path']}" in page
    assert "read-only, by proof" in page
    assert "what its history comes to" in page
    assert "does not bear out" not in page
    for right in ("Trade", "Withdraw", "Transfer", "Manage"):
        assert f"{right}: absent" in page


def test_history_pages_hold_every_entry_once_newest_first(app: App) -> None:
    expected = [entry["id"] for entry in history.history(app.service.session(), history.Question(limit=1000))["items"]]
    visitor, path, found = app.enter(), "/history", list[str]()
    while path:
        page = visitor.page(path)
        found += [str(each["data-entry"]) for tag, each in Text(page).tags if tag == "li" and "data-entry" in each]
        link = re.search(r'href="(/history\?after=[^"]+)"', page)
        path = link[1] if link else ""

    assert found == expected
    assert len(found) > 50


@pytest.mark.parametrize("after", ["nonsense", "%00", "<script>", "a" * 3000])
def test_a_place_in_history_that_is_none_is_told_so(app: App, after: str) -> None:
    answer = app.enter().ask("GET", f"/history?after={after}")

    assert answer.status == 400
    assert "That is no cursor of ours." in Text(answer.body.decode()).text
    assert b"<script>" not in answer.body


def test_the_journal_shows_uses_of_the_key(app: App) -> None:
    page = Text(app.enter().page("/journal")).text
    assert "key info" in page
    assert "Coinbase" in page


def use(time: str, **more: str | int) -> dict[str, str | int | None]:
    made = {"time": time, "connection": "one", "exchange": "kraken", "read": "ledger", "status": "200"}
    return {**made, "egress_ip": None, "ms": 5, **more}


def test_the_journal_has_one_line_for_what_asked_the_same_within_a_minute() -> None:
    uses = [
        use("2026-11-22T12:01:09Z"),
        use("2026-11-22T12:01:08Z", connection="two"),
        use("2026-11-22T12:01:07Z", ms=7),
        use("2026-11-22T12:01:06Z", status="503"),
        use("2026-11-22T12:00:59Z"),
    ]
    folded = runs(uses)

    assert [(run.newest, run.count, run.ms) for run in folded] == [
        (uses[0], 2, 12),
        (uses[1], 1, 5),
        (uses[3], 1, 5),
        (uses[4], 1, 5),
    ]


def test_a_page_that_is_not_there_keeps_what_the_frame_says(app: App) -> None:
    visitor = app.enter()
    here, nowhere = visitor.page("/orders"), visitor.ask("GET", "/nowhere")
    said = re.search(r"Keeper unlocked · \d+ keys?", Text(here).text)

    assert said
    assert nowhere.status == 404
    assert said[0] in Text(nowhere.body.decode()).text
    badges = [re.findall(r"\d+ things? needs? you", Text(page).text) for page in (here, nowhere.body.decode())]
    assert badges[0] == badges[1]


def test_a_card_says_the_name_that_commands_take(app: App) -> None:
    for key in hygiene.keys(app.service.session()):
        assert f'<span class="id">{key["connection"]}</span>' in app.enter().page("/connections")


def test_what_needs_a_hand_is_put_off_with_a_reason_and_its_key_keeps_its_grade(app: App) -> None:
    visitor, session = app.enter(), app.service.session()
    name = session.keeper.connections()[0].id
    connections.freeze(session.keeper, name, "a test of the pages")
    try:
        stands = hygiene.standing(session)
        [need] = [each for each in stands.awake if each["id"] == f"frozen:{name}"]
        for path in ("/", "/connections"):
            assert need["text"] in Text(visitor.page(path)).text
        grades = re.findall(r'aria-label="Grade ([A-F])[":]', visitor.page("/connections"))
        assert grades == [key["grade"] for key in stands.keys]

        assert visitor.press("/later", finding=need["id"], days="7", reason="").status == 400
        assert visitor.press("/later", finding=need["id"], days="9999", reason="on holiday").status == 400
        assert need["text"] in Text(visitor.page("/")).text
        assert visitor.press("/later", finding=need["id"], days="7", reason="on holiday").status == 303
        for path in ("/", "/connections"):
            assert need["text"] not in Text(visitor.page(path)).text
        assert re.findall(r'aria-label="Grade ([A-F])[":]', visitor.page("/connections")) == grades
    finally:
        connections.thaw(session.keeper, name)


def test_a_walk_through_the_exchanges_own_page_is_noted(app: App) -> None:
    visitor, session = app.enter(), app.service.session()
    hygiene.walked(replace(session, now=lambda: datetime.now(UTC) - timedelta(days=92)), "coinbase")
    assert "walk_due:coinbase" in [each.id for each in hygiene.findings(session)]

    assert "I have looked" in visitor.page("/")
    assert visitor.press("/walked", exchange="nowhere").status == 400
    assert visitor.press("/walked", exchange="coinbase").status == 303
    assert "walk_due:coinbase" not in [each.id for each in hygiene.findings(session)]


def test_open_orders_are_shown(app: App) -> None:
    page = Text(app.enter().page("/orders")).text
    orders = history.orders(app.service.session())

    assert orders
    for order in orders:
        assert order["market"] in page


def test_hidden_amounts_do_not_leave_the_server(app: App) -> None:
    visitor = app.enter()
    cookie = visitor.press("/look", amounts="hidden").headers["set-cookie"].split(";")[0]
    found = worth.worth_view(app.service.session())

    for path in ("/", "/history", "/orders"):
        page = visitor.ask("GET", path, {"Cookie": f"{visitor.cookie}; {cookie}"}).body.decode()
        assert "•••••" in page
        for holding in found["holdings"]:
            assert shown.quantity(holding["amount"]) not in page
            assert shown.money(holding["value"], "USD") not in page
        assert shown.hero(found["total"], "USD")[0] not in page


@pytest.mark.parametrize("cookie", ["<script>.x", "dark.hidden.more", "", "light", "\"'>"])
def test_a_strange_look_is_the_usual_one(app: App, cookie: str) -> None:
    visitor = app.enter()
    page = visitor.ask("GET", "/", {"Cookie": f"{visitor.cookie}; tallyglass-look-{app.port}={cookie}"})

    assert page.status == 200
    assert any(f'data-light="{light}"' in page.body.decode() for light in ("system", "light", "dark"))


# -- states


def test_nothing_connected_shows_the_commands_to_run(empty: App) -> None:
    for path in ("/", "/connections"):
        page = Text(empty.enter().page(path)).text
        assert "Nothing is connected yet" in page
        assert "tallyglass guide kraken" in page
        assert "tallyglass connect kraken" in page
        assert "$0.00" not in page
    for path in ("/history", "/orders", "/journal"):
        assert empty.enter().ask("GET", path).status == 200


def test_locked_shows_no_number_and_comes_back(tmp_path: Path, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox, "coinbase") as own:
        visitor = own.enter()
        total = shown.hero(worth.worth_view(own.service.session())["total"], "USD")[0]
        assert total in visitor.page("/")

        Keeper(own.service.home.socket).lock()  # from another terminal
        wait(lambda: "tallyglass unlock" in visitor.page("/"))
        for each in PAGES:
            page = visitor.page(each.path)
            assert "Locked" in Text(page).text
            assert total not in page
        assert visitor.press("/sync").status == 303

        Keeper(own.service.home.socket).unlock(PASSPHRASE)
        wait(lambda: total in visitor.page("/"))


def test_a_dead_keeper_is_told_and_its_successor_is_locked(empty: App) -> None:
    visitor = empty.enter()
    assert "Nothing is connected yet" in visitor.page("/")

    os.kill(empty.service.session().keeper.health().pid, signal.SIGKILL)
    assert re.search("The keeper is not running|Nothing is connected yet", visitor.page("/"))

    wait(lambda: "tallyglass unlock" in visitor.page("/"))
    wait(lambda: empty.service.state == "locked")
    Keeper(empty.service.home.socket).unlock(PASSPHRASE)
    wait(lambda: "Nothing is connected yet" in visitor.page("/"))


def test_a_source_that_was_never_read_gives_no_number(tmp_path: Path, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox) as own:
        path = next(read["path"] for read in coinbase()["reads"] if read["id"] == "balances")
        sandbox.fault("status", "coinbase", path, value=503)
        try:
            connections.connect(own.service.session().keeper, "coinbase", sandbox.key("coinbase"))
            page = Text(own.enter().page("/")).text
        finally:
            sandbox.calm()

    assert "Not known yet" in page
    assert "partial: 1 of 1 sources is not current" in page
    assert "$0.00" not in page


def test_a_price_that_is_missing_makes_the_total_partial(tmp_path: Path, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox, "coinbase") as own:
        add_balance(own, "NEVERHEARDOF", "12.5")
        page = Text(own.enter().page("/")).text

    assert "partial: 1 asset does not add up, 1 price is missing" in page, "no history tells of it either"
    assert "no market leads from NEVERHEARDOF to USD: its value is unknown and not counted" in page
    assert "no price" in page
    assert "not counted" in page


def add_balance(own: App, asset: str, total: str) -> None:
    session = own.service.session()
    with session.store.write() as db:
        found, _ = present.balances_of(db, "coinbase")
        present.set_balances(db, "coinbase", [*found, Balance("spot", Asset(asset), Decimal(total))], session.now())


# -- hostile exchanges


def test_hostile_names_are_text(tmp_path: Path, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox) as own:
        session = own.service.session()
        view = connections.connect(session.keeper, "coinbase", sandbox.key("coinbase"), label=HOSTILE[:60])
        connection = view["connection"] or ""
        sandbox.fault("status", "coinbase", value=503)  # what is put in here shall not be synced away
        now = datetime.now(UTC)
        leg = Leg(HOSTILE, HOSTILE, Asset(HOSTILE), Decimal(1))
        with session.store.write() as db:
            present.set_balances(db, connection, [Balance(HOSTILE, Asset(HOSTILE), Decimal(3))], now)
            order = Order(HOSTILE, HOSTILE, "buy", HOSTILE, Decimal(1), Decimal(1), Decimal(0), now)
            present.set_orders(db, connection, [order])
            page_id = stored.keep_raw(db, stored.RawPage(0, connection, "ledger", Ask("ledger"), {}, now, b"{}"))
            stored.add_entries(db, connection, [Entry(HOSTILE, now, "trade", (leg,), HOSTILE)], page_id)
        visitor = own.enter()
        pages = {page.path: visitor.page(page.path) for page in PAGES}
        sandbox.calm()

    for path, page in pages.items():
        tags = Text(page).tags
        assert not [tag for tag, _ in tags if tag == "img"], path
        assert not [name for _, found in tags for name in found if name.startswith("on")], path
    for path in ("/", "/orders", "/history"):
        assert HOSTILE in Text(pages[path]).text, path
    assert HOSTILE[:60] in Text(pages["/connections"]).text


@pytest.mark.parametrize("path", ["/%3Cimg%20src=x%20onerror=alert(1)%3E", "/?q=%3Cscript%3Ealert(1)%3C/script%3E"])
def test_an_address_is_never_code(empty: App, path: str) -> None:
    tags = Text(empty.enter().ask("GET", path).body.decode()).tags

    assert not [tag for tag, _ in tags if tag == "img"]
    assert all(found.get("src") for tag, found in tags if tag == "script")


# -- what pages are made of


def test_no_page_holds_what_the_policy_forbids(app: App) -> None:
    for page in PAGES:
        for tag, found in Text(app.enter().page(page.path)).tags:
            assert "style" not in found, (page.path, tag)
            assert tag != "style"
            assert tag != "script" or (found.get("src") or "").startswith("/static/")


def test_built_files_are_kept_by_browsers_for_ever(app: App) -> None:
    page = app.enter().page("/")
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        answer = app.ask("GET", path)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]


def test_built_files_come_pressed_to_whoever_takes_them_so(app: App) -> None:
    [path] = set(re.findall(r'src="(/static/app-[^"]+\.js)"', app.enter().page("/")))
    whole = app.ask("GET", path)
    assert "content-encoding" not in whole.headers
    for taken, coding in (("gzip, deflate, br, zstd", "br"), ("br;q=0, gzip", "gzip"), ("GZIP", "gzip"), ("zstd", "")):
        answer = app.ask("GET", path, {"Accept-Encoding": taken})
        assert answer.headers.get("content-encoding", "") == coding
        assert answer.headers["content-type"] == whole.headers["content-type"]
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "immutable" in answer.headers["cache-control"]
        if coding == "gzip":
            assert gzip.decompress(answer.body) == whole.body
        if coding:
            assert len(answer.body) < len(whole.body) / 2
    missing = app.enter().ask("GET", "/static/nothing.js", {"Accept-Encoding": "br"})
    assert missing.status == 404


def test_nothing_but_built_files_is_served(app: App) -> None:
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static//etc/passwd", "/static/..%2fpages.py"):
        answer = app.ask("GET", path)
        assert answer.status in (303, 404)
        assert b"import" not in answer.body
