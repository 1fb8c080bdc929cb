"""Told: the done entries of some days as they happened, and the transfers that arrived since a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, and_, select

from tallyglass.exchanges.streams import midnight
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import Movement, Transfer, movement
from tallyglass.store import booking, rows
from tallyglass.store.tables import buckets, entries, transfers

_BATCH: Final = 20_000


def between(db: Connection, first: date, last: date | None) -> Iterator[tuple[str, Entry]]:
    """The entries of these days that have happened, each with its connection. `last`: None = and all after it."""
    query = select(buckets.c.id, buckets.c.connection, buckets.c.kind, buckets.c.note)
    done = {number: of for number, *of in db.execute(query.where(buckets.c.status == "done"))}
    of = entries.c
    chosen = select(of.bucket, of.id, of.time, of.legs).where(of.time >= midnight(first))
    if last is not None:
        chosen = chosen.where(of.time < midnight(last + timedelta(1)))
    cursor = db.execute(chosen).cursor  # as the driver gives them: a history has a million
    while some := cursor.fetchmany(_BATCH):
        packed = rows.legs_of_all([each[3] for each in some])
        for (bucket, name, at, _), legs in zip(some, packed, strict=True):
            if bucket in done:
                connection, kind, note = done[bucket]
                yield connection, Entry(name, rows.moment(at), kind, legs, note)


def arrived(db: Connection, since: date) -> list[Transfer]:
    """The transfers that arrived on a day or later, the oldest first."""
    of, there = transfers.c, entries.c
    received = and_(there.connection == of.received_connection, there.id == of.received_id)
    query = select(transfers).join(entries, received).where(there.time >= midnight(since))
    pairs = [
        ((row.sent_connection, row.sent_id), (row.received_connection, row.received_id), row.basis)
        for row in db.execute(query)
    ]
    ids: dict[str, list[str]] = defaultdict(list)
    for one, other, _ in pairs:
        for connection, name in (one, other):
            ids[connection].append(name)
    moved: dict[Key, Movement] = {}
    for connection, names in ids.items():
        for each in booking.named(db, connection, names):
            found = movement(each.entry, connection)
            if found is not None:
                moved[found.key] = found
    made = [Transfer(moved[one], moved[other], basis) for one, other, basis in pairs if one in moved and other in moved]
    return sorted(made, key=lambda each: (each.received.time, each.received.id))
