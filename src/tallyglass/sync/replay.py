"""Replay: reads the stored answers again with today's parsers, without asking the exchange."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Known, NotReadable, Unparsed
from tallyglass.store import history, lease, present
from tallyglass.store.base import Store
from tallyglass.sync.report import PartReport, SyncReport, Watcher, nobody


def replay(
    store: Store,
    held: lease.Lease,
    exchange: str,
    *,
    watch: Watcher = nobody,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SyncReport:
    """Parse every stored answer of a connection's history anew; entries are added and updated, none removed."""
    connection = held.name
    report = SyncReport(connection)
    with store.read() as db:
        known = Known(
            markets=present.markets_of(db, exchange),
            assets=history.assets_of(db, connection),
            wallets=present.wallets_of(db, connection),
        )
        stored = set(history.raw_streams(db, connection))
    streams = {stream.name: stream for stream in registry.history(exchange).streams(known)}
    for name in sorted(stored & set(streams)):
        part = PartReport(connection, name)
        report.parts.append(part)
        with store.write() as db:
            lease.hold(db, held, now())
            history.forget_unparsed(db, connection, name)
            for raw in list(history.raw_of(db, connection, name)):
                part.pages += 1
                try:
                    page = streams[name].page(raw.cursor, raw.ask, raw.body, known)
                except NotReadable as error:
                    pieces: tuple[Unparsed, ...] = (
                        Unparsed(
                            f"page:{raw.received_at.isoformat()}",
                            str(error),
                            raw.body[:2000].decode("utf-8", "replace"),
                        ),
                    )
                else:
                    pieces = page.unparsed
                    part.entries += len(page.entries)
                    part.new += history.add_entries(db, connection, page.entries, raw.id)
                part.unparsed += len(pieces)
                history.add_unparsed(db, connection, name, pieces, raw_page=raw.id, now=now())
        watch(part)
    return report
