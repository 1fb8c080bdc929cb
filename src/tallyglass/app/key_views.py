"""The shapes of what users get about keys, in JSON and on pages. Times RFC 3339 UTC."""

from __future__ import annotations

from typing import TypedDict


class ReasonView(TypedDict):
    """One thing to tell, with what to do."""

    code: str
    text: str
    fix: str


class BindingView(TypedDict):
    """Whether a key works only from certain addresses: yes, no or unknown."""

    bound: str
    addresses: list[str]


class VerdictView(TypedDict):
    """`inspect` and `connect`."""

    exchange: str
    verdict: str
    grants: dict[str, str]
    ip: BindingView
    expires_at: str | None
    account: str | None
    reasons: list[ReasonView]
    #: The connection that was made or asked about; None when nothing is stored.
    connection: str | None
    #: How that connection stands now.
    state: str | None


class FindingView(TypedDict):
    """One thing that wants the user's hand."""

    #: `code:about`, the same for as long as it is open.
    id: str
    code: str
    #: urgent, warning, notice
    severity: str
    #: Empty: it is about the whole house.
    connection: str
    since: str
    title: str
    text: str
    fix: str
    #: The command that closes it.
    action: str
    snoozed_until: str | None
    snooze_reason: str


class GradePointView(TypedDict):
    """One point of a grade: the best letter that it allows, how it stands, and the rule."""

    code: str
    letter: str
    text: str
    rule: str


class KeyView(TypedDict):
    """One row of `keys`."""

    connection: str
    exchange: str
    label: str
    state: str
    why: str
    #: What the exchange said of its rights when that froze it.
    evidence: str
    #: A to F; None where there is nothing to judge.
    grade: str | None
    #: What the grade comes from: the weakest point is the grade.
    points: list[GradePointView]
    grants: dict[str, str]
    ip: BindingView
    account: str | None
    key_name: str
    #: Where it is kept, if not in the vault: `op://…`.
    reference: str
    unproven: bool
    admitted_at: str | None
    created_at: str | None
    due_at: str | None
    expires_at: str | None
    checked_at: str | None
    last_used_at: str | None
    findings: list[FindingView]


class JournalView(TypedDict):
    """Whether the journal is as it was written."""

    intact: bool
    lines: int
    text: str


class AuditView(TypedDict):
    """`audit`."""

    as_of: str
    #: The worst first, snoozed ones too.
    findings: list[FindingView]
    keys: list[KeyView]
    journal: JournalView
    #: How old a key may get before it is to be replaced.
    rotation_days: int


class DeathView(TypedDict):
    """What one request with a key has shown: whether it is dead at its exchange."""

    connection: str
    key_name: str
    #: `dead`, `alive` or `cannot_tell`.
    answer: str
    #: Of the exchange's refusal.
    code: str | None
    text: str
    fix: str
    asked_at: str


class PartingView(TypedDict):
    """What `disconnect` has done."""

    connection: str
    #: `gone`, or as it was: then nothing was removed.
    state: str
    key_name: str
    proofs: list[DeathView]
    #: Keys that are not seen to be dead.
    remains: list[str]
