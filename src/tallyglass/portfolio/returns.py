"""Returns: a portfolio day by day, and what its days chain to: the time-weighted return. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

from tallyglass.money import ROUNDED, ZERO, Amount, add, divide, magnitude, subtract, total
from tallyglass.portfolio.days import DayWorth

ONE: Final = Decimal(1)

Why = Literal["nothing_there", "below_zero", "one_day", "no_sign_change", "no_rate", "too_few_days", "price_missing"]
"""Why there is no rate."""

REASONS: Final[Mapping[Why, str]] = MappingProxyType(
    {
        "nothing_there": "nothing was there in this period",
        "below_zero": "the debts were larger than what was owned, and of less than nothing there is no rate",
        "one_day": "everything was paid in and out on one day, so that no time passed",
        "no_sign_change": "money only came in or only went out, so that nothing can be compared",
        "no_rate": "no rate makes these payments come out even",
        "too_few_days": "there are fewer than two daily returns",
        "price_missing": "a price that it needs is missing",
    }
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of return, `0.05` for 5 %; or why there is none."""

    value: Decimal | None
    why: Why | None = None

    @property
    def text(self) -> str:
        """Why there is none, in words."""
        return "" if self.why is None else REASONS[self.why]


@dataclass(frozen=True, slots=True)
class DayPoint:
    """One day of a portfolio, or of a part of it, in one currency."""

    day: date
    #: What was owned at the end of the day; of the running day, now.
    value: Amount
    #: What came from outside in this day, less what went there.
    flow: Amount = ZERO
    #: What was paid, never positive.
    fees: Amount = ZERO
    #: What was earned, at its value of this day.
    rewards: Amount = ZERO
    #: Everything that was owned or moved has a value.
    complete: bool = True
    #: Why not: (code, what it is about), as `days.DayWorth` has them.
    causes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, worth: DayWorth) -> DayPoint:
        """The point of a day that has been valued."""
        return cls(worth.day, worth.total, worth.flow, worth.fees, worth.rewards, worth.complete, worth.causes)


@dataclass(frozen=True, slots=True)
class Link:
    """What one day made of what was there; of several days, where those before it were not complete."""

    day: date
    days: int
    factor: Decimal
    #: What one unit has become since the start.
    index: Decimal
    #: Nothing was there that could have grown.
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """The links of a period, in order."""

    start: date
    links: tuple[Link, ...]
    #: Set where the chain breaks off.
    why: Why | None = None

    @property
    def rate(self) -> Rate:
        """The time-weighted return over all links."""
        if self.why is not None:
            return Rate(None, self.why)
        if all(link.idle for link in self.links):
            return Rate(None, "nothing_there")
        return Rate(ROUNDED.subtract(self.links[-1].index, ONE))

    @property
    def index(self) -> tuple[tuple[date, Decimal], ...]:
        """What one unit was worth at the end of each day, 1 at the start."""
        return ((self.start, ONE), *((link.day, link.index) for link in self.links))


def chain(base: DayPoint, points: Sequence[DayPoint]) -> Chain:
    """The daily factors after `base`, multiplied up.

    What comes in counts from the start of its day, what goes out to its end:
    factor = (value + what went out) / (value before + what came in).
    A day that is not complete is bridged: its value is no measure, its flow counts in the next day that is. The last
    day counts as it is.
    """
    links: list[Link] = []
    index = ONE
    for before, after, flow in _spans(base, points):
        opened = add(before.value, max(flow, ZERO))
        closed = add(after.value, magnitude(min(flow, ZERO)))
        if opened < ZERO or closed < ZERO:
            return Chain(base.day, tuple(links), "below_zero")
        idle = opened == ZERO
        factor = ONE if idle else divide(closed, opened)
        index = ROUNDED.multiply(index, factor)
        links.append(Link(after.day, (after.day - before.day).days, factor, index, idle))
    return Chain(base.day, tuple(links))


def _spans(base: DayPoint, points: Sequence[DayPoint]) -> list[tuple[DayPoint, DayPoint, Amount]]:
    """From one day that counts to the next, with what flowed after the first until the end of the second."""
    ends = [number for number, point in enumerate(points) if point.complete or number == len(points) - 1]
    flows = [total(point.flow for point in points[first + 1 : last + 1]) for first, last in pairwise((-1, *ends))]
    measured = (base, *(points[number] for number in ends))
    return [(before, after, flow) for (before, after), flow in zip(pairwise(measured), flows, strict=True)]


def gain(base: DayPoint, points: Sequence[DayPoint]) -> Amount:
    """What the value grew by beyond what was paid in."""
    end = points[-1].value if points else base.value
    return subtract(subtract(end, base.value), total(point.flow for point in points))
