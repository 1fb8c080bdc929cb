"""Days: what each of them moved, counted anew when its entries are no more what they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Delete, Select, and_, bindparam, delete, func, select

from tallyglass.exchanges.streams import midnight
from tallyglass.ledger.daily import ON_THE_WAY, DayMove, Side, crossing, joined, share
from tallyglass.ledger.entries import Kind
from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import MOVES
from tallyglass.money import EXACT, ZERO, Amount, Asset, add, subtract, text
from tallyglass.store import costs, rows, upsert, worth
from tallyglass.store import sums as running
from tallyglass.store.columns import FIRST_DAY
from tallyglass.store.tables import buckets, day_moves, entries, settings, stale_days, transfers

_BATCH: Final = 20_000
#: So many days are counted in one go: each cell of them is held in memory.
_AT_ONCE: Final = timedelta(days=366)
#: In microseconds, as times stand in their column.
_DAY: Final = 86_400_000_000
_CROSSINGS: Final = "days.crossings"
_COLUMNS: Final = ("day", "connection", "asset", "amount", "flow", "fee", "reward")
#: What is summed of each cell, in the order of `DayMove`.
_SUMS: Final = ("amount", "flow", "fee", "reward")

_Cell = tuple[int, str, Asset]
"""A day as it stands in its column, a connection, an asset."""
_Parts = defaultdict[tuple[int, str], defaultdict[Asset, list[Amount]]]
_Sums = _Parts
"""Of a day and a connection, by asset: amounts still to be added; and what they come to, in the order of `_SUMS`."""


def outdate(db: Connection, days: Iterable[date]) -> None:
    """Note that the entries of these days are no more what they were."""
    upsert.insert_new(db, stale_days, [{"day": each} for each in set(days)])


def outdate_all(db: Connection, connection: str) -> None:
    """Note the same of every day on which a connection moved anything."""
    found = db.execute(select(day_moves.c.day).where(day_moves.c.connection == connection).distinct())
    outdate(db, found.scalars())


def outdate_crossings(db: Connection) -> None:
    """Note that what was on the way between connections may be something else by now."""
    upsert.upsert(db, settings, [{"name": _CROSSINGS, "value": True}], updated=("value",))


def refresh(db: Connection) -> date | None:
    """Count what is stale anew; the first day that is not what it was, if any: its worth is thrown away, and all after.

    Transfers are to be found before.
    """
    sides = matched(db)
    spans = list(_spans(db))
    if spans:
        costs.outdate(db, spans[0][0])  # these hang on the order within a day, too
    changed = [_count(db, span, sides) for span in spans]
    db.execute(delete(stale_days))
    if db.execute(delete(settings).where(settings.c.name == _CROSSINGS)).rowcount:
        crossed = joined(move for _, move in _crossings(db))
        found = {_cell(each): each for _, each in sorted(crossed.items())}
        changed.append(_replace(db, day_moves.c.connection == ON_THE_WAY, found))
    first = min((day for day in changed if day is not None), default=None)
    if first is not None:
        worth.outdate(db, first)
    return first


def outdated(db: Connection) -> bool:
    """Whether there is anything to count anew."""
    if db.execute(select(stale_days.c.day).limit(1)).first() is not None:
        return True
    return db.execute(select(settings.c.name).where(settings.c.name == _CROSSINGS)).first() is not None


def first(db: Connection) -> date | None:
    """The first day on which anything moved."""
    return db.execute(select(func.min(day_moves.c.day))).scalar()


def owners(db: Connection) -> list[str]:
    """Every connection that holds anything by its entries."""
    return sorted(running.kept(db))


def moves(db: Connection, since: date | None = None) -> Iterator[DayMove]:
    """What each day moved, the oldest first."""
    query = select(day_moves).order_by(day_moves.c.day)
    if since is not None:
        query = query.where(day_moves.c.day >= since)
    yield from _moves(db, query)


def before(db: Connection, day: date, moved: Iterable[DayMove]) -> dict[tuple[str, Asset], Amount]:
    """What every connection held before a day, given what moved from then on: what it holds now, less that.

    All days are to be counted.
    """
    held: dict[tuple[str, Asset], Amount] = defaultdict(lambda: ZERO)
    for connection, places in running.kept(db).items():
        for (_, asset), each in places.items():
            held[connection, asset] = add(held[connection, asset], each.amount)
    for move in moved:
        if move.connection != ON_THE_WAY:
            held[move.connection, move.asset] = subtract(held[move.connection, move.asset], move.amount)
    crossing_then = select(day_moves).where(day_moves.c.connection == ON_THE_WAY, day_moves.c.day < day)
    for move in _moves(db, crossing_then):
        held[ON_THE_WAY, move.asset] = add(held[ON_THE_WAY, move.asset], move.amount)
    return {place: each for place, each in held.items() if each}


def held_at(db: Connection, moment: datetime, gone: Mapping[str, date]) -> dict[tuple[str, Asset], Amount]:
    """What every connection held at a moment, and what was on the way. All days are to be counted.

    `gone`: connections that are no more, and the day on which they went.
    """
    start, day = midnight(moment.date()), moment.date()
    held: dict[tuple[str, Asset], Amount] = defaultdict(lambda: ZERO, before(db, day, moves(db, day)))
    done = _done(db)
    of = entries.c
    query = select(of.bucket, of.legs).where(of.time >= start, of.time <= moment)
    for bucket, packed in db.execute(query):
        for leg in rows.legs_of(packed) if bucket in done else ():
            place = done[bucket][0], leg.asset
            held[place] = add(held[place], leg.amount)
    held = {place: each for place, each in held.items() if place[0] != ON_THE_WAY and gone.get(place[0], day) >= day}
    for at, move in _crossings(db):
        if at <= moment:
            place = ON_THE_WAY, move.asset
            held[place] = add(held.get(place, ZERO), move.amount)
    return {place: each for place, each in held.items() if each}


def _spans(db: Connection) -> Iterator[tuple[date, date]]:
    """The stale days as spans without a hole, none of them too long to count in one go."""
    days = list(db.execute(select(stale_days.c.day).order_by(stale_days.c.day)).scalars())
    while days:
        begin, length = days[0], 1
        while (
            length < len(days) and days[length] - days[length - 1] == timedelta(1) and days[length] - begin < _AT_ONCE
        ):
            length += 1
        yield begin, days[length - 1]
        days = days[length:]


def matched(db: Connection) -> frozenset[Key]:
    """Both sides of all transfers."""
    of = transfers.c
    sent, received = select(of.sent_connection, of.sent_id), select(of.received_connection, of.received_id)
    return frozenset((row[0], row[1]) for query in (sent, received) for row in db.execute(query))


def _count(db: Connection, span: tuple[date, date], matched: Collection[Key]) -> date | None:
    """Count the days of a span anew; the first of them that has changed."""
    of = entries.c
    within = (of.time >= midnight(span[0]), of.time < midnight(span[1] + timedelta(1)))
    cursor = db.execute(select(of.bucket, of.id, of.time, of.legs).where(*within)).cursor
    done = _done(db)
    sums: _Sums = defaultdict(lambda: defaultdict(lambda: [ZERO] * len(_SUMS)))
    while some := cursor.fetchmany(_BATCH):
        _add(sums, some, done, matched)
    here = and_(day_moves.c.day.between(*span), day_moves.c.connection != ON_THE_WAY)
    found = {
        (day, connection, asset): DayMove(_day(day), connection, asset, *each)
        for (day, connection), assets in sorted(sums.items())
        for asset, each in sorted(assets.items())
        if any(each)
    }
    return _replace(db, here, found)


def _done(db: Connection) -> dict[int, tuple[str, Kind]]:
    """Of every bucket of entries that have happened: whose they are, and of what kind."""
    query = select(buckets.c.id, buckets.c.connection, buckets.c.kind).where(buckets.c.status == "done")
    return {number: (connection, kind) for number, connection, kind in db.execute(query)}


def _add(sums: _Sums, some: Sequence[Any], done: Mapping[int, tuple[str, Kind]], matched: Collection[Key]) -> None:
    """Add the legs of some entries, as the driver gives them, to the sums. A million entries come this way."""
    parts: list[_Parts] = [defaultdict(lambda: defaultdict(list)) for _ in _SUMS]
    for (bucket, name, at, _), legs in zip(some, rows.legs_of_all([each[3] for each in some]), strict=True):
        if bucket not in done:
            continue
        connection, kind = done[bucket]
        what = share(kind, name, matched=kind in MOVES and (connection, name) in matched)
        here = at // _DAY, connection
        moved = parts[0][here]
        for leg in legs:
            moved[leg.asset].append(leg.amount)
            if part := "fee" if leg.role == "fee" else what:
                parts[_SUMS.index(part)][here][leg.asset].append(leg.amount)
    with localcontext(EXACT):
        for index, found in enumerate(parts):
            for here, assets in found.items():
                for asset, amounts in assets.items():
                    cell = sums[here][asset]
                    cell[index] = sum(amounts, cell[index])


def _crossings(db: Connection) -> Iterator[tuple[datetime, DayMove]]:
    """What was ever on the way between two connections: what began to be, and what ended."""
    sent, received = entries.alias(), entries.alias()
    of = transfers.c
    query = (
        select(sent.c.time, sent.c.legs, received.c.time, received.c.legs)
        .select_from(transfers)
        .join(sent, and_(sent.c.connection == of.sent_connection, sent.c.id == of.sent_id))
        .join(received, and_(received.c.connection == of.received_connection, received.c.id == of.received_id))
    )
    for left, out, arrived, came in db.execute(query):
        yield from crossing(Side(left, rows.legs_of(out)), Side(arrived, rows.legs_of(came)))


def _replace(db: Connection, here: ColumnElement[bool], found: Mapping[_Cell, DayMove]) -> date | None:
    """Let the moves there be these, given in order; the first day that was different."""
    before = {_cell(each): each for each in _moves(db, select(day_moves).where(here))}
    gone = [cell for cell, each in before.items() if each != found.get(cell)]
    come = {cell: each for cell, each in found.items() if each != before.get(cell)} if before else found
    for cell in gone:
        db.execute(_deleting(), dict(zip(("day_", "connection_", "asset_"), (_day(cell[0]), *cell[1:]), strict=True)))
    if come:
        upsert.insert(db, day_moves, _COLUMNS, [_packed(cell, each) for cell, each in come.items()], keys=_COLUMNS[:3])
    return min((_day(cell[0]) for cell in (*gone, *come)), default=None)


@cache
def _deleting() -> Delete:
    place = (day_moves.c[name] == bindparam(f"{name}_") for name in _COLUMNS[:3])
    return delete(day_moves).where(*place)


def _cell(move: DayMove) -> _Cell:
    return move.day.toordinal() - FIRST_DAY, move.connection, move.asset


def _moves(db: Connection, query: Select[Any]) -> Iterator[DayMove]:
    """Rows of `day_moves`, as the driver gives them: this is done for all of them at once."""
    cursor = db.execute(query).cursor
    while some := cursor.fetchmany(_BATCH):
        for day, connection, asset, moved, *shares in some:
            flow, fee, reward = [ZERO if each is None else Decimal(each) for each in shares]
            yield DayMove(_day(day), connection, asset, Decimal(moved), flow, fee, reward)


@lru_cache(8192)
def _day(number: int) -> date:
    return date.fromordinal(FIRST_DAY + number)


def _packed(cell: _Cell, move: DayMove) -> tuple[Any, ...]:
    """As the driver takes it; nothing is told of what is nothing."""
    flow, fee, reward = move.flow, move.fee, move.reward
    shares = (text(flow) if flow else None, text(fee) if fee else None, text(reward) if reward else None)
    return *cell, text(move.amount), *shares
