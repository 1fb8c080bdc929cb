"""XIRR: the yearly rate at which dated payments come out even: the money-weighted return. Pure.

With x = what one unit in a day's time is worth today, the present value of all payments is a polynomial in x: sum of
amount × x^day. Its root gives the rate: x^-365 - 1. So no power is taken but whole ones, and all is Decimal.

Rates above zero are roots between 0 and 1. Rates below zero are, too, when time is counted back from the last payment.
So one search is enough, from 1 downwards, for the first root; it passes over a stretch only where there can be none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from itertools import pairwise
from typing import Final, NamedTuple

from tallyglass.money import ZERO, Amount, magnitude, total
from tallyglass.portfolio.returns import ONE, Rate

YEAR: Final = 365
_SOLVING: Final = Context(prec=38, traps=[InvalidOperation, DivisionByZero, Overflow])
#: So many digits of a rate are sure.
_SURE: Final = Context(prec=24, traps=[InvalidOperation, Overflow])
_NEAR: Final = Decimal("1e-30")
_STEPS: Final = 200


@dataclass(frozen=True, slots=True)
class MoneyWeighted:
    """The money-weighted return of some payments."""

    #: Per year of 365 days: what spreadsheets call XIRR.
    annual: Rate
    #: From the first to the last payment.
    whole: Rate


def xirr(payments: Iterable[tuple[date, Amount]]) -> MoneyWeighted:
    """The rate of what was paid in (negative) and came back (positive, also what is still there at the end).

    Where payments change direction more than once there may be several: of those above zero the nearest to it is given
    if more came back than was paid in, of those below if less did; where none is on that side, the nearest on the
    other.
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
        root = _root([(day.toordinal(), amount) for day, amount in paid])
        if root is None:
            none = Rate(None, "no_rate")
            return MoneyWeighted(none, none)
        return MoneyWeighted(_rate(root, YEAR), _rate(root, span))


def _rate(root: Decimal, days: int) -> Rate:
    return Rate(_SURE.plus(root**-days - ONE))


class _Point(NamedTuple):
    """A polynomial at one place."""

    x: Decimal
    #: Its value and its first three derivatives.
    value: Decimal
    slope: Decimal
    bend: Decimal
    twist: Decimal
    #: Between 0 and here, its fourth derivative is no larger than this, up or down.
    most: Decimal
    #: What all terms but the first come to together at most: again, between 0 and here.
    rest: Decimal


class _Polynomial:
    """The present value of payments, the first of them today."""

    def __init__(self, paid: Sequence[tuple[int, Amount]]) -> None:
        begin, self._first = paid[0]
        self.size = magnitude(self._first)
        self.span = paid[-1][0] - begin
        self._terms = [(day - begin, gap, amount) for gap, (day, amount) in zip(_gaps(paid), paid[1:], strict=True)]

    def at(self, x: Decimal) -> _Point:
        """Its value and what bounds it."""
        powers = {gap: x**gap for gap in {gap for _, gap, _ in self._terms}}
        value, slope, bend, twist, most, rest, power = self._first, ZERO, ZERO, ZERO, ZERO, ZERO, ONE
        for days, gap, amount in self._terms:
            power *= powers[gap]
            term = amount * power
            size = term.copy_abs()
            value += term
            rest += size
            term *= days
            slope += term
            term *= days - 1
            bend += term
            term *= days - 2
            twist += term
            most += size * (days * (days - 1) * (days - 2) * (days - 3))
        square = x * x
        return _Point(x, value, slope / x, bend / square, twist / x / square, most / square / square, rest)


def _gaps(paid: Sequence[tuple[int, Amount]]) -> Iterator[int]:
    return (later - earlier for (earlier, _), (later, _) in pairwise(paid))


def _root(paid: Sequence[tuple[int, Amount]]) -> Decimal | None:
    """The root that is told: see `xirr`."""
    came_back = total(amount for _, amount in paid)
    if came_back == ZERO:
        return ONE
    for above in (came_back > ZERO, came_back < ZERO):
        root = _first_below_one(_Polynomial(paid if above else [(-day, amount) for day, amount in reversed(paid)]))
        if root is not None:
            return root if above else ONE / root
    return None


def _first_below_one(present: _Polynomial) -> Decimal | None:
    """The largest root between 0 and 1; None where there is none."""
    high, step = present.at(ONE), ONE / present.span
    while high.rest >= present.size:  # from where the first payment outweighs all others, there is none
        low = present.at(max(high.x - step, high.x / 2))
        root = _largest_between(present, low, high)
        if root is not None:
            return root
        high, step = low, step * 4
    return None


def _largest_between(present: _Polynomial, low: _Point, high: _Point) -> Decimal | None:
    """A stretch is halved until Taylor's theorem, from its middle, tells that no root is in it, or one at most."""
    lower = [low]
    while lower:
        low = lower[-1]
        middle = present.at((low.x + high.x) / 2)
        moves, bends = _bounds(middle, high)
        if magnitude(middle.slope) > bends:  # it rises, or falls, all the way
            if low.value == ZERO or (low.value > ZERO) != (high.value > ZERO):
                return _narrowed(present, low, high)
            high = lower.pop()
        elif magnitude(middle.value) > moves:
            high = lower.pop()
        elif all(magnitude(each.value) < _NEAR * (each.rest + present.size) for each in (low, middle, high)):
            return middle.x  # roots that are one, as far as all these digits tell
        else:
            lower.append(middle)
    return None


def _bounds(middle: _Point, high: _Point) -> tuple[Decimal, Decimal]:
    """By how much at most the value, and the slope, differ from those in the middle of a stretch."""
    half = high.x - middle.x
    slope, bend, twist = (magnitude(each) for each in (middle.slope, middle.bend, middle.twist))
    bends = half * (bend + half * (twist / 2 + half * high.most / 6))
    return half * (slope + half * (bend / 2 + half * (twist / 6 + half * high.most / 24))), bends


def _narrowed(present: _Polynomial, low: _Point, high: _Point) -> Decimal:
    """Newton's method, by halves where it would leave the stretch."""
    rising, (begin, end) = high.value > ZERO, (low.x, high.x)
    x = begin - low.value * (end - begin) / (high.value - low.value)
    for _ in range(_STEPS):
        here = present.at(x)
        if here.value == ZERO:
            return x
        if (here.value > ZERO) == rising:
            end = x
        else:
            begin = x
        better = x - here.value / here.slope if here.slope else begin
        if magnitude(better - x) <= _NEAR * x:
            return better
        x = better if begin < better < end else (begin + end) / 2
    return x
