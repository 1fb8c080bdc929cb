"""A key that may be stolen: stop it at once, then everything that its owner has to know and to do."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TypedDict

from tallyglass.app.connections import known
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView, OrderView, entry_view, moment, order_view
from tallyglass.app.visible import harmless, visible
from tallyglass.exchanges import registry
from tallyglass.hygiene import compromise, moments
from tallyglass.hygiene.compromise import Incident
from tallyglass.hygiene.rotation import short
from tallyglass.hygiene.was_it_me import Use
from tallyglass.keeper.client import Connection, JournalBroken, JournalReport, JournalRow, Keeper, VaultUnwritten
from tallyglass.ledger.entries import Entry
from tallyglass.store import present, search
from tallyglass.store.base import Db

#: How far back is looked where nobody says since when.
USUAL = timedelta(days=7)
_PARTS = {"history": "entries", "orders": "open orders"}
_PAGE = 1000
_MOST = 100_000


class StepView(TypedDict):
    """One thing to do."""

    id: str
    text: str
    #: None: only the user knows.
    done: bool | None
    command: str


class KeyUseView(TypedDict):
    """One use of the key by Tallyglass."""

    time: str
    read: str
    status: str
    egress_ip: str | None


class ProofView(TypedDict):
    """What the exchange said to one request with the key."""

    #: dead, alive or cannot_tell
    answer: str
    text: str
    fix: str


class IncidentView(TypedDict):
    """`compromised`."""

    connection: str
    exchange: str
    #: Of the key in question.
    key_name: str
    state: str
    #: The key that has taken its place; None: it is the connection's own.
    new_key: str | None
    #: Which key this is about, where that is not the one in use.
    about: str
    frozen_at: str | None
    since: str
    #: Set where the key is stopped only until the keeper ends.
    warning: str
    orders: list[OrderView]
    trades: list[EntryView]
    withdrawals: list[EntryView]
    others: list[EntryView]
    #: What the lists may lack.
    gaps: list[str]
    uses: list[KeyUseView]
    journal_intact: bool
    journal: str
    steps: list[StepView]
    proof: ProofView | None


def stop(keeper: Keeper, connection: str, *, new_key: bool = False) -> str:
    """Use the key no more, from now on. Gives a warning where that holds only until the keeper ends.

    Where the key that was suspected has been replaced, the one in use is innocent and goes on, unless `new_key`.
    """
    key = known(keeper, connection)
    if not new_key and compromise.replaced(key, datetime.now(UTC)) is not None:
        return ""
    if key.state == "dead" or (key.state == "frozen" and compromise.since_when(key.why)):
        return ""
    try:
        keeper.freeze(connection, compromise.reason(datetime.now(UTC)))
    except VaultUnwritten as error:
        return f"{error.text} {error.fix}"
    return ""


def stopped(keeper: Keeper, connection: str) -> str:
    """Which key is used no more."""
    key = compromise.in_question(known(keeper, connection), datetime.now(UTC))
    return f"Stopped: Tallyglass uses the key of {connection} no more. It is {short(key.key_name)}."


def prove_dead(keeper: Keeper, connection: str) -> ProofView:
    """Ask the exchange once with the key: its refusal is the proof, and the secret is shredded here."""
    key, now = known(keeper, connection), datetime.now(UTC)
    if compromise.in_question(key, now).state == "dead":
        return {"answer": "dead", "text": "The exchange was seen to refuse this key before.", "fix": ""}
    before = compromise.replaced(key, now)
    if before is not None and key.old is None:
        text = "Its secret was removed here without a proof: nothing can be asked with it."
        return {"answer": "cannot_tell", "text": text, "fix": "Look at the exchange's own page of keys."}
    found = keeper.prove_dead(connection, old=before is not None)
    return {"answer": found.answer, "text": found.text, "fix": found.fix}


def incident(session: Session, connection: str, since: str = "") -> Incident:
    """What is known of the case. `since`: a day, or a time as mails write it; else a week ago."""
    here, now = known(session.keeper, connection), session.now()
    key = compromise.in_question(here, now)
    dead_at = here.gone.dead_at if here.gone and here.gone.fingerprint == key.fingerprint else None
    begin = _since(since) if since else (compromise.since_when(key.why) or now) - USUAL
    with session.store.read() as db:
        found = tuple(_entries(db, connection, begin))
        orders = tuple(order for owner, order in present.list_orders(db) if owner == connection and order.time >= begin)
        fresh = {each.part: each.fresh_at for each in present.list_freshness(db) if each.source == connection}
    journal = session.keeper.verify_journal()
    return Incident(
        key,
        registry.manifest(key.exchange),
        begin,
        now,
        orders,
        found,
        tuple(_used(row) for row in reversed(_rows(session.keeper, key, begin))),
        journal.intact,
        journal.text,
        _silent_until(journal),
        tuple((name, fresh.get(part)) for part, name in _PARTS.items()),
        successor=None if key.fingerprint == here.fingerprint else here,
        dead_at=dead_at,
    )


def report(case: Incident) -> str:
    """The incident report, as Markdown."""
    return compromise.report(case)


def view(case: Incident, *, warning: str = "", proof: ProofView | None = None) -> IncidentView:
    """The case in JSON and on pages."""
    key = case.connection
    return {
        "connection": key.id,
        "exchange": key.exchange,
        "key_name": key.key_name,
        "state": key.state,
        "new_key": case.successor.key_name if case.successor else None,
        "about": compromise.about(case),
        "frozen_at": moment(compromise.since_when(key.why)),
        "since": moment(case.since) or "",
        "warning": warning,
        "orders": [order_view(each, key.id) for each in case.orders],
        "trades": _views(case.trades, key.id),
        "withdrawals": _views(case.withdrawals, key.id),
        "others": _views(case.others, key.id),
        "gaps": compromise.gaps(case),
        "uses": [_use(each) for each in case.uses],
        "journal_intact": case.journal_intact,
        "journal": case.journal,
        "steps": [
            {"id": each.id, "text": each.text, "done": each.done, "command": each.command}
            for each in compromise.steps(case)
        ],
        "proof": proof,
    }


def journal_export(keeper: Keeper, key: Connection) -> str:
    """Every use of the key that the journal tells, as CSV, the oldest first."""
    made = io.StringIO()
    lines = csv.writer(made, lineterminator="\n")
    lines.writerow(("time", "connection", "key", "exchange", "read", "status", "egress_ip", "ms"))
    for row in reversed(_rows(keeper, key, None)):
        told = (row.connection, row.key, row.exchange, row.read, row.status, row.egress_ip or "")
        lines.writerow((moment(row.time), *map(harmless, told), row.ms))
    return made.getvalue()


def write_report(keeper: Keeper, case: Incident, path: Path) -> None:
    """The report, and beside it the journal of the key; nobody else may read them."""
    journal = path.with_name(f"{path.stem}-journal.csv")
    for place, words in ((path, visible(report(case))), (journal, journal_export(keeper, case.connection))):
        try:
            with open(place, "w", encoding="utf-8", opener=_closed) as file:
                file.write(words)
        except OSError as error:
            text = f"{place} cannot be written: {os.strerror(error.errno or 0)}."
            raise Problem("not_written", text, "The key is stopped. Name another place for the report.") from error


def _closed(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _since(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time.min, UTC)
    except ValueError:
        found = moments.find(text)
    if len(found) != 1:
        fix = "Write a day as 2026-01-31, or a time as the mail does: '2026-01-31 09:14 UTC'."
        raise Problem("usage", f"{text!r} is no time.", fix)
    return min(each.begin for each in moments.as_utc(found[0]).spans)


def _entries(db: Db, connection: str, since: datetime) -> Iterable[Entry]:
    """Everything since, what is on its way and what failed too; the newest first of each."""
    for done in (True, False):
        wanted, after = search.Wanted(connection=connection, since=since, done=done), None
        while page := search.find(db, wanted, limit=_PAGE, after=after):
            yield from (each.entry for each in page)
            after = (page[-1].entry.time, page[-1].place)


def _silent_until(journal: JournalReport) -> datetime | None:
    """Up to when there was a time of which a whole journal tells nothing."""
    ends = [each.until for each in journal.gaps]
    if journal.restarted and journal.since is not None:
        ends.append(journal.since)
    return max(ends, default=None)


def _rows(keeper: Keeper, key: Connection, since: datetime | None) -> list[JournalRow]:
    """The uses of one key that can be read; of a journal that the keeper did not write, none."""
    try:
        rows = keeper.journal(limit=_MOST, connection=key.id, since=since)
    except JournalBroken:
        return []
    return [row for row in rows if row.key == key.fingerprint]


def _used(row: JournalRow) -> Use:
    return Use(row.time, row.connection, row.read, row.status, row.egress_ip)


def _use(each: Use) -> KeyUseView:
    return {"time": moment(each.time) or "", "read": each.read, "status": each.status, "egress_ip": each.egress_ip}


def _views(entries: Iterable[Entry], connection: str) -> list[EntryView]:
    return [entry_view(each, connection) for each in entries]
