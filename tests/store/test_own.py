"""Own accounts in the store: in whichever order balances are said and taken back, what is kept is what they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallyglass.ledger import own
from tallyglass.ledger.entries import Entry
from tallyglass.money import ZERO, Amount, Asset, amount, subtract
from tallyglass.store import days, sums
from tallyglass.store import own as stored
from tallyglass.store.base import Db, Store
from tallyglass.store.history import list_entries
from tallyglass.store.own import Account
from tallyglass.store.sqlcipher import open_store

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
FIRST = date(2026, 1, 1)
EUR = Asset("EUR")
ONE, OTHER = Account("said bit by bit", "bank"), Account("said at once", "bank")

#: A day, and what is said of it: None takes it back.
steps_ = st.lists(
    st.tuples(
        st.integers(0, 8).map(lambda day: FIRST + timedelta(day)),
        st.none() | st.sampled_from([amount(figure) for figure in ("0", "5", "-7.25", "1e9", "0.00000001")]),
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("store") / "portfolio.db", bytes(32))
    yield opened
    opened.close()


def entries(store: Store, account: Account) -> list[Entry]:
    return [each.entry for each in list_entries(store, limit=1000, connection=account.connection)]


def moved(db: Db, account: Account) -> dict[date, Amount]:
    days.refresh(db)
    return {each.day: each.amount for each in days.moves(db) if each.connection == account.connection}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(steps_)
def test_any_way_of_saying_balances_comes_to_what_they_say_at_once(
    store: Store, steps: list[tuple[date, Amount | None]]
) -> None:
    with store.write() as db:
        for account in (ONE, OTHER):
            stored.remove(db, account)
            stored.add(db, account, NOW)
    said: dict[date, Amount] = {}
    for day, figure in steps:
        said = {each: said[each] for each in said if each != day} | ({} if figure is None else {day: figure})
        with store.write() as db:
            stored.state(db, ONE, EUR, said, NOW)
            days.refresh(db)
    with store.write() as db:
        stored.state(db, OTHER, EUR, said, NOW)

    assert entries(store, ONE) == entries(store, OTHER)
    with store.write() as db:
        assert stored.stated(db, ONE) == stored.stated(db, OTHER)
        assert moved(db, ONE) == moved(db, OTHER)
        newest = said[max(said)] if said else ZERO
        held = sums.kept(db, ONE.connection).get(ONE.connection, {})
        assert sum((each.amount for each in held.values()), ZERO) == newest
        assert sums.mend(db) == []


def test_only_days_that_changed_are_counted_anew(store: Store) -> None:
    months = {date(2025, month, 1): amount(month) for month in range(1, 13)}
    with store.write() as db:
        stored.add(db, Account("yearly", "bank"), NOW)
        stored.state(db, Account("yearly", "bank"), EUR, months, NOW)
        days.refresh(db)
        stored.state(db, Account("yearly", "bank"), EUR, {**months, date(2025, 6, 15): amount(40)}, NOW)
        assert days.refresh(db) == date(2025, 6, 15)


def test_an_account_that_is_removed_leaves_nothing_and_others_as_they_were(store: Store) -> None:
    gone, stays = Account("goes", "other"), Account("stays", "other")
    with store.write() as db:
        for account in (gone, stays):
            stored.add(db, account, NOW)
            stored.state(db, account, EUR, {FIRST: amount(3)}, NOW)
            stored.book(db, account, [own.entry("reward", NOW, [own.Quantity(amount(1), Asset("BTC"))])])
        before = moved(db, stays)
        stored.remove(db, gone)
        assert gone not in stored.accounts(db)
        assert stored.stated(db, gone) == {}
        assert moved(db, gone) == {}
        assert moved(db, stays) == before != {}
    assert entries(store, gone) == []
    assert len(entries(store, stays)) == 2
    assert subtract(amount(3), before[FIRST]) == ZERO
