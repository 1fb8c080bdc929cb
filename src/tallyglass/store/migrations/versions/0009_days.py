"""Worth through time: what each day moved, which days are to be counted anew, what all was worth on each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallyglass.store.columns import Day, Json, Money

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the tables. Every day that an entry is of is still to be counted."""
    op.create_table(
        "day_moves",
        sa.Column("day", Day(), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("flow", Money(), nullable=True),
        sa.Column("fee", Money(), nullable=True),
        sa.Column("reward", Money(), nullable=True),
        sa.PrimaryKeyConstraint("day", "connection", "asset"),
        sqlite_with_rowid=False,
    )
    op.create_table("stale_days", sa.Column("day", Day(), nullable=False), sa.PrimaryKeyConstraint("day"))
    op.create_table(
        "worth_days",
        *_day_of_a_currency(),
        sa.Column("total", Money(), nullable=False),
        sa.Column("flow", Money(), nullable=False),
        sa.Column("deposits", Money(), nullable=False),
        sa.Column("fees", Money(), nullable=False),
        sa.Column("rewards", Money(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("causes", Json(), nullable=False),
        sa.PrimaryKeyConstraint("currency", "day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "worth_parts",
        *_day_of_a_currency(),
        sa.Column("assets", sa.Text(), nullable=False),
        sa.Column("connections", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("currency", "day"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO stale_days (day) SELECT DISTINCT time / 86400000000 FROM entries")


def _day_of_a_currency() -> tuple[sa.Column[str], sa.Column[int]]:
    return sa.Column("currency", sa.String(length=64), nullable=False), sa.Column("day", Day(), nullable=False)
