"""A page of a long history: the newest, a deep one, a filtered one, and searches, beside plain SQLite told by LIKE.

Ours: the app's own `history`, from the encrypted store to the JSON that a user gets. The peer: one plain table of the
same entries with an index on time, asked for the same page by SQL: `LIKE` where ours searches.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from tallyglass.app import history as app
from tallyglass.app.session import Session
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset, amount
from tallyglass.store import history
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
COINS = ("BTC", "ETH", "BNB", "SOL", "ADA", "DOT", "XRP", "DOGE", "LTC", "LINK", "ATOM", "TRX")
QUOTES = ("USDT", "EUR", "BTC")
ROUNDS = 7
AIM = 50.0


def entries(count: int) -> Iterator[tuple[str, Entry]]:
    """Trades of two connections on many markets; every five-thousandth event is something else."""
    for number in range(count):
        at = BEGIN + timedelta(seconds=number * 200)
        connection = "binance" if number % 10 else "kraken"
        if number % 5_000 == 17:
            got = (Leg("in", "spot", Asset("PEPE"), amount("1000")),)
            yield connection, Entry(f"reward:{number}", at, "reward", got, note="launchpool")
            continue
        base, quote = COINS[number % 12], QUOTES[number // 12 % 3]
        legs = (
            Leg("base", "spot", Asset(base), amount("0.0012")),
            Leg("quote", "spot", Asset(quote), amount("-103.69")),
            Leg("fee", "spot", Asset("BNB"), amount("-0.00000012"), "fee"),
        )
        facts = (("market", f"{base}/{quote}"), ("order", str(40_000_000 + number // 3)))
        yield connection, Entry(f"trade:{base}{quote}:{9_000_000 + number}", at, "trade", legs, "buy", facts=facts)


def fill(store: Store, plain: sqlite3.Connection, count: int) -> None:
    """Both stores, with the same."""
    plain.execute(
        "CREATE TABLE entries (pk INTEGER PRIMARY KEY, connection TEXT, id TEXT, time INTEGER, kind TEXT, legs TEXT,"
        " facts TEXT, note TEXT)"
    )
    batch: dict[str, list[Entry]] = {"binance": [], "kraken": []}
    for connection, entry in entries(count):
        batch[connection].append(entry)
        if len(batch[connection]) == 1_000:
            _flush(store, plain, connection, batch[connection])
    for connection, some in batch.items():
        _flush(store, plain, connection, some)
    plain.execute("CREATE INDEX by_time ON entries (time)")
    plain.commit()


def _flush(store: Store, plain: sqlite3.Connection, connection: str, some: list[Entry]) -> None:
    with store.write() as db:
        history.book(db, connection, some, None)
    plain.executemany(
        "INSERT INTO entries (connection, id, time, kind, legs, facts, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                connection,
                entry.id,
                int((entry.time - BEGIN).total_seconds()),
                entry.kind,
                json.dumps([[leg.asset, str(leg.amount)] for leg in entry.legs]),
                json.dumps(entry.facts),
                entry.note,
            )
            for entry in some
        ],
    )
    some.clear()


def questions(count: int) -> dict[str, tuple[app.Question, str]]:
    """What is asked: of ours, and as the condition of the peer."""
    middle = (BEGIN + timedelta(seconds=count * 100)).isoformat()
    early = (BEGIN + timedelta(seconds=count * 50)).isoformat()
    word = str(9_000_000 + count // 2)
    order = str(40_000_000 + count // 5)
    return {
        "first page": (app.Question(), ""),
        "deep page": (app.Question(until=middle), f"time < {count * 100}"),
        "connection": (app.Question(connection="kraken"), "connection = 'kraken'"),
        "kind, rare": (app.Question(kind="reward"), "kind = 'reward'"),
        "asset, rare": (app.Question(asset="PEPE"), "legs LIKE '%\"PEPE\"%'"),
        "search: id": (app.Question(search=word), f"id LIKE '%:{word}%'"),
        "search: beginning of an id": (app.Question(search=word[:5]), f"id LIKE '%:{word[:5]}%'"),
        "search: order": (app.Question(search=order), f"facts LIKE '%{order}%'"),
        "search: market": (app.Question(search="SOL/EUR"), "facts LIKE '%SOL/EUR%'"),
        "search: note": (app.Question(search="launchpool"), "note LIKE '%launchpool%'"),
        "search: common word": (app.Question(search="buy"), "note LIKE '%buy%'"),
        "search: two words": (
            app.Question(search="ada/eur kraken", until=middle),
            f"facts LIKE '%ADA/EUR%' AND connection = 'kraken' AND time < {count * 100}",
        ),
        "kind, asset and times": (
            app.Question(kind="trade", asset="XRP", since=early, until=middle),
            f"kind = 'trade' AND legs LIKE '%\"XRP\"%' AND time BETWEEN {count * 50} AND {count * 100 - 1}",
        ),
        "pending": (app.Question(pending=True), "kind = 'none'"),
        "search: nothing": (app.Question(search="nobody"), "id LIKE '%nobody%' OR facts LIKE '%nobody%'"),
    }


def milliseconds(work: Callable[[], object]) -> float:
    """The median of some rounds."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        took.append((time.perf_counter() - begun) * 1_000)
    return round(sorted(took)[ROUNDS // 2], 2)


def measure(count: int) -> dict[str, Any]:
    """Every question, to both."""
    with tempfile.TemporaryDirectory(prefix="tallyglass-bench-") as name:
        store = open_store(Path(name) / "portfolio.db", bytes(32))
        plain = sqlite3.connect(Path(name) / "plain.db")
        fill(store, plain, count)
        session = Session(home=cast(Any, None), keeper=cast(Any, None), store=store)
        rows: dict[str, dict[str, float]] = {}
        for about, (asked, condition) in questions(count).items():
            sql = f"SELECT * FROM entries {'WHERE ' + condition if condition else ''} ORDER BY time DESC LIMIT 50"  # noqa: S608
            found = app.history(session, asked)["items"]
            assert len(found) == len(plain.execute(sql).fetchall()), about
            rows[about] = {
                "ours_ms": milliseconds(lambda asked=asked: app.history(session, asked)),  # type: ignore[misc]
                "peer_ms": milliseconds(lambda sql=sql: plain.execute(sql).fetchall()),  # type: ignore[misc]
                "found": len(found),
            }
        store.close()
        plain.close()
    slowest = {name: max(row[name] for row in rows.values()) for name in ("ours_ms", "peer_ms")}
    return {
        "name": "history",
        "unit": "milliseconds of the slowest question",
        "ours": slowest["ours_ms"],
        "peer": slowest["peer_ms"],
        "ratio": round(slowest["peer_ms"] / slowest["ours_ms"], 2),
        "peer_name": "LIKE on plain SQLite",
        "detail": {"entries": count, "aim_ms": AIM, "questions": rows},
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 entries")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(100_000 if options.quick else 1_000_000)
    print(json.dumps(found, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
