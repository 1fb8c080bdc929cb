"""The writer: one thread that commits, in the order in which work comes, while others ask and parse."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Self

from tallyglass.store.base import Db
from tallyglass.sync.job import Job

#: Pages that may wait to be committed: enough to keep the writer busy, too few to fill the memory.
WAITING = 4

Work = Callable[[Db], None]


class Writer:
    """Used as a context: at its end everything has been committed, or the first error is raised."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._queue: queue.Queue[Work | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name=f"writer of {job.connection}", daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self.check()

    def put(self, work: Work) -> None:
        """Commit this behind all that was put before; waits while too much is waiting. Raises an earlier error."""
        self.check()
        self._queue.put(work)

    def flush(self) -> None:
        """Wait until everything so far is committed."""
        self._queue.join()
        self.check()

    def check(self) -> None:
        """Raise what has gone wrong, if anything has."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                if self._error is None:  # after an error nothing more is written, so that no page is skipped
                    self._job.write(work)
            except BaseException as error:  # noqa: BLE001  (raised again by whoever asks next)
                self._error = error
                self._job.stop.set()  # nobody should wait for an exchange any more
            finally:
                self._queue.task_done()
