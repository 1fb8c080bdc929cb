"""Egress: our addresses as they were seen from outside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallyglass.store.columns import Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "egress",
        sa.Column("way", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("way", "address", "since"),
    )
