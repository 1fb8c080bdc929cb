"""Transfers: the deposits and withdrawals to find them among, what the user said of pairs of them, what was found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Literal

from sqlalchemy import Connection, delete, or_, select

from tallyglass.ledger.entries import Entry, Leg
from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import Decisions, Movement, Pair, Transfer, movement
from tallyglass.money import Asset
from tallyglass.store import upsert
from tallyglass.store.tables import MOVES, entries, legs, transfer_decisions, transfers

Said = Literal["matched", "apart"]


def movements(db: Connection) -> Iterator[Movement]:
    """All that came in or went out, on every connection, oldest first."""
    of, moved = entries.c, legs.c
    columns = (of.pk, of.connection, of.id, of.time, of.kind, of.txid)
    query = (
        select(*columns, moved.id.label("leg"), moved.account, moved.asset, moved.amount, moved.role)
        .join(legs, moved.entry == of.pk)
        .where(MOVES, of.status == "done")
        .order_by(of.time, of.pk)
    )
    for _, rows in groupby(db.execute(query), key=lambda row: row.pk):
        parts = list(rows)
        first = parts[0]
        made = tuple(Leg(row.leg, row.account, Asset(row.asset), row.amount, row.role) for row in parts)
        found = movement(Entry(first.id, first.time, first.kind, made, txid=first.txid), first.connection)
        if found is not None:
            yield found


def keep(db: Connection, found: Iterable[Transfer]) -> None:
    """Store what was found, in place of what was found before."""
    db.execute(delete(transfers))
    rows = [{**_key((each.sent.key, each.received.key)), "basis": each.basis} for each in found]
    if rows:
        db.execute(transfers.insert(), rows)


def partners(db: Connection, keys: Collection[Key]) -> dict[Key, Key]:
    """Of these entries, the other sides of those that are transfers."""
    found: dict[Key, Key] = {}
    ids = list({name for _, name in keys})
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        query = select(transfers).where(or_(transfers.c.sent_id.in_(some), transfers.c.received_id.in_(some)))
        for row in db.execute(query):
            sent, received = (row.sent_connection, row.sent_id), (row.received_connection, row.received_id)
            found |= {sent: received, received: sent}
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
