"""Marks: what all was worth within the day, as it was seen; one for every hour, the last look of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Connection, select, type_coerce

from tallyglass.money import Amount, Asset
from tallyglass.store import upsert
from tallyglass.store.mark_tables import worth_marks

#: In microseconds, as times stand in their column.
_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Mark:
    """What all was worth at a moment, by reported balances and the prices of then."""

    at: datetime
    total: Amount
    complete: bool


def keep(db: Connection, currency: Asset, mark: Mark) -> None:
    """Keep a look; the one before it in the same hour gives way, unless that was complete and this is not."""
    hour = mark.at.replace(minute=0, second=0, microsecond=0)
    here = (worth_marks.c.currency == currency, worth_marks.c.hour == hour)
    if not mark.complete and db.execute(select(worth_marks.c.complete).where(*here)).scalar():
        return
    row = {"currency": currency, "hour": hour, "at": mark.at, "total": mark.total, "complete": mark.complete}
    upsert.upsert(db, worth_marks, [row], updated=("at", "total", "complete"))


def between(db: Connection, currency: Asset, first: datetime, before: datetime) -> list[Mark]:
    """The marks from one moment on and before another, the oldest first."""
    here = (worth_marks.c.currency == currency, worth_marks.c.at >= first, worth_marks.c.at < before)
    return _marks(db, *here)


def last_of_days(db: Connection, currency: Asset) -> list[Mark]:
    """Those of the last hour of each day, where they were complete."""
    of_day = type_coerce(worth_marks.c.hour, BigInteger) % _DAY
    here = (worth_marks.c.currency == currency, worth_marks.c.complete, of_day == _DAY - _HOUR)
    return _marks(db, *here)


def _marks(db: Connection, *here: ColumnElement[bool]) -> list[Mark]:
    found = db.execute(select(worth_marks).where(*here).order_by(worth_marks.c.hour))
    return [Mark(row.at, row.total, row.complete) for row in found]
