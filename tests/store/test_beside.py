"""What is told beside the legs of an entry joins them, whichever comes first, and changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import amount, asset
from tallyglass.store import books, history, sums
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store

AT = datetime(2026, 11, 21, 6, 20, 3, tzinfo=UTC)
EARLIER = AT - timedelta(hours=1)
EUR, BTC = Leg("L1", "spot", asset("EUR"), amount("-650")), Leg("L2", "spot", asset("BTC"), amount("0.0125"))
PAGES = (
    Entry("T1", AT, "trade", (EUR,), "trade tradespot"),
    Entry("T1", AT, "trade", (BTC,), "trade tradespot"),
    Entry("T1", EARLIER, "trade", (), facts=(("market", "BTC/EUR"), ("price", "52000"))),
    Entry("T1", EARLIER, "trade", (), facts=(("limit", "52100"),)),
)
CAME = Entry("FT1", AT, "deposit", (Leg("L3", "spot", asset("BTC"), amount("1")),), "deposit")
WAITS = Entry("FT1", EARLIER, "deposit", (Leg("FT1", "spot", asset("BTC"), amount("1")),), "Bitcoin", "pending", "hash")
ARRIVED = Entry("FT1", EARLIER, "deposit", (), txid="hash", facts=(("address", "bc1q"),))

#: A withdrawal that went out and came back, as Kraken tells it: two rows of the ledger, and beside them its states.
WENT = Leg("L1", "spot", asset("BTC"), amount("-1")), Leg("L1:fee", "spot", asset("BTC"), amount("-0.1"), "fee")
BACK = Leg("L2", "spot", asset("BTC"), amount("1")), Leg("L2:fee", "spot", asset("BTC"), amount("0.1"), "fee")
GOES = Leg("R", "spot", asset("BTC"), amount("-1")), Leg("R:fee", "spot", asset("BTC"), amount("-0.1"), "fee")
STATES = (
    Entry("R", EARLIER, "withdrawal", GOES, "Bitcoin", "pending", facts=(("method", "Bitcoin"),)),
    Entry("R", EARLIER, "withdrawal", (), "Bitcoin", "failed", facts=(("method", "Bitcoin"),)),
    Entry("R", EARLIER, "withdrawal", GOES, "Bitcoin", "failed", facts=(("method", "Bitcoin"),)),
    Entry("R", AT, "withdrawal", WENT, "withdrawal"),
    Entry("R", AT, "withdrawal", BACK, "withdrawal"),
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("store") / "portfolio.db", bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def store(opened: Store) -> Store:
    with opened.write() as db:
        history.forget(db, "kraken")
    return opened


def book(store: Store, *told: Entry) -> list[history.Booked]:
    found = []
    for entry in told:
        with store.write() as db:
            found.append(history.book(db, "kraken", [entry], None))
    return found


def listed(store: Store, *, done: bool = True) -> list[Entry]:
    return [each.entry for each in history.list_entries(store, limit=10, done=done)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_pages_in_any_order_give_one_entry(store: Store, order: tuple[int, ...]) -> None:
    booked = book(store, *(PAGES[number] for number in order))
    [entry] = listed(store)
    assert (entry.id, entry.time, entry.kind, entry.status) == ("T1", AT, "trade", "done")
    assert (entry.legs, entry.note) == ((EUR, BTC), "trade tradespot")
    assert sum(each.new for each in booked) == 1
    assert listed(store, done=False) == []


def test_what_only_stands_beside_is_no_part_of_the_history(store: Store) -> None:
    assert book(store, PAGES[2]) == [history.Booked(0, changed=True)]
    assert listed(store) == listed(store, done=False) == []
    with store.read() as db:
        assert books.waiting(db, "kraken") == []
        assert books.sums(db) == {}


@pytest.mark.parametrize("order", list(permutations((CAME, WAITS, ARRIVED))))
def test_what_was_on_its_way_gives_way_and_undoes_nothing(store: Store, order: tuple[Entry, ...]) -> None:
    book(store, *order)
    [entry] = listed(store)
    assert (entry.legs, entry.time, entry.note) == (CAME.legs, AT, "deposit")
    assert entry.txid == "hash"
    assert listed(store, done=False) == []


def test_a_transaction_is_told_of_what_has_arrived_and_never_forgotten(store: Store) -> None:
    assert [each.changed for each in book(store, CAME, ARRIVED, ARRIVED, CAME)] == [True, True, False, False]
    assert [entry.txid for entry in listed(store)] == ["hash"]


def test_what_came_to_nothing_has_failed_unless_it_had_happened(store: Store) -> None:
    failed = Entry("FT1", EARLIER, "deposit", (), status="failed", txid="hash")
    book(store, WAITS, failed)
    assert [(entry.status, entry.legs) for entry in listed(store, done=False)] == [("failed", WAITS.legs)]
    book(store, CAME, failed)
    assert [(entry.status, entry.txid) for entry in listed(store)] == [("done", "hash")]


@given(st.permutations(STATES), st.lists(st.sampled_from(STATES), max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_went_out_and_came_back_is_told_by_the_ledger_alone(
    store: Store, order: list[Entry], again: list[Entry]
) -> None:
    with store.write() as db:
        history.forget(db, "kraken")
    book(store, *order, *again)
    [entry] = listed(store)
    assert (entry.status, entry.time, entry.note) == ("done", AT, "withdrawal")
    assert entry.legs == tuple(sorted((*WENT, *BACK), key=lambda leg: leg.id))
    assert listed(store, done=False) == []
    with store.read() as db:
        assert not any(each.amount for each in sums.kept(db)["kraken"].values())


def test_what_had_happened_is_undone_when_its_very_legs_have_failed(store: Store) -> None:
    book(store, CAME, structs.replace(CAME, status="failed"))
    assert [(entry.status, entry.legs) for entry in listed(store, done=False)] == [("failed", CAME.legs)]
    assert listed(store) == []
