"""The table of marks: what all was worth when it was last looked at in an hour."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Table

from tallyglass.store.columns import Instant, Money
from tallyglass.store.tables import metadata

#: Not derived: balances as exchanges reported them, at the prices of that moment.
worth_marks = Table(
    "worth_marks",
    metadata,
    Column("currency", String(64), primary_key=True),
    #: The hour that it is the last look of.
    Column("hour", Instant, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("total", Money, nullable=False),
    Column("complete", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
