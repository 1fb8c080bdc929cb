"""Net worth through time over the real keeper, the real sandbox and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import backfilling, performance, syncing, worth, worth_history
from tallyglass.app.performance import Asked as Ask
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.worth_history import Asked
from tallyglass.ledger.daily import ON_THE_WAY
from tallyglass.money import Asset, add, amount, divide, subtract, total
from tallyglass.store import marks
from tallyglass.store.marks import Mark

EXCHANGES = ("kraken", "binance", "coinbase")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *EXCHANGES) as opened:
        assert [part for part in syncing.sync(opened) if part["fault"]] == []
        yield opened


def test_the_last_point_is_what_worth_tells_and_flows_add_up(session: Session) -> None:
    every, months = (worth_history.history(session, Asked(every=each)) for each in ("day", "month"))
    now = worth.worth_view(session)
    for found in (every, months):
        last = found["points"][-1]
        assert (last["total"], last["day"]) == (now["total"], session.now().date().isoformat())
        assert last["at"] is not None
        assert total(amount(point["flow"]) for point in found["points"]) == amount(last["net_deposits"])
    by_day = {point["day"]: point["total"] for point in every["points"]}
    assert all(by_day[point["day"]] == point["total"] for point in months["points"])
    days = [date.fromisoformat(point["day"]) for point in every["points"]]
    assert days == [days[0] + timedelta(offset) for offset in range(len(days))]


@pytest.mark.parametrize("by", ["asset", "connection", "kind"])
def test_the_parts_of_every_point_are_the_whole(session: Session, by: str) -> None:
    for point in worth_history.history(session, Asked(every="week", by=by))["points"]:  # type: ignore[arg-type]  # a word
        assert point["by"] is not None
        assert total(map(amount, point["by"].values())) == amount(point["total"])


def test_performance_says_where_the_gain_was_made(session: Session) -> None:
    found = performance.performance(session, Ask("30d", by_asset=True, benchmark="BTC:60,ETH:40"))

    assert found["assets"] is not None
    assert found["benchmark"] is not None
    assert found["end"] == worth.worth_view(session)["total"]
    parts = [amount(each["gain"]) for each in found["assets"]] + [amount(found["trades"] or "")]
    assert total(parts) == amount(found["gain"])
    assert amount(found["gain"]) == subtract(
        amount(found["end"]), add(*map(amount, (found["start"], found["net_deposits"])))
    )
    first, last = found["index"][0], found["index"][-1]
    assert (first["day"], first["index"], last["day"]) == (found["after"], "1", found["to"])


def test_days_without_prices_are_told_and_no_rate_is_made_of_them(session: Session) -> None:
    found = performance.performance(session, Ask("90d"))

    assert not found["complete"]
    assert found["time_weighted"] == {"rate": None, "why": "price_missing", "text": found["time_weighted"]["text"]}
    assert found["money_weighted"]["annual"]["rate"] is None
    assert {each["code"] for each in found["causes"]} >= {"price_missing"}


@pytest.mark.parametrize(
    "asked", [Ask("fortnight"), Ask("1999"), Ask("30d", last=date(2020, 1, 1)), Ask("30d", benchmark="BTC:60,ETH:50")]
)
def test_what_cannot_be_asked_is_said(session: Session, asked: Ask) -> None:
    with pytest.raises(Problem) as caught:
        performance.performance(session, asked)
    assert caught.value.code == "usage"
    assert caught.value.fix


def test_within_the_day_every_sync_leaves_a_mark_and_where_they_meet_the_difference_is_shown(session: Session) -> None:
    now = worth.worth_view(session)
    *_, mark = worth_history.hours(session, None, None)["points"]
    assert mark["complete"] == now["complete"]
    assert amount(mark["total"]) > 0

    last = session.now().date() - timedelta(days=1)
    late = datetime.combine(last, time(23, 59), UTC)
    with session.store.write() as db:
        marks.keep(db, Asset("USD"), Mark(late, Decimal("12345.5"), complete=True))
        marks.keep(db, Asset("USD"), Mark(late + timedelta(seconds=5), Decimal(1), complete=False))
        midnight = datetime.combine(last, time(), UTC)
        marks.keep(db, Asset("USD"), Mark(midnight, Decimal(2), complete=True))
    assert worth_history.hours(session, None, last - timedelta(days=1))["points"] == [], "midnight begins the next day"
    assert [each["total"] for each in worth_history.hours(session, last, last)["points"]] == ["2", "12345.5"]
    *_, yesterday, today = worth_history.history(session, Asked())["points"]
    assert yesterday["seen"] is not None
    assert (yesterday["seen"]["total"], today["seen"]) == ("12345.5", None)
    assert worth_history.history(session, Asked(last=last))["points"][-1]["seen"] == yesterday["seen"]
    assert add(amount(yesterday["total"]), amount(yesterday["seen"]["difference"])) == Decimal("12345.5")


@pytest.fixture(scope="module")
def priced(session: Session, sandbox: Sandbox) -> Session:
    """The same, with the prices of all past days."""
    sandbox.unlimited()
    assert not backfilling.prices(session).faults
    return session


def test_every_complete_day_is_worth_what_the_sandbox_says_it_was(priced: Session, sandbox: Sandbox) -> None:
    """But for what is on its way, which is owned and on nobody's account; and where Kraken, which alone lists some coin
    against the dollar, tells no closes any more, a path over another coin comes near.
    """
    reach = priced.now().date() - timedelta(days=719)
    found = worth_history.history(priced, Asked(by="connection"))["points"][:-1]
    told = sandbox.control("GET", f"truth/worth?from={found[0]['day']}&to={found[-1]['day']}")["worth"]
    truth = {each["day"]: Decimal(each["usd"]) for each in told}
    ours = {
        point["day"]: subtract(amount(point["total"]), amount((point["by"] or {}).get(ON_THE_WAY, "0")))
        for point in found
        if point["complete"]
    }
    off = {day: subtract(total, truth[day]) for day, total in ours.items() if total != truth[day]}
    assert [day for day in off if date.fromisoformat(day) >= reach] == []
    assert [day for day, odd in off.items() if odd.copy_abs() > divide(truth[day], Decimal(1_000))] == []
    assert len(ours) > len(found) * 0.95
