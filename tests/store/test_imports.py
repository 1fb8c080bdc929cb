"""Imported files beside what syncs bring: nothing doubled, whatever is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyglass.exchanges.streams import Ask
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset, amount, text
from tallyglass.store import history, lease
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync import imports
from tallyglass.sync.report import PartReport, SyncReport

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
THEN = datetime(2021, 1, 2, 3, 4, 5, tzinfo=UTC)
HEADER = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "portfolio.db", bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def held(store: Store) -> lease.Lease:
    claimed = lease.claim(store, "binance", "me", NOW)
    assert claimed is not None
    return claimed


def now() -> datetime:
    return NOW


def bring(store: Store, held: lease.Lease, *lines: str) -> imports.Settled:
    body = (HEADER + "".join(f"1,{line},\n" for line in lines)).encode()
    return imports.settle(store, held, now, bring=imports.page_of("binance", "binance", body, {}, NOW))


def told(number: int, figure: str, time: datetime = THEN) -> Entry:
    return Entry(f"deposit:{number}", time, "deposit", (Leg("in", "spot", Asset("BTC"), amount(figure)),))


def syncing(store: Store, *entries: Entry) -> Callable[[], SyncReport]:
    """A sync that brings these entries."""

    def work() -> SyncReport:
        with store.write() as db:
            page = history.RawPage(0, "binance", "deposits", Ask("deposits"), {}, NOW, b"[]")
            new = history.add_entries(db, "binance", entries, history.keep_raw(db, page))
        earliest = min((entry.time for entry in entries), default=None) if new else None
        return SyncReport("binance", [PartReport("binance", "deposits", new=new, earliest=earliest)])

    return work


def ledger(store: Store) -> list[tuple[str, str]]:
    return sorted(
        (each.entry.id.split(":")[0], text(each.entry.legs[0].amount))
        for each in history.list_entries(store, limit=100)
    )


def test_what_the_exchange_tells_later_takes_the_place_of_the_line(store: Store, held: lease.Lease) -> None:
    bring(store, held, "2021-01-02 03:04:05,Spot,Deposit,BTC,1", "2021-01-02 03:04:05,Spot,Deposit,BTC,2")
    assert ledger(store) == [("file", "1"), ("file", "2")]

    imports.around(held, store, now, syncing(store, told(7, "2", THEN + timedelta(minutes=9))))
    assert ledger(store) == [("deposit", "2"), ("file", "1")]


def test_a_sync_that_was_killed_is_made_up_for_by_the_next(store: Store, held: lease.Lease) -> None:
    bring(store, held, "2021-01-02 03:04:05,Spot,Deposit,BTC,1")

    def killed() -> SyncReport:
        syncing(store, told(7, "1"))()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imports.around(held, store, now, killed)
    assert ledger(store) == [("deposit", "1"), ("file", "1")]

    imports.around(held, store, now, syncing(store))
    assert ledger(store) == [("deposit", "1")]


def test_a_worker_that_lost_its_lease_stores_nothing(store: Store, held: lease.Lease) -> None:
    assert lease.claim(store, "binance", "other", NOW + timedelta(hours=1)) is not None

    with pytest.raises(lease.LeaseLost):
        bring(store, held, "2021-01-02 03:04:05,Spot,Deposit,BTC,1")
    assert ledger(store) == []
    with store.read() as db:
        assert history.file_pages(db, "binance") == []


def test_the_next_file_and_the_next_sync_leave_entries_in_their_place(store: Store, held: lease.Lease) -> None:
    bring(store, held, "2021-01-02 03:04:05,Spot,Deposit,BTC,1")
    [before] = history.list_entries(store, limit=9)
    bring(store, held, "2022-01-02 03:04:05,Spot,Deposit,BTC,3", "2021-01-02 03:04:05,Spot,Deposit,BTC,1")
    imports.around(held, store, now, syncing(store, told(8, "5", NOW)))

    assert history.list_entries(store, limit=9)[-1] == before
    assert ledger(store) == [("deposit", "5"), ("file", "1"), ("file", "3")]


def test_a_trade_that_grew_by_another_file_has_all_its_legs(store: Store, held: lease.Lease) -> None:
    bring(store, held, "2021-01-02 03:04:05,Spot,Buy,BTC,1")
    found = bring(store, held, "2021-01-02 03:04:05,Spot,Buy,BTC,1", "2021-01-02 03:04:05,Spot,Buy,EUR,-9")

    [trade] = history.list_entries(store, limit=9)
    assert found.new == 0
    assert sorted(text(leg.amount) for leg in trade.entry.legs) == ["-9", "1"]


def test_a_file_whose_format_is_not_known_any_more_is_told_and_the_others_stay(store: Store, held: lease.Lease) -> None:
    bring(store, held, "2021-01-02 03:04:05,Spot,Deposit,BTC,1")
    page = imports.page_of("binance", "binance", b"something else", {}, NOW)
    with store.write() as db:
        history.keep_raw(db, page)
    imports.settle(store, held, now)

    [piece] = history.list_unparsed(store)
    assert "not a transaction history of Binance" in piece.piece.reason
    assert ledger(store) == [("file", "1")]


def test_forgetting_a_connection_forgets_its_files(store: Store, held: lease.Lease) -> None:
    bring(store, held, "2021-01-02 03:04:05,Spot,Deposit,BTC,1", "2021-01-02 03:04:05,Spot,Warp,BTC,1")
    with store.write() as db:
        history.forget(db, "binance")
        assert history.raw_streams(db, "binance") == []
    assert ledger(store) == []
    assert history.list_unparsed(store) == []
