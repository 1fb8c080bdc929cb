"""What a test may do to the fake Binance: take its past away, put a stranger in, close a path."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from support.binance import DAY, NOW, Bench, grown, trades, truth, windows
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.world import WorldPrices

DEPOSITS = "GET /sapi/v1/capital/deposit/hisrec"
BEFORE = datetime.fromtimestamp(NOW - 300 * 86400, UTC)


@pytest.fixture
def bench() -> Bench:
    return grown()


def order(bench: Bench, add: str, **more: str) -> Any:
    """Through the control."""
    control = Control({"binance": bench.venue}, WorldPrices(1, NOW), 0)
    done = control.answer("POST", "/account/binance", "", json.dumps({"add": add, **more}).encode())
    assert done.status == 200, done.body
    return json.loads(done.body)


def test_a_cut_history_ends_there_and_the_books_do_not(bench: Bench) -> None:
    all_before, held = trades(bench), bench.venue.books["main"].balances()
    open_before = bench.ask("GET /api/v3/openOrders")
    order(bench, "history_cut", before=BEFORE.isoformat())
    edge = int(BEFORE.timestamp() * 1000)

    assert trades(bench) == [row for row in all_before if row["time"] >= edge] != all_before
    assert min(row["insertTime"] for each in windows(bench, 90) for row in bench.ask(DEPOSITS, **each)) >= edge
    assert bench.ask("GET /api/v3/openOrders") == open_before
    assert bench.venue.books["main"].balances() == held
    assert len(truth(bench, "trade")) == len(all_before)


def test_a_stranger_is_in_the_balance_and_in_a_state_that_nobody_knows(bench: Bench) -> None:
    before = bench.venue.books["main"].balance("USDT")
    [entry] = order(bench, "unknown_type")["entries"]
    bench.now = datetime.now(UTC).timestamp() + 1
    [row] = bench.ask(DEPOSITS, startTime=bench.ms - DAY)

    assert (entry["id"], entry["kind"]) == (f"deposit:{row['id']}", "adjustment")
    assert bench.venue.books["main"].balance("USDT") - before == Decimal(row["amount"]) > 0
    assert row["status"] not in {0, 1, 2, 6, 7, 8}
