"""What a sync did, and what it says while it works."""

from __future__ import annotations

from collections.abc import Callable
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
    unparsed: int = 0
    requests: int = 0
    seconds: float = 0.0
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

    @property
    def failed(self) -> list[PartReport]:
        """The parts that went wrong."""
        return [part for part in self.parts if part.fault]


Watcher = Callable[[PartReport], None]
"""Called after each answer, from the thread that works for the connection."""


def nobody(_part: PartReport) -> None:
    """Watches nothing."""
