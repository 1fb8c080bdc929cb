"""A list in order of time that pages from the newest, without ever scanning what lies outside the page."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Dated(Protocol):
    """What a timeline holds."""

    @property
    def id(self) -> str:
        """Unique on the timeline."""

    @property
    def time(self) -> float:
        """Unix seconds."""


Item = TypeVar("Item", bound=Dated)
Keep = Callable[[Item], bool]


@dataclass(slots=True)
class _View(Generic[Item]):
    """The part of a timeline that a filter keeps, grown as far as `seen`."""

    line: Timeline[Item]
    seen: int
    shuffles: int


class Timeline(Generic[Item]):
    """Items in order of time. Appending is cheap; a late item is put where it belongs."""

    def __init__(self, when: Callable[[Item], float] = lambda item: item.time) -> None:
        self._when = when
        self._items: list[Item] = []
        self._index: dict[str, Item] | None = None
        self._views: dict[Hashable, _View[Item]] = {}
        #: How often an item came late: views built before that are stale.
        self._shuffles = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def add(self, item: Item) -> int:
        """Put an item in its place and tell the place."""
        place = len(self._items)
        if self._items and self._when(item) < self._when(self._items[-1]):
            place = bisect_right(self._items, self._when(item), key=self._when)
            self._shuffles += 1
        self._items.insert(place, item)
        if self._index is not None:
            self._index[item.id] = item
        return place

    def remove(self, item: Item) -> None:
        """Take one of the newest items out."""
        place = len(self._items) - 1
        while self._items[place] is not item:
            place -= 1
        del self._items[place]
        self._shuffles += 1
        if self._index is not None:
            del self._index[item.id]

    def forget(self, wanted: Keep[Item]) -> None:
        """Nothing is left but the wanted items."""
        self._items = [item for item in self._items if wanted(item)]
        self._index = None
        self._views.clear()

    def after(self, place: int) -> Iterator[Item]:
        """The items from a place on, oldest first."""
        return (self._items[i] for i in range(place, len(self._items)))

    def get(self, item_id: str) -> Item | None:
        """By id."""
        if self._index is None:
            self._index = {item.id: item for item in self._items}
        return self._index.get(item_id)

    def kept(self, keep: Keep[Item]) -> Timeline[Item]:
        """The items that `keep` keeps now, looked at anew each time."""
        line = Timeline(self._when)
        line._items = [item for item in self._items if keep(item)]
        return line

    def view(self, name: Hashable, keep: Keep[Item]) -> Timeline[Item]:
        """The items that `keep` keeps. Kept under `name`, so that each item is looked at once."""
        view = self._views.get(name)
        if view is None or view.shuffles != self._shuffles:
            view = self._views[name] = _View(Timeline(self._when), 0, self._shuffles)
        for item in self.after(view.seen):
            if keep(item):
                view.line.add(item)
        view.seen = len(self._items)
        return view.line

    def page(self, start: float | str | None, end: float | str | None, ofs: int, size: int) -> tuple[list[Item], int]:
        """One page, newest first, of the items after `start` and up to `end`, and how many those are in all.

        A bound is a time, or the id of an item. Raises `KeyError` for an id that is not on the timeline.
        """
        low = 0 if start is None else self._place(start)
        high = len(self._items) if end is None else self._place(end)
        count = max(high - low, 0)
        newest = high - 1 - ofs
        return [self._items[i] for i in range(newest, max(newest - size, low - 1), -1)] if count else [], count

    def _place(self, bound: float | str) -> int:
        """How many items lie at or before a bound."""
        if not isinstance(bound, str):
            return bisect_right(self._items, bound, key=self._when)
        item = self.get(bound)
        if item is None:
            raise KeyError(bound)
        place = bisect_right(self._items, self._when(item), key=self._when)
        while self._items[place - 1].id != bound:
            place -= 1
        return place
