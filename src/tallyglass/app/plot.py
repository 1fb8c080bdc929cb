"""Plots: a line through points, as dots for a terminal; for pages see `curve`. Pure; where a dot goes is no money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tallyglass.money import ROUNDED, Amount, divide, multiply, subtract

#: The dots of a braille sign, two columns of four, from the top.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_EMPTY = 0x2800


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a terminal's chart."""

    #: What the upper edge of the line stands for.
    label: Amount
    dots: str


def lines(values: Sequence[Amount], width: int, height: int) -> Iterator[Line]:
    """A chart of so many signs: two points a sign across, four down. `values` are evenly spread over the width."""
    if not values:
        return
    columns, rows = max(width, 2) * 2, height * 4
    low, high = _bounds(values)
    grid = [[_EMPTY] * max(width, 2) for _ in range(height)]
    before: int | None = None
    for column in range(columns):
        value = values[column * (len(values) - 1) // (columns - 1)]
        row = _place(value, low, high, rows)
        for each in _between(before, row):
            grid[each // 4][column // 2] |= _DOTS[column % 2][each % 4]
        before = row
    for number, signs in enumerate(grid):
        share = _fine(divide(Decimal(number), Decimal(max(height - 1, 1))))
        yield Line(subtract(high, multiply(subtract(high, low), share)), "".join(map(chr, signs)))


def _bounds(values: Sequence[Amount]) -> tuple[Amount, Amount]:
    low, high = min(values), max(values)
    return (low, high) if low < high else (subtract(low, Decimal(1)), high)


def _place(value: Amount, low: Amount, high: Amount, rows: int) -> int:
    """The row from the top."""
    share = _fine(divide(subtract(high, value), subtract(high, low)))
    return min(int(share * (rows - 1) + Decimal("0.5")), rows - 1)


def _fine(share: Decimal) -> Decimal:
    """Fine enough for a dot."""
    return share.quantize(Decimal("0.000001"), context=ROUNDED)


def _between(before: int | None, row: int) -> range:
    """The rows that join a point to the one before it."""
    if before is None or abs(before - row) <= 1:
        return range(row, row + 1)
    return range(before + 1, row + 1) if before < row else range(row, before)
