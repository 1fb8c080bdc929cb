"""Whether stored balances are complete: those of before were not marked, and do not count as such."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the mark."""
    op.add_column("snapshots", sa.Column("complete", sa.Boolean(), nullable=False, server_default=sa.false()))
