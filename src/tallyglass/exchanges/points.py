"""Points of a price chart, turned into daily closes. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import Close, Known, Market, NotReadable, Unparsed, close_of, midnight
from tallyglass.money import Amount, NotMoney

T = TypeVar("T")
U = TypeVar("U")

#: So far from the end of a day a point may be and still be the day's close.
NEAR: Final = timedelta(hours=1)
#: What a piece of an answer raises that is not understood.
STRANGE: Final = (msgspec.ValidationError, NotMoney, ArithmeticError)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME: Final = 10**11


def moment(seconds: Decimal) -> datetime:
    """The time of Unix seconds. Raises `NotMoney` for what is none."""
    if not (seconds.is_finite() and 0 <= seconds < _END_OF_TIME):
        raise NotMoney("not a time in Unix seconds")
    return _EPOCH + timedelta(seconds=int(seconds))


def closes(market: Market, points: Iterable[tuple[datetime, Amount]], known: Known) -> tuple[Close, ...]:
    """Of each day that is over the point nearest to its end, if one is near; what lies between is no close."""
    best: dict[date, tuple[timedelta, Amount]] = {}
    for at, price in points:
        day = (at - timedelta(hours=12)).date()
        end = midnight(day + timedelta(days=1))
        away = max(at - end, end - at)
        if away <= NEAR and known.ended(day) and (day not in best or away < best[day][0]):
            best[day] = away, price
    return tuple(close_of(market, day, price) for day, (_, price) in sorted(best.items()))


def asked_for(coin: str, known: Known) -> Market:
    """The coin's asset against the dollar, as `known` has it by the coin's id: symbols are not unique.

    Raises `NotMoney`.
    """
    market = known.markets.get(coin)
    if market is None:
        raise NotMoney(f"which asset the coin {coin[:60]!r} is, is not known")
    return market


def answer(body: bytes, shape: type[T], source: str) -> T:
    """The answer as a whole. Raises `NotReadable`."""
    try:
        return decode(body, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotReadable(f"not an answer of {source} to this read: {error}") from error


def each(
    rows: Iterable[tuple[str, msgspec.Raw]], make: Callable[[str, msgspec.Raw], U]
) -> tuple[list[U], list[Unparsed]]:
    """Every row through `make(place, raw)`; those that are not understood come back as they were."""
    items: list[U] = []
    unparsed: list[Unparsed] = []
    for place, raw in rows:
        try:
            items.append(make(place, raw))
        except STRANGE as error:
            unparsed.append(strange(place, raw, error))
    return items, unparsed


def strange(place: str, raw: msgspec.Raw | bytes, error: Exception) -> Unparsed:
    """A piece that is kept as it came."""
    text = bytes(raw)
    name = f"{place}:{hashlib.sha256(text).hexdigest()[:24]}"
    return Unparsed(name, str(error)[:200], text.decode("utf-8", "replace"))
