"""Alerts: the channels, and every message that was sent or waits to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from tallyglass.store import upsert
from tallyglass.store.tables import channels, deliveries

#: So long a message that is over is remembered.
_REMEMBERED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts go."""

    name: str
    #: A secret: it holds tokens and passwords. It is nowhere but here.
    address: str
    #: The least severity that goes there.
    least: str
    created_at: datetime

    def __repr__(self) -> str:
        return f"Channel({self.name!r})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one channel."""

    channel: str
    #: alert, mended, digest, test
    kind: str
    severity: str
    title: str
    body: str
    created_at: datetime
    #: Not before.
    next_try: datetime
    tries: int = 0
    #: Why it was not taken the last time.
    fault: str = ""
    delivered_at: datetime | None = None
    #: None = delivered, or still waiting.
    given_up_at: datetime | None = None
    pk: int = 0


def list_channels(db: Connection) -> list[Channel]:
    """All, by name."""
    return [Channel(**row._asdict()) for row in db.execute(select(channels).order_by(channels.c.name))]


def add_channel(db: Connection, channel: Channel) -> None:
    """Add one, or change the one of this name."""
    upsert.upsert(db, channels, [asdict(channel)], updated=("address", "least"))


def remove_channel(db: Connection, name: str) -> bool:
    """Remove one, with what waits for it; whether it was there."""
    waits = (deliveries.c.channel == name, deliveries.c.delivered_at.is_(None), deliveries.c.given_up_at.is_(None))
    db.execute(delete(deliveries).where(*waits))
    return db.execute(delete(channels).where(channels.c.name == name)).rowcount > 0


def queue(db: Connection, rows: Sequence[Delivery], now: datetime) -> None:
    """Write messages down, to be sent; what is long over is forgotten."""
    for row in rows:
        told = asdict(row)
        del told["pk"]
        db.execute(insert(deliveries).values(**told))
    db.execute(delete(deliveries).where(deliveries.c.created_at < now - _REMEMBERED))


def claim(db: Connection, now: datetime, until: datetime) -> list[Delivery]:
    """What is to be sent now, the oldest first. Until then nobody else is given the same."""
    open_ = (deliveries.c.delivered_at.is_(None), deliveries.c.given_up_at.is_(None), deliveries.c.next_try <= now)
    found = db.execute(select(deliveries).where(*open_).order_by(deliveries.c.pk)).all()
    db.execute(update(deliveries).where(deliveries.c.pk.in_([row.pk for row in found])).values(next_try=until))
    return [Delivery(**row._asdict()) for row in found]


def settle(db: Connection, row: Delivery) -> None:
    """Write how a try went."""
    values = {name: getattr(row, name) for name in ("tries", "next_try", "fault", "delivered_at", "given_up_at")}
    db.execute(update(deliveries).where(deliveries.c.pk == row.pk).values(**values))


def latest(db: Connection, limit: int) -> list[Delivery]:
    """The last messages, newest first."""
    found = db.execute(select(deliveries).order_by(deliveries.c.pk.desc()).limit(limit))
    return [Delivery(**row._asdict()) for row in found]
