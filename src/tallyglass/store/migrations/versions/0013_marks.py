"""Marks: what all was worth within the day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallyglass.store.columns import Instant, Money

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "worth_marks",
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("total", Money(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("currency", "hour"),
        sqlite_with_rowid=False,
    )
