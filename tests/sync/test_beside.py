"""What only stands beside the rest keeps no history from being read, and no sync from going well."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallyglass.exchanges.grants import FaultCode
from tallyglass.keeper.client import Answer, ExchangeRefused
from tallyglass.store import history, lease, present
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync import engine
from tallyglass.sync.job import Job
from tallyglass.sync.report import SyncReport

AT = datetime(2026, 11, 22, tzinfo=UTC)
ROW = '{"refid":"T1","time":1795201203.1,"type":"trade","asset":"ZEUR","amount":"-5","fee":"0.01"}'
TRADE = (
    '{"pair":"XXBTZEUR","time":1795201203.1,"type":"buy","price":"2","cost":"5","fee":"0.01","vol":"2.5",'
    '"ordertxid":"O1","margin":"0.0"}'
)
BODIES = {
    "balances": '{"ZEUR":{"balance":"-5.01","hold_trade":"0"}}',
    "open_orders": '{"open":{}}',
    "ledger": f'{{"ledger":{{"L1":{ROW}}},"count":1}}',
    "trades": '{"trades":{},"count":0}',
    "trades.orders": '{"closed":{},"count":0}',
    "deposits": '{"deposit":[],"next_cursor":null}',
    "withdrawals": '{"withdrawals":[],"next_cursor":null}',
}


class Door:
    """A Kraken that refuses some reads."""

    def __init__(self, refused: Mapping[str, FaultCode]) -> None:
        self.refused = refused
        self.asked: list[str] = []

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        self.asked.append(read_id)
        if read_id in self.refused:
            code = self.refused[read_id]
            raise ExchangeRefused(code, "Not for this key.", "Tick the box.", {"fault_code": code, "retry": False})
        return Answer(f'{{"error":[],"result":{BODIES[read_id]}}}'.encode(), AT, 20)


def synced(store: Store, door: Door) -> SyncReport:
    held = lease.claim(store, "kraken", "me", datetime.now(UTC))
    assert held is not None
    return engine.sync(Job("kraken", "kraken", door, store, held))


def fault(store: Store) -> str:
    with store.read() as db:
        return next(each.fault for each in present.list_freshness(db) if each.part == "history")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "portfolio.db", bytes(32))


def test_a_key_that_may_not_read_trades_reads_the_ledger_and_says_what_is_missing(store: Store) -> None:
    report = synced(store, Door({"trades": "missing_permission", "trades.orders": "missing_permission"}))
    assert report.failed == []
    told = {part.stream: (part.text, part.fix) for part in report.parts if part.text}
    assert told == dict.fromkeys(("trades", "trades.orders"), ("Not for this key.", "Tick the box."))
    assert fault(store) == ""
    assert [each.entry.id for each in history.list_entries(store, limit=9)] == ["T1"]


def test_what_cannot_be_read_beside_the_ledger_is_a_fault_of_its_own(store: Store) -> None:
    report = synced(store, Door({"deposits": "bad_request"}))
    assert [(part.stream, part.fault) for part in report.failed] == [("deposits", "bad_request")]
    assert fault(store) == ""


def test_a_ledger_that_the_key_may_not_read_is_missing_from_history(store: Store) -> None:
    report = synced(store, Door({"ledger": "missing_permission"}))
    assert [(part.stream, part.fault) for part in report.failed] == [("ledger", "missing_permission")]
    assert fault(store) == "missing_permission"


class Long(Door):
    """A Kraken with six pages of ledger and as many of trades."""

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        answer = super().read(connection, read_id, params)
        if read_id not in ("ledger", "trades"):
            return answer
        ofs = int((params or {}).get("ofs", "0"))
        row = ROW if read_id == "ledger" else TRADE
        rows = ",".join(f'"{read_id[0].upper()}{ofs + n}":{row.replace("T1", f"T{ofs + n}")}' for n in range(50))
        return Answer(f'{{"error":[],"result":{{"{read_id}":{{{rows}}},"count":300}}}}'.encode(), AT, 20)


def test_the_past_of_what_stands_beside_is_read_after_the_ledger(store: Store) -> None:
    door = Long({})
    assert synced(store, door).failed == []
    asked = door.asked[2:]
    assert [asked.count("ledger"), asked.count("trades")] == [6, 6]
    assert asked.index("trades") < 6
    assert [read for read in asked if read in ("ledger", "trades")][-5:] == ["trades"] * 5
