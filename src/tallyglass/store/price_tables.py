"""The tables of prices: daily closes, what the user said, and which coin at a source an asset is."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from tallyglass.store.columns import Day, Instant, Money
from tallyglass.store.tables import metadata

closes = Table(
    "closes",
    metadata,
    Column("source", String(32), primary_key=True),
    #: `ABC`, or `ABC@binance` where exchanges mean different coins by one symbol.
    Column("base", String(100), primary_key=True),
    Column("quote", String(64), primary_key=True),
    Column("day", Day, primary_key=True),
    Column("price", Money, nullable=False),
    sqlite_with_rowid=False,
)

#: The days of a market that its source was asked for, whether it had closes of them or not.
close_spans = Table(
    "close_spans",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("base", String(100), primary_key=True),
    Column("quote", String(64), primary_key=True),
    Column("first", Day, nullable=False),
    Column("last", Day, nullable=False),
)

manual_prices = Table(
    "manual_prices",
    metadata,
    Column("asset", String(64), primary_key=True),
    Column("currency", String(64), primary_key=True),
    Column("day", Day, primary_key=True),
    Column("price", Money, nullable=False),
    Column("note", Text, nullable=False),
    Column("said_at", Instant, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    #: `ABC`, or `ABC@binance`: what one exchange means by it.
    Column("asset", String(100), primary_key=True),
    #: "" = all exchanges mean one coin by it.
    Column("source", String(32), primary_key=True),
    #: The id that the source gives it.
    Column("coin", String(128), nullable=False),
    #: known, exchange, user
    Column("said_by", String(8), nullable=False),
)

#: Every coin that a source lists.
coins = Table(
    "coins",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("symbol", String(64), nullable=False, index=True),
    Column("name", Text, nullable=False),
)
