"""The pages of what is owned: the very figures of the app, in any currency, hidden where they are to be, at once."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from support.app import App, Visitor, running_app, wait
from support.sandbox import Sandbox
from support.text import words
from tallyglass.app import backfilling, deciding, holdings, performance, worth, worth_history
from tallyglass.app import chart as charts
from tallyglass.app import format as shown
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.keeper.client import Keeper
from tallyglass.money import Asset, amount, magnitude, text, total
from tallyglass.store import days as moved
from tallyglass.store import present
from tallyglass.store import worth as kept

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "kraken", "coinbase") as running:
        backfilling.prices(running.service.session())
        worth_history.days(running.service.session())
        yield running


@pytest.fixture
def session(app: App) -> Session:
    return app.service.session()


def is_counted(page: str) -> bool:
    return "being counted" not in page


def told(visitor: Visitor, path: str, is_there: Callable[[str], bool] = is_counted) -> str:
    """The words of a page as soon as what is counted aside is there."""
    found = ""

    def ready() -> bool:
        nonlocal found
        found = words(visitor.page(path))
        return is_there(found)

    wait(ready)
    return found


# -- overview


@pytest.mark.parametrize("period", charts.PERIODS)
def test_the_chart_tells_what_performance_tells(app: App, session: Session, period: str) -> None:
    page = told(app.enter(), f"/?period={period}")
    figures = performance.performance(session, performance.Asked(period))

    assert shown.change("0", figures["gain"], "USD") in page
    assert shown.signed(amount(figures["time_weighted"]["rate"] or "0")) in page


def test_the_heights_of_the_live_chart_are_those_of_the_drawing(app: App) -> None:
    visitor = app.enter()
    page = visitor.page("/?period=30d")
    drawn = re.findall(r'<path class="line[^"]*" d="M([^"]+)"', page)
    answer = json.loads(visitor.page("/chart?period=30d"))

    places = [tuple(map(Decimal, place.split())) for place in "L".join(drawn).split("L")]
    expected = {(int(x), float(300 - y)) for x, y in places}
    assert set(zip(answer["x"], answer["value"], strict=True)) == expected
    total = worth.worth_view(app.service.session())["total"]
    assert answer["words"][-1][1].startswith(shown.money(total, "USD"))
    assert len(answer["words"]) == len(answer["deposits"]) == len(answer["x"])


def test_a_benchmark_stands_beside_it_until_it_is_taken_away(app: App, session: Session) -> None:
    visitor = app.enter()
    assert visitor.press("/benchmark", benchmark="btc: 60, eth: 40", back="/?period=30d").headers["location"] == (
        "/?period=30d"
    )
    page = told(visitor, "/?period=30d", lambda page: "for the same money" in page)
    assert "BTC:60,ETH:40 for the same money" in page
    held = performance.performance(session, performance.Asked("30d", benchmark="BTC:60,ETH:40"))["benchmark"]
    assert held
    answer = json.loads(visitor.page("/chart?period=30d"))
    assert answer["words"][-1][3] == f"BTC:60,ETH:40 {shown.money(held['value'], 'USD')}"

    assert visitor.press("/benchmark", benchmark="BTC:90").status == 400
    assert visitor.press("/benchmark", benchmark="").status == 303
    assert "for the same money" not in words(visitor.page("/?period=30d"))


def test_it_is_told_what_moved_most_of_what_is_held(app: App, session: Session) -> None:
    visitor = app.enter()
    page = visitor.page("/?period=30d")
    wait(lambda: 'id="movers"' in visitor.page("/?period=30d"))
    page = visitor.page("/?period=30d")
    section = page[page.index('id="movers"') :]
    names = re.findall(r'href="/assets/([^"]+)"', section[: section.index("</table>")])
    held = {each["asset"] for each in worth.worth_view(session)["holdings"]}
    found = {each["asset"]: each for each in deciding.movers(session, "30d")["movers"] if each["asset"] in held}
    by_price = [magnitude(amount(found[name]["by_price"] or "0")) for name in names]

    assert names
    assert by_price == sorted(by_price, reverse=True)
    assert by_price[0] == max(magnitude(amount(each["by_price"] or "0")) for each in found.values())


def test_everything_is_counted_in_another_currency_after_a_press(app: App, session: Session) -> None:
    visitor = app.enter()
    assert visitor.press("/currency", currency="eur", back="/holdings").headers["location"] == "/holdings"
    try:
        total = worth.worth_view(session)["total"]
        assert worth.worth_view(session)["currency"] == "EUR"
        assert shown.money(total, "EUR") in told(visitor, "/holdings")
        assert shown.money(total, "EUR") in told(visitor, "/").replace(" .", ".")
    finally:
        worth.set_currency(session, "USD")
    for strange in ("", "NOTHINGLEADSTHERE", HOSTILE, "A" * 300):
        answer = visitor.press("/currency", currency=strange)
        assert answer.status == 400
        assert HOSTILE not in answer.body.decode()
    assert worth.worth_view(session)["currency"] == "USD"


# -- holdings


def test_holdings_are_those_of_the_command_with_cost_and_gain(app: App, session: Session) -> None:
    page = told(app.enter(), "/holdings", lambda page: "being counted" not in page)
    found = holdings.holdings(session)

    assert len(found.holdings) > 5
    for each in found.holdings:
        assert f"{each['asset']} " in page
        assert shown.quantity(each["amount"]) in page
        for figure in (each["value"], each["cost"]):
            if figure is not None:
                assert shown.money(figure, "USD") in page
        if each["unrealised"] is not None:
            assert shown.change("0", each["unrealised"], "USD") in page
        for part in each["by"]:
            assert shown.quantity(part["amount"]) in page


def order(page: str) -> list[str]:
    return re.findall(r'<tr id="holding-([^"]+)"', page)


@pytest.mark.parametrize("sort", ["asset", "-asset", "value", "-value", "cost", "-gain", "share", "-day", "price"])
def test_holdings_are_sorted_by_every_column_both_ways(app: App, session: Session, sort: str) -> None:
    visitor = app.enter()
    told(visitor, "/holdings", lambda page: "being counted" not in page)
    page = visitor.page(f"/holdings?sort={sort}")
    found = {each["asset"]: each for each in holdings.holdings(session).holdings}
    fields = {"value": "value", "cost": "cost", "gain": "unrealised", "share": "share", "price": "price"}
    by = sort.lstrip("-")

    assert set(order(page)) == set(found)
    assert f'aria-sort="{"descending" if sort.startswith("-") else "ascending"}"' in page
    if by == "asset":
        assert order(page) == sorted(found, key=str.lower, reverse=sort.startswith("-"))
    elif by in fields:
        figures = [found[name][fields[by]] for name in order(page)]  # type: ignore[literal-required]
        known = [Decimal(each) for each in figures if each is not None]
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert [each for each in figures if each is None] == figures[len(known) :]


def test_holdings_are_found_by_asset_and_by_exchange(app: App, session: Session) -> None:
    visitor = app.enter()
    found = holdings.holdings(session).holdings
    there = {each["asset"] for each in found if {part["connection"] for part in each["by"]} >= {"coinbase"}}

    assert set(order(visitor.page("/holdings?search=COINBASE"))) == there
    assert order(visitor.page("/holdings?search=btc+kraken")) == ["BTC"]
    assert "Nothing you hold is called that." in visitor.page("/holdings?search=nobody")
    assert HOSTILE not in visitor.page(f"/holdings?search={HOSTILE.replace(' ', '+')}")


# -- one asset


def test_the_page_of_an_asset_says_where_it_is_and_what_it_costs_by_whom(app: App, session: Session) -> None:
    page = told(app.enter(), "/assets/BTC")
    each = next(each for each in holdings.holdings(session).holdings if each["asset"] == "BTC")

    for figure in (each["value"], each["cost"]):
        assert figure is not None
        assert shown.money(figure, "USD") in page.replace(" .", ".")
    for part in each["by"]:
        assert shown.quantity(part["amount"]) in page
        assert part["account"] in page
    assert "kraken says" in page or "coinbase says" in page
    assert "BTC in USD" in page
    assert "What happened last" in page


def test_a_day_that_is_being_counted_anew_is_not_drawn_as_nothing(session: Session) -> None:
    found = worth_history.days(session)
    drawn = charts.asset_chart(session, found, Asset("BTC"), "30d").value
    assert drawn
    assert all(each.point.value for each in drawn.places)

    since = found.points[-10].day
    try:
        with session.store.write() as db:
            kept.outdate(db, since)
        wait(
            lambda: (again := charts.asset_chart(session, found, Asset("BTC"), "30d")).current and again.value != drawn
        )
        anew = charts.asset_chart(session, found, Asset("BTC"), "30d").value
        assert anew
        assert [each.point for each in anew.places] == [
            each.point for each in drawn.places if each.point.day < since or each.point.day == found.points[-1].day
        ]
    finally:
        worth_history.days(session)


@pytest.mark.parametrize("name", ["NEVERHEARDOF", "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "A" * 500])
def test_an_asset_that_was_never_here_is_told_so(app: App, name: str) -> None:
    visitor = app.enter()
    wait(lambda: visitor.ask("GET", f"/assets/{name}").status == 400)
    answer = visitor.ask("GET", f"/assets/{name}").body.decode()
    assert "was never here" in answer
    assert HOSTILE not in answer


# -- orders


def test_orders_say_what_they_hold_and_how_far_the_market_is(app: App, session: Session) -> None:
    page = words(app.enter().page("/orders"))
    found = deciding.orders(session)

    assert found
    for each in found:
        assert each["market"] in page
        if each["distance"] is not None:
            assert shown.signed(amount(each["distance"])) in page
        if each["locked"] is not None:
            assert f"{shown.quantity(each['locked'])} {each['asset']}" in page
        assert shown.money(each["value"], "USD") in page
    assert shown.money(text(total(amount(each["value"] or "0") for each in found)), "USD") in page


# -- performance


@pytest.mark.parametrize("period", ["7d", "30d", "year", "all"])
def test_performance_is_that_of_the_command(app: App, session: Session, period: str) -> None:
    page = told(app.enter(), f"/performance?period={period}")
    figures = performance.performance(session, performance.Asked(period, by_asset=period != "all"))

    for figure in (figures["gain"], figures["net_deposits"]):
        assert shown.change("0", figure, "USD") in page
    assert shown.signed(amount(figures["time_weighted"]["rate"] or "0")) in page
    assert shown.signed(amount(figures["money_weighted"]["whole"]["rate"] or "0")) in page
    for each in figures["assets"] or ():
        assert shown.change("0", each["gain"], "USD") in page
    if period == "all":
        assert "at average cost" in page


def test_targets_are_set_changed_and_forgotten(app: App, session: Session) -> None:
    visitor = app.enter()
    assert visitor.press("/targets", targets="BTC: 60, others: 40", back="/performance").status == 303
    page = words(visitor.page("/performance"))
    for each in deciding.targets(session)["assets"]:
        assert shown.signed(amount(each["off"])) in page
    assert visitor.press("/targets", targets="BTC:60").status == 400
    assert visitor.press("/targets", targets="").status == 303
    with pytest.raises(Problem):
        deciding.targets(session)


# -- states


PATHS = (
    "/",
    "/?by=exchange&period=all",
    "/holdings",
    "/assets/BTC",
    "/assets/BTC?period=all",
    "/orders",
    "/performance",
    "/performance?period=all",
)


def test_hidden_amounts_are_in_no_answer(app: App, session: Session) -> None:
    visitor = app.enter()
    for path in PATHS:
        told(visitor, path)
    cookie = visitor.press("/look", amounts="hidden").headers["set-cookie"].split(";")[0]
    hidden = {"Cookie": f"{visitor.cookie}; {cookie}"}
    found = holdings.holdings(session).holdings
    figures = performance.performance(session, performance.Asked("365d"))
    secret = {shown.quantity(each["amount"]) for each in found if len(each["amount"]) > 3}
    secret |= {shown.money(each[name], "USD") for each in found for name in ("value", "cost") if each[name]}
    secret |= {
        shown.quantity(each["locked"] or "0") for each in deciding.orders(session) if len(each["locked"] or "") > 3
    }
    secret |= {shown.change("0", figures[name], "USD") for name in ("gain", "net_deposits", "fees")}
    secret |= {shown.money(figures[name], "USD") for name in ("start", "end")}

    secret -= {shown.money("0", "USD"), shown.change("0", "0", "USD")}
    for path in (*PATHS, "/chart?period=all", "/assets/BTC/chart?period=all"):
        answer = visitor.ask("GET", path, hidden)
        assert answer.status == 200
        page = json.dumps(json.loads(answer.body), ensure_ascii=False) if "chart" in path else answer.body.decode()
        assert "•••••" in page, path
        assert [each for each in secret if each in page] == [], path


def test_locked_pages_have_no_figure(tmp_path: Path, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox, "coinbase") as own:
        visitor = own.enter()
        assert visitor.ask("GET", "/chart").status == 200
        Keeper(own.service.home.socket).lock()
        wait(lambda: "Locked" in words(visitor.page("/assets/BTC")))
        for path in PATHS:
            assert not re.search(r"\$\d", words(visitor.page(path))), path
        assert b'"x"' not in visitor.ask("GET", "/chart").body


def test_nothing_connected_leaves_every_page_whole(tmp_path: Path) -> None:
    with running_app(tmp_path) as own:
        visitor = own.enter()
        assert "Nothing is held." in words(visitor.page("/holdings"))
        assert "No open orders." in words(visitor.page("/orders"))
        for path in ("/performance", "/performance?period=all", "/?period=24h"):
            assert visitor.ask("GET", path).status == 200
        assert json.loads(visitor.page("/chart"))["x"] == []


def test_what_takes_long_is_counted_while_the_page_is_there(app: App, session: Session, sandbox: Sandbox) -> None:
    visitor = app.enter()
    before = told(visitor, "/?period=30d")
    held, let_go = threading.Event(), threading.Event()

    def write_for_long() -> None:
        """Whoever writes keeps the past from being counted."""
        with session.store.write() as db:
            present.set_setting(db, "test", "1")
            held.set()
            let_go.wait(60)

    with session.store.write() as db:
        moved.outdate(db, [worth_history.days(session).points[-3].day])
    writer = threading.Thread(target=write_for_long)
    writer.start()
    try:
        assert held.wait(60)
        page = words(visitor.page("/?period=30d"))
        assert "being counted anew" in page
        assert shown.hero(worth.worth_view(session)["total"], "USD")[0] in page
        assert "As a table" in page, "the last one stands until the new one is there"
    finally:
        let_go.set()
        writer.join()
    after = told(visitor, "/?period=30d", lambda page: "being counted" not in page)
    assert re.findall(r"[+−]\$[\d,.]+ ·", after) == re.findall(r"[+−]\$[\d,.]+ ·", before)
