"""Our addresses as they were seen from outside: each for as long as it was so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from sqlalchemy import Connection, insert, select, update

from tallyglass.store.tables import egress

#: Looks so far apart at most are taken as one: in between the address was no other.
CONTINUOUS = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Seen:
    """One address, for as long as look after look saw it: between the first and the last of them it was ours."""

    #: The proxy that it was seen through; "" = the direct way.
    way: str
    address: str
    since: datetime
    #: When it was last seen.
    last_at: datetime
    #: Whether two services told the same of it, and none another.
    sure: bool
    #: When another was seen in its place, or it was lost from sight for too long; None = it is so now.
    ended_at: datetime | None = None

    @property
    def version(self) -> int:
        """4 or 6."""
        return ip_address(self.address).version


def seen(db: Connection) -> tuple[Seen, ...]:
    """All, the newest first."""
    rows = db.execute(select(egress).order_by(egress.c.since.desc(), egress.c.way, egress.c.address))
    return tuple(Seen(**row._asdict()) for row in rows)


def note(db: Connection, way: str, told: Mapping[str, bool], now: datetime) -> None:
    """What one look told of a way: addresses, and whether each is sure. Another of the same family is over.

    One that was lost from sight begins anew, and so does one that is known better or worse than before. A family of
    which nothing was told may only have been out of reach: it stays as it was.
    """
    families = {ip_address(each).version for each in told}
    known = {each.address: each for each in seen(db) if each.way == way and each.ended_at is None}
    begin: dict[str, datetime] = {}
    for address, each in known.items():
        row = (egress.c.way == way, egress.c.address == address, egress.c.since == each.since)
        if address in told and now - each.last_at > CONTINUOUS:
            db.execute(update(egress).where(*row).values(ended_at=each.last_at))
            begin[address] = now
        elif address in told and each.sure != told[address] and each.since < each.last_at:
            db.execute(update(egress).where(*row).values(ended_at=each.last_at))
            begin[address] = each.last_at
        elif address in told:
            db.execute(update(egress).where(*row).values(last_at=now, sure=told[address]))
        elif each.version in families:
            db.execute(update(egress).where(*row).values(ended_at=now))
    begin |= {address: now for address in told if address not in known}
    new = [Seen(way, address, since, now, told[address]) for address, since in begin.items()]
    if new:
        db.execute(insert(egress), [asdict(each) for each in new])
