"""Costs: what every holding cost on average, advanced from where it stood, and its gain that is not realised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any, Final

import msgspec

from tallyglass.app import past
from tallyglass.app.memory import Counted
from tallyglass.app.past_prices import closing
from tallyglass.app.session import Session
from tallyglass.app.worth import present_price
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.transfers import Transfer
from tallyglass.money import ZERO, Amount, Asset, add, negate, subtract, text
from tallyglass.portfolio.cost import Basis, Books, Unknown
from tallyglass.portfolio.moves import Move, moves
from tallyglass.store import costs as kept
from tallyglass.store import days as moved
from tallyglass.store import sums, told
from tallyglass.store.base import Db

_DAY: Final = timedelta(1)
#: So long the pools are advanced in one transaction: meanwhile nobody else can write.
_TURN_SECONDS: Final = 1.0
#: Of the rules in `portfolio.cost` and `portfolio.moves`: pools that were made by others are made anew.
_RULES: Final = 1
_to_json: Final = msgspec.json.Encoder().encode
_WHY: Final = {
    "price_missing": "no price on {day}, when it moved",
    "not_there": "more was given away on {day} than had come in",
    "one_sided": "on {day} it was swapped for nothing that is told",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a holding cost. Money in the user's currency; None where it is not known."""

    cost: Amount | None
    average: Amount | None
    unrealised: Amount | None
    #: Why the cost is not known, in words.
    why: str = ""


def bases(session: Session, progress: past.Progress = past.nobody) -> dict[Asset, Basis]:
    """The pools of all assets by now: those of yesterday's end, with what moved since."""
    currency = past.refresh(session, progress)
    today = session.now().date()
    with session.store.read() as db:
        stand = _newest(db, currency)
    while stand is None or stand[0] < today - _DAY:
        with session.store.write() as db:
            before, stand = stand, _advance(db, currency, past.left(session, db), today - _DAY, progress)
        if stand == before:
            break  # nothing has moved yet
    with session.store.read() as db:
        now = present_price(session, db)
        books = Books(currency, lambda name, _: now(name), stand[1] if stand else {})
        reading = _Reading(db, past.left(session, db), today)
        for move in reading.moves(today, None):
            books.book(move)
    return books.bases()


def bases_so_far(session: Session) -> Counted[dict[Asset, Basis]]:
    """The same for who cannot wait: as they were counted last."""
    return session.memory.aside("pools", session.store.version(), lambda: bases(session))


def cost_of(basis: Basis | None, held: Amount, value: Amount | None) -> Cost:
    """What so much of an asset cost: known only where its history comes to what is held."""
    if basis is None:
        return Cost(None, None, None, "its history does not tell of it")
    if basis.quantity != held:
        why = f"its history comes to {text(basis.quantity)}, not {text(held)}"
        return Cost(None, basis.average, None, why)
    if basis.cost is None:
        return Cost(None, None, None, "; ".join(map(_why, basis.unknown)))
    return Cost(basis.cost, basis.average, basis.unrealised(value))


def _why(each: Unknown) -> str:
    words = _WHY[each.code].format(day=each.day)
    return words if each.times == 1 else f"{words}, and {each.times - 1} times more"


def _advance(
    db: Db, currency: Asset, gone: Mapping[str, date], last: date, progress: past.Progress
) -> tuple[date, dict[Asset, Basis]] | None:
    """Bring the pools on, month by month, to the end of a day or for as long as others may wait; keep them there."""
    stand = _newest(db, currency)
    if stand is None:
        kept.outdate(db, date.min)
    first = moved.first(db) if stand is None else stand[0] + _DAY
    if first is None or first > last:
        return stand
    reading, begin, pools = _Reading(db, gone, first), first, stand[1] if stand else {}
    until = monotonic() + _TURN_SECONDS
    while begin <= last and (begin == first or monotonic() < until):
        end = min(_month_end(begin), last)
        found = reading.moves(begin, end)
        names = {name for move in found for name, _ in (*move.amounts, *move.fees)}
        books = Books(currency, closing(db, currency, (begin, end), names), pools)
        for move in found:
            books.book(move)
        pools = books.bases()
        kept.keep(db, currency, end, _packed(pools))
        progress(first, end, last)
        begin = end + _DAY
    return begin - _DAY, pools


class _Reading:
    """The moves of some days, from the entries and the transfers between them."""

    def __init__(self, db: Db, gone: Mapping[str, date], since: date) -> None:
        self._db, self._gone = db, gone
        self._sides = moved.matched(db)
        self._arrived: Sequence[Transfer] = told.arrived(db, since)

    def moves(self, first: date, last: date | None) -> list[Move]:
        """What moved from the first to the last day; None = from then on. What is followed no more goes on its day."""
        until = last or date.max
        entries = [each for each in told.between(self._db, first, last) if self._counts(*each)]
        arrived = [each for each in self._arrived if first <= each.received.time.date() <= until]
        found = moves(entries, arrived, self._sides)
        going = [self._leaving(each, day) for each, day in self._gone.items() if first <= day <= until]
        return sorted([*found, *going], key=lambda move: move.time) if going else found

    def _counts(self, connection: str, entry: Entry) -> bool:
        return entry.time.date() <= self._gone.get(connection, date.max)

    def _leaving(self, connection: str, day: date) -> Move:
        """All that a connection held, as it went."""
        held: dict[Asset, Amount] = {}
        for (_, name), each in sums.kept(self._db, connection).get(connection, {}).items():
            held[name] = add(held.get(name, ZERO), each.amount)
        for move in moved.moves(self._db, day + _DAY):
            if move.connection == connection:
                held[move.asset] = subtract(held[move.asset], move.amount)
        amounts = tuple((name, negate(amount)) for name, amount in sorted(held.items()) if amount)
        return Move(datetime.combine(day, time.max, UTC), "flow", amounts, entry=connection)


def _month_end(day: date) -> date:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return following - _DAY


# -- as they are kept


def _newest(db: Db, currency: Asset) -> tuple[date, dict[Asset, Basis]] | None:
    found = kept.newest(db, currency)
    if found is None:
        return None
    rules, pools = msgspec.json.decode(found[1])
    return (found[0], _unpacked(pools)) if rules == _RULES else None


def _packed(pools: Mapping[Asset, Basis]) -> str:
    return _to_json([_RULES, {name: _figures(basis) for name, basis in pools.items()}]).decode()


def _figures(basis: Basis) -> list[Any]:
    figures = (basis.quantity, basis.cost, basis.realised, basis.earned, basis.carried_out, basis.brought)
    unknown = [[each.code, each.day.isoformat(), each.entry, each.times] for each in basis.unknown]
    return [*(None if each is None else text(each) for each in figures), unknown]


def _unpacked(packed: Mapping[str, Any]) -> dict[Asset, Basis]:
    found: dict[Asset, Basis] = {}
    for name, (quantity, cost, *rest, unknown) in packed.items():
        realised, earned, carried_out, brought = map(Decimal, rest)
        missing = tuple(Unknown(code, date.fromisoformat(day), entry, times) for code, day, entry, times in unknown)
        known = None if cost is None else Decimal(cost)
        found[Asset(name)] = Basis(
            Asset(name), Decimal(quantity), known, realised, earned, carried_out, brought, missing
        )
    return found
