"""Products that an account has not opened: not asked where the exchange tells so, no failure where it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tallyglass.keeper.client import Answer, ExchangeRefused
from tallyglass.store import lease, present
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync.engine import sync
from tallyglass.sync.job import Job

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SPOT = {"balances": [{"asset": "BTC", "free": "1.5", "locked": "0"}], "uid": 410000123}


class Line:
    """A door to an account that has no futures, and margin that was promised and is not there."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.says: dict[str, object] = {
            "balances": SPOT,
            "balances.funding": [],
            "balances.products": {"vipLevel": 0, "isMarginEnabled": True, "isFutureEnabled": False},
            "balances.wallets": [],
            "balances.locked": {"rows": [], "total": 0},
            "balances.isolated": {"assets": []},
            "open_orders": [],
        }

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        self.asked.append(read_id)
        if read_id not in self.says:
            raise ExchangeRefused("not_opened", "There is no such product.", "", {"fault_code": "not_opened"})
        return Answer(json.dumps(self.says[read_id]).encode(), NOW, 20)


def test_what_is_not_there_is_not_asked_and_fails_nothing(tmp_path: Path) -> None:
    store, line = open_store(tmp_path / "portfolio.db", bytes(32)), Line()
    held = lease.claim(store, "binance", "me", NOW)
    assert held is not None

    report = sync(Job("binance", "binance", line, store, held, now=lambda: NOW, pace=10_000))

    assert not report.failed
    assert "balances.margin" in line.asked
    assert not {"balances.usdm", "balances.coinm", "ledger.usdm", "ledger.coinm"} & set(line.asked)
    with store.read() as db:
        found, _ = present.balances_of(db, "binance")
    assert [(each.account, each.asset, str(each.total)) for each in found] == [("spot", "BTC", "1.5")]


def test_a_product_that_held_something_cannot_have_never_been_opened(tmp_path: Path) -> None:
    store, line = open_store(tmp_path / "portfolio.db", bytes(32)), Line()
    line.says["balances.margin"] = {"userAssets": [{"asset": "BTC", "netAsset": "2", "borrowed": "0", "interest": "0"}]}
    held = lease.claim(store, "binance", "me", NOW)
    assert held is not None
    job = Job("binance", "binance", line, store, held, now=lambda: NOW, pace=10_000)
    assert not [part for part in sync(job).failed if part.stream == "balances"]
    with store.read() as db:
        before, _ = present.balances_of(db, "binance")
    assert ("margin", "2") in [(each.account, str(each.total)) for each in before]

    del line.says["balances.margin"]
    [failed] = [part for part in sync(job).failed if part.stream == "balances"]
    assert failed.fault == "not_opened"
    assert "had something before" in failed.text
    with store.read() as db:
        after, _ = present.balances_of(db, "binance")
    assert after == before, "nothing has become less in silence"
