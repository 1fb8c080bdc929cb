"""Curves: net worth through time as the paths of a drawing, lines at round values. Pure; no coordinate is money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import groupby
from typing import Final

from tallyglass.money import ROUNDED, ZERO, Amount, add, divide, multiply, subtract

#: The drawing's own units; a page stretches it.
WIDTH, HEIGHT = 1000, 300
#: More points than this no screen tells apart.
_MOST: Final = 500
_STEPS: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_LINES: Final = 4
_TICK: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Point:
    """One day."""

    day: date
    value: Amount
    #: What was put in until then, less what was taken out.
    deposits: Amount
    complete: bool
    #: Where it is not the end of the day that is meant.
    at: datetime | None = None
    #: What a benchmark would have been worth.
    other: Amount | None = None

    @property
    def time(self) -> datetime:
        """When it was so, to the hour."""
        return self.at or datetime.combine(self.day, time(), UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point is drawn, from the upper left."""

    point: Point
    x: int
    value: Decimal
    deposits: Decimal
    other: Decimal | None


@dataclass(frozen=True, slots=True)
class Curve:
    """What is drawn. Paths in units of `WIDTH` × `HEIGHT`, from the upper left."""

    #: The line, in parts: a path, and whether its days are complete.
    parts: tuple[tuple[str, bool], ...]
    area: str
    deposits: str
    #: Of the benchmark; empty where there is none.
    other: str
    places: tuple[Place, ...]
    #: Round values at even distances, from the top.
    lines: tuple[Amount, ...]
    #: Days, or moments, at even distances, from the left.
    days: tuple[date, ...]
    first: Point
    last: Point
    #: Another one where anything else is drawn.
    edition: str
    lowest: Point
    highest: Point


def curve(points: Sequence[Point]) -> Curve | None:
    """The curve of two days or more, the oldest first; None of fewer."""
    if len(points) < 2:
        return None
    shown = _thinned(points)
    others = [each.other for each in shown if each.other is not None]
    lines = _lines([each.value for each in shown] + [each.deposits for each in shown] + others)
    bounds, end = (lines[-1], lines[0]), len(shown) - 1
    places = tuple(_places(shown, bounds))
    line = [f"{each.x} {each.value}" for each in places]
    steps = "".join(f"H{each.x}V{each.deposits}" for each in places)
    floor = _y(min(max(ZERO, bounds[0]), bounds[1]), bounds)
    return Curve(
        parts=tuple(_parts(line, [each.complete for each in shown])),
        area=f"M{'L'.join(line)}L{WIDTH} {floor}L0 {floor}Z",
        deposits=f"M0 {places[0].deposits}{steps}",
        other="".join(_runs(places)),
        places=places,
        lines=tuple(lines),
        days=tuple(_day(shown[end * each // 5 if end >= 10 else end * (each // 5)]) for each in _marks(end)),
        first=points[0],
        last=points[-1],
        edition=sha256(repr(places).encode()).hexdigest()[:16],
        lowest=min(points, key=lambda each: each.value),
        highest=max(points, key=lambda each: each.value),
    )


def _marks(end: int) -> Sequence[int]:
    """Which of six even distances are named: all, or, of a few days, the first and the last."""
    return range(6) if end >= 10 else (0, 5)


def _day(point: Point) -> date:
    return point.at or point.day


def _places(shown: Sequence[Point], bounds: tuple[Amount, Amount]) -> Iterator[Place]:
    begin = shown[0].time
    whole = (shown[-1].time - begin) // _TICK or 1
    for each in shown:
        x = WIDTH * ((each.time - begin) // _TICK) // whole
        other = None if each.other is None else _y(each.other, bounds)
        yield Place(each, x, _y(each.value, bounds), _y(each.deposits, bounds), other)


def _runs(places: Sequence[Place]) -> Iterator[str]:
    """The line of the benchmark, with a hole where it is not known."""
    pen = "M"
    for each in places:
        if each.other is not None:
            yield f"{pen}{each.x} {each.other}"
        pen = "M" if each.other is None else "L"


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Evenly taken, the last one always among them."""
    if len(points) <= _MOST:
        return points
    last = len(points) - 1
    return [points[number * last // (_MOST - 1)] for number in range(_MOST)]


def _parts(line: Sequence[str], complete: Sequence[bool]) -> Iterator[tuple[str, bool]]:
    """Stretches of days that are complete, and of such that are not; each begins where the one before it ends."""
    for whole, group in groupby(range(len(line)), key=lambda number: complete[number]):
        numbers = list(group)
        begin = max(numbers[0] - 1, 0)
        yield f"M{'L'.join(line[begin : numbers[-1] + 1])}", whole


def _lines(values: Sequence[Amount]) -> list[Amount]:
    """Round values around all of these, from the highest to the lowest."""
    low, high = min(values), max(values)
    step = _step(subtract(high, low) or max(high.copy_abs(), Decimal(1)))
    begin = _multiple(low, step)
    lines = [begin]
    while lines[-1] < high or len(lines) < 2:
        lines.append(add(lines[-1], step))
    return lines[::-1]


def _step(span: Amount) -> Amount:
    """A round step, so that a few of them make the span."""
    rough = divide(span, Decimal(_LINES))
    size = Decimal(1).scaleb(rough.adjusted())
    return next(each for each in (multiply(size, step) for step in _STEPS) if each >= rough)


def _multiple(value: Amount, step: Amount) -> Amount:
    """The greatest multiple of a step that is not above a value."""
    count = divide(value, step).to_integral_value(rounding="ROUND_FLOOR", context=ROUNDED)
    return multiply(count, step)


def _y(value: Amount, bounds: tuple[Amount, Amount]) -> Decimal:
    low, high = bounds
    share = divide(subtract(high, value), subtract(high, low)).quantize(Decimal("0.0001"), context=ROUNDED)
    return multiply(share, Decimal(HEIGHT)).quantize(Decimal("0.1"), context=ROUNDED)
