"""How fast may be guessed: each wrong try doubles the wait before the next, whoever makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable

#: So many wrong tries cost no wait: fingers slip.
FREE = 3
LONGEST_SECONDS = 15 * 60


class Pace:
    """One for a whole program, so that no new cookie, address or connection begins anew.

    Somebody else's wrong tries can thus make the owner wait, and the link from his terminal never does.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong = 0
        self._until = 0.0

    def wait(self) -> float:
        """So many seconds are to be waited before the next try. 0: try now; it counts as wrong until it was `right`.

        It counts beforehand, so that many tries at once are as many as one after the other.
        """
        with self._lock:
            now = self._clock()
            if now < self._until:
                return self._until - now
            self._wrong += 1
            if self._wrong >= FREE:
                self._until = now + min(2.0 ** (self._wrong - FREE), LONGEST_SECONDS)
            return 0.0

    def right(self) -> None:
        """The last try was right: nobody waits."""
        with self._lock:
            self._wrong, self._until = 0, 0.0
