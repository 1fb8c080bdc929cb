"""What is remembered of findings: when each was first seen, what the user and the alerts have said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from tallyglass.store import upsert
from tallyglass.store.tables import findings

#: So long a closed one is remembered.
_REMEMBERED = timedelta(days=90)
#: Of one that is closed: nothing is left to be told of it.
OVER = "over"
_TOLD = ("severity", "text", "since", "snoozed_until", "snooze_reason", "closed_at")


@dataclass(frozen=True, slots=True)
class Kept:
    """One finding, open or closed."""

    id: str
    code: str
    connection: str
    #: As it was last seen.
    severity: str
    text: str
    #: When it was first seen.
    since: datetime
    snoozed_until: datetime | None = None
    snooze_reason: str = ""
    #: The severity at which an alert last told of it; "" = never, OVER = that it is over.
    alerted: str = ""
    #: None = open.
    closed_at: datetime | None = None

    @property
    def asleep(self) -> bool:
        """Whether it was put off when it ended."""
        return self.closed_at is not None and self.snoozed_until is not None and self.closed_at < self.snoozed_until


def kept(db: Connection) -> dict[str, Kept]:
    """All, open and lately closed, by id."""
    return {row.id: Kept(**row._asdict()) for row in db.execute(select(findings).order_by(findings.c.id))}


def keep(db: Connection, rows: Iterable[Kept], now: datetime) -> None:
    """Write what has changed; `alerted` stays as it is."""
    upsert.upsert(db, findings, [asdict(row) for row in rows], updated=_TOLD)
    db.execute(delete(findings).where(findings.c.closed_at < now - _REMEMBERED))


def snooze(db: Connection, finding: str, until: datetime | None, reason: str) -> bool:
    """Put an open one to sleep until then, None = wake it; whether it was there."""
    here = (findings.c.id == finding, findings.c.closed_at.is_(None))
    return db.execute(update(findings).where(*here).values(snoozed_until=until, snooze_reason=reason)).rowcount > 0


def set_alerted(db: Connection, finding: str, severity: str) -> None:
    """Note that an alert has told of it at that severity, or of its end (`OVER`)."""
    db.execute(update(findings).where(findings.c.id == finding).values(alerted=severity))
