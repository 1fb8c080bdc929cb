"""How often the price sources may be asked: a number of requests a minute and address, 429 beyond it."""

from __future__ import annotations


class Quota:
    """What was asked in the current minute, by source and caller."""

    def __init__(self) -> None:
        #: Nothing is counted: for tests whose keeper hurries, and for measuring.
        self.off = False
        self._used: dict[tuple[str, str], tuple[int, int]] = {}

    def wait(self, source: str, caller: str, most: int, now: float) -> int:
        """Count a request; how many seconds to wait before the next one is answered, 0 when this one is."""
        if self.off:
            return 0
        minute = int(now) // 60
        began, used = self._used.get((source, caller), (minute, 0))
        used = used + 1 if began == minute else 1
        self._used[source, caller] = minute, used
        return 60 - int(now) % 60 if used > most else 0
