"""What a sync did, what it says while it works, and how long it will still take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class PartReport:
    """One part of one connection: balances, orders, or a stream of history."""

    connection: str
    stream: str
    pages: int = 0
    #: Entries (or balances, orders) that the answers held.
    entries: int = 0
    #: Of those, the ones that were not known before.
    new: int = 0
    #: The time of the earliest entry on the pages that held something new.
    earliest: datetime | None = None
    #: Everything from now back to then has been read; None where the stream does not tell.
    reached: datetime | None = None
    #: Requests that it still expects to need; 0 when it has ended, None where that cannot be told.
    left: int | None = None
    #: The rate budget that it draws on, and the seconds that one request takes out of it.
    bucket: str = ""
    pace: float = 0.0
    unparsed: int = 0
    requests: int = 0
    seconds: float = 0.0
    #: Seconds that the exchange has asked to be left alone for, while they are waited for.
    waiting: float = 0.0
    #: Empty when all went well; else a stable code, with words for people beside it.
    fault: str = ""
    text: str = ""
    fix: str = ""


def own_error(part: PartReport, error: Exception) -> PartReport:
    """Note a mistake of ours as the part's fault: by its kind alone, since its words may hold anything."""
    part.fault = "internal"
    part.text = f"{part.connection}: an error of Tallyglass itself ({type(error).__name__})"
    part.fix = "What was read so far is kept. Please report it, with what the log tells."
    return part


@dataclass(slots=True)
class SyncReport:
    """One connection, all parts."""

    connection: str
    parts: list[PartReport] = field(default_factory=list)
    #: Seconds for which the exchange wants no request at all, after a ban.
    shut_out: float = 0.0

    @property
    def failed(self) -> list[PartReport]:
        """The parts that went wrong."""
        return [part for part in self.parts if part.fault]


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is still to be done, as far as the streams can tell."""

    #: Requests made, and those still expected.
    made: int
    left: int
    #: By the rate budgets, and by how long requests have taken so far.
    seconds: float
    #: Not every stream can tell: it will be more.
    at_least: bool


def remaining(parts: Iterable[PartReport]) -> Remaining:
    """Of one connection. Budgets refill side by side, so the one with most to do tells how long it takes."""
    made = left = 0
    seconds: dict[str, float] = defaultdict(float)
    at_least = False
    for part in parts:
        made += part.requests
        if part.left is None:
            at_least = at_least or not part.fault
            continue
        left += part.left
        took = part.seconds / part.requests if part.requests else 0.0
        seconds[part.bucket] += part.left * max(part.pace, took) + part.waiting
    return Remaining(made, left, max(seconds.values(), default=0.0), at_least)


Watcher = Callable[[PartReport], None]
"""Called after each answer, from a thread that works for the connection."""


def nobody(_part: PartReport) -> None:
    """Watches nothing."""
