"""Findings: everything that wants the user's hand, as one kind of thing; and what is remembered of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, get_args

from tallyglass.store.findings import Kept

#: The worst first.
Severity = Literal["urgent", "warning", "notice"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that wants the user's hand. It closes when the fact changes, never because it was clicked away."""

    #: Stable: scripts, pages and alerts tell findings apart by it.
    code: str
    severity: Severity
    #: What is so, and what it means.
    text: str
    #: What to do, in the exchange's own words.
    fix: str
    #: When it was first seen; a rule says now.
    since: datetime
    #: "" = it is about the whole house.
    connection: str = ""
    #: The command that closes it.
    action: str = ""
    #: What tells it apart from others of its code, where that is not the connection: an exchange …
    about: str = ""
    #: A headline; `{name}` stands for the connection.
    title: str = "{name} needs a look"
    snoozed_until: datetime | None = None
    snooze_reason: str = ""

    def headline(self, name: str) -> str:
        """The title, of a connection that the reader calls so."""
        return self.title.replace("{name}", name)

    @property
    def id(self) -> str:
        """The same for as long as it is open, and again when it comes back."""
        return f"{self.code}:{self.about or self.connection or 'house'}"

    @property
    def advice(self) -> str:
        """What to do, with the command at its end: as one line."""
        return f"{self.fix.rstrip('.:')}: {self.action}" if self.fix and self.action else self.fix or self.action

    def asleep(self, now: datetime) -> bool:
        """Whether the user wants to hear of it later."""
        return self.snoozed_until is not None and now < self.snoozed_until


def worse(severity: str, than: str) -> bool:
    """Whether one severity is worse than another; "" is none at all."""
    return rank(severity) < rank(than)


def rank(severity: str) -> int:
    """The place of a severity, the worst first."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """The worst first, of one severity the oldest."""
    return sorted(found, key=lambda each: (rank(each.severity), each.since, each.id))


def remember(found: Iterable[Finding], kept: Mapping[str, Kept], now: datetime) -> tuple[list[Finding], list[Kept]]:
    """The findings with what is remembered of them, the worst first; and the rows that are to be written.

    One that has grown worse is heard of at once, snoozed or not. What was open and is found no more is closed.
    """
    rows = {each.id: _row(each, kept.get(each.id), now) for each in found}
    known = [_with(each, rows[each.id]) for each in found]
    closed = [replace(row, closed_at=now) for row in kept.values() if row.closed_at is None and row.id not in rows]
    changed = [row for row in rows.values() if row != kept.get(row.id)]
    return in_order(known), [*changed, *closed]


def _row(finding: Finding, known: Kept | None, now: datetime) -> Kept:
    fresh = Kept(finding.id, finding.code, finding.connection, finding.severity, finding.text, since=now)
    if known is None:
        return fresh
    if known.closed_at is not None:
        return replace(fresh, alerted=known.alerted)
    if worse(finding.severity, known.severity):
        return replace(fresh, alerted=known.alerted, since=known.since)
    told = replace(known, severity=finding.severity, text=finding.text)
    if told.snoozed_until is not None and told.snoozed_until <= now:
        return replace(told, snoozed_until=None, snooze_reason="")
    return told


def _with(finding: Finding, row: Kept) -> Finding:
    return replace(finding, since=row.since, snoozed_until=row.snoozed_until, snooze_reason=row.snooze_reason)
