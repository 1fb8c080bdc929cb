"""Days on the command line: how one is written, and the bar while days are counted that never were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from tallyglass.app import past
from tallyglass.app.problems import Problem
from tallyglass.cli import show


def day_of(text: str) -> date | None:
    """The day of an option; None where it is not given."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem("usage", f"{text!r} is no day.", "Write it as 2026-01-31.") from None


@contextmanager
def counting(what: str = "counting days") -> Iterator[past.Progress]:
    """A bar while something is counted day by day."""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=show.err, transient=True)
    task = bar.add_task("", total=None)

    def tell(begin: date, until: date, end: date) -> None:
        bar.start()
        bar.update(task, total=(end - begin).days + 1, completed=(until - begin).days + 1, description=f"{until}")

    try:
        yield tell
    finally:
        bar.stop()
