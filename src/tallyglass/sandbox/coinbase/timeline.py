"""Lists in order of time that are paged by bisection, however long they are."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from datetime import datetime
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """What can stand on a timeline: a moment, and a number that tells equal moments apart."""

    time: datetime
    n: int


T = TypeVar("T", bound=Timed)
Place = tuple[datetime, int]


class Timeline(Generic[T]):
    """Items from the oldest to the newest."""

    def __init__(self) -> None:
        self.items: list[T] = []

    def __len__(self) -> int:
        return len(self.items)

    def add(self, item: T) -> None:
        """Put an item in its place; cheap at the end, where nearly all go."""
        if not self.items or self.items[-1].time < item.time or _place(self.items[-1]) <= _place(item):
            self.items.append(item)
        else:
            bisect.insort(self.items, item, key=_place)

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Nothing is left but the wanted items."""
        self.items = [item for item in self.items if wanted(item)]

    def index(self, place: Place) -> int:
        """How many items stand before a place."""
        return bisect.bisect_left(self.items, place, key=_place)

    def since(self, moment: datetime) -> int:
        """How many items are older than a moment."""
        return bisect.bisect_left(self.items, moment, key=_time)

    def back(self, high: int, limit: int, low: int, accept: Callable[[T], bool]) -> tuple[list[T], bool]:
        """Up to `limit` accepted items among `items[low:high]`, newest first, and whether unseen ones are left."""
        found: list[T] = []
        for index in range(high - 1, low - 1, -1):
            item = self.items[index]
            if accept(item):
                found.append(item)
                if len(found) == limit:
                    return found, index > low
        return found, False


def _place(item: Timed) -> Place:
    return item.time, item.n


def _time(item: Timed) -> datetime:
    return item.time
