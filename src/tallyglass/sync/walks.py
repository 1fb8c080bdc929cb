"""Walks: the streams of one connection, read page by page, the newest history of all of them first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Cursor, Known, NotReadable, Page, Stream, Unparsed, enriches, passed, restarted
from tallyglass.keeper.client import ExchangeRefused
from tallyglass.store import history, lease
from tallyglass.store.base import Db, StoreError
from tallyglass.sync.job import Asked, Job, Stuck
from tallyglass.sync.report import PartReport, SyncReport
from tallyglass.sync.writer import Writer

#: An exchange that answers so often in a row with what it has answered before, while we move on, will never end.
REPEATS = 5
#: Requests under way at once: one is answered while the other's answer is parsed.
LANES = 2
#: Rounds of streams that earlier ones have brought to light.
ROUNDS = 200
#: How often a stream may begin anew in one sync.
RESTARTS = 3
_NEVER = datetime.max.replace(tzinfo=UTC)
_LAST = datetime.min.replace(tzinfo=UTC)

Failed = Callable[[Job, PartReport, Exception], None]


@dataclass(slots=True)
class Walk:
    """One stream on its way."""

    stream: Stream
    part: PartReport
    cursor: Cursor
    #: Digests of the answers so far that held anything.
    seen: set[bytes] = field(default_factory=set)
    repeats: int = 0
    #: Where the stream stood before the answers began to repeat.
    good: Cursor = field(default_factory=dict)
    #: How often it has begun anew, since what its cursor named was gone.
    restarts: int = 0
    #: An earlier sync broke off on this walk: what has come since it began lies before its beginning.
    resumed: bool = False

    @property
    def turn(self) -> tuple[bool, datetime]:
        """Whose turn is first: the greater, the sooner. Never begun first, then whose history is the least far back,
        and last what does not tell; what sums are made of before the past of what only stands beside it.
        """
        unknown = _LAST if self.part.pages else _NEVER
        return not (self.part.pages and enriches(self.stream)), self.part.reached or unknown

    def begins_anew(self, refused: ExchangeRefused) -> bool:
        """Whether the row that the cursor named is gone, and the stream knows where to begin instead."""
        if refused.fault_code != "gone" or self.restarts >= RESTARTS:
            return False
        before, self.cursor = self.cursor, restarted(self.stream, self.cursor)
        self.restarts, self.repeats = self.restarts + 1, 0
        self.seen.clear()  # it lawfully comes by the same answers again
        return dict(self.cursor) != dict(before)

    def once_more(self) -> bool:
        """Whether it is walked again from its end, for what has come while nobody read: once, if it was resumed."""
        again, self.resumed = self.resumed, False
        if again:
            self.repeats = 0
            self.seen.clear()
        return again

    def check(self, page: Page, body: bytes) -> None:
        """Raises `Stuck`. Empty windows look alike and are no sign of anything; the same rows again and again are."""
        if page.done:
            return
        digest = blake2b(body, digest_size=8).digest()
        told = bool(page.entries or page.unparsed)
        self.repeats = self.repeats + 1 if told and digest in self.seen else 0
        if told:
            self.seen.add(digest)
        if self.repeats <= 1:
            self.good = self.cursor
        if self.repeats >= REPEATS or dict(page.cursor) == dict(self.cursor):
            name = self.part.stream
            raise Stuck(f"{self.part.connection}: the exchange gives the same page of {name} again and again")


class Walks:
    """All streams of a connection, in lanes that take turns, and one writer behind them."""

    def __init__(self, job: Job, report: SyncReport, failed: Failed) -> None:
        self._job, self._report, self._failed = job, report, failed
        #: Parts of which something is missing now.
        self.faulty: list[PartReport] = []
        self._begun: set[str] = set()
        self._waiting: list[Walk] = []
        self._busy: list[Walk] = []
        self._known = Known()
        self._change = threading.Condition()

    def run(self) -> None:
        """Every stream, and those that the assets found so far bring to light, until nothing new appears.

        Raises `LeaseLost` or `StoreError` when nothing more can be written; all else is told in the parts.
        """
        with Writer(self._job) as writer:
            for _ in range(ROUNDS):
                self._known = self._job.known(read=frozenset(self._begun))
                if not self._begin():
                    break
                with ThreadPoolExecutor(LANES, thread_name_prefix=f"lane of {self._job.connection}") as lanes:
                    for lane in [lanes.submit(self._lane, writer) for _ in range(LANES)]:
                        lane.result()
                writer.flush()
            else:
                self._endless()

    def _endless(self) -> None:
        part = PartReport(self._job.connection, "history")
        self._report.parts.append(part)
        self._failed(self._job, part, Stuck(f"{self._job.connection}: ever more lists of its history appear"))
        self.faulty.append(part)

    def _begin(self) -> bool:
        """Line up the streams that are new; whether there are any."""
        streams = registry.history(self._job.exchange).streams(self._known)
        fresh = [stream for stream in streams if stream.name not in self._begun]
        if not fresh:
            return False
        with self._job.store.read() as db:
            cursors = {stream.name: history.cursor_of(db, self._job.connection, stream.name) for stream in fresh}
            resumed = history.broken_off(db, self._job.connection)
        for stream in fresh:
            part = PartReport(self._job.connection, stream.name)
            self._report.parts.append(part)
            self._begun.add(stream.name)
            self._waiting.append(Walk(stream, part, cursors[stream.name], resumed=stream.name in resumed))
        return True

    def _lane(self, writer: Writer) -> None:
        """Take the walk whose turn it is, read one page of it, put it back; until none is left."""
        while (walk := self._next()) is not None:
            ended = True
            try:
                ended = self._step(writer, walk)
            finally:
                with self._change:
                    self._busy.remove(walk)
                    if not ended:
                        self._waiting.append(walk)
                    self._change.notify_all()

    def _next(self) -> Walk | None:
        with self._change:
            while True:
                walk = max(self._waiting, key=lambda each: each.turn, default=None)
                if walk is not None and (walk.turn[0] or all(enriches(each.stream) for each in self._busy)):
                    break
                if walk is None and not self._busy:
                    return None
                self._change.wait()
            self._waiting.remove(walk)
            self._busy.append(walk)
            return walk

    def _step(self, writer: Writer, walk: Walk) -> bool:
        """One page; whether the walk has ended. What can be told in its part is told there."""
        writer.check()
        part, begun = walk.part, time.monotonic()
        try:
            done = self._page(writer, walk) and not walk.once_more()
        except ExchangeRefused as refused:
            done = not walk.begins_anew(refused)
            if done and (refused.fault_code == "not_opened" or _needless(walk.stream, refused)):
                _ended(self._job, writer, walk, refused)
            elif done:
                self._fault(part, walk.stream, refused)
        except (lease.LeaseLost, StoreError):
            raise  # nothing more can be written
        except Exception as error:  # noqa: BLE001  (it is told in the part, and logged where it is ours)
            writer.check()  # the writer's own error ends the sync
            done = True
            self._fault(part, walk.stream, error)
        part.seconds += time.monotonic() - begun
        part.left = 0 if done else part.left
        self._job.watch(part)
        return done

    def _fault(self, part: PartReport, stream: Stream, error: Exception) -> None:
        self._failed(self._job, part, error)
        if not enriches(stream):
            self.faulty.append(part)

    def _page(self, writer: Writer, walk: Walk) -> bool:
        job, stream = self._job, walk.stream
        ask = stream.ask(walk.cursor, job.now())
        try:
            asked = Asked(stream.name, walk.cursor, ask, job.ask(walk.part, ask))
        except ExchangeRefused as refused:
            beyond = passed(stream, walk.cursor, ask) if refused.fault_code == "not_opened" else None
            if beyond is None:
                raise
            walk.cursor, walk.part.left = beyond.cursor, beyond.left
            writer.put(_stands(job, walk, walk.cursor, done=beyond.done))
            return beyond.done
        try:
            page = stream.page(walk.cursor, ask, asked.answer.body, self._known)
        except NotReadable as error:
            writer.put(_unreadable(job, walk.part, asked, str(error)))
            raise
        writer.put(_commit(job, walk.part, asked, page))
        try:
            walk.check(page, asked.answer.body)
        except Stuck:
            # What an exchange has not told while it repeated itself is asked for again.
            writer.put(_stands(job, walk, walk.good, done=False))
            raise
        walk.cursor = page.cursor
        walk.part.reached, walk.part.left = page.reached or walk.part.reached, page.left
        return page.done


def _commit(job: Job, part: PartReport, asked: Asked, page: Page) -> Callable[[Db], None]:
    """Raw page, entries and cursor, all in one transaction.

    An answer that changes nothing (empty, or the rows of the last sync again) is not kept: those that are kept give
    the same entries without it, and a connection where nothing happens does not grow.
    """
    # Here, in the lane: the writer, through whom all pages go, has no time for it.
    body, ready = history.pressed(asked.answer.body), history.prepared(page.entries)

    def work(db: Db) -> None:
        raw = job.keep(db, asked, body)
        booked = history.book(db, job.connection, ready, raw)
        history.drop_understood(db, job.connection, asked.stream, page.entries)
        odd = history.add_unparsed(db, job.connection, asked.stream, page.unparsed, raw_page=raw, now=asked.answer.at)
        if not booked.changed and not odd:
            history.drop_page(db, raw)
        history.set_cursor(db, job.connection, asked.stream, page.cursor, done=page.done, now=job.now())
        part.new += booked.new
        if booked.new:
            part.earliest = min([entry.time for entry in page.entries] + ([part.earliest] if part.earliest else []))

    part.pages += 1
    part.entries += len(page.entries)
    part.unparsed += len(page.unparsed)
    return work


def _stands(job: Job, walk: Walk, cursor: Cursor, *, done: bool) -> Callable[[Db], None]:
    """Where a walk goes on, or has ended, without an answer to keep."""

    def work(db: Db) -> None:
        history.set_cursor(db, job.connection, walk.part.stream, cursor, done=done, now=job.now())

    return work


def _unreadable(job: Job, part: PartReport, asked: Asked, reason: str) -> Callable[[Db], None]:
    """An answer that cannot be read is kept raw, counted and shown; the cursor stays where it was."""

    def work(db: Db) -> None:
        piece = unreadable(asked.answer.at, reason, asked.answer.body)
        raw = job.keep(db, asked)
        history.add_unparsed(db, job.connection, asked.stream, [piece], raw_page=raw, now=asked.answer.at)

    part.unparsed += 1
    return work


def _needless(stream: Stream, refused: ExchangeRefused) -> bool:
    """Whether the key may not read what only stands beside the rest: that is told, and no sync fails by it."""
    return enriches(stream) and refused.fault_code == "missing_permission"


def _ended(job: Job, writer: Writer, walk: Walk, refused: ExchangeRefused) -> None:
    """There is nothing to be read (no such product, not for this key), and that is told."""
    walk.part.text, walk.part.fix = refused.text, refused.fix
    writer.put(_stands(job, walk, walk.cursor, done=True))


def unreadable(at: datetime, reason: str, body: bytes) -> Unparsed:
    """What stands for a whole answer that cannot be read."""
    return Unparsed(f"{history.WHOLE_PAGE}{at.isoformat()}", reason, body[:2000].decode("utf-8", "replace"))
