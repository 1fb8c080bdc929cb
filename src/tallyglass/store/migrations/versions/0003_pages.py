"""What was made of a raw page is found quickly: for replays, for files, and whenever a page is dropped."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the indexes. Dropping a page had SQLite look through every entry for one that stands under it."""
    op.create_index("entries_by_page", "entries", ["raw_page"], unique=False)
    op.create_index("unparsed_by_page", "unparsed", ["raw_page"], unique=False)
