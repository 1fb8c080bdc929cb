"""Worth of days: two figures that nobody asked for are kept no more."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Drop the columns; what they told follows from those that stay."""
    for column in ("deposits", "complete"):
        op.drop_column("worth_days", column)
