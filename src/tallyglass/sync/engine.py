"""The engine: balances, open orders and history of one connection, page by page, each page in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import (
    Ask,
    Balance,
    Cursor,
    Known,
    NotReadable,
    Order,
    Page,
    Parsed,
    Stream,
    Unparsed,
    merged,
)
from tallyglass.keeper.client import Answer, ExchangeRefused, KeeperError
from tallyglass.store import history, lease, present
from tallyglass.store.base import Db, Store, StoreError
from tallyglass.sync.report import PartReport, SyncReport, Watcher, nobody, own_error

#: An exchange that gives one and the same answer so often in a row, while we move on, will never end.
REPEATS = 5
#: No account has so many pages of balances or open orders.
MOST_PAGES = 500
#: Rounds of new streams found through the assets that earlier ones have shown.
ROUNDS = 12

log = logging.getLogger(__name__)


class Door(Protocol):
    """The part of the keeper that a sync needs."""

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer: ...


class Stuck(RuntimeError):
    """The exchange repeats itself for ever."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, where its stream stood, and the answer."""

    stream: str
    cursor: Cursor
    ask: Ask
    answer: Answer


@dataclass(frozen=True, slots=True)
class Job:
    """One connection to be synced, with all that its parts need."""

    connection: str
    exchange: str
    door: Door
    store: Store
    lease: lease.Lease
    watch: Watcher = nobody
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def sync(job: Job, *, full: bool = False) -> SyncReport:
    """Read everything that is new. A part that fails is noted and stops no other."""
    report = SyncReport(job.connection)
    if full:
        with job.store.write() as db:
            lease.hold(db, job.lease, job.now())
            history.forget_cursors(db, job.connection)
    for part in (_balances, _orders, _history):
        part(job, report)
    return report


def _balances(job: Job, report: SyncReport) -> None:
    part = _begin(job, report, "balances")

    def work() -> None:
        pages = [parsed for read in _reads(job.exchange, "balances") for parsed in _pages(job, part, read)]
        found = merged(item for parsed in pages for item in parsed.items if isinstance(item, Balance))
        wallets = {wallet: asset for parsed in pages for wallet, asset in parsed.wallets.items()}
        with job.store.write() as db:
            lease.hold(db, job.lease, job.now())
            present.set_balances(db, job.connection, found, job.now())
            present.set_wallets(db, job.connection, wallets)
            present.went_well(db, job.connection, "balances", job.now())
        part.entries = len(found)

    _guarded(job, part, "balances", work)


def _orders(job: Job, report: SyncReport) -> None:
    part = _begin(job, report, "orders")

    def work() -> None:
        found = [
            item
            for read in _reads(job.exchange, "open_orders")
            for parsed in _pages(job, part, read)
            for item in parsed.items
            if isinstance(item, Order)
        ]
        with job.store.write() as db:
            lease.hold(db, job.lease, job.now())
            present.set_orders(db, job.connection, found)
            present.went_well(db, job.connection, "orders", job.now())
        part.entries = len(found)

    _guarded(job, part, "orders", work)


def _reads(exchange: str, kind: str) -> list[str]:
    manifest = registry.manifest(exchange)
    return [read for read in manifest.reads if read.split(".")[0] == kind]


def _pages(job: Job, part: PartReport, read: str) -> list[Parsed]:
    """Every page of a read that tells the present; raw kept before it is parsed, and only the newest."""
    parser, known = registry.parsing(job.exchange), _known(job)
    pages: list[Parsed] = []
    params: dict[str, str] = {}
    first = 0
    while True:
        ask = Ask(read, params)
        answer = _ask(job, part, ask)
        with job.store.write() as db:
            lease.hold(db, job.lease, job.now())
            raw = _keep(db, job, Asked(read, {}, ask, answer))
            if not first:
                first = raw
                # The last answer's pieces point to its pages: both make room for this one's.
                history.forget_unparsed(db, job.connection, read)
                history.drop_raw(db, job.connection, read, before=first)
        parsed = parser.parse(read, answer.body, known)
        with job.store.write() as db:
            lease.hold(db, job.lease, job.now())
            history.add_unparsed(db, job.connection, read, parsed.unparsed, raw_page=raw, now=job.now())
        part.pages += 1
        part.unparsed += len(parsed.unparsed)
        pages.append(parsed)
        if not parsed.more:
            return pages
        if dict(parsed.more) == params or len(pages) >= MOST_PAGES:
            raise Stuck(f"{job.exchange} repeats the same page of {read}")
        params = dict(parsed.more)


def _history(job: Job, report: SyncReport) -> None:
    """Every stream; then those that the assets found so far have brought to light, until nothing new appears."""
    seen: set[str] = set()
    whole = True
    for _ in range(ROUNDS):
        known = _known(job)
        fresh = [stream for stream in registry.history(job.exchange).streams(known) if stream.name not in seen]
        if not fresh:
            break
        for stream in fresh:
            seen.add(stream.name)
            part = _begin(job, report, stream.name)
            _guarded(job, part, "history", partial(_stream, job, part, stream, known))
            whole = whole and not part.fault
    if whole:
        with job.store.write() as db:
            lease.hold(db, job.lease, job.now())
            present.went_well(db, job.connection, "history", job.now())


def _stream(job: Job, part: PartReport, stream: Stream, known: Known) -> None:
    with job.store.read() as db:
        cursor = history.cursor_of(db, job.connection, stream.name)
    last, repeats, done = b"", 0, False
    while not done:
        ask = stream.ask(cursor, job.now())
        answer = _ask(job, part, ask)
        asked = Asked(stream.name, cursor, ask, answer)
        try:
            page = stream.page(cursor, ask, answer.body, known)
        except NotReadable as error:
            _keep_unreadable(job, part, asked, str(error))
            raise
        fresh = _commit(job, part, asked, page)
        # Empty windows look alike and are no sign of anything; the same rows again and again are.
        repeats = repeats + 1 if page.entries and answer.body == last and not fresh else 0
        if not page.done and (repeats >= REPEATS or dict(page.cursor) == dict(cursor)):
            raise Stuck(f"{job.exchange} gives the same page of {stream.name} again and again")
        last, cursor, done = answer.body, page.cursor, page.done
        job.watch(part)


def _commit(job: Job, part: PartReport, asked: Asked, page: Page) -> int:
    """Raw page, entries and cursor, all in one transaction; how many entries were new.

    An answer that changes nothing (empty, or the rows of the last sync again) is not kept: those that are kept give
    the same entries without it, and a connection where nothing happens does not grow.
    """
    with job.store.write() as db:
        lease.hold(db, job.lease, job.now())
        raw = _keep(db, job, asked)
        booked = history.book(db, job.connection, page.entries, raw)
        odd = history.add_unparsed(db, job.connection, asked.stream, page.unparsed, raw_page=raw, now=asked.answer.at)
        if not booked.changed and not odd:
            history.drop_page(db, raw)
        history.set_cursor(db, job.connection, asked.stream, page.cursor, done=page.done, now=job.now())
    part.pages += 1
    part.entries += len(page.entries)
    part.new += booked.new
    part.unparsed += len(page.unparsed)
    if booked.new:
        part.earliest = min([entry.time for entry in page.entries] + ([part.earliest] if part.earliest else []))
    return booked.new


def _keep_unreadable(job: Job, part: PartReport, asked: Asked, reason: str) -> None:
    """An answer that cannot be read is kept raw, counted and shown; the cursor stays where it was."""
    piece = unreadable(asked.answer.at, reason, asked.answer.body)
    with job.store.write() as db:
        lease.hold(db, job.lease, job.now())
        raw = _keep(db, job, asked)
        history.add_unparsed(db, job.connection, asked.stream, [piece], raw_page=raw, now=asked.answer.at)
    part.unparsed += 1


def unreadable(at: datetime, reason: str, body: bytes) -> Unparsed:
    """What stands for a whole answer that cannot be read."""
    return Unparsed(f"{history.WHOLE_PAGE}{at.isoformat()}", reason, body[:2000].decode("utf-8", "replace"))


def _keep(db: Db, job: Job, asked: Asked) -> int:
    answer = asked.answer
    page = history.RawPage(0, job.connection, asked.stream, asked.ask, asked.cursor, answer.at, answer.body)
    return history.keep_raw(db, page)


def _known(job: Job) -> Known:
    with job.store.read() as db:
        held = {balance.asset for balance in present.balances_of(db, job.connection)[0]}
        return Known(
            markets=present.markets_of(db, job.exchange),
            assets=history.assets_of(db, job.connection) | held,
            wallets=present.wallets_of(db, job.connection),
        )


def _ask(job: Job, part: PartReport, ask: Ask) -> Answer:
    part.requests += 1
    return job.door.read(job.connection, ask.read, ask.params)


def _begin(job: Job, report: SyncReport, stream: str) -> PartReport:
    part = PartReport(job.connection, stream)
    report.parts.append(part)
    job.watch(part)
    return part


def _guarded(job: Job, part: PartReport, kind: str, work: Callable[[], None]) -> None:
    """Do the work; a refusal or an unreadable answer becomes the part's fault, kept beside what was fresh before."""
    begun = time.monotonic()
    try:
        work()
    except ExchangeRefused as error:
        part.fault, part.text, part.fix = error.fault_code, error.text, error.fix
    except KeeperError as error:
        part.fault, part.text, part.fix = error.code, error.text, error.fix
    except NotReadable as error:
        part.fault, part.text = "not_readable", f"{job.exchange} answered in a form this version cannot read: {error}"
        part.fix = "Nothing was dropped: the answer is kept. See `tallyglass unparsed`, upgrade, then `replay`."
    except Stuck as error:
        part.fault, part.text, part.fix = "repeats", str(error), "Try again later; what was read so far is kept."
    except (lease.LeaseLost, StoreError):
        raise
    except Exception as error:
        log.exception("%s: reading %s failed", job.connection, part.stream)
        own_error(part, error)
    finally:
        part.seconds = time.monotonic() - begun
    if part.fault:
        with job.store.write() as db:
            lease.hold(db, job.lease, job.now())
            noted = present.Freshness(job.connection, kind, None, job.now(), part.fault, part.text, part.fix)
            present.went_wrong(db, noted)
    job.watch(part)
