"""Where the row behind which reading was to go on has vanished, reading begins anew, and ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallyglass.keeper.client import Answer, ExchangeRefused
from tallyglass.store import history, lease
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync import engine
from tallyglass.sync.job import Job
from tallyglass.sync.report import SyncReport

AT = datetime(2026, 11, 22, tzinfo=UTC)
WALLET = {
    "id": "w",
    "name": "BTC Wallet",
    "primary": True,
    "type": "wallet",
    "currency": {"code": "BTC"},
    "balance": {"amount": "2", "currency": "BTC"},
    "created_at": "2026-01-01T00:00:00Z",
}
BODIES = {
    "balances": {"accounts": []},
    "balances.wallets": {"data": [WALLET], "pagination": {}},
    "balances.futures": {},
    "open_orders": {"orders": []},
    "trades": {"fills": [], "cursor": ""},
}


class Door:
    """A Coinbase that gives one row at a time, and takes back the pending one as soon as it is named."""

    def __init__(self, *, knows: bool = True) -> None:
        self.rows = ["c", "b", "a"]
        #: Whether it knows any row that it has told of.
        self.knows = knows
        self.asked = 0

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        if read_id != "ledger":
            return Answer(json.dumps(BODIES[read_id]).encode(), AT, 20)
        self.asked += 1
        after = (params or {}).get("starting_after", "")
        if after == "c" or (after and not self.knows):
            self.rows = [row for row in self.rows if row != "c"]
            raise ExchangeRefused("gone", "No such row.", "", {"fault_code": "gone", "retry": False})
        place = self.rows.index(after) + 1 if after else 0
        data = [self.row(name) for name in self.rows[place : place + 1]]
        more = self.rows[place + 1 :]
        page = {"data": data, "pagination": {"next_uri": f"/x?starting_after={self.rows[place]}" if more else None}}
        return Answer(json.dumps(page).encode(), AT, 20)

    def row(self, name: str) -> dict[str, object]:
        status = "pending" if name == "c" else "completed"
        money = {"amount": "1", "currency": "BTC"}
        return {"id": name, "type": "receive", "status": status, "amount": money, "created_at": "2026-01-02T00:00:00Z"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "portfolio.db", bytes(32))


def synced(store: Store, door: Door) -> SyncReport:
    held = lease.claim(store, "coinbase", "me", datetime.now(UTC))
    assert held is not None
    return engine.sync(Job("coinbase", "coinbase", door, store, held))


def test_reading_goes_on_and_what_was_taken_back_has_failed(store: Store) -> None:
    report = synced(store, Door())
    assert report.failed == []
    assert {each.entry.id for each in history.list_entries(store, limit=9)} == {"tx:b", "tx:a"}
    taken_back = history.list_entries(store, limit=9, done=False)
    assert [(each.entry.id, each.entry.status) for each in taken_back] == [("tx:c", "failed")]


def test_an_exchange_that_knows_none_of_its_rows_is_left_with_a_named_error(store: Store) -> None:
    door = Door(knows=False)
    report = synced(store, door)
    assert [(part.stream, part.fault) for part in report.failed] == [("transactions:w", "gone")]
    assert door.asked < 20
