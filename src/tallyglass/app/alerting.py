"""Alerting: what is new is told once, to every channel that wants it; what nobody took is sent again later.

A message is written down in the transaction that notes what it tells of, and sent afterwards: a crash between the two
loses none. A crash between sending and noting so sends that one message twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tallyglass.alerts import digest
from tallyglass.alerts.channel import BadAddress, Message, NotDelivered, Severity, deliver
from tallyglass.alerts.quiet import GIVE_UP, Quiet, Weekly, next_try
from tallyglass.app import alert_settings, hygiene
from tallyglass.app.problems import Told
from tallyglass.app.session import Session
from tallyglass.hygiene.findings import Finding, rank, worse
from tallyglass.store import alerts as stored
from tallyglass.store import findings as memory
from tallyglass.store import present
from tallyglass.store.alerts import Channel, Delivery
from tallyglass.store.base import Db

log = logging.getLogger(__name__)

Send = Callable[[str, Message], None]
_WEEK = timedelta(days=7)
#: What began and ended unseen, so long ago at most, is still told.
_LATELY = timedelta(days=1)
#: A message that is being sent is nobody else's for so long.
_CLAIMED = timedelta(minutes=5)
_WEEKLY = "Tallyglass: your keys this week"
_DIGESTED = "alerts.digested"
#: Of the journal, for a digest.
_LINES = 100_000


def tell(session: Session) -> None:
    """`check`, where somebody may have seen something new: what goes wrong with it is nobody else's trouble."""
    try:
        check(session)
    except Told as error:
        log.warning("alerts: %s", error)
    except Exception:  # whatever it was, the next look must come
        log.exception("looking for news failed")


def check(session: Session, send: Send = deliver) -> list[Delivery]:
    """Look at everything, write down what is new, send what is due. Gives what was tried, and how it went."""
    looked = hygiene.look(session)
    with session.store.read() as db:
        if not stored.list_channels(db):
            return []
        weekly = alert_settings.weekly(db)
    text = digest_text(session, looked, weekly) if weekly else ""
    with session.store.write() as db:
        there = stored.list_channels(db)
        quiet = alert_settings.quiet(db)
        rows = _news(db, there, looked.findings, session.now())
        if weekly is not None and _is_due(db, weekly, session.now()):
            rows += [_written(each, "digest", "notice", _WEEKLY, text, session.now()) for each in there]
        stored.queue(db, [_waits(row, quiet) for row in rows], session.now())
    return send_due(session, send)


def send_due(session: Session, send: Send = deliver) -> list[Delivery]:
    """Send what waits and is due."""
    with session.store.write() as db:
        addresses = {each.name: each.address for each in stored.list_channels(db)}
        rows = stored.claim(db, session.now(), session.now() + _CLAIMED)
    tried = []
    for row in rows:
        tried.append(_tried(row, addresses.get(row.channel, ""), send, session.now))
        with session.store.write() as db:
            stored.settle(db, tried[-1])
    return tried


def _tried(row: Delivery, address: str, send: Send, now: Callable[[], datetime]) -> Delivery:
    severity: Severity = "urgent" if row.severity == "urgent" else "warning" if row.severity == "warning" else "notice"
    try:
        send(address, Message(row.title, row.body, severity))
    except (NotDelivered, BadAddress) as error:
        fault = str(error) or "its address is not understood"
        log.warning("alert to %s: %s", row.channel, fault)
        failed = replace(row, tries=row.tries + 1, fault=fault, next_try=next_try(row.tries + 1, now()))
        over = now() - row.created_at >= GIVE_UP
        return replace(failed, given_up_at=now() if over else None)
    return replace(row, tries=row.tries + 1, fault="", delivered_at=now())


def _waits(row: Delivery, quiet: Quiet | None) -> Delivery:
    """In quiet hours only what is urgent goes out."""
    until = None if quiet is None or row.severity == "urgent" else quiet.until(row.next_try)
    return row if until is None else replace(row, next_try=until)


# -- what is new


def _news(db: Db, there: Sequence[Channel], found: Sequence[Finding], now: datetime) -> list[Delivery]:
    """New findings, those that grew worse, and those that are closed: noted as told where a channel takes them.

    Another process may have looked since these were found: what it has closed is not new.
    """
    kept = memory.kept(db)
    fresh = [each for each in found if not each.asleep(now) and _is_news(kept.get(each.id), each.severity)]
    closed = [row for row in kept.values() if row.closed_at is not None and row.alerted != memory.OVER]
    mended = [row for row in closed if row.alerted]
    gone = [row for row in closed if not row.alerted and _is_worth_telling(row, now)]
    rows = []
    for channel in there:
        mine = [each for each in fresh if _takes(channel, each.severity)]
        over = [row for row in mended if _takes(channel, row.alerted)]
        past = [row for row in gone if _takes(channel, row.severity) and channel.created_at < _end(row)]
        if mine:
            rows.append(_written(channel, "alert", mine[0].severity, _heading(mine), _told(mine), now))
        if over:
            body = "\n\n".join(f"{_name(row.connection)}: this is over. It was: {row.text}" for row in over)
            rows.append(_written(channel, "mended", "notice", "Tallyglass: mended", body, now))
        if past:
            worst = min((row.severity for row in past), key=rank)
            body = "\n\n".join(_past(row) for row in past)
            rows.append(_written(channel, "alert", worst, f"Tallyglass, {worst}: it was so, and is over", body, now))
    least = max((rank(channel.least) for channel in there), default=-1)
    for each in fresh:
        if rank(each.severity) <= least:
            memory.set_alerted(db, each.id, each.severity)
    for row in closed:
        memory.set_alerted(db, row.id, memory.OVER)
    return rows


def _is_news(row: memory.Kept | None, severity: str) -> bool:
    return row is None or (row.closed_at is None and worse(severity, row.alerted))


def _is_worth_telling(row: memory.Kept, now: datetime) -> bool:
    """Of what began and ended between two looks for alerts: what is more than a notice, and was not put off."""
    return worse(row.severity, "notice") and not row.asleep and now - _end(row) < _LATELY


def _end(row: memory.Kept) -> datetime:
    return row.closed_at or row.since


def _past(row: memory.Kept) -> str:
    when = f"from {row.since:%Y-%m-%d %H:%M} to {_end(row):%H:%M} UTC"
    return f"{_name(row.connection)}, {when}: {row.text}"


def _takes(channel: Channel, severity: str) -> bool:
    return rank(severity) <= rank(channel.least)


def _heading(found: Sequence[Finding]) -> str:
    if len(found) == 1:
        return f"Tallyglass, {found[0].severity}: {found[0].headline(_name(found[0].connection))}"
    return f"Tallyglass, {found[0].severity}: {len(found)} things want your hand"


def _told(found: Sequence[Finding]) -> str:
    parts = [f"{each.headline(_name(each.connection))}. {each.text}\n{each.advice}".strip() for each in found]
    return "\n\n".join([*parts, "All of it: tallyglass audit"])


def _name(connection: str) -> str:
    return connection or "Tallyglass"


def _written(channel: Channel, kind: str, severity: str, title: str, body: str, now: datetime) -> Delivery:
    return Delivery(channel.name, kind, severity, title, body, created_at=now, next_try=now)


# -- the digest


def _is_due(db: Db, weekly: Weekly, now: datetime) -> bool:
    """Whether its moment has come since the last one; the first comes when its moment does."""
    last, moment = present.setting(db, _DIGESTED, ""), weekly.last(now)
    if last and datetime.fromisoformat(last) >= moment:
        return False
    present.set_setting(db, _DIGESTED, moment.isoformat())
    return bool(last)


def digest_text(session: Session, looked: hygiene.Looked, weekly: Weekly | None) -> str:
    """Your keys this week. No balances, unless the user wants them there."""
    now = session.now()
    uses = session.keeper.journal(limit=_LINES, since=now - _WEEK)
    weeks = []
    for key in hygiene.key_views(session, looked):
        mine = [row for row in uses if row.connection == key["connection"]]
        seen = tuple(sorted({row.egress_ip for row in mine if row.egress_ip}))
        due = datetime.fromisoformat(key["due_at"]) if key["due_at"] and key["state"] != "retiring" else None
        weeks.append(digest.KeyWeek(key["connection"], key["state"], key["grade"] or "", len(mine), seen, due))
    wants = [each.headline(_name(each.connection)) for each in looked.findings if not each.asleep(now)]
    return digest.write(weeks, wants, now - _WEEK, now, _worth(session) if weekly and weekly.balances else "")


def _worth(session: Session) -> str:
    from tallyglass.app.worth import worth_view

    found = worth_view(session)
    return f"{found['total']} {found['currency']}" + ("" if found["complete"] else " (partial)")
