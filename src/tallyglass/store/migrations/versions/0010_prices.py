"""Prices: daily closes, what the user said, and which coin at a source an asset is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallyglass.store.columns import Day, Instant, Money

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "closes",
        *_market(),
        sa.Column("day", Day(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.PrimaryKeyConstraint("source", "base", "quote", "day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "close_spans",
        *_market(),
        sa.Column("first", Day(), nullable=False),
        sa.Column("last", Day(), nullable=False),
        sa.PrimaryKeyConstraint("source", "base", "quote"),
    )
    op.create_table(
        "manual_prices",
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("said_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "currency", "day"),
    )
    op.create_table(
        "identities",
        sa.Column("asset", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("coin", sa.String(length=128), nullable=False),
        sa.Column("said_by", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("asset", "source"),
    )
    op.create_table(
        "coins",
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_index("ix_coins_symbol", "coins", ["symbol"])


def _market() -> tuple[sa.Column[str], sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("base", sa.String(length=100), nullable=False),
        sa.Column("quote", sa.String(length=64), nullable=False),
    )
