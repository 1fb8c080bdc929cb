"""Curves: net worth through time as the paths of a drawing, lines at round values. Pure; no coordinate is money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Final

from tallyglass.money import ROUNDED, ZERO, Amount, add, divide, multiply, subtract

#: The drawing's own units; a page stretches it.
WIDTH, HEIGHT = 1000, 300
#: More points than this no screen tells apart.
_MOST: Final = 500
_STEPS: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_LINES: Final = 4


@dataclass(frozen=True, slots=True)
class Point:
    """One day."""

    day: date
    value: Amount
    #: What was put in until then, less what was taken out.
    deposits: Amount
    complete: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """What is drawn. Paths in units of `WIDTH` × `HEIGHT`, from the upper left."""

    #: The line, in parts: a path, and whether its days are complete.
    parts: tuple[tuple[str, bool], ...]
    area: str
    deposits: str
    #: Round values at even distances, from the top.
    lines: tuple[Amount, ...]
    #: Days at even distances, from the left.
    days: tuple[date, ...]
    first: Point
    last: Point
    lowest: Point
    highest: Point


def curve(points: Sequence[Point]) -> Curve | None:
    """The curve of two days or more, evenly apart and the oldest first; None of fewer."""
    if len(points) < 2:
        return None
    shown = _thinned(points)
    lines = _lines([each.value for each in shown] + [each.deposits for each in shown])
    bounds, end = (lines[-1], lines[0]), len(shown) - 1
    places = [(_x(number, end), each) for number, each in enumerate(shown)]
    line = [f"{x} {_y(each.value, bounds)}" for x, each in places]
    steps = "".join(f"H{x}V{_y(each.deposits, bounds)}" for x, each in places)
    floor = _y(min(max(ZERO, bounds[0]), bounds[1]), bounds)
    return Curve(
        parts=tuple(_parts(line, [each.complete for each in shown])),
        area=f"M{'L'.join(line)}L{WIDTH} {floor}L0 {floor}Z",
        deposits=f"M0 {_y(shown[0].deposits, bounds)}{steps}",
        lines=tuple(lines),
        days=tuple(shown[number * end // 5].day for number in range(6)) if end >= 10 else (shown[0].day, shown[-1].day),
        first=points[0],
        last=points[-1],
        lowest=min(points, key=lambda each: each.value),
        highest=max(points, key=lambda each: each.value),
    )


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


def _x(number: int, end: int) -> int:
    return WIDTH * number // end


def _y(value: Amount, bounds: tuple[Amount, Amount]) -> Decimal:
    low, high = bounds
    share = divide(subtract(high, value), subtract(high, low)).quantize(Decimal("0.0001"), context=ROUNDED)
    return multiply(share, Decimal(HEIGHT)).quantize(Decimal("0.1"), context=ROUNDED)
