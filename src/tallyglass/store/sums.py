"""Running sums: what every wallet holds by its done entries, moved in the same transactions as these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import localcontext

from sqlalchemy import Connection, delete, select, tuple_

from tallyglass.ledger.entries import Entry
from tallyglass.ledger.reconcile import Place
from tallyglass.money import EXACT, ZERO, Amount, Asset, add, negate
from tallyglass.store import upsert
from tallyglass.store.rows import legs_of
from tallyglass.store.tables import buckets, entries, sums

_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Sum:
    """What some legs of one asset in one wallet add up to."""

    amount: Amount
    #: How many legs those are.
    legs: int


Sums = Mapping[Place, Sum]


def of(found: Iterable[Entry]) -> dict[Place, Sum]:
    """What entries add up to; those that are not done count nothing."""
    amounts: dict[Place, list[Amount]] = defaultdict(list)
    for entry in found:
        if entry.status == "done":
            for leg in entry.legs:
                amounts[leg.account, leg.asset].append(leg.amount)
    with localcontext(EXACT):
        return {place: Sum(sum(some, ZERO), len(some)) for place, some in amounts.items()}


def move(db: Connection, connection: str, come: Sums, gone: Sums | None = None) -> None:
    """Add what has come to the sums of a connection, and take away what has gone."""
    change = dict(come)
    for place, each in (gone or {}).items():
        there = change.get(place, Sum(ZERO, 0))
        change[place] = Sum(add(there.amount, negate(each.amount)), there.legs - each.legs)
    change = {place: each for place, each in change.items() if each.amount != ZERO or each.legs}
    if not change:
        return
    before = _there(db, connection, change)
    after = {place: _added(before.get(place, Sum(ZERO, 0)), each) for place, each in change.items()}
    _write(db, connection, after)


def _added(one: Sum, other: Sum) -> Sum:
    return Sum(add(one.amount, other.amount), one.legs + other.legs)


def _there(db: Connection, connection: str, places: Iterable[Place]) -> dict[Place, Sum]:
    chosen = tuple_(sums.c.account, sums.c.asset).in_(list(places))
    query = select(sums).where(sums.c.connection == connection, chosen).with_for_update()
    return {(row.account, Asset(row.asset)): Sum(row.amount, row.legs) for row in db.execute(query)}


def _write(db: Connection, connection: str, found: Sums) -> None:
    kept = [
        {"connection": connection, "account": account, "asset": asset, "amount": each.amount, "legs": each.legs}
        for (account, asset), each in found.items()
        if each.legs
    ]
    upsert.upsert(db, sums, kept, updated=("amount", "legs"))
    for (account, asset), each in found.items():
        if not each.legs:
            here = (sums.c.connection == connection, sums.c.account == account, sums.c.asset == asset)
            db.execute(delete(sums).where(*here))


def kept(db: Connection, connection: str = "") -> dict[str, dict[Place, Sum]]:
    """The running sums of one connection, or of all."""
    query = select(sums).where(sums.c.connection == connection) if connection else select(sums)
    found: dict[str, dict[Place, Sum]] = defaultdict(dict)
    for row in db.execute(query):
        found[row.connection][row.account, Asset(row.asset)] = Sum(row.amount, row.legs)
    return dict(found)


def recounted(db: Connection) -> dict[str, dict[Place, Sum]]:
    """What the running sums should be, counted anew from every leg: some seconds for a million trades."""
    query = (
        select(entries.c.connection, entries.c.legs)
        .join(buckets)
        .where(buckets.c.status == "done")
        .order_by(entries.c.connection)
    )
    amounts: dict[str, dict[Place, Sum]] = {}
    cursor = db.execute(query).cursor
    while rows := cursor.fetchmany(_BATCH):
        parts: dict[str, dict[Place, list[Amount]]] = defaultdict(lambda: defaultdict(list))
        for connection, packed in rows:
            places = parts[connection]
            for leg in legs_of(packed):
                places[leg.account, leg.asset].append(leg.amount)
        with localcontext(EXACT):
            for connection, found in parts.items():
                there = amounts.setdefault(connection, {})
                for place, some in found.items():
                    there[place] = _added(there.get(place, Sum(ZERO, 0)), Sum(sum(some, ZERO), len(some)))
    return {connection: there for connection, there in amounts.items() if there}


def mend(db: Connection) -> list[tuple[str, Place]]:
    """Put the running sums right by a recount; those that were wrong. There should never be any."""
    before, after = kept(db), recounted(db)
    wrong: list[tuple[str, Place]] = []
    for connection in sorted(before.keys() | after.keys()):
        was, should = before.get(connection, {}), after.get(connection, {})
        off = sorted(place for place in was.keys() | should.keys() if was.get(place) != should.get(place))
        _write(db, connection, {place: should.get(place, Sum(ZERO, 0)) for place in off})
        wrong += [(connection, place) for place in off]
    return wrong
