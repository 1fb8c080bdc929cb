"""A market that Binance lists no more: it is stepped over, and no sync fails by it; and pages that bring nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Market
from tallyglass.keeper.client import Answer, ExchangeRefused
from tallyglass.money import asset
from tallyglass.store import lease, present
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync import engine
from tallyglass.sync.job import Job
from tallyglass.sync.report import SyncReport

NOW = datetime(2026, 11, 1, tzinfo=UTC)
QUOTES = ("AAA", "GONE", "ZZZ", "USDT")
MOVED = {"asset": "BTC", "amount": "1", "type": "MAIN_FUNDING", "status": "CONFIRMED", "timestamp": 1_793_000_000_000}


class Door:
    """A spot account with bitcoins from nowhere; of the markets that were once listed, some are not any more."""

    def __init__(self, *gone: str) -> None:
        self.gone = gone
        self.asked: list[str] = []
        self.says: dict[str, object] = {
            "balances": {"balances": [{"asset": "BTC", "free": "1.5", "locked": "0"}], "uid": 410000123},
            "balances.products": {"vipLevel": 0, "isMarginEnabled": False, "isFutureEnabled": False},
            "trades": [],
            "trades.others": [],
        }

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        symbol = (params or {}).get("symbol", "")
        if symbol:
            self.asked.append(symbol)
        if symbol in self.gone:
            fault = registry.permissions("binance").fault(read_id, 400, {}, b'{"code":-1121,"msg":"Invalid symbol."}')
            assert fault is not None
            raise ExchangeRefused(fault.code, "It is gone.", "", {"fault_code": fault.code})
        if read_id not in self.says:
            raise ExchangeRefused("not_opened", "There is no such product.", "", {"fault_code": "not_opened"})
        return Answer(json.dumps(self.says[read_id]).encode(), NOW, 20)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(tmp_path / "portfolio.db", bytes(32))
    with opened.write() as db:
        listed = [Market(f"BTC{quote}", asset("BTC"), asset(quote)) for quote in QUOTES]
        present.set_markets(db, "binance", listed)
    return opened


def synced(store: Store, door: Door) -> SyncReport:
    held = lease.claim(store, "binance", "me", NOW)
    assert held is not None
    return engine.sync(Job("binance", "binance", door, store, held, now=lambda: NOW, pace=10_000))


@pytest.mark.parametrize(
    "gone", [("BTCGONE",), ("BTCAAA", "BTCZZZ", "BTCUSDT"), tuple(f"BTC{each}" for each in QUOTES)]
)
def test_a_sweep_goes_on_behind_a_market_that_is_gone(store: Store, gone: tuple[str, ...]) -> None:
    door = Door(*gone)
    for _ in range(3):
        report = synced(store, door)
        assert report.failed == []
    assert set(door.asked) == {f"BTC{quote}" for quote in QUOTES}
    assert len(door.asked) <= 30


@pytest.mark.parametrize("rows", [100, 0])
def test_a_list_that_counts_more_rows_than_it_gives_is_told_and_read_when_it_does(store: Store, rows: int) -> None:
    door = Door()
    moved = [{**MOVED, "tranId": number} for number in range(rows)]
    door.says["transfers"] = {"total": 250, "rows": moved}
    failed = {part.stream: part.fault for part in synced(store, door).failed}
    assert set(failed.values()) == {"repeats"}
    assert {"transfers.MAIN_FUNDING", "transfers.FUNDING_MAIN"} <= set(failed)
    door.says["transfers"] = {"total": rows, "rows": moved}
    assert synced(store, door).failed == []
