"""The charts of pages: net worth, or the worth of one asset, through a period; and what has become of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from tallyglass.app import curve, past, worth_history
from tallyglass.app.curve import Curve, Point
from tallyglass.app.memory import Counted
from tallyglass.app.past_prices import closing
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.worth import present_price
from tallyglass.app.worth_history import Days
from tallyglass.exchanges.streams import midnight
from tallyglass.money import ZERO, Amount, Asset, add, text
from tallyglass.portfolio.benchmark import Mix, hold, mix
from tallyglass.portfolio.performance import performance, period, window
from tallyglass.store import marks, present
from tallyglass.store import worth as kept

#: What is said in the address, and on the switch.
PERIODS: Final[Mapping[str, str]] = {
    "24h": "24h",
    "7d": "7d",
    "30d": "30d",
    "182d": "6m",
    "365d": "1y",
    "all": "All",
}
USUAL: Final = "182d"
#: The setting that holds what the user wants to be compared with.
_BENCHMARK: Final = "benchmark"
_FEW: Final = 31
_DAY: Final = timedelta(1)
#: How old the prices of now may be that a benchmark, or one asset's history, is counted by.
_FRESH_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, eq=False)
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
    #: What it is compared with; empty: nothing.
    benchmark: str = ""


def chart(session: Session, found: Days, asked: str) -> Counted[Chart | None]:
    """The chart of a period, with the benchmark as far as it is counted; none where there are not two days yet."""
    name = asked if asked in PERIODS else USUAL
    against = benchmark_of(session)
    beside = _beside(session, against, name) if against else Counted({}, current=True)
    others = beside.value or {}

    def draw() -> Chart | None:
        hours = _hours(session, found) if name == "24h" else ()
        return _chart(found, name, hours, (against, others))

    stamp = found, against, others
    return Counted(session.memory.keep(("chart", name), stamp, draw), beside.current)


def _chart(found: Days, name: str, hours: Sequence[Point], beside: tuple[str, Mapping[date, Amount]]) -> Chart | None:
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
            other = beside[1].get(each.day)
            points.append(Point(each.day, each.value, deposits, each.complete, other=other))
    drawn = curve.curve(_with_hours(points, hours))
    if drawn is None:
        return None
    doubts = tuple(dict.fromkeys(found.told(each.code, each.about) for each in figures.causes if each.about))
    ends = (points[-1], *(() if chosen.after is None else (points[0],)))
    sure = all(each.complete for each in ends) and all(each.code != "flow_missing" for each in figures.causes)
    gain, rate = (text(figures.gain), figures.time_weighted.value) if sure else (None, None)
    return Chart(name, drawn, gain, rate, doubts, tuple(_read(points)), beside[0])


def _hours(session: Session, found: Days) -> list[Point]:
    """Today as it was looked at, hour by hour, up to now."""
    now = found.now.as_of
    with session.store.read() as db:
        seen = marks.between(db, found.currency, midnight(now.date()), now)
    return [Point(each.at.date(), each.total, ZERO, each.complete, at=each.at) for each in seen]


def _with_hours(points: Sequence[Point], hours: Sequence[Point]) -> list[Point]:
    """A day's looks between its two ends: what was put in by then is known of the ends alone."""
    if not hours:
        return list(points)
    *_, begin, end = points
    start = replace(begin, at=midnight(end.day))
    within = (replace(each, deposits=begin.deposits) for each in hours if each.time > start.time)
    last = replace(end, at=max(hours[-1].time, start.time) + timedelta(seconds=1))
    return [start, *within, last]


def _read(points: Sequence[Point]) -> Iterator[Point]:
    """The newest first: every day of a month or less, else the last day of every month."""
    for later, each in zip((None, *reversed(points)), reversed(points), strict=False):
        if len(points) <= _FEW or later is None or later.day.month != each.day.month:
            yield each


# -- what it is compared with


def benchmark_of(session: Session) -> str:
    """What the user wants to be compared with; empty: nothing."""
    with session.store.read() as db:
        return present.setting(db, _BENCHMARK, "")


def set_benchmark(session: Session, told: str) -> None:
    """Compare with something from now on; with nothing: empty. A `Problem` for what is no mix."""
    named = told.replace(" ", "")
    if named:
        named = _mix(named).name
    with session.store.write() as db:
        present.set_setting(db, _BENCHMARK, named)


def _mix(told: str) -> Mix:
    try:
        return mix(told)
    except ValueError as error:
        raise Problem("usage", f"No benchmark: {error}.", "Write it as BTC, or as BTC:60,ETH:40.") from None


def _beside(session: Session, told: str, name: str) -> Counted[dict[date, Amount]]:
    """What the payments of a period would have become in the benchmark, day by day."""
    return session.memory.aside(
        ("benchmark", told, name), past.stamp(session, _FRESH_SECONDS), lambda: _held(session, _mix(told), name)
    )


def _held(session: Session, chosen: Mix, name: str) -> dict[date, Amount]:
    found = worth_history.days(session)
    today = found.now.as_of.date()
    days = window(found.points, period(name, today))
    if days is None:
        return {}
    names = {each for each, _ in chosen.shares}
    with session.store.read() as db:
        close = closing(db, found.currency, (days[0].day, today - _DAY), names)
        now = present_price(session, db)
    held = hold(chosen, *days, lambda each, day: now(each) if day == today else close(each, day))
    return {day: value for day, value in held.series if value is not None}


# -- one asset


def asset_chart(session: Session, found: Days, asset: Asset, asked: str) -> Counted[Curve | None]:
    """What one asset was worth through a period."""
    name = asked if asked in PERIODS and asked != "24h" else USUAL
    stamp = past.stamp(session, _FRESH_SECONDS)
    return session.memory.aside(("asset", asset, name), stamp, lambda: _asset_curve(session, found, asset, name))


def _asset_curve(session: Session, found: Days, asset: Asset, name: str) -> Curve | None:
    chosen = period(name, found.points[-1].day)
    days = window(found.points, chosen)
    if days is None:
        return None
    wanted = [each for each in (days[0], *days[1]) if each.day in {point.day for point in found.points}]
    with session.store.read() as db:
        parts = {each.day: each.assets for each in kept.parts(db, found.currency, (each.day for each in wanted))}
    parts[found.points[-1].day] = {each.asset: each.value for each in found.now.holdings if each.value is not None}
    points = [
        Point(each.day, parts[each.day].get(asset, ZERO), ZERO, all(about != asset for _, about in each.causes))
        for each in wanted
        if each.day in parts  # else it is being counted anew at this moment: that is not nothing
    ]
    first = next((number for number, each in enumerate(points) if each.value), len(points))
    return curve.curve(points[max(first - 1, 0) :] if name == "all" else points)
