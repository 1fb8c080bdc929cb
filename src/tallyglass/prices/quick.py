"""The quick way: the price of a day on which all sources agree, without its explanation. Pure.

A history asks for a price of every asset on every day. On nearly all of them every source has a close, and the closes
differ by little: then nobody is outvoted, nothing is marked, and the median over the best path is all there is to find.
Whatever is not as simple as that is left to `moment`, which explains what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, NamedTuple

from tallyglass.money import EXACT, ROUNDED, Amount, Asset
from tallyglass.prices.choose import NEAR, NEAR_STEADY
from tallyglass.prices.moment import STEADY, Moment
from tallyglass.prices.paths import far
from tallyglass.prices.routes import Link, Route, Routes

Closes = Mapping[date, Amount]
"""The closes of one market, or the official rates of one currency, by their day."""


class Priced(NamedTuple):
    """The price of one unit at the end of a day."""

    value: Amount
    #: Why it may not be right: see `moment`.
    marks: tuple[str, ...] = ()


class Plan(NamedTuple):
    """How an asset is priced for as long as there are the same markets: the best source first, then by name."""

    #: The closes of a market; its quote, None where that is the currency itself; whether it leads nearer to it.
    ways: tuple[tuple[Closes, Asset | None, bool], ...]
    #: So many of them are over the best path.
    best: int
    near: Amount


Plans = Mapping[Asset, Plan]


def plans(routes: Routes, currency: Asset, closes: Mapping[Link, Closes]) -> Plans:
    """The plan of every asset that markets alone lead on from, none of them turned round."""
    return {
        asset: _plan(asset, found, currency, closes)
        for asset, found in routes.items()
        if not any(each.link is None or each.turned for each in found)
    }


def _plan(asset: Asset, found: tuple[Route, ...], currency: Asset, closes: Mapping[Link, Closes]) -> Plan:
    ordered = sorted(found, key=lambda each: (each.rank, each.source))
    ways = tuple(
        (closes[each.link], None if each.quote == currency else each.quote, each.nearer)
        for each in ordered
        if each.link is not None
    )
    best = sum(each.rank == ordered[0].rank for each in ordered)
    return Plan(ways, best, NEAR_STEADY if asset in STEADY else NEAR)


def quickly(asset: Asset, plan: Plan, moment: Moment, days: tuple[date, date]) -> Priced | None:
    """The price, where all is simple; None where that is to be looked at. `days`: its day, and the one before."""
    day, before = days
    values: list[Amount] = []
    marks: list[tuple[str, ...]] = []
    for closes, quote, nearer in plan.ways:
        value = closes.get(day)
        if value is None:
            return None
        mark: tuple[str, ...] = ()
        if quote is not None:
            then = moment.step(quote, nearer=not nearer)
            if then is None:
                return None
            value, mark = _plus(_times(value, then.value)), then.marks
        values.append(value)
        marks.append(mark)
    if len(values) == 1:
        return None if moment.owed(asset) else _lone(plan, values[0], marks[0], (day, before))
    low, high = min(values), max(values)
    if _minus(high, low) > _times(low, plan.near):
        return None
    place = 0 if plan.best == 1 else _middle(values[: plan.best])
    return Priced(values[place], marks[place])


def _lone(plan: Plan, value: Amount, marks: tuple[str, ...], days: tuple[date, date]) -> Priced | None:
    closes = plan.ways[0][0]
    close, was = closes[days[0]], closes.get(days[1])
    if was is None or far(was, close):
        return None
    return Priced(value, marks)


def _middle(values: list[Amount]) -> int:
    """As `choose` has it: of two in the middle the first by name, as they stand."""
    places = sorted(range(len(values)), key=values.__getitem__)
    upper = len(places) // 2
    return places[upper] if len(places) % 2 else min(places[upper - 1], places[upper])


_times: Final[Callable[[Amount, Amount], Amount]] = EXACT.multiply
_minus: Final[Callable[[Amount, Amount], Amount]] = EXACT.subtract
_plus: Final[Callable[[Amount], Amount]] = ROUNDED.plus
