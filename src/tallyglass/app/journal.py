"""The journal: every use of every key, and the proof that none is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TypedDict

from tallyglass.app import cursors
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.keeper.client import JournalReport, JournalRow, Keeper
from tallyglass.store import present
from tallyglass.store.base import Db

LONGEST_PAGE = 1000
_TICK = timedelta(microseconds=1)
#: The settings that hold when the journal was read whole, and what was found.
_VERIFIED = "journal.verified"
_LINES = "journal.lines"


@dataclass(frozen=True, slots=True)
class Verified:
    """What reading the whole journal has found the last time."""

    at: datetime
    intact: bool
    lines: int


class KeyUseView(TypedDict):
    """One use of a key."""

    time: str
    #: Empty when a key was only inspected.
    connection: str
    #: The key's fingerprint.
    key: str
    exchange: str
    read: str
    #: The HTTP status, the code of a fault, or `none`: no answer is on record.
    status: str
    #: The address that the exchange saw, when known.
    egress_ip: str | None
    ms: int | None


class KeyUsesView(TypedDict):
    """A page of the journal."""

    items: list[KeyUseView]
    next: str | None


class JournalProofView(TypedDict):
    """`journal verify`."""

    intact: bool
    lines: int
    #: The number of the first line that is not as it was written.
    first_bad: int | None
    text: str


def journal(keeper: Keeper, *, limit: int = 100, connection: str = "") -> list[KeyUseView]:
    """The last uses of keys, newest first."""
    return [_row(row) for row in keeper.journal(limit=limit, connection=connection)]


def page(keeper: Keeper, *, limit: int = 100, connection: str = "", after: str = "") -> KeyUsesView:
    """A page of the uses of keys, newest first. `after`: the `next` of the page before."""
    if not 1 <= limit <= LONGEST_PAGE:
        raise Problem("limit", f"A page has 1 to {LONGEST_PAGE} uses.", "Ask for the next page with its cursor.")
    last, told = cursors.read(after) if after else (None, 0)  # so many of that very moment were told already
    until = None if last is None else last + _TICK
    found = keeper.journal(limit=told + limit + 1, connection=connection, until=until)[told:]
    rows = found[:limit]
    return {"items": [_row(row) for row in rows], "next": _next(rows, last, told) if len(found) > limit else None}


def _next(rows: list[JournalRow], last: datetime | None, told: int) -> str:
    time = rows[-1].time
    same = sum(1 for _ in takewhile(lambda row: row.time == time, reversed(rows)))
    return cursors.written(time, same + (told if time == last else 0))


def _row(row: JournalRow) -> KeyUseView:
    return {
        "time": moment(row.time) or "",
        "connection": row.connection,
        "key": row.key,
        "exchange": row.exchange,
        "read": row.read,
        "status": row.status,
        "egress_ip": row.egress_ip,
        "ms": row.ms,
    }


def verify(keeper: Keeper) -> JournalProofView:
    """Whether every line is as it was written and none is gone."""
    report = keeper.verify_journal()
    return {"intact": report.intact, "lines": report.lines, "first_bad": report.first_bad, "text": report.text}


def verified(session: Session) -> Verified | None:
    """What was found when the whole journal was read last; that takes a while, and no page waits for it."""
    with session.store.read() as db:
        return verified_of(db)


def verified_of(db: Db) -> Verified | None:
    """The same, for who is reading already."""
    at = present.setting(db, _VERIFIED, "")
    intact, _, lines = present.setting(db, _LINES, "").partition(" ")
    return Verified(datetime.fromisoformat(at), intact == "intact", int(lines)) if at and lines else None


def note(db: Db, report: JournalReport, now: datetime) -> None:
    """Remember what reading the whole journal has found."""
    present.set_setting(db, _VERIFIED, now.isoformat())
    present.set_setting(db, _LINES, f"{'intact' if report.intact else 'broken'} {report.lines}")


def restart(keeper: Keeper) -> dict[str, str]:
    """Put a broken journal aside and begin a new one: keys are used again. Code `journal_intact` for a whole one."""
    return {"aside": keeper.restart_journal("told by the user")}
