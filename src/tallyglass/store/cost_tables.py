"""The table of costs: where the pools of average cost stood at the end of some days."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from tallyglass.store.columns import Day
from tallyglass.store.tables import metadata

#: Derived: the last day of every month that is over, and the newest day.
cost_states = Table(
    "cost_states",
    metadata,
    Column("currency", String(64), primary_key=True),
    Column("day", Day, primary_key=True),
    #: JSON: {asset: figures}.
    Column("pools", Text, nullable=False),
    sqlite_with_rowid=False,
)
