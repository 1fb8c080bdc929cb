"""Transfers: the deposits and withdrawals to find them among, what the user said of pairs of them, what was found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from typing import Literal

from sqlalchemy import Connection, and_, delete, or_, select

from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import MOVES, Decisions, Movement, Pair, Transfer, family, movement
from tallyglass.store import days, rows, upsert
from tallyglass.store.tables import buckets, entries, settings, transfer_decisions, transfers

_FOUND = "transfers.found"
Said = Literal["matched", "apart"]


def movements(db: Connection, name: str = "") -> Iterator[Movement]:
    """All that came in or went out, on every connection, oldest first; or of one family of assets alone."""
    moving = [buckets.c.kind.in_(sorted(MOVES)), buckets.c.status == "done"]
    if name:
        every = db.execute(select(buckets.c.id, buckets.c.assets).where(*moving))
        moving.append(buckets.c.id.in_([row.id for row in every if name in map(family, rows.assets_of(row.assets))]))
    # Sorted here: the database would rather walk through all entries by time than sort a few.
    for each in sorted(map(rows.stored, db.execute(rows.selected().where(*moving))), key=_when):
        found = movement(each.entry, each.connection)
        if found is not None:
            yield found


def _when(each: rows.StoredEntry) -> tuple[datetime, int]:
    return each.entry.time, each.place


def keep(db: Connection, found: Iterable[Transfer]) -> None:
    """Store what was found, in place of what was found before. Days on which that makes a difference are stale."""
    before = _pairs(db)
    db.execute(delete(transfers))
    kept = [{**_key((each.sent.key, each.received.key)), "basis": each.basis} for each in found]
    if kept:
        db.execute(transfers.insert(), kept)
    days.outdate(db, _days(db, {key for pair in before ^ _pairs(db) for key in pair}))
    days.outdate_crossings(db)
    upsert.upsert(db, settings, [{"name": _FOUND, "value": True}], updated=("value",))


def _pairs(db: Connection) -> set[Pair]:
    rows = db.execute(select(transfers))
    return {((row.sent_connection, row.sent_id), (row.received_connection, row.received_id)) for row in rows}


def _days(db: Connection, keys: Collection[Key]) -> set[date]:
    """The days of some entries."""
    found: set[date] = set()
    for connection, ids in _by_connection(keys):
        for start in range(0, len(ids), 500):
            chosen = entries.c.id.in_(ids[start : start + 500])
            times = select(entries.c.time).where(entries.c.connection == connection, chosen)
            found |= {time.date() for time in db.execute(times).scalars()}
    return found


def _by_connection(keys: Collection[Key]) -> Iterator[tuple[str, list[str]]]:
    for connection, group in groupby(sorted(keys), key=lambda key: key[0]):
        yield connection, [name for _, name in group]


def outdate(db: Connection) -> None:
    """Note that what was found may be so no more: a deposit or withdrawal has come, changed or gone."""
    db.execute(delete(settings).where(settings.c.name == _FOUND))


def outdated(db: Connection) -> bool:
    """Whether anything has changed since the transfers were found."""
    return db.execute(select(settings.c.name).where(settings.c.name == _FOUND)).first() is None


def partners(db: Connection, keys: Collection[Key]) -> dict[Key, Key]:
    """Of these entries, the other sides of those that are transfers."""
    found: dict[Key, Key] = {}
    of = transfers.c
    for connection, ids in _by_connection(keys):
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            sent = and_(of.sent_connection == connection, of.sent_id.in_(some))
            received = and_(of.received_connection == connection, of.received_id.in_(some))
            for row in db.execute(select(transfers).where(or_(sent, received))):
                here, there = (row.sent_connection, row.sent_id), (row.received_connection, row.received_id)
                found |= {here: there, there: here}
    return {key: found[key] for key in keys if key in found}


def decisions(db: Connection) -> Decisions:
    """All that the user has said."""
    said: dict[str, set[Pair]] = {"matched": set(), "apart": set()}
    for row in db.execute(select(transfer_decisions)):
        said[row.said].add(((row.sent_connection, row.sent_id), (row.received_connection, row.received_id)))
    return Decisions(frozenset(said["matched"]), frozenset(said["apart"]))


def decide(db: Connection, pair: Pair, said: Said, now: datetime) -> None:
    """Keep what the user says about a pair, in place of what was said before."""
    upsert.upsert(db, transfer_decisions, [{**_key(pair), "said": said, "said_at": now}], updated=("said", "said_at"))


def undecide(db: Connection, pair: Pair) -> bool:
    """Forget what was said about a pair; whether anything was."""
    where = (transfer_decisions.c[name] == value for name, value in _key(pair).items())
    return db.execute(delete(transfer_decisions).where(*where)).rowcount > 0


def forget(db: Connection, connection: str) -> None:
    """Delete what was said about entries of a connection."""
    table = transfer_decisions.c
    either = or_(table.sent_connection == connection, table.received_connection == connection)
    db.execute(delete(transfer_decisions).where(either))


def _key(pair: Pair) -> dict[str, str]:
    (sent_connection, sent_id), (received_connection, received_id) = pair
    return {
        "sent_connection": sent_connection,
        "sent_id": sent_id,
        "received_connection": received_connection,
        "received_id": received_id,
    }
