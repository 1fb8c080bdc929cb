"""Days: what each of them moved, counted anew when its entries are no more what they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import localcontext
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Delete, Select, and_, bindparam, delete, func, select

from tallyglass.ledger.daily import ON_THE_WAY, DayMove, Side, crossing, joined, share
from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import MOVES
from tallyglass.money import EXACT, ZERO, Amount, Asset, add, amount, subtract, text
from tallyglass.store import rows, upsert
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
_Sums = defaultdict[_Cell, list[Amount]]


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
    """Count what is stale anew; the first day that is not what it was, if any. Transfers are to be found before."""
    sides = _matched(db)
    changed = [_count(db, span, sides) for span in list(_spans(db))]
    db.execute(delete(stale_days))
    if db.execute(delete(settings).where(settings.c.name == _CROSSINGS)).rowcount:
        changed.append(_replace(db, day_moves.c.connection == ON_THE_WAY, joined(_crossings(db)).values()))
    return min((day for day in changed if day is not None), default=None)


def outdated(db: Connection) -> bool:
    """Whether there is anything to count anew."""
    if db.execute(select(stale_days.c.day).limit(1)).first() is not None:
        return True
    return db.execute(select(settings.c.name).where(settings.c.name == _CROSSINGS)).first() is not None


def first(db: Connection) -> date | None:
    """The first day on which anything moved."""
    return db.execute(select(func.min(day_moves.c.day))).scalar()


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


def _matched(db: Connection) -> frozenset[tuple[str, str]]:
    """The sides of all transfers."""
    of = transfers.c
    sent, received = select(of.sent_connection, of.sent_id), select(of.received_connection, of.received_id)
    return frozenset((row[0], row[1]) for query in (sent, received) for row in db.execute(query))


def _count(db: Connection, span: tuple[date, date], matched: Collection[Key]) -> date | None:
    """Count the days of a span anew; the first of them that has changed."""
    query = (
        select(buckets.c.connection, buckets.c.kind, entries.c.id, entries.c.time, entries.c.legs)
        .join(buckets)
        .where(entries.c.time >= _start(span[0]), entries.c.time < _start(span[1] + timedelta(1)))
        .where(buckets.c.status == "done")
    )
    sums: _Sums = defaultdict(lambda: [ZERO] * len(_SUMS))
    cursor = db.execute(query).cursor
    while some := cursor.fetchmany(_BATCH):
        _add(sums, some, matched)
    here = and_(day_moves.c.day.between(*span), day_moves.c.connection != ON_THE_WAY)
    return _replace(db, here, (_cell(*cell, *each) for cell, each in sums.items() if any(each)))


def _add(sums: _Sums, some: Sequence[Any], matched: Collection[Key]) -> None:
    """Add the legs of some entries, as the driver gives them, to the sums. A million entries come this way."""
    parts: list[dict[_Cell, list[Amount]]] = [defaultdict(list) for _ in _SUMS]
    moved = parts[0]
    for connection, kind, name, at, packed in some:
        what = share(kind, name, matched=kind in MOVES and (connection, name) in matched)
        day = at // _DAY
        for leg in rows.legs_of(packed):
            cell = day, connection, leg.asset
            moved[cell].append(leg.amount)
            part = "fee" if leg.role == "fee" else what
            if part:
                parts[_SUMS.index(part)][cell].append(leg.amount)
    with localcontext(EXACT):
        for index, found in enumerate(parts):
            for cell, amounts in found.items():
                sums[cell][index] = sum(amounts, sums[cell][index])


def _crossings(db: Connection) -> Iterator[DayMove]:
    """What was ever on the way between two connections."""
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


def _replace(db: Connection, here: ColumnElement[bool], found: Iterable[DayMove]) -> date | None:
    """Let the moves there be these; the first day that was different."""
    before = {_place(each): each for each in _moves(db, select(day_moves).where(here))}
    after = {_place(each): each for each in found}
    changed = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
    gone = [
        {"day_": day, "connection_": connection, "asset_": asset} for day, connection, asset in changed & before.keys()
    ]
    if gone:
        db.execute(_deleting(), gone)
    come = sorted((after[place] for place in changed & after.keys()), key=_place)
    if come:
        upsert.insert(db, day_moves, _COLUMNS, [_packed(each) for each in come], keys=_COLUMNS[:3])
    return min((day for day, *_ in changed), default=None)


@cache
def _deleting() -> Delete:
    place = (day_moves.c[name] == bindparam(f"{name}_") for name in _COLUMNS[:3])
    return delete(day_moves).where(*place)


def _cell(day: int, connection: str, asset: Asset, *sums: Amount) -> DayMove:
    return DayMove(_day(day), connection, asset, *sums)


def _place(move: DayMove) -> tuple[date, str, Asset]:
    return move.day, move.connection, move.asset


def _moves(db: Connection, query: Select[Any]) -> Iterator[DayMove]:
    """Rows of `day_moves`, as the driver gives them: this is done for all of them at once."""
    cursor = db.execute(query).cursor
    while some := cursor.fetchmany(_BATCH):
        for day, connection, asset, moved, *shares in some:
            flow, fee, reward = (ZERO if each is None else amount(each) for each in shares)
            yield DayMove(_day(day), connection, asset, amount(moved), flow, fee, reward)


@lru_cache(8192)
def _day(number: int) -> date:
    return date.fromordinal(FIRST_DAY + number)


def _packed(move: DayMove) -> tuple[Any, ...]:
    """As the driver takes it; nothing is told of what is nothing."""
    shares = (text(each) if each else None for each in (move.flow, move.fee, move.reward))
    return move.day.toordinal() - FIRST_DAY, move.connection, move.asset, text(move.amount), *shares


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
