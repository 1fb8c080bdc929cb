"""Costs: where the pools of average cost stood at the end of some days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallyglass.store.columns import Day

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "cost_states",
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("pools", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("currency", "day"),
        sqlite_with_rowid=False,
    )
