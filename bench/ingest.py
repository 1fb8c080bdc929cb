"""A million trades from the sandbox into the encrypted store, beside ccxt into plain SQLite, over the same server.

Ours is the whole of it: the real keeper process with its journal, the real engine, the SQLCipher file, and at the end
every balance reconciled with what the exchange reports. `--quick`: 100,000 trades.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tallyglass.app import connections, demo, reconciling, syncing
from tallyglass.app.home import Home
from tallyglass.app.service import Service
from tallyglass.app.session import Session
from tallyglass.exchanges.binance import trades as fills
from tallyglass.keeper.client import Keeper
from tallyglass.store import history, upsert
from tallyglass.store.base import Store
from tallyglass.sync.report import PartReport

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
#: A budget is a budget of the exchange; here it is to be no one's limit.
PACE = "1000000"
MEGABYTE = 1 << 20


@contextmanager
def crowded(folder: Path, trades: int) -> Iterator[tuple[demo.Sandbox, psutil.Process]]:
    """The fake Binance with that many trades, and its process."""
    state = folder / "sandbox.json"
    command = [sys.executable, str(HERE / "crowded.py"), "--trades", str(trades), "--state", str(state)]
    process = subprocess.Popen(command)  # noqa: S603  (ours)
    try:
        while not state.exists():
            assert process.poll() is None, "the sandbox did not start"
            time.sleep(0.1)
        told = json.loads(state.read_bytes())
        yield demo.Sandbox(told["base_url"], told), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def unlocked(home: Home, sandbox: demo.Sandbox) -> Iterator[Session]:
    """A home of its own with a keeper that runs."""
    os.environ["TALLYGLASS_SANDBOX_PACE"] = PACE
    service = Service(home, sandbox=sandbox.base_url)
    passphrase = demo.make_passphrase()
    keeper = service.start()
    keeper.create(passphrase)
    service.unlock(passphrase)
    try:
        yield service.session()
    finally:
        service.stop()


class Stages:
    """Wall-clock seconds spent in each stage, each in the thread that does it. What runs at once is counted twice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def measure(self, where: object, name: str, stage: str) -> None:
        """Take the time of every call of a function."""
        inner: Callable[..., Any] = getattr(where, name)

        def timed(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return inner(*given, **named)
            finally:
                spent = time.perf_counter() - begun
                with self._lock:
                    self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

        setattr(where, name, timed)


def watched_stages() -> Stages:
    stages = Stages()
    stages.measure(Keeper, "read", "keeper and exchange")
    stages.measure(fills.Trades, "page", "parse")
    stages.measure(history, "keep_raw", "raw page")
    stages.measure(history, "book", "book (of it insert)")
    stages.measure(upsert, "insert", "insert")
    return stages


class Peaks:
    """Resident memory of a process when so many entries had come."""

    def __init__(self, marks: tuple[int, ...]) -> None:
        self._marks, self._parts = list(marks), dict[str, int]()
        self._me = psutil.Process()
        self.megabytes: dict[str, int] = {}
        self.begun = self.ended = 0.0

    def watch(self, part: PartReport) -> None:
        """Called by the engine after each page."""
        if not part.stream.startswith("trades:"):
            return
        self.begun = self.begun or time.perf_counter()
        self.ended = time.perf_counter()
        self._parts[part.stream] = part.entries
        total = sum(self._parts.values())
        while self._marks and total >= self._marks[0]:
            self.megabytes[f"{self._marks.pop(0):,}"] = self._me.memory_info().rss // MEGABYTE


def cpu(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def ours(folder: Path, sandbox: demo.Sandbox, server: psutil.Process, trades: int) -> dict[str, Any]:
    """Connect, sync, and prove that it is all there and adds up."""
    stages = watched_stages()
    peaks = Peaks((10_000, 100_000, 500_000, trades * 99 // 100))
    with unlocked(Home(folder / "home"), sandbox) as session:
        connections.connect(session.keeper, "binance", sandbox.key("binance"))
        processes = {
            "app": psutil.Process(),
            "keeper": psutil.Process(session.keeper.health().pid),
            "sandbox": server,
        }
        before = {name: cpu(process) for name, process in processes.items()}
        begun = time.perf_counter()
        parts = syncing.sync(session, watch=peaks.watch)
        seconds = time.perf_counter() - begun
        spent = {name: round(cpu(process) - before[name], 2) for name, process in processes.items()}
        assert not [part for part in parts if part["fault"]], [part for part in parts if part["fault"]]
        spot = [part for part in parts if part["stream"].startswith(("trades:", "trades.others"))]
        gaps = [row for row in reconciling.reconcile(session) if row["gap"] != "0"]
        return {
            "trades": sum(part["new"] for part in spot),
            "entries": entries(session.store),
            "pages": sum(part["pages"] for part in spot),
            "requests": sum(part["requests"] for part in parts),
            "seconds": seconds,
            # from the first page of trades to the last: without the lists, the prices and the rates of a first sync
            "seconds_of_trades": round(peaks.ended - peaks.begun, 2),
            "gaps": len(gaps),
            "cpu_seconds": spent,
            "stage_seconds": {name: round(each, 2) for name, each in stages.seconds.items()},
            "app_mb_at": peaks.megabytes,
            "keeper_mb": processes["keeper"].memory_info().rss // MEGABYTE,
            "database_mb": session.home.portfolio.stat().st_size // MEGABYTE,
            "again": again(session),
        }


def entries(store: Store) -> int:
    with store.read() as db:
        return history.count_entries(db, "binance")


def again(session: Session) -> dict[str, float]:
    """A sync when nothing is new."""
    begun = time.perf_counter()
    parts = syncing.sync(session)
    told = [part for part in parts if part["connection"] == "binance"]
    return {
        "requests": sum(part["requests"] for part in told),
        "new": sum(part["new"] for part in told),
        "milliseconds": round((time.perf_counter() - begun) * 1000),
    }


def peer(folder: Path, sandbox: demo.Sandbox, server: psutil.Process) -> dict[str, Any]:
    """ccxt, told the markets, since it does not find them."""
    told = sandbox.state["exchanges"]["binance"]
    from tallyglass.sandbox.binance.markets import MARKETS

    symbols = [f"{each.base}/{each.quote}" for each in MARKETS.values() if each.quote in ("USDT", "EUR", "BTC")]
    key = sandbox.key("binance")
    job = {"key": key["key"], "secret": key["secret"], "hosts": told["hosts"], "symbols": symbols}
    job["file"] = str(folder / "ccxt.db")
    before = cpu(server)
    command = [str(PEERS), str(HERE / "ingest_ccxt.py")]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "sandbox_cpu": round(cpu(server) - before, 2)}


def measure(trades: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="tallyglass-bench-") as name:
        folder = Path(name)
        with crowded(folder, trades) as (sandbox, server):
            mine = ours(folder, sandbox, server, trades)
            theirs = peer(folder, sandbox, server)
    assert mine["trades"] == theirs["trades"] == trades, (mine, theirs)
    rates = {name: each["trades"] / each["seconds"] for name, each in (("ours", mine), ("peer", theirs))}
    return {
        "name": "ingest",
        "unit": "trades per second",
        "ours": round(rates["ours"]),
        "peer": round(rates["peer"]),
        "ratio": round(rates["ours"] / rates["peer"], 2),
        "peer_name": "ccxt fetch_my_trades into plain SQLite",
        "detail": {"ours": mine, "peer": theirs, "cores": os.cpu_count(), "load": os.getloadavg()[0]},
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 trades")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(100_000 if options.quick else 1_000_000)
    if options.json:
        print(json.dumps(found))
    else:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
