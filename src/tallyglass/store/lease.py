"""Leases: one worker per connection, by one row and a fence token. The same SQL on both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from tallyglass.store.base import Store
from tallyglass.store.tables import leases
from tallyglass.store.upsert import insert_new

LENGTH = timedelta(seconds=60)
#: Made once, as other statements that every page needs: to make it takes longer than to run it.
_HOLD = (
    update(leases)
    .where(leases.c.name == bindparam("of"), leases.c.fence == bindparam("number"), leases.c.holder == bindparam("by"))
    .values(lease_until=bindparam("until"))
    .returning(leases.c.fence)
)


class LeaseLost(RuntimeError):
    """Another worker has taken over: whatever this one still holds must not be written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for one connection, until it ends or somebody else takes it over."""

    name: str
    holder: str
    fence: int


def claim(
    store: Store, name: str, holder: str, now: datetime, *, gone: Callable[[str], bool] = lambda _holder: False
) -> Lease | None:
    """The lease, if nobody holds it; None while another worker does.

    `gone` tells of a holder that it is known to have died, so that nobody waits for a lease to run out.
    """
    with store.write() as db:
        insert_new(db, leases, [{"name": name, "holder": "", "lease_until": now, "fence": 0, "failures": 0}])
        before: str = db.execute(select(leases.c.holder).where(leases.c.name == name)).scalar_one()
        free = (leases.c.lease_until <= now) | (leases.c.holder == (before if gone(before) else holder))
        fence = db.execute(
            update(leases)
            .where(leases.c.name == name, free)
            .values(holder=holder, lease_until=now + LENGTH, fence=leases.c.fence + 1)
            .returning(leases.c.fence)
        ).scalar()
    return None if fence is None else Lease(name, holder, fence)


def hold(db: Connection, lease: Lease, now: datetime) -> None:
    """Prove and prolong the lease inside a write. Raises `LeaseLost`, so that the write is rolled back."""
    told = {"of": lease.name, "number": lease.fence, "by": lease.holder, "until": now + LENGTH}
    if db.execute(_HOLD, told).scalar() is None:
        raise LeaseLost(f"{lease.name}: another worker has taken over this sync")


def release(store: Store, lease: Lease, now: datetime, *, next_due: datetime | None, failed: bool) -> None:
    """Give the lease back, and say when the connection is due again."""
    with store.write() as db:
        db.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.fence == lease.fence)
            .values(holder="", lease_until=now, next_due=next_due, failures=leases.c.failures + 1 if failed else 0)
        )


def is_held(db: Connection, name: str, now: datetime) -> bool:
    """Whether somebody is at work for a connection; after a kill, until the lease runs out."""
    query = select(leases.c.name).where(leases.c.name == name, leases.c.holder != "", leases.c.lease_until > now)
    return db.execute(query).first() is not None


def failures(store: Store, name: str) -> int:
    """How many syncs in a row have failed."""
    with store.read() as db:
        return db.execute(select(leases.c.failures).where(leases.c.name == name)).scalar() or 0


def next_due(store: Store, name: str) -> datetime | None:
    """When the connection wants its next sync; None = now."""
    with store.read() as db:
        return db.execute(select(leases.c.next_due).where(leases.c.name == name)).scalar()
