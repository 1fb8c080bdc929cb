"""The past: what all was worth at the end of every day, counted where it is not yet; and what stands against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Final

from msgspec.structs import replace

from tallyglass.app import transfers
from tallyglass.app.past_prices import pricing
from tallyglass.app.proof import doubts
from tallyglass.app.session import Session
from tallyglass.app.worth import currency_of
from tallyglass.ledger.daily import ON_THE_WAY, DayMove
from tallyglass.ledger.own import is_own
from tallyglass.money import ZERO, Asset, add, negate
from tallyglass.portfolio.days import FLOW_MISSING, DayWorth, Holdings, value_days
from tallyglass.portfolio.worth import Cause
from tallyglass.prices import stored
from tallyglass.store import days as moved
from tallyglass.store import present
from tallyglass.store import worth as kept
from tallyglass.store.base import Db

Progress = Callable[[date, date, date], None]
"""Told while days are counted: the first of all, how far it is, the last of all."""
Naming = Callable[[str, Asset], Asset] | None
"""What a connection means by a symbol."""

_DAY: Final = timedelta(days=1)
#: Setting: of each connection that is no more, the day on which it went.
_LEFT: Final = "worth.left"
_WORDS: Final[dict[str, str]] = {
    "price_missing": "{} has no price on this day and is not counted",
    FLOW_MISSING: "{} came or went without a price: net deposits lack it from this day on",
    "old_price": "{} is counted at an older price",
    "ended": "{} is counted at its last price: it is traded no more",
    "disagree": "what the sources say of the price of {} differs too much",
    "price_jumped": "the price of {} jumped, and no second source bears it out",
    "unconfirmed": "one source alone tells the price of {}: the second opinions on it could not be had",
    "same_symbol": "{} may be two coins of one name",
}


def nobody(first: date, until: date, last: date) -> None:
    """Tell nobody."""


def refresh(session: Session, progress: Progress = nobody) -> Asset:
    """Count every past day that is not counted, in the user's currency; which that is.

    The running day is none of them: it is not over.
    """
    transfers.refresh(session)
    currency, whole = counted(session)
    if whole:
        return currency
    last = session.now().date() - _DAY
    with session.store.read() as db:
        gone = left(session, db)
    with session.store.write() as db:
        _outdate(db, gone)
        first = _next(db, currency, last)
        if first is not None:
            days = first, last
            found = _days(db, currency, days, gone, naming(session, db))
            kept.keep(db, currency, _told(found, days, progress))
    return currency


def counted(session: Session) -> tuple[Asset, bool]:
    """The user's currency, and whether every past day is counted in it by all that is known."""
    last = session.now().date() - _DAY
    with session.store.read() as db:
        currency = currency_of(db)
        stale = transfers.outdated(db) or moved.outdated(db) or left(session, db) != _left_before(db)
        return currency, not stale and _next(db, currency, last) is None


def stamp(session: Session, seconds: int) -> tuple[object, ...]:
    """For what rests on past days and on the prices of now: another one as they change, and after so many seconds."""
    now = session.now()
    with session.store.read() as db:
        return currency_of(db), kept.edition(db), now.date(), int(now.timestamp()) // seconds


def _outdate(db: Db, gone: Mapping[str, date]) -> None:
    """Throw away what is so no more."""
    before = _left_before(db)
    changed = [day for name, day in {*gone.items(), *before.items()} if gone.get(name) != before.get(name)]
    moved.refresh(db)
    if changed:
        kept.outdate(db, min(changed))
    if gone != before:
        present.set_setting(db, _LEFT, json.dumps({name: day.isoformat() for name, day in gone.items()}))


def _next(db: Db, currency: Asset, last: date) -> date | None:
    """The first day that is to be counted; None where all are."""
    newest = kept.newest(db, currency)
    first = moved.first(db) if newest is None else newest + _DAY
    return None if first is None or first > last else first


def _days(
    db: Db, currency: Asset, days: tuple[date, date], gone: Mapping[str, date], named: Naming
) -> Iterator[DayWorth]:
    """The worth of every day of a span."""
    since = list(moved.moves(db, days[0]))
    held = moved.before(db, days[0], since)
    start = {place: each for place, each in held.items() if gone.get(place[0], date.max) >= days[0]}
    moves = [each for each in since if each.day <= min(days[1], gone.get(each.connection, date.max))]
    if going := {name: day for name, day in gone.items() if days[0] <= day <= days[1]}:
        moves += _leaving(start, moves, going)
        moves.sort(key=attrgetter("day"))
    if named is not None:
        start = {(owner, named(owner, asset)): each for (owner, asset), each in start.items()}
        moves = [replace(each, asset=named(each.connection, each.asset)) for each in moves]
    assets = {asset for _, asset in start} | {each.asset for each in moves}
    return value_days(start, moves, pricing(db, currency, days, assets), days)


def naming(session: Session, db: Db) -> Naming:
    """What a connection means by a symbol, where the user said that it is a coin of its own; None where he did not."""
    word = stored.word(db)
    if not word.apart:
        return None
    exchanges = {each.id: each.exchange for each in session.keeper.connections()}
    return lambda connection, asset: word.named(asset, exchanges.get(connection, connection))


def _told(found: Iterable[DayWorth], days: tuple[date, date], progress: Progress) -> Iterator[DayWorth]:
    """The same, with a word now and then on how far it is."""
    for each in found:
        yield each
        if each.day.day == 1 or each.day == days[1]:
            progress(days[0], each.day, days[1])


def _leaving(start: Holdings, moves: Sequence[DayMove], going: Mapping[str, date]) -> Iterator[DayMove]:
    """What is followed no more goes out of what is counted, on the day that its connection went."""
    held = {place: each for place, each in start.items() if place[0] in going}
    for move in moves:
        if move.connection in going:
            place = move.connection, move.asset
            held[place] = add(held.get(place, ZERO), move.amount)
    for (connection, asset), amount in held.items():
        if amount:
            yield DayMove(going[connection], connection, asset, negate(amount), flow=negate(amount))


def left(session: Session, db: Db) -> dict[str, date]:
    """The connections that have entries and are no more, each with the day on which it went: after its last reading."""
    today = session.now().date()
    there = {each.id for each in session.keeper.connections() if each.state != "dead"}
    read = _read_at(db)
    gone = [name for name in moved.owners(db) if name not in there and name != ON_THE_WAY and not is_own(name)]
    found = {}
    for name in gone:
        at = read.get(name)
        found[name] = today if at is None else min(at.date() + _DAY, today)
    return found


def _read_at(db: Db) -> dict[str, datetime | None]:
    """When the history of each connection was last read."""
    return {each.source: each.fresh_at for each in present.list_freshness(db) if each.part == "history"}


def _left_before(db: Db) -> dict[str, date]:
    return {name: date.fromisoformat(day) for name, day in json.loads(present.setting(db, _LEFT, "{}")).items()}


def words(code: str, about: str) -> str:
    """Why an asset's value on a day may not be right, in words."""
    return _WORDS[code].format(about)


class Doubts:
    """What stands against the past: of each connection, from which day on its history may not be the whole."""

    def __init__(self, session: Session, db: Db) -> None:
        there = [each for each in session.keeper.connections() if each.state != "dead"]
        read = _read_at(db)
        self.causes: list[tuple[date, Cause]] = []
        for causes in doubts(session).values():
            self.causes += [(each.since.date() if each.since else date.min, each) for each in causes]
        for each in there:
            at = read.get(each.id)
            since = date.min if at is None else at.date()
            when = "never" if at is None else f"last at {at:%Y-%m-%d %H:%M} UTC"
            self.causes.append((since, Cause("history_unread", each.id, f"{each.id}: its history was read {when}")))

    def on(self, day: date) -> list[Cause]:
        """Why the entries of a day may not be all."""
        return [cause for since, cause in self.causes if since <= day]
