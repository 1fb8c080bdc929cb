"""The tables of the user's own accounts. Their entries are among all others, those of a connection `own:NAME`."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from tallyglass.store.columns import Day, Instant, Money
from tallyglass.store.tables import metadata

own_accounts = Table(
    "own_accounts",
    metadata,
    Column("name", String(64), primary_key=True),
    #: wallet, bank, loan, other
    Column("nature", String(8), nullable=False),
    Column("created_at", Instant, nullable=False),
)

#: What the user says is there at the end of a day. Entries are made of it.
own_balances = Table(
    "own_balances",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("asset", String(64), primary_key=True),
    Column("day", Day, primary_key=True),
    Column("amount", Money, nullable=False),
    Column("said_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
