"""The journal: every use of every key, and the proof that none is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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
#: Among so many uses those of one read are looked for at a time.
_LOOKED_THROUGH = 5000
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


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of the uses of keys, as a user asks for it; what is left empty asks for nothing."""

    limit: int = 100
    #: The `next` of the page before.
    after: str = ""
    connection: str = ""
    #: As 2026-01-31.
    day: str = ""
    read: str = ""


def page(keeper: Keeper, *, limit: int = 100, connection: str = "", after: str = "") -> KeyUsesView:
    """A page of the uses of keys, newest first. `after`: the `next` of the page before."""
    return find(keeper, Asked(limit, after, connection))


def find(keeper: Keeper, asked: Asked) -> KeyUsesView:
    """The same of what is asked for. Where only some reads are, a page may hold few, and still there are older ones."""
    if not 1 <= asked.limit <= LONGEST_PAGE:
        raise Problem("limit", f"A page has 1 to {LONGEST_PAGE} uses.", "Ask for the next page with its cursor.")
    since, until = _of_day(asked.day)
    last, told = cursors.read(asked.after) if asked.after else (None, 0)  # so many of that moment were told already
    if last is not None:
        until = min(until or last + _TICK, last + _TICK)
    looked_at = _LOOKED_THROUGH if asked.read else asked.limit
    found = keeper.journal(limit=told + looked_at + 1, connection=asked.connection, since=since, until=until)[told:]
    meant = [place for place, row in enumerate(found[:looked_at]) if asked.read in ("", row.read)][: asked.limit]
    rows = found[: meant[-1] + 1 if len(meant) == asked.limit else looked_at]
    more = len(found) > len(rows)
    return {"items": [_row(found[place]) for place in meant], "next": _next(rows, last, told) if more else None}


def _of_day(text: str) -> tuple[datetime | None, datetime | None]:
    if not text:
        return None, None
    try:
        begin = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise Problem("time", f"{text!r} is no day.", "Write it as 2026-01-31.") from None
    return begin, begin + timedelta(days=1)


def _next(rows: list[JournalRow], last: datetime | None, told: int) -> str:
    oldest = rows[-1].time
    same = sum(1 for _ in takewhile(lambda row: row.time == oldest, reversed(rows)))
    return cursors.written(oldest, same + (told if oldest == last else 0))


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
