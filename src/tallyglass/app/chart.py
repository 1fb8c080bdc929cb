"""The chart of net worth on the overview: its days, its periods, and what has become of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tallyglass.app import curve
from tallyglass.app.curve import Curve, Point
from tallyglass.app.worth_history import Days
from tallyglass.money import ZERO, add, text
from tallyglass.portfolio.performance import performance, period, window

#: What is said in the address, and on the switch.
PERIODS: Final[Mapping[str, str]] = {"7d": "7 d", "30d": "30 d", "182d": "6 m", "365d": "1 y", "all": "All"}
USUAL: Final = "182d"
_FEW: Final = 31


@dataclass(frozen=True, slots=True)
class Chart:
    """A period of the history, drawn, and in figures."""

    period: str
    curve: Curve
    #: By how much the worth rose beyond what was put in; None where a price that it needs is missing.
    gain: str | None
    #: The time-weighted return.
    rate: Decimal | None
    #: Days of which something is missing, each reason once.
    doubts: tuple[str, ...]
    #: The days that a reader reads: the last of every month, or every day of a short period.
    rows: tuple[Point, ...]


def chart(found: Days, asked: str) -> Chart | None:
    """The chart of a period; None where there are not two days of it yet."""
    name = asked if asked in PERIODS else USUAL
    today = found.points[-1].day
    chosen = period(name, today)
    figures = performance(found.points, chosen)
    days = window(found.points, chosen)
    if figures is None or days is None:
        return None
    deposits, points = ZERO, []
    since = days[1][0].day if chosen.after is None else days[0].day
    for each in found.points:
        deposits = add(deposits, each.flow)
        if each.day >= since:
            points.append(Point(each.day, each.value, deposits, each.complete))
    drawn = curve.curve(points)
    if drawn is None:
        return None
    doubts = tuple(dict.fromkeys(found.told(each.code, each.about) for each in figures.causes if each.about))
    ends = (drawn.last, *(() if chosen.after is None else (drawn.first,)))
    sure = all(each.complete for each in ends) and all(each.code != "flow_missing" for each in figures.causes)
    gain, rate = (text(figures.gain), figures.time_weighted.value) if sure else (None, None)
    return Chart(name, drawn, gain, rate, doubts, tuple(_read(points)))


def _read(points: Sequence[Point]) -> Iterator[Point]:
    """The newest first: every day of a month or less, else the last day of every month."""
    for later, each in zip((None, *reversed(points)), reversed(points), strict=False):
        if len(points) <= _FEW or later is None or later.day.month != each.day.month:
            yield each
