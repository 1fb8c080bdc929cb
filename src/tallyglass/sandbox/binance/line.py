"""Rows in the order of a number (a time, an id), found by bisection however many they are."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """Rows by rising mark. Equal marks keep the order in which they came."""

    def __init__(self) -> None:
        self.rows: list[T] = []
        self._marks: array[int] = array("q")

    def add(self, mark: int, row: T) -> None:
        """Put a row in its place: at the end, nearly always."""
        if not self._marks or mark >= self._marks[-1]:
            self._marks.append(mark)
            self.rows.append(row)
            return
        place = bisect_right(self._marks, mark)
        self._marks.insert(place, mark)
        self.rows.insert(place, row)

    def span(self, first: int | None = None, last: int | None = None) -> tuple[int, int]:
        """The positions [start, stop) of the marks from `first` to `last`, both included."""
        start = 0 if first is None else bisect_left(self._marks, first)
        stop = len(self.rows) if last is None else bisect_right(self._marks, last)
        return start, max(start, stop)

    def oldest(self, limit: int, first: int | None = None, last: int | None = None) -> list[T]:
        """The first `limit` rows of a span, ascending."""
        start, stop = self.span(first, last)
        return self.rows[start : min(stop, start + limit)]

    def newest(self, limit: int, first: int | None = None, last: int | None = None) -> list[T]:
        """The last `limit` rows of a span, ascending."""
        start, stop = self.span(first, last)
        return self.rows[max(start, stop - limit) : stop]

    def back(self, first: int | None, last: int | None) -> list[T]:
        """All rows of a span, newest first."""
        start, stop = self.span(first, last)
        return self.rows[start:stop][::-1]

    def page(self, first: int | None, last: int | None, skip: int, size: int) -> tuple[list[T], int]:
        """Newest first: `size` rows after the first `skip`, and how many there are in the span."""
        start, stop = self.span(first, last)
        high = max(start, stop - skip)
        return self.rows[max(start, high - size) : high][::-1], stop - start

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Forget all rows but the wanted ones."""
        left = [(mark, row) for mark, row in zip(self._marks, self.rows, strict=True) if wanted(row)]
        self._marks, self.rows = array("q", [mark for mark, _ in left]), [row for _, row in left]

    def forget(self, before: int) -> None:
        """Forget the rows whose mark is below."""
        start, _ = self.span(before)
        del self._marks[:start], self.rows[:start]
