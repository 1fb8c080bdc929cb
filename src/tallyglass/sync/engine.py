"""The engine: balances, open orders and history of one connection; a part that fails stops no other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Ask, Balance, NotReadable, Order, Parsed, merged
from tallyglass.keeper.client import ExchangeRefused, KeeperError
from tallyglass.store import history, lease, present
from tallyglass.store.base import Db, StoreError
from tallyglass.sync.brisk import brisk
from tallyglass.sync.job import Asked, Job, Stopped, Stuck, Vanished
from tallyglass.sync.report import PartReport, SyncReport, own_error
from tallyglass.sync.walks import Walks

#: No account has so many pages of balances or open orders.
MOST_PAGES = 500

log = logging.getLogger(__name__)


@brisk()
def sync(job: Job, *, full: bool = False) -> SyncReport:
    """Read everything that is new: what is so now first, then history, the newest first."""
    report = SyncReport(job.connection)
    job.whole = full
    if full:
        job.write(lambda db: history.forget_cursors(db, job.connection))
    _part(job, report, "balances", _balances)
    _part(job, report, "orders", _orders)
    _history(job, report)
    report.shut_out = job.shut_out
    return report


def _part(job: Job, report: SyncReport, name: str, work: Callable[[Job, PartReport], None]) -> None:
    """Balances or orders: one after the other, in this thread."""
    part = PartReport(job.connection, name)
    report.parts.append(part)
    job.watch(part)
    begun = time.monotonic()
    try:
        work(job, part)
    except (lease.LeaseLost, StoreError):
        raise
    except Exception as error:  # noqa: BLE001  (it is told in the part, and logged where it is ours)
        failed(job, part, error)
        _note(job, part, name)
    part.seconds, part.left = time.monotonic() - begun, 0
    job.watch(part)


def _history(job: Job, report: SyncReport) -> None:
    walks = Walks(job, report, failed)
    walks.run()
    for part in walks.faulty:
        _note(job, part, "history")
    if not walks.faulty:
        job.write(lambda db: present.went_well(db, job.connection, "history", job.now()))


def _balances(job: Job, part: PartReport) -> None:
    pages: list[Parsed] = []
    for read in _reads(job.exchange, "balances"):
        # An earlier one may have told that the account has not opened what this one is about.
        if not any(read in parsed.absent for parsed in pages):
            pages += _pages(job, part, read)
    found = merged(item for parsed in pages for item in parsed.items if isinstance(item, Balance))
    wallets = {wallet: asset for parsed in pages for wallet, asset in parsed.wallets.items()}

    def store(db: Db) -> None:
        present.set_balances(db, job.connection, found, job.now())
        present.set_wallets(db, job.connection, wallets)
        present.went_well(db, job.connection, "balances", job.now())

    job.write(store)
    part.entries = len(found)


def _orders(job: Job, part: PartReport) -> None:
    reads = _reads(job.exchange, "open_orders")
    pages = [parsed for read in reads for parsed in _pages(job, part, read)]
    found = [item for parsed in pages for item in parsed.items if isinstance(item, Order)]

    def store(db: Db) -> None:
        present.set_orders(db, job.connection, found)
        present.went_well(db, job.connection, "orders", job.now())

    job.write(store)
    part.entries = len(found)


def _reads(exchange: str, kind: str) -> list[str]:
    manifest = registry.manifest(exchange)
    return [read for read in manifest.reads if read.split(".")[0] == kind]


def _pages(job: Job, part: PartReport, read: str) -> list[Parsed]:
    """Every page of a read that tells the present; none where the account has no such product."""
    pages: list[Parsed] = []
    params: dict[str, str] = {}
    first = 0
    while True:
        try:
            asked = Asked(read, {}, Ask(read, params), job.ask(part, Ask(read, params)))
        except ExchangeRefused as refused:
            if refused.fault_code != "not_opened":
                raise
            if _held(job, read):
                raise Vanished(job.exchange, read) from refused
            return []
        parsed, raw = _page(job, asked, first)
        first = first or raw
        part.pages += 1
        part.unparsed += len(parsed.unparsed)
        pages.append(parsed)
        if not parsed.more:
            return pages
        if dict(parsed.more) == params or len(pages) >= MOST_PAGES:
            raise Stuck(f"{job.exchange} repeats the same page of {read}")
        params = dict(parsed.more)


def _held(job: Job, read: str) -> bool:
    """Whether the last answer of this read told of anything: then it cannot be that there is no such product."""
    with job.store.read() as db:
        pages = [page.body for page in history.raw_of(db, job.connection, read)]
    parse, known = registry.parsing(job.exchange).parse, job.known()
    items = [item for body in pages for item in parse(read, body, known).items]
    return any(isinstance(item, Order) or (isinstance(item, Balance) and item.total) for item in items)


def _page(job: Job, asked: Asked, first: int) -> tuple[Parsed, int]:
    """One answer, kept raw before it is parsed; only the newest answers of a read are kept. And where it is kept."""
    read = asked.stream
    kept: list[int] = []

    def store(db: Db) -> None:
        kept.append(job.keep(db, asked))
        if not first:
            # The last answer's pieces point to its pages: both make room for this one's.
            history.forget_unparsed(db, job.connection, read)
            history.drop_raw(db, job.connection, read, before=kept[0])

    job.write(store)
    parsed = registry.parsing(job.exchange).parse(read, asked.answer.body, job.known())

    def store_odd(db: Db) -> None:
        history.add_unparsed(db, job.connection, read, parsed.unparsed, raw_page=kept[0], now=asked.answer.at)

    if parsed.unparsed:
        job.write(store_odd)
    return parsed, kept[0]


def failed(job: Job, part: PartReport, error: Exception) -> None:
    """A refusal or an unreadable answer becomes the part's fault, kept beside what was fresh before."""
    match error:
        case ExchangeRefused():
            part.fault, part.text, part.fix = error.fault_code, error.text, error.fix
        case KeeperError():
            part.fault, part.text, part.fix = error.code, error.text, error.fix
        case NotReadable():
            part.fault = "not_readable"
            part.text = f"{job.exchange} answered in a form this version cannot read: {error}"
            part.fix = "Nothing was dropped: the answer is kept. See `tallyglass unparsed`, upgrade, then `replay`."
        case Vanished():
            part.fault, part.text = "not_opened", str(error)
            part.fix = "What was last read still counts. Sync again; if it stays so, look there what became of it."
        case Stuck():
            part.fault, part.text, part.fix = "repeats", str(error), "Try again later; what was read so far is kept."
        case Stopped():
            part.fault, part.text = "stopped", "stopped before its end"
            part.fix = "What was read is kept; the next sync goes on from there."
        case _:
            log.error("%s: reading %s failed", job.connection, part.stream, exc_info=error)
            own_error(part, error)


def _note(job: Job, part: PartReport, kind: str) -> None:
    noted = present.Freshness(job.connection, kind, None, job.now(), part.fault, part.text, part.fix)
    job.write(lambda db: present.went_wrong(db, noted))
