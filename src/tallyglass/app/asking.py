"""What may be asked of worth through time and of performance, as it is written: for a command, or in an address."""

from __future__ import annotations

from datetime import date

from tallyglass.app import performance
from tallyglass.app.problems import Problem
from tallyglass.app.worth_history import BY, EVERY, Asked


def day_of(text: str) -> date | None:
    """A day as it is written; None where it is not given."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem("usage", f"{text!r} is no day.", "Write it as 2026-01-31.") from None


def one_of(name: str, value: str, words: tuple[str, ...]) -> str:
    """A word that is one of these. A `Problem` for any other."""
    if value not in words:
        known = ", ".join(filter(None, words))
        raise Problem("usage", f"{name} {value!r} is not known.", f"Say one of: {known}.")
    return value


def performance_asked(period: str, first: str, last: str, benchmark: str = "", by: str = "") -> performance.Asked:
    """Which figures are wanted."""
    one_of("by", by, ("", "asset"))
    return performance.Asked(period, day_of(first), day_of(last), benchmark, by_asset=bool(by))


def history_asked(first: str, last: str, every: str, by: str = "") -> Asked:
    """Which points of the history are wanted."""
    one_of("every", every, ("hour", *EVERY))
    one_of("by", by, ("", *BY))
    return Asked(day_of(first), day_of(last), every, by or None)  # type: ignore[arg-type]  # just checked
