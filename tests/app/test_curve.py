"""The curve of net worth: what it draws is what it was given, whatever that is."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tallyglass.app.curve import HEIGHT, WIDTH, Curve, Point, curve
from tallyglass.money import subtract

figures = st.decimals(-(10**12), 10**12, places=8)
points_ = st.lists(st.tuples(figures, figures, st.booleans()), min_size=2, max_size=700).map(
    lambda found: [Point(date(2026, 1, 1) + timedelta(place), *each) for place, each in enumerate(found)]
)


def drawn(points: list[Point]) -> Curve:
    found = curve(points)
    assert found is not None
    return found


def places(path: str) -> list[tuple[Decimal, Decimal]]:
    numbers = list(map(Decimal, re.findall(r"-?[\d.]+", path)))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@given(points_)
def test_nothing_is_drawn_outside_and_the_ends_are_the_ends(points: list[Point]) -> None:
    found = drawn(points)
    every = [place for path, _ in found.parts for place in places(path)]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in every)
    assert (every[0][0], every[-1][0]) == (Decimal(0), Decimal(WIDTH))
    assert (found.first, found.last) == (points[0], points[-1])
    assert found.lines[0] >= found.highest.value
    assert found.lines[-1] <= found.lowest.value


@given(points_)
def test_lines_are_round_and_at_even_distances(points: list[Point]) -> None:
    lines = drawn(points).lines
    steps = {subtract(upper, lower) for upper, lower in itertools.pairwise(lines)}
    assert len(steps) == 1
    assert 2 <= len(lines) <= 7
    digits = steps.pop().normalize().as_tuple().digits
    assert digits in ((1,), (2,), (5,), (2, 5))


@given(points_)
def test_a_higher_value_is_drawn_no_lower(points: list[Point]) -> None:
    whole = [replace(each, complete=True) for each in points[:400]]  # one stretch alone: no point is drawn twice
    ((path, _),) = drawn(whole).parts
    heights = [y for _, y in places(path)]
    pairs = sorted(zip((each.value for each in whole), heights, strict=True), key=lambda pair: pair[0])
    assert all(below[1] >= above[1] for below, above in itertools.pairwise(pairs))


def test_stretches_that_are_not_complete_are_told_apart() -> None:
    whole = [True, True, False, False, True]
    points = [Point(date(2026, 1, 1 + n), Decimal(n), Decimal(0), each) for n, each in enumerate(whole)]
    parts = drawn(points).parts
    assert [told for _, told in parts] == [True, False, True]
    assert [len(places(path)) for path, _ in parts] == [2, 3, 2]


def test_one_day_is_no_curve() -> None:
    assert curve([Point(date(2026, 1, 1), Decimal(1), Decimal(1), complete=True)]) is None
