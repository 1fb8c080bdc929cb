"""Replay: makes the books of a connection anew from its stored answers, by today's parsers, asking no exchange."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Known, NotReadable, Page
from tallyglass.store import history, lease, present
from tallyglass.store.base import Db, Store
from tallyglass.sync import imports
from tallyglass.sync.brisk import brisk
from tallyglass.sync.report import PartReport, SyncReport, Watcher, nobody
from tallyglass.sync.walks import unreadable


class _Forgotten(Exception):
    """An answer that an earlier version could read, and this one cannot."""

    def __init__(self, part: PartReport, reason: str) -> None:
        super().__init__(reason)
        part.fault, part.text = "not_readable", f"A stored answer cannot be read by this version: {reason}"
        part.fix = "The books were left as they are. Upgrade, then: tallyglass replay"
        self.part = part


@brisk()
def replay(
    store: Store,
    held: lease.Lease,
    exchange: str,
    *,
    watch: Watcher = nobody,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SyncReport:
    """Remove what was made of the stored answers of a connection, and make it anew, in the order in which they came.

    All in one transaction: there are the old books or the new ones. What did not come from answers stays: the user's
    own entries and those of files; so do the entries of streams that this version does not ask for any more. Should an
    answer that was once read not be readable any more, nothing is changed, and that is told.
    """
    try:
        with store.write() as db:
            lease.hold(db, held, now())
            imports.unsettle(db, held, now())
            report = _anew(db, held.name, exchange, watch)
            lease.hold(db, held, now())  # it may have taken long
    except _Forgotten as lost:
        return SyncReport(held.name, [lost.part])
    return report


def _anew(db: Db, connection: str, exchange: str, watch: Watcher) -> SyncReport:
    known = Known(
        markets=present.markets_of(db, exchange),
        assets=history.assets_of(db, connection),
        wallets=present.wallets_of(db, connection),
    )
    streams = {stream.name: stream for stream in registry.history(exchange).streams(known)}
    for name in history.raw_streams(db, connection):
        if name not in streams and (stream := registry.stream(exchange, name)):
            streams[name] = stream
    parts = {name: PartReport(connection, name) for name in history.raw_streams(db, connection) if name in streams}
    never_read = history.never_read(db, connection)
    gone = history.unbook(db, connection, parts)
    for name in parts:
        history.forget_unparsed(db, connection, name)
    for number in history.raw_ids(db, connection, parts):
        raw = history.raw_page(db, number)
        part = parts[raw.stream]
        try:
            page = streams[raw.stream].page(raw.cursor, raw.ask, raw.body, known)
        except NotReadable as error:
            if number not in never_read:
                raise _Forgotten(part, str(error)) from error
            page = Page((), raw.cursor, done=False, unparsed=(unreadable(raw.received_at, str(error), raw.body),))
        _book(db, part, raw, page, gone)
        watch(part)
    return SyncReport(connection, list(parts.values()))


def _book(db: Db, part: PartReport, raw: history.RawPage, page: Page, gone: set[str]) -> None:
    """One answer. What it brings back is `gone` no more, and not new."""
    back = gone.intersection(entry.id for entry in page.entries if entry.legs)
    gone -= back
    part.pages += 1
    part.entries += len(page.entries)
    part.new += history.add_entries(db, raw.connection, page.entries, raw.id) - len(back)
    part.unparsed += len(page.unparsed)
    history.drop_understood(db, raw.connection, raw.stream, page.entries)
    history.add_unparsed(db, raw.connection, raw.stream, page.unparsed, raw_page=raw.id, now=raw.received_at)
