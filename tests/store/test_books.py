"""The books of the store: sums, moves, readings; and the user's own entries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallyglass.exchanges.streams import Ask, Balance
from tallyglass.ledger.entries import Entry, Leg, computed
from tallyglass.ledger.reconcile import Move, Reading
from tallyglass.money import Asset, amount
from tallyglass.store import books, history, present
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC = Asset("BTC")


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
        for name in ("kraken", "kraken-2", "binance"):
            history.forget(db, name)
            present.forget(db, name)


def entry(name: str, *legs: Leg, hour: int = 0, status: str = "done") -> Entry:
    return Entry(name, NOW + hour * HOUR, "deposit", legs, status=status)  # type: ignore[arg-type]  # a word in tests


def leg(figure: str, account: str = "spot", asset: str = "BTC", name: str = "1") -> Leg:
    return Leg(name, account, Asset(asset), amount(figure))


def add(store: Store, *entries: Entry, connection: str = "kraken", own: bool = False) -> None:
    with store.write() as db:
        page = history.RawPage(0, connection, "ledger", Ask("ledger"), {}, NOW, b"{}")
        history.add_entries(db, connection, entries, None if own else history.keep_raw(db, page))


entries_ = st.lists(
    st.builds(
        lambda connection, legs, status: (connection, legs, status),
        st.sampled_from(["kraken", "kraken-2", "binance"]),
        st.lists(
            st.tuples(
                st.sampled_from(["spot", "earn"]),
                st.sampled_from(["BTC", "EUR", "A|B", "x y"]),
                st.decimals(-(10**30), 10**30, places=18),
            ),
            max_size=4,
        ),
        st.sampled_from(["done", "done", "done", "pending", "failed"]),
    ),
    max_size=20,
)


@given(entries_)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_sums_are_those_of_the_ledger_to_the_last_digit(
    store: Store, found: list[tuple[str, list[tuple[str, str, object]], str]]
) -> None:
    empty(store)
    made: dict[str, list[Entry]] = {}
    for number, (connection, legs, status) in enumerate(found):
        parts = [Leg(str(n), account, Asset(asset), amount(figure)) for n, (account, asset, figure) in enumerate(legs)]
        made.setdefault(connection, []).append(entry(str(number), *parts, status=status))
    for connection, some in made.items():
        add(store, *some, connection=connection)
    with store.read() as db:
        sums = books.sums(db)

    assert sums == {name: sums_ for name, some in made.items() if (sums_ := computed(some))}


def test_moves_are_those_of_one_connection_and_what_is_asked_for(store: Store) -> None:
    add(store, entry("a", leg("1"), leg("-2", asset="EUR", name="2")), entry("b", leg("3", "earn"), hour=1))
    add(store, entry("c", leg("4"), hour=2, status="pending"))
    add(store, entry("d", leg("5")), connection="binance")
    with store.read() as db:
        assert list(books.moves(db, "kraken", place=("spot", BTC))) == [Move(NOW, "spot", BTC, amount("1"))]
        assert list(books.moves(db, "kraken", place=("earn", BTC))) == [Move(NOW + HOUR, "earn", BTC, amount("3"))]
        times = [move.time for move in books.moves(db, "kraken")]
        assert (len(times), times) == (3, sorted(times))
        assert [move.amount for move in books.moves(db, "kraken", after=NOW)] == [amount("3")]
        assert [move.amount for move in books.moves(db, "binance")] == [amount("5")]
        assert [each.id for each in books.waiting(db, "kraken")] == ["c"]


def test_readings_tell_when_a_figure_was_first_seen_and_last_and_that_it_was_gone(store: Store) -> None:
    one, two = Balance("spot", BTC, amount("1")), Balance("earn", BTC, amount("2"))
    with store.write() as db:
        present.set_balances(db, "kraken", [one], NOW)
        present.set_balances(db, "kraken", [one], NOW + 2 * HOUR)
        present.set_balances(db, "kraken", [two], NOW + 3 * HOUR)
        present.set_balances(db, "binance", [two], NOW)
        assert books.readings(db, "kraken", ("spot", BTC)) == [
            Reading(NOW, amount("1")),
            Reading(NOW + 2 * HOUR, amount("1")),
            Reading(NOW + 3 * HOUR, amount("0")),
        ]
        assert books.wallets_reported(db, "kraken") == {"spot", "earn"}
        assert books.wallets_reported(db, "binance") == {"earn"}


def test_the_users_own_entries_can_be_taken_back_and_no_others(store: Store) -> None:
    add(store, entry("T1", leg("1")))
    add(store, entry("opening:BTC", leg("7"), hour=-5), own=True)
    with store.write() as db:
        assert books.own_moves(db, "kraken", "opening:") == [Move(NOW - 5 * HOUR, "spot", BTC, amount("7"))]
        assert books.first_entry(db, "kraken") == NOW - 5 * HOUR
        assert books.first_entry(db, "kraken", but="opening:") == NOW
        assert not books.remove_entry(db, "kraken", "T1")
        assert books.remove_entry(db, "kraken", "opening:BTC")
        assert not books.remove_entry(db, "kraken", "opening:BTC")
        assert books.sums(db) == {"kraken": {("spot", BTC): amount("1")}}


def test_a_stream_says_how_far_it_was_read(store: Store) -> None:
    with store.write() as db:
        history.set_cursor(db, "kraken", "ledger", {"ofs": "50"}, done=False, now=NOW)
        assert books.progress(db, "kraken") == {"ledger": books.Progress("ledger", False, NOW)}
        assert books.progress(db, "binance") == {}


def test_gaps_are_the_assets_that_any_wallet_reports_otherwise(store: Store) -> None:
    add(store, entry("a", leg("1"), leg("2", asset="EUR", name="2"), leg("3", asset="ETH", name="3")))
    with store.write() as db:
        assert books.gaps(db, "kraken") is None
        told = [Balance("spot", BTC, amount("1.0")), Balance("earn", Asset("EUR"), amount("2"))]
        present.set_balances(db, "kraken", told, NOW)
        assert books.gaps(db, "kraken") == frozenset(map(Asset, ("EUR", "ETH")))
        present.set_balances(db, "kraken", [], NOW)
        assert books.gaps(db, "kraken") == frozenset(map(Asset, ("BTC", "EUR", "ETH")))
        assert books.gaps(db, "binance") is None
