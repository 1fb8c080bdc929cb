"""The books: sums of all legs, what moved an asset, what was reported of it, and how far each stream was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, select

from tallyglass.ledger.entries import Entry
from tallyglass.ledger.reconcile import Move, Place, Reading
from tallyglass.money import EXACT, ZERO, Amount, Asset
from tallyglass.store.history import with_legs
from tallyglass.store.tables import EPOCH, balances, cursors, entries, legs, snapshots

_BATCH = 20_000
#: Stands in no name of a connection, wallet or asset.
_BETWEEN = "\x1f"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream of history was read."""

    stream: str
    done: bool
    updated_at: datetime


def sums(db: Connection) -> dict[str, dict[Place, Amount]]:
    """The balance of every wallet and asset of every connection, as all its done entries add up.

    Reads every leg, since SQLite cannot add exact decimals: some seconds for a million trades. What makes it bearable
    is one text for all that a sum is kept by, rows as the driver gives them, and one addition for many amounts.
    """
    name = entries.c.connection.concat(_BETWEEN).concat(legs.c.account).concat(_BETWEEN).concat(legs.c.asset)
    query = select(name, legs.c.amount).join(legs, legs.c.entry == entries.c.pk).where(entries.c.status == "done")
    totals: dict[str, Amount] = {}
    with localcontext(EXACT):
        for rows in _batches(db, query):
            figures: dict[str, list[str]] = defaultdict(list)
            for key, amount in rows:
                figures[key].append(amount)
            for key, amounts in figures.items():
                totals[key] = sum(map(Decimal, amounts), totals.get(key, ZERO))
    found: dict[str, dict[Place, Amount]] = defaultdict(dict)
    for key, figure in totals.items():
        connection, account, asset = key.split(_BETWEEN)
        found[connection][account, Asset(asset)] = figure
    return found


def gaps(db: Connection, connection: str) -> frozenset[Asset] | None:
    """The assets that are reported otherwise than their entries add up to, in any wallet; None before any report."""
    newest = db.execute(select(func.max(snapshots.c.id)).where(snapshots.c.connection == connection)).scalar()
    if newest is None:
        return None
    query = select(balances.c.account, balances.c.asset, balances.c.total).where(balances.c.snapshot == newest)
    reported: dict[Place, Amount] = {(account, Asset(asset)): total for account, asset, total in db.execute(query)}
    computed = sums(db).get(connection, {})
    places = reported.keys() | computed.keys()
    return frozenset(place[1] for place in places if reported.get(place, ZERO) != computed.get(place, ZERO))


def moves(
    db: Connection, connection: str, *, after: datetime | None = None, place: Place | None = None
) -> Iterator[Move]:
    """What moved, in order of time: all, or what came after a moment, or of one asset in one wallet alone."""
    query = (
        select(entries.c.time, legs.c.account, legs.c.asset, legs.c.amount)
        .join(legs, legs.c.entry == entries.c.pk)
        .where(entries.c.connection == connection, entries.c.status == "done")
        .order_by(entries.c.time)
    )
    if after is not None:
        query = query.where(entries.c.time > after)
    if place is not None:
        query = query.where(legs.c.account == place[0], legs.c.asset == place[1])
    for rows in _batches(db, query):
        for time, account, asset, amount in rows:
            yield Move(EPOCH + timedelta(microseconds=time), account, Asset(asset), Decimal(amount))


def _batches(db: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """Rows as the driver gives them: times in microseconds, money as text (a Decimal from PostgreSQL)."""
    cursor = db.execute(query).cursor
    while rows := cursor.fetchmany(_BATCH):
        yield rows


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
    query = select(entries).where(entries.c.connection == connection, entries.c.status == "pending")
    return [each.entry for each in with_legs(db, db.execute(query).all())]


def own_moves(db: Connection, connection: str, prefix: str) -> list[Move]:
    """What the user's own entries move, those whose id begins like that."""
    query = select(entries).where(entries.c.connection == connection, entries.c.raw_page.is_(None))
    found = with_legs(db, db.execute(query.where(entries.c.id.startswith(prefix, autoescape=True))).all())
    return [Move(each.entry.time, leg.account, leg.asset, leg.amount) for each in found for leg in each.entry.legs]


def first_entry(db: Connection, connection: str, *, but: str = "") -> datetime | None:
    """The time of the oldest entry, but for those whose id begins like that."""
    query = select(func.min(entries.c.time)).where(entries.c.connection == connection)
    if but:
        query = query.where(~entries.c.id.startswith(but, autoescape=True))
    found: datetime | None = db.execute(query).scalar()
    return found


def remove_entry(db: Connection, connection: str, entry_id: str) -> bool:
    """Remove an entry of the user's own; whether it was there. What an exchange told is never removed."""
    own = (entries.c.connection == connection, entries.c.id == entry_id, entries.c.raw_page.is_(None))
    found = db.execute(select(entries.c.pk).where(*own)).scalar()
    if found is None:
        return False
    db.execute(delete(legs).where(legs.c.entry == found))
    db.execute(delete(entries).where(entries.c.pk == found))
    return True
