"""Transfers: what the user said, and what was found; deposits and withdrawals found quickly among a million trades."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallyglass.store.columns import Instant

revision = "0002"
down_revision = "0001"

_MOVES = sa.literal_column("kind IN ('deposit', 'withdrawal')", sa.Boolean)


def upgrade() -> None:
    """Add the tables and the index."""
    op.create_table(
        "transfer_decisions",
        sa.Column("sent_connection", sa.String(length=64), nullable=False),
        sa.Column("sent_id", sa.String(length=200), nullable=False),
        sa.Column("received_connection", sa.String(length=64), nullable=False),
        sa.Column("received_id", sa.String(length=200), nullable=False),
        sa.Column("said", sa.String(length=8), nullable=False),
        sa.Column("said_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sent_connection", "sent_id", "received_connection", "received_id"),
    )
    op.create_table(
        "transfers",
        sa.Column("sent_connection", sa.String(length=64), nullable=False),
        sa.Column("sent_id", sa.String(length=200), nullable=False),
        sa.Column("received_connection", sa.String(length=64), nullable=False),
        sa.Column("received_id", sa.String(length=200), nullable=False),
        sa.Column("basis", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("sent_connection", "sent_id"),
        sa.UniqueConstraint("received_connection", "received_id"),
    )
    op.create_index(
        "moves_by_time", "entries", ["time", "pk"], unique=False, sqlite_where=_MOVES, postgresql_where=_MOVES
    )
