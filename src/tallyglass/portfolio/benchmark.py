"""Benchmark: what the same payments would have become in something else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tallyglass.money import ROUNDED, ZERO, Amount, Asset, add, divide, multiply, negate, text, total
from tallyglass.portfolio.days import Closes
from tallyglass.portfolio.returns import ONE, DayPoint, Rate
from tallyglass.portfolio.shares import WHOLE, shares
from tallyglass.portfolio.xirr import MoneyWeighted, xirr


@dataclass(frozen=True, slots=True)
class Mix:
    """Assets and their shares of every payment; all shares together are 1. Never rebalanced."""

    shares: tuple[tuple[Asset, Decimal], ...]

    @property
    def name(self) -> str:
        """As `mix` reads it: `BTC`, or `BTC:60,ETH:40`."""
        if len(self.shares) == 1:
            return self.shares[0][0]
        return ",".join(f"{name}:{text(multiply(share, WHOLE))}" for name, share in self.shares)


def mix(told: str) -> Mix:
    """The mix of a text: `BTC`, or `BTC:60,ETH:40` in percent. Raises `ValueError` with what is wrong."""
    return Mix(tuple(shares(told).items()))


@dataclass(frozen=True, slots=True)
class Held:
    """What the payments of a period would have become in a mix."""

    mix: Mix
    #: At the end of the period; None when a price that it needs is missing.
    value: Amount | None
    #: Like the portfolio's own: value - start - net deposits.
    gain: Amount | None
    #: What the mix itself became, bought once on the first day with a payment and not touched.
    time_weighted: Rate
    money_weighted: MoneyWeighted
    #: Its value on each day of the period, for the chart; None where a price is missing.
    series: tuple[tuple[date, Amount | None], ...]
    #: Prices that its figures need and that are missing.
    missing: tuple[tuple[Asset, date], ...]
    #: More was taken out than was there at that time: units were owed from this day on.
    overdrawn: date | None


def hold(chosen: Mix, base: DayPoint, points: Sequence[DayPoint], closes: Closes) -> Held:
    """Buy the mix for the start value and for each day's flow at the close of the day; what goes out is sold alike."""
    days = (DayPoint(base.day, base.value, base.value), *points)
    prices = [{name: closes(name, day.day) for name, _ in chosen.shares} for day in days]
    units: _Units | None = dict.fromkeys((name for name, _ in chosen.shares), ZERO)
    series: list[tuple[date, Amount | None]] = []
    for day, there in zip(days, prices, strict=True):
        if day.flow and units is not None:
            units = _bought(chosen, units, day.flow, there)
        series.append((day.day, _worth(units, there)))
    value = series[-1][1]
    paid = [(day.day, negate(day.flow)) for day in days]
    first = next((there for day, there in zip(days, prices, strict=True) if day.flow), None)
    unpriced = MoneyWeighted(Rate(None, "price_missing"), Rate(None, "price_missing"))
    return Held(
        mix=chosen,
        value=value,
        gain=None if value is None else add(value, total(sent for _, sent in paid)),
        time_weighted=Rate(None, "nothing_there") if first is None else _alone(chosen, first, prices[-1]),
        money_weighted=unpriced if value is None else xirr([*paid, (days[-1].day, value)]),
        series=tuple(series),
        missing=tuple(_missing(days, prices)),
        overdrawn=next((day for day, worth in series if worth is not None and worth < ZERO), None),
    )


_Units = dict[Asset, Amount]
_Prices = dict[Asset, Amount | None]


def _bought(chosen: Mix, units: _Units, flow: Amount, prices: _Prices) -> _Units | None:
    """The units after a flow; None from the day on at which a price is missing."""
    held: _Units = {}
    for name, share in chosen.shares:
        price = prices[name]
        if price is None:
            return None
        held[name] = ROUNDED.add(units[name], divide(multiply(flow, share), price))
    return held


def _worth(units: _Units | None, prices: _Prices) -> Amount | None:
    if units is None:
        return None
    value = ZERO
    for name, held in units.items():
        price = prices[name]
        if price is None:
            return None
        value = ROUNDED.add(value, ROUNDED.multiply(held, price))
    return value


def _alone(chosen: Mix, first: _Prices, last: _Prices) -> Rate:
    grown = ZERO
    for name, share in chosen.shares:
        start, end = first[name], last[name]
        if start is None or end is None:
            return Rate(None, "price_missing")
        grown = ROUNDED.add(grown, ROUNDED.multiply(share, divide(end, start)))
    return Rate(ROUNDED.subtract(grown, ONE))


def _missing(days: Sequence[DayPoint], prices: Sequence[_Prices]) -> Iterable[tuple[Asset, date]]:
    """What the value cannot do without: the prices of every day with a payment, and of the last."""
    for day, there in zip(days, prices, strict=True):
        if day.flow or day is days[-1]:
            yield from ((name, day.day) for name, price in there.items() if price is None)
