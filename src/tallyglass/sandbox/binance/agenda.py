"""What an account still means to do, each thing at its own time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

MINUTE: Final = 60_000_000
"""In microseconds, as all times here."""
Deed = Callable[[int], object]
"""Does it at a time."""


class Agenda:
    """Deeds in the order of their times."""

    def __init__(self, now: int, *plans: Iterable[tuple[float, Deed]]) -> None:
        """Each plan: how many days before `now`, and what; on one moment in the order of the plan."""
        start = now // 1000 * 1000
        due = [(start - int(days * 24 * 60) * MINUTE, deed) for plan in plans for days, deed in plan]
        self._due = deque(sorted(due, key=lambda step: step[0]))

    def keep(self, until: int) -> None:
        """Do what is due up to a moment."""
        while self._due and self._due[0][0] <= until:
            us, deed = self._due.popleft()
            deed(us)
