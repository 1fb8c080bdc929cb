"""The peer of `ingest.py`: ccxt's `fetch_my_trades`, page by page, into plain SQLite. A job as JSON on stdin.

Runs in `.venv-peers`. As quick as ccxt can be had: no rate limit of its own, pages of a thousand by `fromId`, one
transaction a page, the journal ahead of the file, and a unique key, so that a fill is stored once.
"""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import resource
import sqlite3
import sys
import time

import ccxt

TABLE = """CREATE TABLE trades (
    symbol TEXT NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL, order_id TEXT, side TEXT NOT NULL,
    price REAL NOT NULL, amount REAL NOT NULL, cost REAL NOT NULL, fee REAL, fee_currency TEXT,
    PRIMARY KEY (symbol, id)) WITHOUT ROWID"""
INSERT = "INSERT OR IGNORE INTO trades VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _connect(job: dict) -> ccxt.binance:
    exchange = ccxt.binance({"apiKey": job["key"], "secret": job["secret"], "enableRateLimit": False})
    for name, address in exchange.urls["api"].items():
        for host, stand_in in job["hosts"].items():
            if isinstance(address, str) and address.startswith(f"https://{host}/"):
                exchange.urls["api"][name] = address.replace(f"https://{host}", stand_in)
    exchange.load_markets()
    return exchange


def _row(symbol: str, trade: dict) -> tuple:
    fee = trade["fee"] or {}
    told = (trade["order"], trade["side"], trade["price"], trade["amount"], trade["cost"])
    return (symbol, int(trade["id"]), trade["timestamp"], *told, fee.get("cost"), fee.get("currency"))


def main() -> None:
    """Read all trades of all markets that are named, and say how long it took."""
    job = json.load(sys.stdin)
    exchange = _connect(job)
    db = sqlite3.connect(job["file"], isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(TABLE)
    begun, cpu, pages = time.perf_counter(), time.process_time(), 0
    for symbol in job["symbols"]:
        following = 0
        while page := exchange.fetch_my_trades(symbol, limit=1000, params={"fromId": following}):
            db.execute("BEGIN")
            db.executemany(INSERT, [_row(symbol, trade) for trade in page])
            db.execute("COMMIT")
            following = int(page[-1]["id"]) + 1
            pages += 1
    seconds = time.perf_counter() - begun
    trades = db.execute("SELECT count(*) FROM trades").fetchone()[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"trades": trades, "pages": pages, "seconds": seconds, "cpu": time.process_time() - cpu, "peak_mb": peak}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
