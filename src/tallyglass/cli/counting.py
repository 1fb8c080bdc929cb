"""Days on the command line: the bars while their prices are fetched, and while they are counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Self

from tallyglass.app import backfilling, past
from tallyglass.app.session import Session
from tallyglass.cli import show
from tallyglass.cli.options import options
from tallyglass.prices.backfill import Progress

#: So many seconds are spent on past prices before what is known is shown; `prices backfill` takes its time.
PATIENCE = 20


@contextmanager
def counting(what: str = "counting days") -> Iterator[past.Progress]:
    """A bar while something is counted day by day."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.description}"))
    bar = Bars(*columns, console=show.err, transient=True)
    task = bar.add_task("", total=None)

    def tell(begin: date, until: date, end: date) -> None:
        bar.start()
        bar.update(task, total=(end - begin).days + 1, completed=(until - begin).days + 1, description=f"{until}")

    try:
        yield tell
    finally:
        bar.stop()


def fetch(session: Session) -> None:
    """Fetch the past prices that are missing, for a little while; what is still missing then is told with the days."""
    with Bar() as bar:
        backfilling.prices(session, watch=bar.show, seconds=PATIENCE)


class Bar:
    """A bar for each source, silent without eyes."""

    def __enter__(self) -> Self:
        self._progress = None
        if not options.json and show.err.is_terminal:
            from rich.progress import Progress as Bars

            self._progress = Bars(console=show.err, transient=True)
            self._progress.start()
            self._tasks: dict[str, object] = {}
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, progress: Progress) -> None:
        """Where one source stands."""
        if self._progress is None:
            return
        wait = f", waits {progress.waiting:.0f} s as told" if progress.waiting else ""
        text = f"{progress.source}: {progress.market}{wait}"
        if progress.source not in self._tasks:
            self._tasks[progress.source] = self._progress.add_task(text)
        task = self._tasks[progress.source]
        self._progress.update(task, description=text, completed=progress.done, total=progress.tasks)  # type: ignore[arg-type]
