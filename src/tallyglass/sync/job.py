"""A job: one connection to be synced, and how it asks its exchange, patient with one that wants time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Ask, Cursor, Known
from tallyglass.keeper.client import Answer, ExchangeRefused
from tallyglass.store import books, history, lease, present
from tallyglass.store.base import Db, Store
from tallyglass.sync.report import PartReport, Watcher, nobody

#: Seconds before each further attempt, where an exchange does not answer or answers with half a page.
AGAIN = (0.5, 2.0, 5.0)
#: What a whole sync spends on such attempts: an exchange that is down is down for every stream.
OUTAGE = 12.0
#: The longest that one request waits for an exchange that has said when to come back; the next sync goes on.
LONGEST = 300.0
_LIMITS = ("rate_limited", "banned")
#: The lease is prolonged so often while nothing else is written.
_BREATH = 20.0


class Door(Protocol):
    """The part of the keeper that a sync needs."""

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer: ...


class Stopped(RuntimeError):
    """The user has stopped the sync; the next one goes on where it was."""


class Stuck(RuntimeError):
    """The exchange repeats itself for ever."""


class Vanished(RuntimeError):
    """The exchange says that there is no such product, of which it has told before."""

    def __init__(self, exchange: str, read: str) -> None:
        super().__init__(f"{exchange} says that this account has nothing of {read}, and it had something before")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, where its stream stood, and the answer."""

    stream: str
    cursor: Cursor
    ask: Ask
    answer: Answer


@dataclass(slots=True)
class Job:
    """One connection to be synced, with all that its parts need."""

    connection: str
    exchange: str
    door: Door
    store: Store
    lease: lease.Lease
    watch: Watcher = nobody
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: How many seconds of waiting pass in one: 1, but before a sandbox that is in a hurry.
    pace: float = 1.0
    stop: threading.Event = field(default_factory=threading.Event)
    #: What is left of `OUTAGE`.
    _outage: float = OUTAGE
    _lock: threading.Lock = field(default_factory=threading.Lock)
    #: For how long the exchange has shut this address out, if it has.
    shut_out: float = 0.0
    begun: datetime = field(init=False)
    #: Everything is read anew.
    whole: bool = False

    def __post_init__(self) -> None:
        self.begun = self.now()

    def write(self, work: Callable[[Db], None]) -> None:
        """One transaction, in which the lease is proven and prolonged."""
        with self.store.write() as db:
            lease.hold(db, self.lease, self.now())
            work(db)

    def ask(self, part: PartReport, ask: Ask) -> Answer:
        """The answer, after waiting where that can help. Raises what the door raises, or `Stopped`."""
        manifest = registry.manifest(self.exchange)
        if ask.read in manifest.reads:
            read = manifest.reads[ask.read]
            part.bucket, part.pace = read.bucket, read.cost / manifest.buckets[read.bucket].refill / self.pace
        attempts, limits, patience = iter(AGAIN), count(), LONGEST
        while True:
            if self.stop.is_set():
                raise Stopped
            part.requests += 1
            try:
                return self.door.read(self.connection, ask.read, ask.params)
            except ExchangeRefused as refused:
                limited = refused.fault_code in _LIMITS
                wait = self._told(refused, next(limits)) if limited else self._again(refused, attempts)
                if wait is None or wait > patience:
                    raise
            patience -= wait
            self._pause(part, wait)

    def _told(self, refused: ExchangeRefused, before: int) -> float:
        """How many seconds the exchange, or our own budget, wants to be left alone for; more, if it keeps saying so."""
        seconds = float(max(refused.retry_after or 0, min(2**before, 60)))
        if refused.fault_code == "banned" and seconds > LONGEST:
            self.shut_out = seconds
        return seconds

    def _again(self, refused: ExchangeRefused, attempts: Iterator[float]) -> float | None:
        """Seconds until one more attempt; None where it cannot help, or this sync has no patience left."""
        seconds = next(attempts, None) if refused.retry else None
        with self._lock:
            if seconds is None or seconds > self._outage:
                return None
            self._outage -= seconds
        return seconds

    def _pause(self, part: PartReport, seconds: float) -> None:
        part.waiting = seconds
        self.watch(part)
        left = seconds / self.pace
        while left > 0 and not self.stop.wait(min(left, _BREATH)):
            left -= _BREATH
            if left > 0:
                self.write(lambda _db: None)
        part.waiting = 0.0

    def known(self, *, read: frozenset[str] = frozenset()) -> Known:
        """What is known of the connection by now. `read`: the streams that this sync has read already."""
        with self.store.read() as db:
            held = {balance.asset for balance in present.balances_of(db, self.connection)[0]}
            return Known(
                markets=present.markets_of(db, self.exchange),
                assets=history.assets_of(db, self.connection) | held,
                wallets=present.wallets_of(db, self.connection),
                gaps=books.gaps(db, self.connection),
                read=read,
                first=books.first_entry(db, self.connection),
                begun=self.begun,
                traded=books.traded(db, self.connection),
                whole=self.whole,
            )

    def keep(self, db: Db, asked: Asked, body: bytes | None = None) -> int:
        """Store an answer as it came (`body`: compressed already); its id."""
        answer = asked.answer
        page = history.RawPage(0, self.connection, asked.stream, asked.ask, asked.cursor, answer.at, answer.body)
        return history.keep_raw(db, page, body)
