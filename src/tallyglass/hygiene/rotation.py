"""Rotation: when a key is due to be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene import compromise
from tallyglass.hygiene.facts import AHEAD, MOST_ROTATION_DAYS, ROTATION_DAYS, Facts, KeyFacts
from tallyglass.hygiene.findings import Finding, Severity
from tallyglass.keeper.client import Connection


def allowed_days(manifest: Manifest, wanted: int = ROTATION_DAYS) -> int:
    """How old a key may get: as the user wants it, never above what the manifest allows, nor above a year."""
    most = int(manifest.rotation.get("maximum_days", MOST_ROTATION_DAYS))
    return min(wanted, most, MOST_ROTATION_DAYS)


def made_at(connection: Connection) -> datetime:
    """When the key was made; where the exchange does not tell that, when it was connected."""
    return connection.created_at or connection.admitted_at


def ends_at(connection: Connection, manifest: Manifest) -> datetime | None:
    """When the exchange itself ends the key, as it tells it or as its rule says; None = never."""
    days = manifest.rotation.get("exchange_expiry_days")
    lapses = None if days is None else made_at(connection) + timedelta(days=int(days))
    return min((each for each in (connection.expires_at, lapses) if each is not None), default=None)


def due_at(connection: Connection, manifest: Manifest, wanted: int = ROTATION_DAYS) -> datetime:
    """When the key should be replaced: counted from its making, never past its end."""
    due = made_at(connection) + timedelta(days=allowed_days(manifest, wanted))
    end = ends_at(connection, manifest)
    return due if end is None else min(due, end)


def due(facts: Facts) -> Iterator[Finding]:
    """A key that is to be replaced, or will be soon; or that its exchange ends before."""
    for key in facts.keys:
        if key.connection.state not in ("active", "frozen"):
            continue
        end = ends_at(key.connection, key.manifest)
        when = due_at(key.connection, key.manifest, facts.rotation_days)
        if facts.now >= when - AHEAD:
            yield _ends(facts, key, end) if end is not None and end <= when else _grows_old(facts, key, when)


def _ends(facts: Facts, key: KeyFacts, end: datetime) -> Finding:
    over, name = facts.now >= end, key.manifest.name
    if over:
        text = f"{name} has let this key lapse on {end:%Y-%m-%d}: nothing more can be read with it."
        code, title = "key_expired", "The key of {name} has expired"
    else:
        ahead = in_days(end - facts.now)
        text = f"{name} lets this key lapse on {end:%Y-%m-%d}, {ahead}: then nothing more can be read with it."
        code, title = "key_expires", "The key of {name} will soon expire"
    return Finding(code, "urgent" if over else "warning", text, *_replace(facts, key), title=title)


def _grows_old(facts: Facts, key: KeyFacts, when: datetime) -> Finding:
    age = (facts.now - made_at(key.connection)).days
    if facts.now < when:
        ahead = in_days(when - facts.now)
        text = f"This key is {age} days old. It is to be replaced by {when:%Y-%m-%d}, {ahead}."
        title = "The key of {name} is soon due to be replaced"
        return Finding("rotation_due", "notice", text, *_replace(facts, key), title=title)
    text = (
        f"This key is {age} days old, and was to be replaced after {allowed_days(key.manifest, facts.rotation_days)}."
    )
    return Finding(
        "rotation_due", "warning", text, *_replace(facts, key), title="The key of {name} is due to be replaced"
    )


def _replace(facts: Facts, key: KeyFacts) -> tuple[str, datetime, str, str]:
    """What to do, since when, with which key, by which command."""
    fix = f"Make a new key at {key.manifest.name} ({page(key.manifest)}) and let it take the place of this one"
    return fix, facts.now, key.id, f"tallyglass rotate {key.id}"


def unfinished(facts: Facts) -> Iterator[Finding]:
    """A key that was replaced and is not seen to be dead."""
    for key in facts.keys:
        old = key.connection.old
        if old is not None:
            days = (facts.now - old.since).days
            text = f"It was replaced on {old.since:%Y-%m-%d}. Nothing shows yet that {key.manifest.name} refuses it."
            fix = f"At {key.manifest.name}, open {page(key.manifest)} and delete {short(old.key_name)}, then"
            check, title = f"tallyglass rotate {key.id} --check", "The old key of {name} may still work"
            severity: Severity = "warning" if days else "notice"
            if compromise.suspected(old):
                severity, title = "urgent", "The old key of {name} may be in other hands"
            yield Finding("rotation_open", severity, text, fix, facts.now, key.id, check, title=title)


def short(key_name: str) -> str:
    """The public part of a key, as much of it as tells it apart."""
    return key_name if len(key_name) <= 16 else f"…{key_name[-12:]}" if "/" in key_name else f"{key_name[:12]}…"


def page(manifest: Manifest) -> str:
    """Where the exchange lists its keys, in its own words."""
    return str(manifest.labels.get("page", "its page of API keys"))


def in_days(span: timedelta) -> str:
    """A time ahead, in words."""
    return "today" if span.days < 1 else "tomorrow" if span.days == 1 else f"in {span.days} days"
