"""Syncing: markets, balances, orders, history and prices of every connection, all at once."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import timedelta

from tallyglass.app import pricing, proof, transfers, worth
from tallyglass.app.problems import Problem, Told
from tallyglass.app.session import Session
from tallyglass.app.views import SyncPartView
from tallyglass.keeper.client import Connection, KeeperError
from tallyglass.prices import refresh
from tallyglass.store import lease, present
from tallyglass.sync import engine, imports
from tallyglass.sync.job import Job
from tallyglass.sync.replay import replay as replay_stored
from tallyglass.sync.report import PartReport, SyncReport, Watcher, nobody, own_error

#: A sync that went well is due again after this; after failures in a row, later and later.
EVERY = timedelta(minutes=5)
LATEST = timedelta(hours=1)

log = logging.getLogger(__name__)


def sync(
    session: Session, *names: str, full: bool = False, watch: Watcher = nobody, patience: float = 0
) -> list[SyncPartView]:
    """Read everything new of the connections named, or of all, at once. A part that fails is told and stops no other.

    `patience`: for how many seconds the sync of another process is waited for before a connection is told to be busy.
    A frozen connection is not read: of all at once that is told as a part, by name it is a `Problem`.
    """
    chosen, reports = _chosen(session, names)
    exchanges = sorted({each.exchange for each in chosen})
    refresher = refresh.Refresher(session.store, session.keeper, session.now, made_up=session.sandbox is not None)
    with ThreadPoolExecutor(max_workers=max(8, len(chosen) + 2)) as pool:
        list(pool.map(lambda name: refresh.markets(refresher, name), exchanges))
        prices = [pool.submit(refresh.tickers, refresher, name) for name in exchanges]
        prices.append(pool.submit(refresh.rates, refresher))
        errand = _Errand(session, watch, patience, full)
        syncs = [pool.submit(_one, errand, each) for each in chosen]
        try:
            for done in as_completed(syncs):
                reports.extend(done.result().parts)
        except BaseException:  # Ctrl-C, most likely: what is under way is committed, the rest waits for the next sync
            errand.stop()
            raise
        for each in prices:
            each.result()
        _beside_exchanges(session, refresher)
    transfers.refresh(session)
    proof.note(session)
    worth.note(session)
    return sorted((_part(part) for part in reports), key=lambda view: (view["connection"], view["stream"]))


def _beside_exchanges(session: Session, refresher: refresh.Refresher) -> None:
    """What other sources say of all that is owned. Past prices are fetched beside: nobody waits for them here."""
    with session.store.read() as db:
        held = pricing.owned(session, db)
    if held:
        refresh.second_opinions(refresher, held)


def _chosen(session: Session, names: Sequence[str]) -> tuple[list[Connection], list[PartReport]]:
    known = session.keeper.connections()
    usable = [each for each in known if each.state in ("active", "retiring")]
    frozen = [_frozen(each) for each in known if each.state == "frozen"]
    if not names:
        return usable, frozen
    for part in frozen:
        if part.connection in names:
            raise Problem("frozen", f"{part.text}.", part.fix)
    for name in names:
        if name not in {each.id for each in usable}:
            there = ", ".join(each.id for each in usable) or "none yet"
            text = f"No active connection {name!r}; there are: {there}."
            raise Problem("no_such_connection", text, "See: tallyglass keys")
    return [each for each in usable if each.id in names], []


def _frozen(connection: Connection) -> PartReport:
    part = PartReport(connection.id, "all", fault="frozen", text=f"{connection.id} is frozen: its key was not used")
    part.fix = f"See why with: tallyglass keys. To use it again: tallyglass thaw {connection.id}"
    return part


@dataclass(frozen=True, slots=True)
class _Errand:
    """What the syncs of all connections have in common."""

    session: Session
    watch: Watcher
    patience: float
    full: bool
    stopped: threading.Event = field(default_factory=threading.Event)
    #: One for each connection.
    stops: list[threading.Event] = field(default_factory=list)

    def stop(self) -> None:
        """Let every connection end after the request that is under way."""
        self.stopped.set()  # for those that have not begun
        for each in list(self.stops):
            each.set()


def _one(errand: _Errand, connection: Connection) -> SyncReport:
    session = errand.session
    held = _claim_in_time(errand, connection.id)
    if held is None:
        busy = PartReport(
            connection.id, "all", fault="busy", text=f"{connection.id} is being synced by another process"
        )
        busy.fix = "Wait for it to end."
        return SyncReport(connection.id, [busy])
    report = SyncReport(connection.id)
    try:
        if _frozen_now(session, connection):
            report = SyncReport(connection.id, [_frozen(connection)])
            return report
        job = _job(errand, connection, held)
        report = imports.around(held, session.store, session.now, lambda: engine.sync(job, full=errand.full))
    except lease.LeaseLost as lost:
        part = PartReport(connection.id, "all", fault="lease_lost", text=str(lost), fix="Nothing is lost: sync again.")
        report = SyncReport(connection.id, [part])
    except Told:
        raise
    except Exception as error:
        log.exception("the sync of %s failed", connection.id)
        report = SyncReport(connection.id, [_broke_off(session, connection, error)])
    finally:
        failed = bool(report.failed) or not report.parts
        wait = min(EVERY * 2 ** min(lease.failures(session.store, connection.id), 10), LATEST) if failed else EVERY
        due = session.now() + max(wait, timedelta(seconds=report.shut_out))
        lease.release(session.store, held, session.now(), next_due=due, failed=failed)
    return report


def _frozen_now(session: Session, connection: Connection) -> bool:
    """Whether the exchange, asked before the first read, tells of rights for which the keeper freezes the key at once.

    What keeps it from being asked stands in the way of the reads too, and they tell; the keeper believes no verdict
    that is older than a day.
    """
    try:
        session.keeper.recheck(connection.id)
    except KeeperError as error:
        log.info("%s: its rights could not be asked for (%s)", connection.id, error.code)
    return any(each.id == connection.id and each.state == "frozen" for each in session.keeper.connections())


def _broke_off(session: Session, connection: Connection, error: Exception) -> PartReport:
    """An error of ours is told, and stands in the store too: what was not read proves nothing."""
    part = own_error(PartReport(connection.id, "all"), error)
    noted = present.Freshness(connection.id, "history", None, session.now(), part.fault, part.text, part.fix)
    with session.store.write() as db:
        present.went_wrong(db, noted)
    return part


def _job(errand: _Errand, connection: Connection, held: lease.Lease) -> Job:
    session, stop = errand.session, threading.Event()
    errand.stops.append(stop)
    if errand.stopped.is_set():
        stop.set()
    return Job(
        connection.id,
        connection.exchange,
        session.keeper,
        session.store,
        held,
        errand.watch,
        session.now,
        pace=session.keeper.health().pace,
        stop=stop,
    )


def _claim_in_time(errand: _Errand, name: str) -> lease.Lease | None:
    """The lease, as soon as another process gives it back; None when it does not in time."""
    until = time.monotonic() + errand.patience
    while (held := claim(errand.session, name)) is None and time.monotonic() < until and not errand.stopped.is_set():
        errand.watch(PartReport(name, "waiting for another sync"))
        time.sleep(0.2)
    return held


def claim(session: Session, name: str) -> lease.Lease | None:
    """The right to write for a connection, or None while another process has it."""
    holder = f"{os.getpid()}-{secrets.token_hex(4)}"
    return lease.claim(session.store, name, holder, session.now(), gone=_gone)


def _gone(holder: str) -> bool:
    """Whether the process that held a lease of this home has died: killed, it could not give it back."""
    pid = holder.partition("-")[0]
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def replay(session: Session, connection: str = "", *, watch: Watcher = nobody) -> list[SyncPartView]:
    """Parse the stored answers again with today's parsers. Asks no exchange."""
    reports: list[PartReport] = []
    for each in _replayable(session, connection):
        held = claim(session, each.id)
        if held is None:
            raise Problem("busy", f"{each.id} is being synced by another process.", "Wait for it to end.")
        try:
            report = replay_stored(session.store, held, each.exchange, watch=watch, now=session.now)
            imports.settle(session.store, held, session.now)
        finally:
            lease.release(
                session.store, held, session.now(), next_due=lease.next_due(session.store, each.id), failed=False
            )
        reports.extend(report.parts)
    transfers.refresh(session)
    proof.note(session)
    return [_part(part) for part in reports]


def _replayable(session: Session, connection: str) -> Iterable[Connection]:
    found = [each for each in session.keeper.connections() if connection in ("", each.id)]
    if connection and not found:
        raise Problem("no_such_connection", f"No connection {connection!r}.", "See: tallyglass keys")
    return found


def due(session: Session) -> list[str]:
    """The connections whose next sync is due."""
    now = session.now()
    found = []
    for each in session.keeper.connections():
        when = lease.next_due(session.store, each.id)
        if each.state in ("active", "retiring") and (when is None or when <= now):
            found.append(each.id)
    return found


def _part(part: PartReport) -> SyncPartView:
    return {
        "connection": part.connection,
        "stream": part.stream,
        "pages": part.pages,
        "entries": part.entries,
        "new": part.new,
        "unparsed": part.unparsed,
        "requests": part.requests,
        "seconds": round(part.seconds, 3),
        "fault": part.fault or None,
        "text": part.text,
        "fix": part.fix,
    }
