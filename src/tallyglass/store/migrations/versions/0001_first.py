"""The first schema."""

from __future__ import annotations

from alembic import op

from tallyglass.store.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table. Later revisions say what they change; this one is what the tables module says today."""
    metadata.create_all(op.get_bind())
