"""Alerts: the channels, what went out, and the calendar of due dates."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from tallyglass.alerts import calendar, channel
from tallyglass.alerts.channel import BadAddress, NotDelivered
from tallyglass.alerts.quiet import DAYS, Quiet, Weekly
from tallyglass.app import alert_settings, alerting, hygiene, watching
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.app.watching import WatchedView
from tallyglass.exchanges import registry
from tallyglass.hygiene.findings import SEVERITIES
from tallyglass.store import alerts as stored
from tallyglass.store import present
from tallyglass.store.alerts import Channel, Delivery

#: The worst first.
EVERY_SEVERITY = SEVERITIES
_NAME = re.compile(r"[\w-]{1,40}")
#: The setting that holds the hash of the calendar's link.
_LINK = "calendar.link"
_TEST = "This is a test. Alerts of Tallyglass reach you here."


class ChannelView(TypedDict):
    """Where alerts go; its address is never shown."""

    name: str
    #: ntfy, E-Mail …
    kind: str
    address: str
    #: The least severity that goes there.
    least: str


class DeliveryView(TypedDict):
    """One message to one channel."""

    time: str
    channel: str
    #: alert, mended, digest, test
    kind: str
    severity: str
    title: str
    #: delivered, waiting, given_up
    state: str
    tries: int
    fault: str | None
    delivered_at: str | None
    next_try: str | None


class AlertsView(TypedDict):
    """`alerts`."""

    channels: list[ChannelView]
    quiet: dict[str, str] | None
    digest: dict[str, str | bool] | None
    waiting: int
    #: Prices and drift that the user wants to hear of.
    watched: WatchedView


def overview(session: Session) -> AlertsView:
    """The channels and the settings."""
    with session.store.read() as db:
        there = stored.list_channels(db)
        quiet, weekly = alert_settings.quiet(db), alert_settings.weekly(db)
        rows = stored.latest(db, 1000)
        watched = watching.view(db)
    return {
        "channels": [_channel(each) for each in there],
        "quiet": None if quiet is None else _quiet(quiet),
        "digest": None if weekly is None else _weekly(weekly),
        "waiting": sum(_state(row) == "waiting" for row in rows),
        "watched": watched,
    }


def add(session: Session, name: str, address: str, least: str) -> ChannelView:
    """Add a channel, or change the one of this name. What is open is told there at the next look."""
    if not _NAME.fullmatch(name):
        raise Problem("usage", "A channel's name is of letters, digits, _ and -.", "For example: phone")
    if least not in SEVERITIES:
        raise Problem("usage", f"{least!r} is no severity.", f"One of: {', '.join(SEVERITIES)}.")
    try:
        channel.kind(address)
    except BadAddress:
        raise Problem(
            "bad_channel",
            "This is no address of a channel.",
            "Write it as Apprise does, on one line: ntfy://ntfy.sh/TOPIC, mailtos://USER:PASSWORD@HOST, tgram://TOKEN/CHAT",
        ) from None
    made = Channel(name, address, least, session.now())
    with session.store.write() as db:
        stored.add_channel(db, made)
    return _channel(made)


def remove(session: Session, name: str) -> None:
    """Forget a channel, and what waits for it."""
    with session.store.write() as db:
        if not stored.remove_channel(db, name):
            raise _unknown(name, [each.name for each in stored.list_channels(db)])


def try_out(session: Session, name: str) -> list[DeliveryView]:
    """Send a message to one channel, or to all, now; how it went is written down as of every message."""
    with session.store.read() as db:
        there = stored.list_channels(db)
    mine = [each for each in there if name in ("", each.name)]
    if not mine:
        raise _unknown(name, [each.name for each in there])
    now, tried = session.now(), []
    for each in mine:
        row = Delivery(each.name, "test", "notice", "Tallyglass: a test", _TEST, created_at=now, next_try=now)
        try:
            channel.deliver(each.address, channel.Message(row.title, row.body, "notice"))
            row = replace(row, tries=1, delivered_at=session.now())
        except (NotDelivered, BadAddress) as error:
            row = replace(row, tries=1, fault=str(error) or "its address is not understood", given_up_at=session.now())
        tried.append(row)
    with session.store.write() as db:
        stored.queue(db, tried, now)
    return [_delivery(row) for row in tried]


def set_quiet(session: Session, hours: Quiet | None) -> AlertsView:
    """Change the quiet hours, or end them."""
    with session.store.write() as db:
        alert_settings.set_quiet(db, hours)
    return overview(session)


def set_digest(session: Session, when: Weekly | None) -> AlertsView:
    """Change when the digest goes out, or end it."""
    with session.store.write() as db:
        alert_settings.set_weekly(db, when)
    return overview(session)


def digest(session: Session) -> str:
    """The digest as it would go out now."""
    with session.store.read() as db:
        weekly = alert_settings.weekly(db)
    return alerting.digest_text(session, hygiene.look(session), weekly)


def check(session: Session) -> list[DeliveryView]:
    """Look now, and send what is new and what waits."""
    return [_delivery(row) for row in alerting.check(session)]


def sent(session: Session, limit: int) -> list[DeliveryView]:
    """The last messages, newest first."""
    with session.store.read() as db:
        return [_delivery(row) for row in stored.latest(db, limit)]


def dues(session: Session) -> bytes:
    """The calendar: when each key is to be replaced, and when it ends by itself."""
    found = []
    for key in hygiene.keys(session):
        name = f"{key['label'] or key['connection']} ({registry.manifest(key['exchange']).name})"
        if key["state"] in ("dead", "retiring"):
            continue
        if key["due_at"]:
            text = f"Make a new key, then: tallyglass rotate {key['connection']}"
            at = datetime.fromisoformat(key["due_at"])
            found.append(calendar.Due(f"due-{key['connection']}", at, f"Replace the key of {name}", text))
        if key["expires_at"]:
            text = f"After that day it does not work. Before: tallyglass rotate {key['connection']}"
            at = datetime.fromisoformat(key["expires_at"])
            found.append(calendar.Due(f"expiry-{key['connection']}", at, f"The key of {name} ends", text))
    return calendar.feed(found, session.now())


def make_link(session: Session) -> str:
    """The path of the calendar for programs that have no session; the one before is over. Only its hash is kept."""
    token = secrets.token_urlsafe(32)
    with session.store.write() as db:
        present.set_setting(db, _LINK, _hash(token))
    return f"/calendar/{token}.ics"


def revoke_link(session: Session) -> bool:
    """Let no link open the calendar any more; whether there was one."""
    with session.store.write() as db:
        there = bool(present.setting(db, _LINK, ""))
        present.set_setting(db, _LINK, "")
    return there


def opens(session: Session, token: str) -> bool:
    """Whether a link is the one that was made last."""
    with session.store.read() as db:
        kept = present.setting(db, _LINK, "")
    return bool(kept) and hmac.compare_digest(kept, _hash(token))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _unknown(name: str, there: list[str]) -> Problem:
    if not there:
        return Problem("no_such_channel", "There is no channel yet.", "Add one: tallyglass alerts add NAME")
    return Problem("no_such_channel", f"There is no channel {name!r}; there are: {', '.join(there)}.", "Name one.")


def _quiet(hours: Quiet) -> dict[str, str]:
    return {"begin": f"{hours.begin:%H:%M}", "end": f"{hours.end:%H:%M}", "zone": hours.zone}


def _weekly(when: Weekly) -> dict[str, str | bool]:
    return {"day": DAYS[when.day], "at": f"{when.at:%H:%M}", "zone": when.zone, "balances": when.balances}


def _channel(each: Channel) -> ChannelView:
    return {
        "name": each.name,
        "kind": channel.kind(each.address),
        "address": channel.masked(each.address),
        "least": each.least,
    }


def _delivery(row: Delivery) -> DeliveryView:
    state = _state(row)
    return {
        "time": moment(row.created_at) or "",
        "channel": row.channel,
        "kind": row.kind,
        "severity": row.severity,
        "title": row.title,
        "state": state,
        "tries": row.tries,
        "fault": row.fault or None,
        "delivered_at": moment(row.delivered_at),
        "next_try": moment(row.next_try) if state == "waiting" else None,
    }


def _state(row: Delivery) -> str:
    return "delivered" if row.delivered_at else "given_up" if row.given_up_at else "waiting"
