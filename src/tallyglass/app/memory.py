"""Memory: what is asked again and again, kept until what it rests on has changed; what takes long, counted aside."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from tallyglass.app.problems import Told

log = logging.getLogger(__name__)

T = TypeVar("T")
#: So many things are kept; the one that was not asked for longest gives way.
_MOST: Final = 64
#: So long who asks first waits for what is counted aside: most of it is done by then.
_PATIENCE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Counted(Generic[T]):
    """What was counted last."""

    #: None: nothing yet.
    value: T | None
    #: False: what it rests on has changed, and it is being counted anew.
    current: bool


class Memory:
    """Of one command: what is counted aside elsewhere is counted at once, as nobody else would."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[object, object]] = OrderedDict()
        self._turns: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def keep(self, name: Hashable, stamp: object, make: Callable[[], T]) -> T:
        """What `make` gives, made once for each stamp, whoever asks at the same time."""
        with self._lock:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            found = self._found(name)
            if found is None or found[0] != stamp:
                found = self._put(name, stamp, make())
        return cast(T, found[1])

    def aside(self, name: Hashable, stamp: object, make: Callable[[], T]) -> Counted[T]:
        """The same for what takes long."""
        return Counted(self.keep(name, stamp, make), current=True)

    def last(self, name: Hashable) -> object:
        """What was made last, of whatever stamp; None before the first."""
        found = self._found(name)
        return None if found is None else found[1]

    def _found(self, name: Hashable) -> tuple[object, object] | None:
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def _put(self, name: Hashable, stamp: object, value: object) -> tuple[object, object]:
        with self._lock:
            self._kept[name] = stamp, value
            self._kept.move_to_end(name)
            while len(self._kept) > _MOST:
                gone, _ = self._kept.popitem(last=False)
                self._turns.pop(gone, None)
        return stamp, value


class LongMemory(Memory):
    """Of a program that goes on: counts in threads of their own what takes long, and tells when it is done."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell
        self._under_way: dict[Hashable, _Count] = {}
        self._ended = False

    def aside(self, name: Hashable, stamp: object, make: Callable[[], T]) -> Counted[T]:
        """What was counted last; if it is not of this stamp, it is counted anew meanwhile.

        Who asks waits a moment for what is nearly always done in one. What was raised by it is raised here.
        """
        for _ in range(2):  # what is under way may be for an older stamp
            found = self._found(name)
            if found is not None and found[0] == stamp:
                break
            self._counting(name, stamp, make).wait()
        found = self._found(name)
        if found is None:
            return Counted(None, current=False)
        if isinstance(found[1], Exception):
            raise found[1]
        return Counted(cast(T, found[1]), current=found[0] == stamp)

    def end(self, wait: float = 0) -> None:
        """Begin nothing more, forget all, and wait so many seconds for what is being counted."""
        with self._lock:
            self._ended, under_way = True, list(self._under_way.values())
        for each in under_way:
            each.done.wait(wait)
        with self._lock:
            self._kept.clear()

    def _counting(self, name: Hashable, stamp: object, make: Callable[[], object]) -> _Count:
        with self._lock:
            there = self._under_way.get(name)
            if there is not None or self._ended:
                return there or _Count()
            begun = self._under_way[name] = _Count()
        threading.Thread(target=self._count, args=(begun, name, stamp, make), name="aside", daemon=True).start()
        return begun

    def _count(self, mine: _Count, name: Hashable, stamp: object, make: Callable[[], object]) -> None:
        try:
            made = make()
        except Exception as error:  # told to whoever asks for it
            if not isinstance(error, Told):
                log.exception("%s could not be counted", name)
            made = error
        self._put(name, stamp, made)
        with self._lock:
            del self._under_way[name]
        mine.done.set()
        if mine.left <= 0:
            self._tell()


class _Count:
    """A count that is under way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self._until = time.monotonic() + _PATIENCE

    @property
    def left(self) -> float:
        """For how long it is still waited for."""
        return self._until - time.monotonic()

    def wait(self) -> None:
        """Wait for it, while it is young."""
        if self.left > 0:
            self.done.wait(self.left)
