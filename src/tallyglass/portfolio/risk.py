"""Risk: how deep an index fell, and how much it swings. Pure; ratios, no money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, InvalidOperation, Overflow, localcontext
from typing import Final

from tallyglass.money import ROUNDED, ZERO, divide
from tallyglass.portfolio.returns import ONE, Link, Rate

_DAYS: Final = Decimal(365)
_STATISTICS: Final = Context(prec=28, traps=[InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall from a peak."""

    #: The share that was lost: `0.25` for a quarter.
    depth: Decimal
    peak: date
    bottom: date
    #: The first day on which the peak was reached again; None: not yet.
    recovered: date | None


def drawdown(index: Sequence[tuple[date, Decimal]]) -> Drawdown | None:
    """The deepest fall of an index, the first of equals; None where it never fell."""
    peak = index[0] if index else None
    deepest: tuple[Decimal, tuple[date, Decimal], date] | None = None
    for day, value in index:
        if peak is None or value >= peak[1]:
            peak = (day, value)
            continue
        depth = ROUNDED.subtract(ONE, divide(value, peak[1]))
        if deepest is None or depth > deepest[0]:
            deepest = (depth, peak, day)
    if deepest is None:
        return None
    depth, peak, bottom = deepest
    recovered = next((day for day, value in index if day > bottom and value >= peak[1]), None)
    return Drawdown(depth, peak[0], bottom, recovered)


def volatility(links: Iterable[Link]) -> Rate:
    """The standard deviation of daily logarithmic returns, times the root of 365.

    Days on which nothing was there, and spans over days that are not complete, are no daily returns.
    """
    daily = [link.factor for link in links if link.days == 1 and not link.idle]
    if len(daily) < 2:
        return Rate(None, "too_few_days")
    if min(daily) <= ZERO:
        return Rate(None, "below_zero")
    with localcontext(_STATISTICS):
        returns = [factor.ln() for factor in daily]
        mean = sum(returns, ZERO) / len(returns)
        squares = sum(((each - mean) ** 2 for each in returns), ZERO)
        return Rate((squares / (len(returns) - 1) * _DAYS).sqrt())
