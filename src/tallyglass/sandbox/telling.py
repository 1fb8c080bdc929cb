"""The truth about the past, from the sandbox's own books and walks: what a day ended at, and what was owned then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tallyglass.money import ZERO, Amount, add, multiply, text, total
from tallyglass.sandbox.model import Books
from tallyglass.sandbox.world import NoMarket, WorldPrices

_LONGEST = 5000


class BadRange(ValueError):
    """The days are none, or too many."""


def closes(prices: WorldPrices, asset: str, days: Iterable[date]) -> list[dict[str, str]]:
    """The dollar price at the end of each day, by the rule of today's; days without one are left out."""
    found = ((day, usd(prices, asset, day)) for day in days)
    return [{"day": day.isoformat(), "usd": text(price)} for day, price in found if price is not None]


def worth(prices: WorldPrices, books: Iterable[Books], days: Iterable[date]) -> list[dict[str, str]]:
    """The accounts at the end of each day, in dollars of then; what had no price, or was on its way, counts nothing."""
    told = []
    postings = sorted((each for book in books for each in book.postings.values()), key=lambda each: each.time)
    held: dict[str, Amount] = {}
    place = 0
    for day in days:
        while place < len(postings) and postings[place].time < _end(day):
            for _, asset, amount, _ in postings[place].legs:
                held[asset] = add(held.get(asset, ZERO), amount)
            place += 1
        values = (multiply(n, usd(prices, asset, day) or ZERO) for asset, n in held.items() if n)
        told.append({"day": day.isoformat(), "usd": text(total(values))})
    return told


def usd(prices: WorldPrices, asset: str, day: date) -> Amount | None:
    """The dollar price at the end of a day."""
    try:
        return prices.usd_at(asset, int(_end(day).timestamp()) * 1000)
    except NoMarket:
        return None


def days_of(asked: Mapping[str, Any], now: datetime) -> Iterator[date]:
    """The days from `from` to `to`; without them, the last thirty that are over. Raises `BadRange`."""
    yesterday = now.date() - timedelta(days=1)
    try:
        last = date.fromisoformat(str(asked.get("to", yesterday)))
        first = date.fromisoformat(str(asked.get("from", last - timedelta(days=29))))
    except ValueError:
        raise BadRange("from and to are days: YYYY-MM-DD") from None
    length = (last - first).days + 1
    if not 0 < length <= _LONGEST:
        raise BadRange(f"from {first} to {last}: one day to {_LONGEST} of them")
    return (first + timedelta(days=number) for number in range(length))


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)
