"""What each day moved: the same whichever way it came about, and what of it came from outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallyglass.ledger.daily import ON_THE_WAY, DayMove
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.ledger.transfers import Movement, Transfer, movement
from tallyglass.money import ZERO, Amount, Asset, add, amount
from tallyglass.store import booking, books, days, history, transfers
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store

BEGIN = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
DAY = timedelta(days=1)
BTC, EUR = Asset("BTC"), Asset("EUR")
NAMES = ("kraken", "binance")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("store") / "portfolio.db", bytes(32))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _empty(store: Store) -> None:
    empty(store)


def empty(store: Store) -> None:
    with store.write() as db:
        for name in NAMES:
            history.forget(db, name)
        transfers.keep(db, [])
        days.refresh(db)


def entry(name: str, kind: str, *legs: tuple[str, str], at: timedelta = timedelta(), fee: str = "") -> Entry:
    """Legs as (asset, amount); `fee`: in euros."""
    made = [Leg(str(place), "spot", Asset(asset), amount(figure)) for place, (asset, figure) in enumerate(legs)]
    if fee:
        made.append(Leg("fee", "spot", EUR, amount(fee), "fee"))
    return Entry(name, BEGIN + at, kind, tuple(made))  # type: ignore[arg-type]  # a word in tests


def book(store: Store, *entries: Entry, connection: str = "kraken") -> None:
    with store.write() as db:
        booking.add_entries(db, connection, entries, None)


def refreshed(store: Store) -> date | None:
    with store.write() as db:
        return days.refresh(db)


def moves(store: Store) -> list[DayMove]:
    with store.read() as db:
        return list(days.moves(db))


def test_a_day_tells_what_came_from_outside_was_paid_and_was_earned(store: Store) -> None:
    book(
        store,
        entry("deposit:1", "deposit", ("EUR", "1000")),
        entry("trade:1", "trade", ("EUR", "-500"), ("BTC", "0.01"), fee="-1.5"),
        entry("reward:1", "reward", ("BTC", "0.0001"), at=DAY),
        entry("withdrawal:1", "withdrawal", ("EUR", "-100"), at=DAY, fee="-2"),
        entry("adjustment:1", "adjustment", ("EUR", "7"), at=DAY),
        entry("opening:BTC", "adjustment", ("BTC", "1"), at=-DAY),
    )
    assert refreshed(store) == date(2026, 2, 28)
    assert moves(store) == [
        DayMove(date(2026, 2, 28), "kraken", BTC, amount("1"), flow=amount("1")),
        DayMove(date(2026, 3, 1), "kraken", BTC, amount("0.01")),
        DayMove(date(2026, 3, 1), "kraken", EUR, amount("498.5"), flow=amount("1000"), fee=amount("-1.5")),
        DayMove(date(2026, 3, 2), "kraken", BTC, amount("0.0001"), reward=amount("0.0001")),
        DayMove(date(2026, 3, 2), "kraken", EUR, amount("-95"), flow=amount("-100"), fee=amount("-2")),
    ]
    assert refreshed(store) is None


def test_only_what_changed_is_told_as_changed(store: Store) -> None:
    book(store, *(entry(f"deposit:{place}", "deposit", ("EUR", "10"), at=place * DAY) for place in range(5)))
    refreshed(store)
    book(store, entry("deposit:2", "deposit", ("EUR", "10"), at=2 * DAY))
    assert refreshed(store) is None, "an entry that comes again as it was changes no day"
    book(store, entry("reward:3", "reward", ("EUR", "1"), at=3 * DAY))
    assert refreshed(store) == date(2026, 3, 4)
    with store.write() as db:
        booking.remove(db, "kraken", ["deposit:1"])
    assert refreshed(store) == date(2026, 3, 2)
    assert [each.day.day for each in moves(store)] == [1, 3, 4, 5]


def side(connection: str, each: Entry) -> Movement:
    found = movement(each, connection)
    assert found is not None
    return found


def test_a_transfer_is_no_flow_and_is_owned_while_it_is_on_its_way(store: Store) -> None:
    sent = entry("withdrawal:1", "withdrawal", ("BTC", "-2"))
    received = entry("deposit:1", "deposit", ("BTC", "1.9995"), at=DAY)
    book(store, sent)
    book(store, received, connection="binance")
    refreshed(store)
    assert [each.flow for each in moves(store)] == [amount("-2"), amount("1.9995")]

    with store.write() as db:
        transfers.keep(db, [Transfer(side("kraken", sent), side("binance", received), "hash")])
    assert refreshed(store) == date(2026, 3, 1)
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    assert moves(store) == [
        DayMove(first, "kraken", BTC, amount("-2")),
        DayMove(first, ON_THE_WAY, BTC, amount("2")),
        DayMove(second, "binance", BTC, amount("1.9995")),
        DayMove(second, ON_THE_WAY, BTC, amount("-2"), fee=amount("-0.0005")),
    ]

    with store.write() as db:
        transfers.keep(db, [])
    refreshed(store)
    assert [(each.connection, each.flow) for each in moves(store)] == [
        ("kraken", amount("-2")),
        ("binance", amount("1.9995")),
    ]


step = st.tuples(
    st.sampled_from(["add", "add", "add", "remove", "count"]),
    st.sampled_from(NAMES),
    st.integers(0, 5),
    st.sampled_from(["deposit", "withdrawal", "reward", "trade", "fee", "transfer"]),
    st.integers(0, 900),
    st.lists(
        st.tuples(
            st.sampled_from(["BTC", "EUR"]),
            st.decimals(-(10**12), 10**12, places=18).filter(bool),
            st.sampled_from(["principal", "fee"]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["done", "done", "pending"]),
)


@given(st.lists(step, max_size=25))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_counted_in_steps_is_counted_at_once(store: Store, steps: list[Any]) -> None:
    empty(store)
    for what, connection, number, kind, hour, legs, status in steps:
        if what == "count":
            refreshed(store)
        elif what == "remove":
            with store.write() as db:
                booking.remove(db, connection, [f"x:{number}"])
        else:
            made = tuple(Leg(str(place), "spot", Asset(a), f, role) for place, (a, f, role) in enumerate(legs))
            at = BEGIN + timedelta(hours=hour)
            book(store, Entry(f"x:{number}", at, kind, made, status=status), connection=connection)
    refreshed(store)
    in_steps = moves(store)
    with store.write() as db:
        days.outdate(db, (BEGIN.date() + place * DAY for place in range(40)))
    assert refreshed(store) is None
    assert moves(store) == in_steps

    sums: dict[tuple[str, Asset], Amount] = {}
    for each in in_steps:
        key = each.connection, each.asset
        sums[key] = add(sums.get(key, ZERO), each.amount)
    with store.read() as db:
        kept = {
            (connection, asset): total
            for connection, found in books.sums(db).items()
            for (_, asset), total in found.items()
        }
    assert {key: total for key, total in sums.items() if total} == {key: total for key, total in kept.items() if total}
