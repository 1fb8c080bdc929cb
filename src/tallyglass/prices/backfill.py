"""Backfill: daily closes for the whole ledger, through the keeper's door; what is fetched once is never asked again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Ask, Close, Known, NotReadable
from tallyglass.keeper.client import Answer, ExchangeRefused, KeeperError
from tallyglass.prices.refresh import Door
from tallyglass.prices.routes import SECOND
from tallyglass.prices.wanted import DAY, Task
from tallyglass.store import closes, present, worth
from tallyglass.store.base import Store
from tallyglass.store.closes import Series

PART: Final = "closes"
#: So long a source may want to be left alone, in seconds, before it is given up for now.
LONGEST: Final = 900.0
_LIMITS: Final = frozenset(("rate_limited", "banned"))


@dataclass(slots=True)
class Progress:
    """How far one source is."""

    source: str
    #: The market that is read, for people.
    market: str = ""
    done: int = 0
    tasks: int = 0
    #: How many seconds the source still wants to be left alone.
    waiting: float = 0.0


@dataclass(slots=True)
class Report:
    """What was fetched."""

    tasks: int = 0
    requests: int = 0
    #: Closes that the answers held.
    closes: int = 0
    #: The first day of which a price is not what it was; None = nothing has changed.
    changed: date | None = None
    #: What went wrong, by source.
    faults: dict[str, str] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        """Add what another source brought."""
        self.tasks += other.tasks
        self.requests += other.requests
        self.closes += other.closes
        self.changed = earliest(self.changed, other.changed)
        self.faults |= other.faults


@dataclass(frozen=True, slots=True)
class Backfill:
    """Everything that a backfill works with."""

    store: Store
    door: Door
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    watch: Callable[[Progress], None] = lambda _: None
    #: How many seconds of waiting pass in one.
    pace: float = 1.0
    stop: threading.Event = field(default_factory=threading.Event)


def run(with_: Backfill, tasks: Sequence[Task]) -> Report:
    """Fetch all that the tasks ask for, every source at once, each within its limits."""
    by_source = [list(some) for _, some in groupby(tasks, key=attrgetter("source"))]
    whole = Report()
    if by_source:
        with ThreadPoolExecutor(max_workers=len(by_source)) as pool:
            try:
                for report in pool.map(lambda some: _source(with_, some), by_source):
                    whole.add(report)
            except BaseException:  # Ctrl-C, most likely: every page that came is stored
                with_.stop.set()
                raise
    return whole


def _source(with_: Backfill, tasks: Sequence[Task]) -> Report:
    """The tasks of one source, one after the other. When it fails, the rest waits for another time."""
    source = tasks[0].source
    reader = _Reader(with_, Report(), Progress(source, tasks=len(tasks)))
    report, progress = reader.report, reader.progress
    for task in tasks:
        if with_.stop.is_set():
            break
        progress.market = f"{task.market.base}/{task.market.quote}"
        with_.watch(progress)
        try:
            reader.read(task)
        except (KeeperError, NotReadable) as error:
            if _note(with_, source, error, report):
                break
        progress.done += 1
        report.tasks += 1
    with_.watch(progress)
    if source not in report.faults:
        with with_.store.write() as db:
            present.went_well(db, source, PART, with_.now())
    return report


def _note(with_: Backfill, source: str, error: KeeperError | NotReadable, report: Report) -> bool:
    """Note what went wrong; whether the source is to be left alone now: it is not about this one market."""
    fault, fix, ends = "not_readable", "Older prices are used. Upgrade Tallyglass if it stays so.", False
    told = f"a list of daily prices of {source} cannot be read: {error}"
    if isinstance(error, KeeperError):
        fault, told, fix, ends = error.code, error.text, error.fix, True
    if isinstance(error, ExchangeRefused):
        fault, ends = error.fault_code, error.retry or error.fault_code in _LIMITS
    report.faults[source] = told
    with with_.store.write() as db:
        present.went_wrong(db, present.Freshness(source, PART, None, with_.now(), fault, told, fix))
    return ends


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the markets of one source, page by page."""

    backfill: Backfill
    report: Report
    progress: Progress

    def read(self, task: Task) -> None:
        """All that the source was not asked for yet of one market."""
        candles = registry.candles(task.source)
        for begin, end, forward in task.pieces():
            asks = list(candles.pages(task.market, begin, end)) if candles is not None else []
            for place, ask in enumerate(reversed(asks) if forward else asks):
                if self.backfill.stop.is_set():
                    return
                answer = self._ask(task.source, ask)
                self.report.requests += 1
                found = [each for each in self._closes(task, ask, answer) if begin <= each.day <= end]
                # An empty answer on the way back: the market is no older.
                ended = place == len(asks) - 1 or not (found or forward)
                self._store(task, found, _reached(found, (begin, end), forward=forward, ended=ended))
                if ended:
                    break

    def _closes(self, task: Task, ask: Ask, answer: Answer) -> Iterator[Close]:
        market = task.market
        known = Known(markets={market.name: market}, asked=ask.params, begun=self.backfill.now())
        for each in registry.parsing(task.source).parse(ask.read, answer.body, known).items:
            if isinstance(each, Close):
                yield Close(market.base, market.quote, each.day, each.price)

    def _store(self, task: Task, found: Sequence[Close], reached: tuple[date | None, date | None]) -> None:
        """A page and how far it reaches, in one transaction: whoever stops here goes on from here."""
        series = Series(task.source, task.market.base, task.market.quote)
        with self.backfill.store.write() as db:
            changed = closes.set_closes(db, task.source, found)
            first, last = closes.spans(db).get(series, (task.last + DAY, task.last))
            closes.set_span(db, series, reached[0] or first, reached[1] or last)
            if task.source in SECOND:  # also where it tells nothing: who was asked owes no second opinion
                changed = earliest(changed, *_newly(reached, (first, last)))
            if changed is not None:
                worth.outdate(db, changed)
        self.report.closes += len(found)
        self.report.changed = earliest(self.report.changed, changed)

    def _ask(self, source: str, ask: Ask) -> Answer:
        """The answer, after waiting where the source, or our own budget for it, wants that."""
        left, attempt = LONGEST, 0
        while True:
            try:
                return self.backfill.door.public_read(source, ask.read, ask.params)
            except ExchangeRefused as refused:
                wait = float(max(refused.retry_after or 0, min(2**attempt, 60)))
                if refused.fault_code not in _LIMITS or wait > left or self.backfill.stop.is_set():
                    raise
                attempt, left = attempt + 1, left - wait
                self._pause(wait)

    def _pause(self, seconds: float) -> None:
        self.progress.waiting = seconds
        self.backfill.watch(self.progress)
        self.backfill.stop.wait(seconds / self.backfill.pace)
        self.progress.waiting = 0.0


def _reached(
    found: Sequence[Close], days: tuple[date, date], *, forward: bool, ended: bool
) -> tuple[date | None, date | None]:
    """The first and the last day that were asked for by now; None where that is as before."""
    told = [each.day for each in found]
    if forward:
        return None, days[1] if ended else max(told, default=None)
    return days[0] if ended else min(told, default=None), None


def _newly(reached: tuple[date | None, date | None], before: tuple[date, date]) -> Iterator[date]:
    """The first days that were not asked for before."""
    first, last = reached
    if first is not None and first < before[0]:
        yield first
    if last is not None and last > before[1]:
        yield before[1] + DAY


def earliest(*days: date | None) -> date | None:
    """The first of some days, any of which may be none."""
    return min((each for each in days if each is not None), default=None)
