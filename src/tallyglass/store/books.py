"""The books: sums of all entries, what moved an asset, what was reported of it, and how far each stream was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from tallyglass.ledger.entries import Entry
from tallyglass.ledger.reconcile import Move, Place, Reading
from tallyglass.money import ZERO, Amount, Asset
from tallyglass.store import booking, rows
from tallyglass.store import sums as running
from tallyglass.store.tables import balances, buckets, cursors, entries, snapshots

_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream of history was read."""

    stream: str
    done: bool
    updated_at: datetime


def sums(db: Connection) -> dict[str, dict[Place, Amount]]:
    """The balance of every wallet and asset of every connection, as all its done entries add up."""
    return {
        connection: {place: each.amount for place, each in found.items()}
        for connection, found in running.kept(db).items()
    }


def gaps(db: Connection, connection: str) -> frozenset[Asset] | None:
    """The assets that are reported otherwise than their entries add up to, in any wallet; None before any report."""
    newest = db.execute(select(func.max(snapshots.c.id)).where(snapshots.c.connection == connection)).scalar()
    if newest is None:
        return None
    query = select(balances.c.account, balances.c.asset, balances.c.total).where(balances.c.snapshot == newest)
    reported: dict[Place, Amount] = {(account, Asset(asset)): total for account, asset, total in db.execute(query)}
    computed = {place: each.amount for place, each in running.kept(db, connection).get(connection, {}).items()}
    places = reported.keys() | computed.keys()
    return frozenset(place[1] for place in places if reported.get(place, ZERO) != computed.get(place, ZERO))


def moves(
    db: Connection, connection: str, *, after: datetime | None = None, place: Place | None = None
) -> Iterator[Move]:
    """What moved, in order of time: all, or what came after a moment, or of one asset in one wallet alone."""
    query = (
        select(entries.c.time, entries.c.legs)
        .join(buckets)
        .where(buckets.c.connection == connection, buckets.c.status == "done")
        .order_by(entries.c.time)
    )
    if after is not None:
        query = query.where(entries.c.time > after)
    if place is not None:
        query = query.where(buckets.c.id.in_(_buckets_of(db, connection, place[1])))
    for some in _batches(db, query):
        for time, packed in some:
            at = rows.moment(time)
            for leg in rows.legs_of(packed):
                if place is None or place == (leg.account, leg.asset):
                    yield Move(at, leg.account, leg.asset, leg.amount)


def _buckets_of(db: Connection, connection: str, asset: Asset) -> list[int]:
    """The buckets of those entries that move an asset."""
    query = select(buckets.c.id, buckets.c.assets).where(buckets.c.connection == connection)
    return [row.id for row in db.execute(query) if asset in rows.assets_of(row.assets)]


def _batches(db: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """Rows as the driver gives them."""
    cursor = db.execute(query).cursor
    while some := cursor.fetchmany(_BATCH):
        yield some


def readings(db: Connection, connection: str, place: Place) -> list[Reading]:
    """What was reported of one asset in one wallet, oldest first: when each figure was first seen, and last."""
    account, asset = place
    here = and_(balances.c.snapshot == snapshots.c.id, balances.c.account == account, balances.c.asset == asset)
    query = (
        select(snapshots.c.taken_at, snapshots.c.seen_at, balances.c.total)
        .outerjoin(balances, here)
        .where(snapshots.c.connection == connection)
        .order_by(snapshots.c.id)
    )
    return [
        Reading(at, ZERO if total is None else total)
        for taken, seen, total in db.execute(query)
        for at in ((taken,) if taken == seen else (taken, seen))
    ]


def wallets_reported(db: Connection, connection: str) -> frozenset[str]:
    """Every wallet that the exchange has ever reported something of."""
    query = select(balances.c.account).join(snapshots, snapshots.c.id == balances.c.snapshot)
    return frozenset(db.execute(query.where(snapshots.c.connection == connection).distinct()).scalars())


def progress(db: Connection, connection: str) -> dict[str, Progress]:
    """Every stream that was ever read."""
    query = select(cursors.c.stream, cursors.c.done, cursors.c.updated_at).where(cursors.c.connection == connection)
    return {stream: Progress(stream, done, at) for stream, done, at in db.execute(query)}


def waiting(db: Connection, connection: str) -> list[Entry]:
    """The entries that have not happened yet."""
    query = rows.selected().where(buckets.c.connection == connection, buckets.c.status == "pending")
    return [rows.stored(each).entry for each in db.execute(query)]


def own_moves(db: Connection, connection: str, prefix: str) -> list[Move]:
    """What the user's own entries move, those whose id begins like that (`opening:`)."""
    own = (entries.c.raw_page.is_(None), _named(prefix))
    found = db.execute(rows.selected().where(buckets.c.connection == connection, *own))
    made = [rows.stored(each).entry for each in found]
    return [Move(entry.time, leg.account, leg.asset, leg.amount) for entry in made for leg in entry.legs]


def traded(db: Connection, connection: str) -> frozenset[str]:
    """The markets that the ids of its fills name: `trade:BTCUSDT:42`."""
    query = select(buckets.c.prefix).where(buckets.c.connection == connection, buckets.c.prefix.startswith("trade:"))
    return frozenset(prefix.partition(":")[2] for prefix in db.execute(query.distinct()).scalars())


def _named(prefix: str) -> ColumnElement[bool]:
    """Whether the ids in a bucket begin with that, up to their first colon."""
    return or_(buckets.c.prefix == prefix[:-1], buckets.c.prefix.startswith(prefix, autoescape=True))


def first_entry(db: Connection, connection: str, *, but: str = "") -> datetime | None:
    """The time of the oldest entry, but for those whose id begins like that (`opening:`)."""
    oldest = select(func.min(entries.c.time)).where(entries.c.bucket == buckets.c.id).scalar_subquery()
    query = select(oldest).where(buckets.c.connection == connection)
    if but:
        query = query.where(~_named(but))
    return min((time for time in db.execute(query).scalars() if time is not None), default=None)


def remove_entry(db: Connection, connection: str, entry_id: str) -> bool:
    """Remove an entry of the user's own; whether it was there. What an exchange told is never removed."""
    own = (entries.c.connection == connection, entries.c.id == entry_id, entries.c.raw_page.is_(None))
    if db.execute(select(entries.c.pk).where(*own)).first() is None:
        return False
    booking.remove(db, connection, [entry_id])
    return True
