"""The worked example of docs/performance.md through a real keeper and a real, encrypted store: to the last cent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select

from support import example
from support.home import open_home
from support.sandbox import running_sandbox
from tallyglass.app import costs, deciding, holdings, hygiene, performance, watching, worth, worth_history
from tallyglass.app.performance import Asked
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.exchanges.streams import Balance, Close, Order, Ticker
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import ZERO, Amount, Asset, add, amount, total
from tallyglass.prices import stored
from tallyglass.store import booking, closes, present
from tallyglass.store.cost_tables import cost_states

EXCHANGES = ("kraken", "binance", "coinbase")
FIRST, LAST = example.days()[0], example.days()[-1]
NOW = datetime(LAST.year, LAST.month, LAST.day, 12, tzinfo=UTC) + timedelta(days=1)
WATCHED = "price_alert:BTC-below-45000-EUR"
WHOLE = Asked(first=FIRST, last=LAST)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A home that holds the example: its entries, closes, rates; today the prices of its last day hold."""
    folder = tmp_path_factory.mktemp("example")
    with (
        running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox,
        open_home(folder, sandbox, *EXCHANGES) as opened,
    ):
        told = replace(opened, now=lambda: NOW)
        fill(told)
        yield told


def fill(session: Session) -> None:
    with session.store.write() as db:
        held: dict[str, dict[Asset, Amount]] = {name: defaultdict(lambda: ZERO) for name in EXCHANGES}
        for exchange, entry in example.events():
            booking.add_entries(db, exchange, [entry], None)
            for leg in entry.legs:
                held[exchange][leg.asset] = add(held[exchange][leg.asset], leg.amount)
        for exchange, found in held.items():
            present.set_balances(db, exchange, [Balance("spot", *each) for each in found.items()], NOW)
            present.went_well(db, exchange, "history", NOW)
        for base, quote, day, price in example.closes():
            source = "kraken" if quote == example.EUR else "coinbase"
            closes.set_closes(db, source, [Close(base, quote, day, price)])
            if day == LAST:
                present.set_tickers(db, source, [Ticker(base, quote, price)], NOW)
        present.set_rates(db, [(day.isoformat(), "USD", rate) for day, rate in example.rates().items()])
        present.set_setting(db, "currency", example.EUR)
        present.set_setting(db, stored.OFF, ",".join(stored.OPTIONAL))  # each price of the example has one source


def cents(told: str | None) -> str:
    assert told is not None
    return f"{Decimal(told):.2f}"


def page(told: str) -> str:
    return f"{example.figure(told):.2f}"


def told_by(rate: str | None, places: int) -> str:
    assert rate is not None
    return f"{Decimal(rate) * 100:.{places}f} %".replace("-", "−")


def test_worth_history_is_the_page(session: Session) -> None:
    found = worth_history.history(session, worth_history.Asked(last=LAST, by="asset"))

    rows = zip(example.table("Value"), example.table("Flows, fees, rewards"), found["points"], strict=True)
    for value, flow, point in rows:
        assert point["causes"] == []
        assert point["day"] == value.pop("day") == flow["day"]
        assert cents(point["total"]) == page(value.pop("value"))
        assert point["by"] is not None
        assert {name: amount(each) for name, each in point["by"].items()} == {
            name: example.figure(each) for name, each in value.items() if each
        }
        for ours, theirs in {
            "flow": "flow",
            "net_deposits": "net deposits",
            "fees": "fees",
            "rewards": "rewards",
        }.items():
            assert cents(point[ours]) == page(flow[theirs])  # type: ignore[literal-required]  # names of it


def test_what_is_on_its_way_over_midnight_is_owned(session: Session) -> None:
    found = worth_history.history(session, worth_history.Asked(last=LAST, by="connection"))

    rows = {row["day"]: row for row in example.table("Holdings")}
    for point in found["points"]:
        assert point["by"] is not None
        on_the_way = example.figure(rows[point["day"]]["on the way BTC"])
        price = example.price(example.BTC, datetime.fromisoformat(point["day"]).date())
        assert price is not None
        assert amount(point["by"].get("on-the-way", "0")) == on_the_way * price


def test_performance_is_the_page(session: Session) -> None:
    found = performance.performance(session, WHOLE)
    text = example.page()

    assert found["complete"]
    assert (found["after"], found["to"], found["at"]) == ("2026-03-01", "2026-03-06", None)
    assert f"**Gain** = 12,247.50 − 0 − 12,240.00 = **{cents(found['gain'])} EUR**" in text
    assert (cents(found["end"]), cents(found["net_deposits"])) == ("12247.50", "12240.00")
    assert (cents(found["fees"]), cents(found["rewards"])) == ("-67.45", "21.00")
    assert f"**{told_by(found['time_weighted']['rate'], 6)}**" in text
    assert f"**{told_by(found['money_weighted']['annual']['rate'], 4)}**" in text
    assert f"**{told_by(found['money_weighted']['whole']['rate'], 6)}**" in text
    assert f"**{told_by(found['volatility']['rate'], 4)}**" in text
    fall = found["drawdown"]
    assert fall is not None
    assert f"**{told_by(fall['depth'], 4)}**, from {fall['peak']} to {fall['bottom']}, not recovered." in text
    for row, link in zip(example.table("Time-weighted"), found["index"][1:], strict=True):
        assert (link["day"], f"{Decimal(link['index']):.8f}") == (row["day"], row["index"])


@pytest.mark.parametrize("row", example.table("Benchmarks"), ids=lambda row: row["benchmark"])
def test_the_benchmarks_are_the_page(session: Session, row: dict[str, str]) -> None:
    found = performance.performance(session, replace(WHOLE, benchmark=row["benchmark"]))["benchmark"]

    assert found is not None
    assert (cents(found["value"]), cents(found["gain"])) == (page(row["worth on 6 March"]), page(row["gain"]))


def test_holdings_tell_the_cost_on_the_page(session: Session) -> None:
    found = {each["asset"]: each for each in holdings.holdings(session).holdings}

    *rows, together = example.table("Average cost")
    assert found.keys() == {row["asset"] for row in rows}
    for row in rows:
        each = found[row["asset"]]
        assert each["cost_unknown"] == ""
        assert amount(each["amount"]) == example.figure(row["quantity"])
        for name in ("cost", "value", "unrealised"):
            assert cents(each[name]) == page(row[name])
        assert f"{Decimal(each['average_cost'] or ''):.4f}" == f"{example.figure(row['average']):.4f}"
    pools = costs.bases(session).values()
    assert page(together["realised"]) == f"{total(each.realised for each in pools):.2f}"
    assert page(together["carried out"]) == f"{total(each.carried_out for each in pools):.2f}"


def test_costs_kept_and_advanced_are_those_of_a_count_from_the_beginning(session: Session) -> None:
    days = [*example.days(), LAST + timedelta(1)]
    for day in days:  # as if it were asked every day
        costs.bases(replace(session, now=lambda day=day: datetime(day.year, day.month, day.day, 12, tzinfo=UTC)))  # type: ignore[misc]  # bound early
    advanced = costs.bases(session)
    late = Entry("trade:late", datetime(2026, 3, 4, 9, tzinfo=UTC), "trade", legs("ETH -0.1", "EUR 210"))
    with session.store.write() as db:
        booking.add_entries(db, "kraken", [late], None)
    after = costs.bases(session)
    anew(session)
    assert after == costs.bases(session)
    assert after != advanced
    with session.store.write() as db:
        booking.remove(db, "kraken", ["trade:late"])
    assert costs.bases(session) == advanced


def test_another_currency_and_back_gives_the_same_numbers(session: Session) -> None:
    before = figures(session)
    worth.set_currency(session, "USD")
    between = figures(session)
    worth.set_currency(session, "EUR")

    assert figures(session) == before
    assert between != before
    assert between[0]["currency"] == "USD"  # type: ignore[index]  # a view
    assert between[0]["complete"]  # type: ignore[index]  # a view


def test_targets_say_how_far_off_and_what_would_bring_it_back(session: Session) -> None:
    """12,247.50 in all: 2,995 BTC, 1,520 ETH, 5,972.50 EUR, 1,760 USD."""
    found = deciding.set_targets(session, "BTC:50,others:50")

    assert [(each["asset"], cents(each["trade"])) for each in found["assets"]] == [
        ("BTC", "3128.75"),
        ("others", "-3128.75"),
    ]
    assert found["assets"][0]["units"] == "0.062575"
    deciding.clear_targets(session)
    with pytest.raises(Problem) as caught:
        deciding.targets(session)
    assert caught.value.code == "no_targets"


def test_movers_tell_what_prices_did_to_what_was_held(session: Session) -> None:
    """From the 5th to now, at the prices of the 6th: BTC from 53,000 to 50,000, of which 0.0799 were held."""
    found = {each["asset"]: each for each in deciding.movers(session, "2d")["movers"]}

    assert (cents(found["BTC"]["by_price"]), f"{Decimal(found['BTC']['price_change'] or ''):.8f}") == (
        "-239.70",
        "-0.05660377",
    )
    assert (found["EUR"]["price_change"], found["EUR"]["by_price"]) == ("0", "0")


def test_orders_tell_what_they_lock_and_how_far_the_market_is(session: Session) -> None:
    order = Order("o1", "BTC/EUR", "buy", "limit", amount(45000), amount("0.02"), ZERO, NOW)
    with session.store.write() as db:
        present.set_orders(db, "kraken", [order])
    (found,) = deciding.orders(session)

    assert (found["connection"], found["asset"], found["locked"], found["value"]) == ("kraken", "EUR", "900", "900")
    assert (found["market_price"], found["distance"]) == ("50000", "-0.1")


def test_a_watched_price_and_a_drift_become_findings_and_close_again(session: Session) -> None:
    deciding.set_targets(session, "BTC:50,others:50")
    watching.watch_price(session, {"asset": "btc", "side": "below", "price": "45,000", "currency": "EUR"})
    watching.watch_drift(session, "20")
    seen = []
    for price in ("50000", "44000", "50000"):
        with session.store.write() as db:
            present.set_tickers(db, "kraken", [Ticker(example.BTC, example.EUR, amount(price))], NOW)
        seen.append({each.id for each in hygiene.findings(session)} & {WATCHED, "drift_alert:house"})

    assert seen == [{"drift_alert:house"}, {"drift_alert:house", WATCHED}, {"drift_alert:house"}]
    watching.watch_drift(session, "", off=True)
    watching.watch_price(session, watching.watched(session)["prices"][0], off=True)
    assert watching.watched(session) == {"prices": [], "drift": None}


def figures(session: Session) -> list[object]:
    """All that is counted in the user's currency."""
    return [
        performance.performance(session, replace(WHOLE, benchmark="BTC:60,ETH:40", by_asset=True)),
        worth_history.history(session, worth_history.Asked(by="asset")),
        holdings.holdings(session).holdings,
    ]


def legs(*told: str) -> tuple[Leg, ...]:
    moved = [each.split() for each in told]
    return tuple(Leg(f"leg:{name}", "spot", Asset(name), amount(quantity)) for name, quantity in moved)


def anew(session: Session) -> None:
    """Forget where the pools stood."""
    with session.store.write() as db:
        assert db.execute(select(cost_states)).all()
        db.execute(delete(cost_states))
