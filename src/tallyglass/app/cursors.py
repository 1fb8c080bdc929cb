"""Cursors: the place in a list where the next page begins, opaque to who asks."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from tallyglass.app.problems import Problem

#: What a database, and a clock that goes on, can still hold.
_LARGEST, _END = 1 << 63, 9999


def written(time: datetime, place: int) -> str:
    """The cursor of a moment and a place within it."""
    return base64.urlsafe_b64encode(f"{time.isoformat()}|{place}".encode()).decode().rstrip("=")


def read(cursor: str) -> tuple[datetime, int]:
    """What `written` wrote. A `Problem` for anything else."""
    found = _read(cursor)
    if found is None or not (found[0].year < _END and 0 <= found[1] < _LARGEST):
        raise Problem("cursor", "That is no cursor of ours.", "Take `next` from the page before.")
    return found


def _read(cursor: str) -> tuple[datetime, int] | None:
    try:
        time, place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
        return datetime.fromisoformat(time).astimezone(UTC), int(place)
    except (ValueError, OverflowError):
        return None
