"""XIRR: the yearly rate at which dated payments come out even: the money-weighted return. Pure.

With x = what one unit in a day's time is worth today, the present value of all payments is a polynomial in x: sum of
amount × x^day. Its root gives the rate: x^-365 - 1. So no power is taken but whole ones, and all is Decimal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from itertools import pairwise
from typing import Final

from tallyglass.money import ZERO, Amount, total
from tallyglass.portfolio.returns import ONE, Rate

YEAR: Final = 365
_SOLVING: Final = Context(prec=38, traps=[InvalidOperation, DivisionByZero, Overflow])
#: So many digits of a rate are sure.
_SURE: Final = Context(prec=24, traps=[InvalidOperation, Overflow])
_NEAR: Final = Decimal("1e-30")
_STEPS: Final = 200
#: How far the search goes: from 1/16 to 1024, the logarithm of what the whole period makes of one unit.
_REACH: Final = [Decimal(2) ** power for power in range(-4, 11)]


@dataclass(frozen=True, slots=True)
class MoneyWeighted:
    """The money-weighted return of some payments."""

    #: Per year of 365 days: what spreadsheets call XIRR.
    annual: Rate
    #: From the first to the last payment.
    whole: Rate


def xirr(payments: Iterable[tuple[date, Amount]]) -> MoneyWeighted:
    """The rate of what was paid in (negative) and came back (positive, also what is still there at the end).

    Where payments change direction more than once there may be several: then one above zero is given if more came back
    than was paid in, else one below; of these the nearest to zero.
    """
    days: dict[date, Amount] = defaultdict(lambda: ZERO)
    for day, amount in payments:
        days[day] = total((days[day], amount))
    paid = sorted((day, amount) for day, amount in days.items() if amount)
    if len(paid) < 2:
        none = Rate(None, "one_day" if paid or days else "nothing_there")
        return MoneyWeighted(none, none)
    if len({amount > ZERO for _, amount in paid}) == 1:
        none = Rate(None, "no_sign_change")
        return MoneyWeighted(none, none)
    span = (paid[-1][0] - paid[0][0]).days
    with localcontext(_SOLVING):
        root = _root(_Polynomial(paid), span)
        if root is None:
            none = Rate(None, "no_rate")
            return MoneyWeighted(none, none)
        return MoneyWeighted(_rate(root, YEAR), _rate(root, span))


def _rate(root: Decimal, days: int) -> Rate:
    return Rate(_SURE.plus(root**-days - ONE))


class _Polynomial:
    """The present value of payments, by Horner's rule from the last to the first."""

    def __init__(self, paid: Sequence[tuple[date, Amount]]) -> None:
        self._last = paid[-1][1]
        self._rest = [((later - earlier).days, amount) for (earlier, amount), (later, _) in pairwise(paid)][::-1]

    def at(self, x: Decimal) -> Decimal:
        """Its value."""
        powers = {gap: x**gap for gap in {gap for gap, _ in self._rest}}
        value = self._last
        for gap, amount in self._rest:
            value = value * powers[gap] + amount
        return value

    def with_slope(self, x: Decimal) -> tuple[Decimal, Decimal]:
        """Its value and its derivative."""
        powers = {gap: (x**gap, gap * x ** (gap - 1)) for gap in {gap for gap, _ in self._rest}}
        value, slope = self._last, ZERO
        for gap, amount in self._rest:
            power, derived = powers[gap]
            slope = slope * power + value * derived
            value = value * power + amount
        return value, slope


Point = tuple[Decimal, Decimal]
"""Where, and the present value there."""


def _root(present: _Polynomial, span: int) -> Decimal | None:
    start = (ONE, present.at(ONE))
    if start[1] == ZERO:
        return ONE
    likely = 1 if start[1] > ZERO else -1
    for side in (likely, -likely):
        bracket = _bracket(present, start, side, span)
        if bracket is not None:
            return _narrowed(present, *bracket)
    return None


def _bracket(present: _Polynomial, start: Point, side: int, span: int) -> tuple[Point, Point] | None:
    """Between which two points the value changes its sign, from a rate of zero on to rates above it (1) or below."""
    before = start
    for growth in _REACH:
        x = (-side * growth / span).exp()
        here = (x, present.at(x))
        if (here[1] > ZERO) != (before[1] > ZERO):
            return before, here
        before = here
    return None


def _narrowed(present: _Polynomial, one: Point, other: Point) -> Decimal:
    """Newton's method, by halves where it would leave the bracket."""
    (low, at_low), (high, at_high) = sorted((one, other))
    x = low - at_low * (high - low) / (at_high - at_low)
    for _ in range(_STEPS):
        value, slope = present.with_slope(x)
        if value == ZERO:
            return x
        if (value > ZERO) == (at_low > ZERO):
            low = x
        else:
            high = x
        better = x - value / slope if slope else low
        if not low < better < high:
            better = (low + high) / 2
        if abs(better - x) <= _NEAR * x:
            return better
        x = better
    return x
