"""What an account meets now and then besides its acts: every kind of thing that its exchange's history can hold."""

from __future__ import annotations

from collections.abc import Callable

#: Acts between two incidents once all kinds have been met.
_LATER = 397


class Incidents:
    """After every few acts the first that the balance allows of what has not been met yet; then all from the start."""

    def __init__(self, names: tuple[str, ...], first: int = 20, every: int = 4) -> None:
        self._names, self._every, self._due = names, every, first
        self._acts = 0
        self.ahead = list(names)
        self.met_all = False

    def follow(self, happen: Callable[[str], bool]) -> None:
        """One more act has happened: `happen` lets an incident happen by its name, and says whether it could."""
        self._acts += 1
        if self._acts < self._due:
            return
        met = next((name for name in self.ahead if happen(name)), None)
        if met is None:
            return
        self.ahead.remove(met)
        if not self.ahead:
            self.met_all, self.ahead = True, list(self._names)
        self._due = self._acts + (_LATER if self.met_all else self._every)
