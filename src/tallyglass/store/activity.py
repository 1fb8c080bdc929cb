"""What has happened on a connection: when last, and whether the same happened on another."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from tallyglass.store.tables import buckets, entries

#: From either end of all ids. Of one account seen twice, nearly all are shared; a transfer between two may share one.
_SAMPLE = 20


def last_entry(db: Connection, connection: str) -> datetime | None:
    """The time of the newest entry: by the index of each bucket, never by a walk through all entries."""
    newest = select(func.max(entries.c.time)).where(entries.c.bucket == buckets.c.id).scalar_subquery()
    found: datetime | None = db.execute(select(func.max(newest)).where(buckets.c.connection == connection)).scalar()
    return found


def years(db: Connection) -> list[tuple[int, int]]:
    """Each year that has entries, and how many: by the index of time alone. The newest first."""
    first, last = db.execute(select(func.min(entries.c.time), func.max(entries.c.time))).one()
    if first is None:
        return []
    told = []
    for year in range(last.year, first.year - 1, -1):
        within = (
            entries.c.time >= datetime(year, 1, 1, tzinfo=UTC),
            entries.c.time < datetime(year + 1, 1, 1, tzinfo=UTC),
        )
        count = db.execute(select(func.count()).select_from(entries).where(*within)).scalar_one()
        if count:
            told.append((year, int(count)))
    return told


def same_account(db: Connection, one: str, other: str) -> bool:
    """Whether two connections tell the same events, by a sample of the ids that the exchange gave them."""
    told = select(entries.c.id).where(entries.c.connection == one, entries.c.raw_page.is_not(None))
    ids = {
        row.id
        for order in (entries.c.id.asc(), entries.c.id.desc())
        for row in db.execute(told.order_by(order).limit(_SAMPLE))
    }
    shared = select(func.count()).where(entries.c.connection == other, entries.c.id.in_(ids))
    return len(ids) >= 3 and db.execute(shared).scalar_one() * 2 > len(ids)
