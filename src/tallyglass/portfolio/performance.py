"""Performance: what a period made of the money that was there and that came, in figures that say when they are not
complete. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from tallyglass.money import ZERO, Amount, negate, total
from tallyglass.portfolio.days import FLOW_MISSING, MISSING
from tallyglass.portfolio.returns import Chain, DayPoint, Rate, chain, gain
from tallyglass.portfolio.risk import Drawdown, drawdown, volatility
from tallyglass.portfolio.xirr import MoneyWeighted, xirr

PERIODS: Final = ("24h", "7d", "30d", "month", "year", "all")
"""The periods that everybody knows; besides any number of days (`90d`), a year (`2025`), a month (`2025-03`)."""

_DAYS: Final = re.compile(r"([1-9]\d{0,3})d", re.ASCII)
_NAMED: Final = re.compile(r"([12]\d{3})(?:-(0[1-9]|1[0-2]))?", re.ASCII)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From the end of one day to the end of another."""

    #: The day whose end is the start; None: before everything.
    after: date | None
    #: The last day.
    to: date

    def __post_init__(self) -> None:
        if self.after is not None and self.after >= self.to:
            raise ValueError(f"a period ends after it starts: not {self.after} to {self.to}")


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason why figures are not complete, and the days that it touches."""

    #: A day's own, `day_partial` where it names none, or `day_missing`.
    code: str
    #: An asset, a connection, or empty.
    about: str
    first: date
    last: date
    days: int


@dataclass(frozen=True, slots=True)
class Performance:
    """The figures of a period. Money in the currency of its points."""

    #: The day whose end is the start.
    after: date
    #: The last day that has a value.
    to: date
    start: Amount
    end: Amount
    #: What came from outside less what went there.
    net_deposits: Amount
    #: end - start - net deposits.
    gain: Amount
    #: What was paid, never positive.
    fees: Amount
    rewards: Amount
    #: Whole, not per year.
    time_weighted: Rate
    money_weighted: MoneyWeighted
    #: None where the index never fell.
    drawdown: Drawdown | None
    volatility: Rate
    chain: Chain
    causes: tuple[Doubt, ...]

    @property
    def complete(self) -> bool:
        """Every day of the period, its start included, is there and complete."""
        return not self.causes


def period(name: str, today: date) -> Period:
    """The period of a name: see `PERIODS`. Raises `ValueError` with what may be said."""
    if name == "all":
        return Period(None, today)
    if name == "24h":
        return Period(today - _DAY, today)
    if name == "month":
        return Period(today.replace(day=1) - _DAY, today)
    if name == "year":
        return Period(date(today.year, 1, 1) - _DAY, today)
    if days := _DAYS.fullmatch(name):
        return Period(today - timedelta(days=int(days[1])), today)
    if named := _NAMED.fullmatch(name):
        return _calendar(int(named[1]), int(named[2] or 0), today)
    raise ValueError(f"no period {name[:40]!r}: say {', '.join(PERIODS)}, a number of days (90d), 2025 or 2025-03")


def _calendar(year: int, month: int, today: date) -> Period:
    first = date(year, month or 1, 1)
    following = date(year + 1, 1, 1) if month in (0, 12) else date(year, month + 1, 1)
    if first > today:
        raise ValueError(f"{first} is still to come")
    return Period(first - _DAY, min(following - _DAY, today))


def window(points: Sequence[DayPoint], asked: Period) -> tuple[DayPoint, Sequence[DayPoint]] | None:
    """The start of a period and its days, from all days since the first entry; None where it ends before that.

    Before the first of `points` nothing was there: that is known, and no doubt.
    """
    until = bisect_right(points, asked.to, key=_day)
    since = 0 if asked.after is None else bisect_right(points, asked.after, key=_day)
    if until == 0:
        return None
    base = points[since - 1] if since else DayPoint(points[0].day - _DAY, ZERO)
    return base, points[since:until]


def performance(points: Sequence[DayPoint], asked: Period) -> Performance | None:
    """The figures of a period, from all days since the first entry; None where it ends before that."""
    found = window(points, asked)
    if found is None:
        return None
    measured = _measured(*found, asked.to)
    return _without_rates(measured) if _lacks(measured) else measured


def _measured(base: DayPoint, days: Sequence[DayPoint], to: date) -> Performance:
    chained = chain(base, days)
    end = days[-1] if days else base
    paid = [(base.day, negate(base.value)), *((point.day, negate(point.flow)) for point in days), (end.day, end.value)]
    return Performance(
        after=base.day,
        to=end.day,
        start=base.value,
        end=end.value,
        net_deposits=total(point.flow for point in days),
        gain=gain(base, days),
        fees=total(point.fees for point in days),
        rewards=total(point.rewards for point in days),
        time_weighted=chained.rate,
        money_weighted=xirr(paid),
        drawdown=drawdown(chained.index),
        volatility=volatility(chained.links),
        chain=chained,
        causes=(*_absent(base, days, to), *_partial((base, *days))),
    )


def _lacks(measured: Performance) -> bool:
    """Whether something has a price at the end that had none at the start, or when it came: as a gain that is none."""
    unpriced = {each.about for each in measured.causes if each.code == MISSING and each.last == measured.to}
    late = (
        each
        for each in measured.causes
        if each.code == FLOW_MISSING or (each.code == MISSING and each.first == measured.after)
    )
    return any(each.about not in unpriced for each in late)


def _without_rates(measured: Performance) -> Performance:
    none = Rate(None, "price_missing")
    return replace(measured, time_weighted=none, money_weighted=MoneyWeighted(none, none))


def _absent(base: DayPoint, days: Sequence[DayPoint], to: date) -> Iterable[Doubt]:
    """The days of which nothing is known."""
    known = [base.day, *(point.day for point in days), to + _DAY]
    for earlier, later in pairwise(known):
        missing = (later - earlier).days - 1
        if missing > 0:
            yield Doubt("day_missing", "", earlier + _DAY, later - _DAY, missing)


def _partial(points: Iterable[DayPoint]) -> Iterable[Doubt]:
    """What the days themselves say, each reason once."""
    found: dict[tuple[str, str], list[date]] = {}
    for point in points:
        if not point.complete:
            for reason in point.causes or [("day_partial", "")]:
                found.setdefault(reason, []).append(point.day)
    for (code, about), days in found.items():
        yield Doubt(code, about, days[0], days[-1], len(days))


def _day(point: DayPoint) -> date:
    return point.day
