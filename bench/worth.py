"""Net worth through time: ten years of sixty assets, counted first, after one more entry, and asked from what is kept.

Ours: the app's own `refresh` and `worth history --every day`, over the encrypted store: exact, every day's flows and
parts kept. Every coin has five prices on every day: two exchanges against USDT, one against USD, and the opinions of
CoinGecko and DefiLlama; they differ by up to half a percent.
The peer: the same legs and prices in plain SQLite as floating point numbers, one statement that adds and multiplies
them day by day; it keeps nothing, so that every question costs it the same.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tallyglass.app import past, worth_history
from tallyglass.app.session import Session
from tallyglass.exchanges.streams import Close
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset
from tallyglass.prices.bundled import bundled_rates
from tallyglass.store import booking, closes, identities, present
from tallyglass.store.base import Store
from tallyglass.store.closes import Series
from tallyglass.store.identities import Identity
from tallyglass.store.sqlcipher import open_store

DAYS = 3_650
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BEGIN = datetime(2026, 11, 28, tzinfo=UTC) - timedelta(days=DAYS)
COINS = tuple(Asset(f"COIN{number:02}") for number in range(58))
USDT, EUR = Asset("USDT"), Asset("EUR")
USD = Asset("USD")
CONNECTIONS = ("binance", "kraken", "coinbase")
OPINIONS = ("coingecko", "defillama")
SOURCES = (*CONNECTIONS, *OPINIONS)
AIMS = {"first": 10_000.0, "an entry today": 50.0, "an entry nine years back": 5_000.0, "history": 50.0}
SQL = """
WITH RECURSIVE days(day) AS (SELECT 0 UNION ALL SELECT day + 1 FROM days WHERE day < ?),
moved AS (SELECT asset, day, SUM(amount) AS amount FROM legs GROUP BY asset, day),
held AS (
  SELECT assets.asset, days.day, SUM(moved.amount) OVER (PARTITION BY assets.asset ORDER BY days.day) AS amount
  FROM days CROSS JOIN (SELECT DISTINCT asset FROM legs) AS assets
  LEFT JOIN moved ON moved.asset = assets.asset AND moved.day = days.day
)
SELECT held.day, SUM(held.amount * prices.price) FROM held
JOIN prices ON prices.asset = held.asset AND prices.day = held.day GROUP BY held.day ORDER BY held.day
"""


def entries(count: int) -> Iterator[tuple[str, Entry]]:
    """Trades on three connections, evenly over ten years; a deposit now and then."""
    rng = random.Random(1)  # noqa: S311
    for number in range(count):
        at = BEGIN + timedelta(seconds=DAYS * 86_400 * number // count)
        connection = CONNECTIONS[0] if number % 10 < 8 else CONNECTIONS[1 + number % 2]
        if number % 1_000 == 0:
            yield connection, Entry(f"deposit:{number}", at, "deposit", (Leg("in", "spot", EUR, Decimal(5_000)),))
            continue
        coin = COINS[rng.randrange(len(COINS))]
        legs = (
            Leg("base", "spot", coin, Decimal(rng.randint(1, 99_999)).scaleb(-5)),
            Leg("quote", "spot", USDT, Decimal(-rng.randint(1, 99_999)).scaleb(-2)),
            Leg("fee", "spot", USDT, Decimal("-0.0123"), "fee"),
        )
        yield connection, Entry(f"trade:{coin}USDT:{number}", at, "trade", legs, "buy")


def prices() -> Iterator[Close]:
    """A close of every coin on every day, and of the dollar's coin."""
    rng = random.Random(2)  # noqa: S311
    for place, coin in enumerate((*COINS, USDT)):
        price, quote = (Decimal(1), USD) if coin == USDT else (Decimal(3 ** (place % 12)), USDT)
        for offset in range(DAYS):
            day = (BEGIN + timedelta(days=offset)).date()
            moved = price * (1_000 + rng.randint(-20, 20)) / 1_000
            yield Close(coin, quote, day, moved.quantize(Decimal("0.00001")))


def _as_told(told: list[Close], source: str, place: int) -> Iterator[Close]:
    """What another source says of the same: a little beside it; opinions, and one exchange, count in dollars."""
    for number, each in enumerate(told):
        price = each.price * (2_000 + (number * 7 + place * 3) % 11 - 5) / 2_000
        in_dollars = source in (*OPINIONS, "coinbase")
        if each.base != USDT or in_dollars or source == "kraken":
            yield Close(each.base, USD if in_dollars or each.base == USDT else USDT, each.day, price)


def fill(store: Store, plain: sqlite3.Connection, count: int) -> None:
    """Both stores, with the same."""
    plain.execute("CREATE TABLE legs (asset TEXT, day INTEGER, amount REAL)")
    plain.execute("CREATE TABLE prices (asset TEXT, day INTEGER, price REAL, PRIMARY KEY (asset, day)) WITHOUT ROWID")
    batches: dict[str, list[Entry]] = {name: [] for name in CONNECTIONS}
    for connection, entry in entries(count):
        batches[connection].append(entry)
        if len(batches[connection]) == 1_000:
            book(store, plain, connection, batches[connection])
    for connection, some in batches.items():
        book(store, plain, connection, some)
    told = list(prices())
    with store.write() as db:
        for place, source in enumerate(SOURCES):
            closes.set_closes(db, source, list(_as_told(told, source, place)))
        for source in OPINIONS:
            for coin in (*COINS, USDT):
                closes.set_span(db, Series(source, coin, USD), BEGIN.date(), NOW.date() - timedelta(days=1))
                identities.set_identity(db, Identity(coin, "coingecko", str(coin).lower(), "user"))
        present.set_rates(db, bundled_rates())
    begun = BEGIN.date()
    plain.executemany(
        "INSERT INTO prices VALUES (?, ?, ?)", [(each.base, (each.day - begun).days, str(each.price)) for each in told]
    )
    plain.executemany("INSERT INTO prices VALUES ('EUR', ?, 1.1)", [(day,) for day in range(DAYS)])
    plain.commit()


def book(store: Store, plain: sqlite3.Connection, connection: str, some: list[Entry]) -> None:
    """Entries, into both."""
    with store.write() as db:
        booking.book(db, connection, some, None)
    legs = [(leg.asset, (each.time - BEGIN).days, str(leg.amount)) for each in some for leg in each.legs]
    plain.executemany("INSERT INTO legs VALUES (?, ?, ?)", legs)
    some.clear()


def took(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return round((time.perf_counter() - begun) * 1_000, 1)


def measure(count: int) -> dict[str, Any]:
    """One size: each question to ours, and the peer's one answer to all of them."""
    with tempfile.TemporaryDirectory(prefix="tallyglass-bench-") as name:
        store = open_store(Path(name) / "portfolio.db", bytes(32))
        plain = sqlite3.connect(Path(name) / "plain.db")
        fill(store, plain, count)
        there = [SimpleNamespace(id=each, exchange=each, state="active", window=None) for each in CONNECTIONS]
        keeper = SimpleNamespace(connections=lambda: there)
        session = Session(home=cast(Any, None), keeper=cast(Any, keeper), store=store, now=lambda: NOW)

        def one_more(name: str, at: datetime) -> float:
            entry = Entry(name, at, "deposit", (Leg("in", "spot", COINS[0], Decimal(1)),))
            with store.write() as db:
                booking.book(db, CONNECTIONS[0], [entry], None)
            return took(lambda: past.refresh(session))

        ours = {"first": took(lambda: past.refresh(session))}
        ours["an entry today"] = one_more("deposit:today", NOW - timedelta(hours=1))
        ours["an entry yesterday"] = one_more("deposit:yesterday", NOW - timedelta(days=1))
        ours["an entry nine years back"] = one_more("deposit:old", NOW - timedelta(days=3_287))
        asked = worth_history.Asked(every="day")
        ours["history"] = min(took(lambda: worth_history.history(session, asked)) for _ in range(3))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        peer = min(took(lambda: plain.execute(SQL, (DAYS - 1,)).fetchall()) for _ in range(2))
        store.close()
        plain.close()
    return {"entries": count, "ours_ms": ours, "peer_ms": peer, "memory_mb": memory}


def alone(count: int) -> dict[str, Any]:
    """The same in a process of its own, whose memory is that of this size."""
    ran = subprocess.run(  # noqa: S603
        [sys.executable, __file__, "--json", "--size", str(count)], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 100,000 entries")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--size", type=int, help="one size alone")
    options = parser.parse_args()
    if options.size:
        print(json.dumps(measure(options.size)))
        return
    sizes = [alone(count) for count in ((10_000, 100_000) if options.quick else (10_000, 100_000, 1_000_000))]
    largest = sizes[-1]
    found = {
        "name": "worth",
        "unit": "milliseconds of the first computation",
        "ours": largest["ours_ms"]["first"],
        "peer": largest["peer_ms"],
        "ratio": round(largest["peer_ms"] / largest["ours_ms"]["first"], 2),
        "peer_name": "one statement on plain SQLite, floating point, nothing kept",
        "detail": {"aims_ms": AIMS, "sizes": sizes},
    }
    print(json.dumps(found, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
