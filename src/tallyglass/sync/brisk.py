"""How the interpreter is set while rows come in by the thousand: fewer looks for cycles, quicker turns."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

#: New objects between two looks for cycles. Rows are in none; at Python's 700 a fifth of the time goes into looking.
_OBJECTS: Final = 200_000
#: Seconds that a thread computes before another may. The writer leaves the interpreter at every statement, and at
#: Python's 5 ms waits longer to come back than the statement takes.
_TURN: Final = 0.000_5

_lock: Final = Lock()
#: How things were before each of those inside came: the first found them as they are to be again.
_found: Final[list[tuple[tuple[int, int, int], float]]] = []


@contextmanager
def brisk() -> Iterator[None]:
    """For as long as a sync or a replay runs; where several do, until the last one ends."""
    with _lock:
        _found.append((gc.get_threshold(), sys.getswitchinterval()))
        gc.set_threshold(_OBJECTS)
        sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        with _lock:
            thresholds, interval = _found.pop()
            gc.set_threshold(*thresholds)
            sys.setswitchinterval(interval)
