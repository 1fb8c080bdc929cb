"""Accounts of the user's own, and the balances that he states of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallyglass.store.columns import Day, Instant, Money

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "own_accounts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("nature", sa.String(length=8), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "own_balances",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("said_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account", "asset", "day"),
        sqlite_with_rowid=False,
    )
