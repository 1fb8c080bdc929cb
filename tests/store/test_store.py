"""The store: encrypted, exact, and each entry in it once."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from tallyglass.exchanges.streams import Ask, Balance, Unparsed
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset, amount
from tallyglass.store import history, lease, present
from tallyglass.store.base import Store, StoreError
from tallyglass.store.sqlcipher import open_store

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
KEY = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "portfolio.db", KEY)
    yield opened
    opened.close()


def trade(number: int, *legs: Leg, time: datetime = NOW) -> Entry:
    return Entry(f"T{number}", time, "trade", legs or (leg(f"L{number}"),))


def leg(name: str, figure: str = "1.5", asset: str = "BTC") -> Leg:
    return Leg(name, "spot", Asset(asset), amount(figure))


def add(store: Store, *entries: Entry, connection: str = "kraken") -> int:
    with store.write() as db:
        page = history.RawPage(0, connection, "ledger", Ask("ledger"), {}, NOW, b"{}")
        return history.add_entries(db, connection, entries, history.keep_raw(db, page))


def listed(store: Store) -> list[Entry]:
    return [each.entry for each in history.list_entries(store, limit=1000)]


def test_the_file_is_closed_to_others_and_holds_nothing_readable(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.db"
    store = open_store(path, KEY)
    add(store, structs.replace(trade(1), note="a-note-that-can-be-found"))
    store.close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for file in tmp_path.iterdir():
        assert b"a-note-that-can-be-found" not in file.read_bytes()
        assert b"SQLite format" not in file.read_bytes()


def test_another_key_and_a_changed_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.db"
    open_store(path, KEY).close()
    with pytest.raises(StoreError, match="another key"):
        open_store(path, os.urandom(32))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    raw[100] ^= 1
    path.write_bytes(raw)
    with pytest.raises(StoreError, match="altered"):
        open_store(path, KEY)


def test_amounts_of_thirty_digits_and_microseconds_survive(store: Store) -> None:
    entry = trade(1, leg("a", "123456789012.123456789012345678"), leg("b", "-0.000000000000000001", "PEPE"))
    add(store, entry)

    assert listed(store) == [entry]


def test_the_same_page_twice_gives_its_entries_once(store: Store) -> None:
    assert add(store, trade(1), trade(2)) == 2
    assert add(store, trade(2), trade(1), trade(3)) == 1
    assert {entry.id for entry in listed(store)} == {"T1", "T2", "T3"}


def test_two_pages_may_each_bring_a_leg_of_one_entry(store: Store) -> None:
    add(store, trade(1, leg("buy"), time=NOW))
    add(store, trade(1, leg("pay", "-100", "EUR"), time=NOW - timedelta(microseconds=5)))

    (entry,) = listed(store)
    assert {each.id for each in entry.legs} == {"buy", "pay"}
    assert entry.time == NOW - timedelta(microseconds=5)


def test_legs_of_one_entry_within_a_page_are_joined(store: Store) -> None:
    assert add(store, trade(1, leg("buy")), trade(1, leg("pay", "-100", "EUR"))) == 1
    assert {each.id for each in listed(store)[0].legs} == {"buy", "pay"}


def test_what_changes_at_the_exchange_changes_here(store: Store) -> None:
    add(store, structs.replace(trade(1), status="pending"))
    assert listed(store) == []
    assert [each.entry.id for each in history.list_entries(store, limit=9, done=False)] == ["T1"]
    add(store, structs.replace(trade(1, leg("L1", "1.4")), status="done", txid="abc"))

    (entry,) = listed(store)
    assert (entry.status, entry.txid, entry.legs[0].amount) == ("done", "abc", amount("1.4"))


def test_one_id_on_two_connections_is_two_entries(store: Store) -> None:
    add(store, trade(1))
    add(store, trade(1), connection="kraken-2")
    assert len(listed(store)) == 2


def test_pages_of_history_join_without_gap_or_repeat_even_at_equal_times(store: Store) -> None:
    add(store, *(trade(number, time=NOW - timedelta(seconds=number // 7)) for number in range(50)))
    seen: list[str] = []
    after = None
    while page := history.list_entries(store, limit=8, after=after):
        seen += [each.entry.id for each in page]
        after = (page[-1].entry.time, page[-1].place)

    assert sorted(seen) == sorted(f"T{number}" for number in range(50))


@pytest.mark.parametrize("step", [1, -1], ids=["oldest first", "newest first"])
def test_of_one_moment_the_later_stands_first_however_the_exchange_lists(store: Store, step: int) -> None:
    happened = [trade(number, time=NOW + timedelta(seconds=number // 4)) for number in range(20)]
    add(store, *happened[::step])
    assert [entry.id for entry in listed(store)] == [f"T{number}" for number in reversed(range(20))]


def test_after_an_error_nothing_of_a_transaction_is_there(store: Store) -> None:
    class Broken(Exception):
        pass

    with pytest.raises(Broken), store.write() as db:
        page = history.RawPage(0, "kraken", "ledger", Ask("ledger"), {}, NOW, b"{}")
        history.add_entries(db, "kraken", [trade(1)], history.keep_raw(db, page))
        history.set_cursor(db, "kraken", "ledger", {"ofs": "50"}, done=False, now=NOW)
        raise Broken

    assert listed(store) == []
    with store.read() as db:
        assert history.cursor_of(db, "kraken", "ledger") == {}
        assert history.raw_streams(db, "kraken") == []


def test_unchanged_balances_make_no_new_snapshot_but_are_seen_again(store: Store) -> None:
    held = [Balance("spot", Asset("BTC"), amount("1"), amount("0.2"))]
    later = NOW + timedelta(hours=1)
    with store.write() as db:
        present.set_balances(db, "kraken", held, NOW)
        present.set_balances(db, "kraken", held, later)
        assert present.balances_of(db, "kraken") == (held, later)
        present.set_balances(db, "kraken", [], later)
        assert present.balances_of(db, "kraken") == ([], later)


def test_a_failure_keeps_the_time_of_the_last_success(store: Store) -> None:
    with store.write() as db:
        present.went_well(db, "kraken", "balances", NOW)
        present.went_wrong(db, present.Freshness("kraken", "balances", None, NOW, "down", "no answer", "wait"))
        (noted,) = present.list_freshness(db)
        assert (noted.fresh_at, noted.failed_at, noted.fault) == (NOW, NOW, "down")
        present.went_well(db, "kraken", "balances", NOW + timedelta(minutes=1))
        (noted,) = present.list_freshness(db)
        assert (noted.failed_at, noted.fault, noted.text) == (None, "", "")


def test_what_is_not_understood_is_kept_once(store: Store) -> None:
    piece = Unparsed("L1", "unknown type", '{"type":"moon"}')
    with store.write() as db:
        raw = history.keep_raw(db, history.RawPage(0, "kraken", "ledger", Ask("ledger"), {}, NOW, b"x"))
        for _ in range(2):
            history.add_unparsed(db, "kraken", "ledger", [piece], raw_page=raw, now=NOW)
    assert [each.piece for each in history.list_unparsed(store)] == [piece]


def test_a_lease_is_held_by_one_and_lost_by_the_other(store: Store) -> None:
    first = lease.claim(store, "kraken", "a", NOW)
    assert first is not None
    assert lease.claim(store, "kraken", "b", NOW + timedelta(seconds=30)) is None
    second = lease.claim(store, "kraken", "b", NOW + lease.LENGTH + timedelta(seconds=1))
    assert second is not None

    with pytest.raises(lease.LeaseLost), store.write() as db:
        lease.hold(db, first, NOW)
    with store.write() as db:
        lease.hold(db, second, NOW)


def test_the_lease_of_a_worker_that_has_died_is_free_at_once(store: Store) -> None:
    assert lease.claim(store, "kraken", "dead", NOW) is not None

    assert lease.claim(store, "kraken", "b", NOW, gone=lambda holder: holder == "other") is None
    assert lease.claim(store, "kraken", "b", NOW, gone=lambda holder: holder == "dead") is not None


def test_a_late_worker_writes_nothing(store: Store) -> None:
    old = lease.claim(store, "kraken", "a", NOW)
    assert old is not None
    assert lease.claim(store, "kraken", "b", NOW + lease.LENGTH) is not None

    with pytest.raises(lease.LeaseLost), store.write() as db:
        page = history.RawPage(0, "kraken", "ledger", Ask("ledger"), {}, NOW, b"{}")
        history.add_entries(db, "kraken", [trade(1)], history.keep_raw(db, page))
        lease.hold(db, old, NOW)
    assert listed(store) == []


def test_a_released_lease_counts_failures_and_says_when_it_is_due(store: Store) -> None:
    for expected in (1, 2):
        held = lease.claim(store, "kraken", "a", NOW)
        assert held is not None
        lease.release(store, held, NOW, next_due=NOW + timedelta(minutes=5), failed=True)
        assert lease.failures(store, "kraken") == expected
    assert lease.next_due(store, "kraken") == NOW + timedelta(minutes=5)


def test_forgetting_a_connection_leaves_the_others(store: Store) -> None:
    add(store, trade(1))
    add(store, trade(2), connection="binance")
    with store.write() as db:
        present.set_balances(db, "kraken", [Balance("spot", Asset("BTC"), amount(1))], NOW)
        history.forget(db, "kraken")
        present.forget(db, "kraken")
        assert present.balances_of(db, "kraken") == ([], None)
    assert [entry.id for entry in listed(store)] == ["T2"]
