"""Hygiene: what wants the user's hand, from what keeper and store know; and what the user says of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tallyglass.app import connections as known_keys
from tallyglass.app import journal, watching
from tallyglass.app.doubts import price_facts
from tallyglass.app.exchanges import exchange
from tallyglass.app.journal import JournalProofView
from tallyglass.app.key_views import FindingView, GradePointView, KeyView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.app.worth import present_quotes
from tallyglass.exchanges import registry
from tallyglass.hygiene import audit
from tallyglass.hygiene.facts import MOST_ROTATION_DAYS, ROTATION_DAYS, Egress, Facts, Failing, KeyFacts
from tallyglass.hygiene.findings import Finding, remember
from tallyglass.hygiene.grade import Grade, Point, grade
from tallyglass.hygiene.rotation import due_at
from tallyglass.keeper.client import Connection
from tallyglass.money import ZERO
from tallyglass.store import activity, egress, present
from tallyglass.store import findings as memory
from tallyglass.store.base import Db, StoreError
from tallyglass.store.present import Freshness

log = logging.getLogger(__name__)

_ROTATION = "rotation.days"
_WALKED = "walked."
#: To read the whole journal again takes a while: once a day is enough for pages.
_VERIFY_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at everything."""

    facts: Facts
    #: Of each connection; None = its key is dead.
    grades: dict[str, Grade | None]
    #: The worst first, snoozed ones too.
    findings: list[Finding]


def findings(session: Session, *, verify: bool = False) -> list[Finding]:
    """Everything that wants the user's hand, the worst first, snoozed ones too."""
    return look(session, verify=verify).findings


def look(session: Session, *, verify: bool = False) -> Looked:
    """Judge all that is known, and remember what was found.

    `verify`: read the whole journal again now; else that is done once a day.
    """
    facts = gather(session, verify=verify)
    known, changed = remember(audit.findings(facts), facts.known, facts.now)
    if changed or facts.journal is not None:
        try:
            _remember(session, facts, changed)
        except StoreError as error:  # a full disk keeps nobody from seeing what is wrong
            log.warning("findings could not be remembered: %s", error)
    return Looked(facts, {key.id: grade(key, facts) for key in facts.keys}, known)


def verify_journal(session: Session) -> JournalProofView:
    """Read every line of the journal again now, and let everything know what was found."""
    report = look(session, verify=True).facts.journal
    if report is None:
        raise Problem("journal_unread", "The journal could not be read.", "Try: tallyglass journal verify")
    return {"intact": report.intact, "lines": report.lines, "first_bad": report.first_bad, "text": report.text}


def _remember(session: Session, facts: Facts, changed: list[memory.Kept]) -> None:
    with session.store.write() as db:
        memory.keep(db, changed, facts.now)
        if facts.journal is not None:
            journal.note(db, facts.journal, facts.now)


def gather(session: Session, *, verify: bool = False) -> Facts:
    """Everything that the rules judge. An area adds its own here."""
    now, connections, ways = session.now(), session.keeper.connections(), session.keeper.ways()
    quotes = present_quotes(session)
    with session.store.read() as db:
        verified = journal.verified_of(db)
        failing = [each for each in present.list_freshness(db) if each.fault]
        walked = {each.exchange: _setting(db, _WALKED + each.exchange) for each in connections}
        facts = Facts(
            now=now,
            keys=tuple(_key(db, each, connections, failing) for each in connections),
            rotation_days=rotation_days(db),
            walked={name: at for name, at in walked.items() if at is not None},
            known=memory.kept(db),
            egress=Egress(ways, egress.seen(db)),
            prices=price_facts(db, connections, quotes, now),
        )
    facts = replace(facts, watched=watching.price_facts(session), drift=watching.drift_fact(session))
    if verify or verified is None or now - verified.at >= _VERIFY_EVERY:
        return replace(facts, journal=session.keeper.verify_journal())
    return facts


def _key(db: Db, connection: Connection, stored: list[Connection], failing: list[Freshness]) -> KeyFacts:
    found, seen_at = present.balances_of(db, connection.id)
    older = stored[: stored.index(connection)]
    return KeyFacts(
        connection,
        registry.manifest(connection.exchange),
        holds=None if seen_at is None else any(each.total != ZERO for each in found),
        last_entry_at=activity.last_entry(db, connection.id),
        failing=tuple(
            Failing(each.part, each.fault, each.failed_at, each.text, each.fix)
            for each in failing
            if each.source == connection.id and each.failed_at is not None
        ),
        twins=tuple(each.id for each in older if _twins(db, each, connection)),
    )


def _twins(db: Db, one: Connection, other: Connection) -> bool:
    if one.exchange != other.exchange or "dead" in (one.state, other.state):
        return False
    if one.account and other.account:
        return one.account == other.account
    return activity.same_account(db, one.id, other.id)


# -- what the user says


def snooze(session: Session, finding: str, until: datetime, reason: str) -> Finding:
    """Hear of a finding later, for a reason. A `Problem` for one that is not open, or a time that is over."""
    if until <= session.now():
        raise Problem("time", "That time is over.", "Name a day to come: --until 2027-01-31")
    if not reason.strip():
        raise Problem("usage", "A snooze needs a reason.", "Say why it can wait: --reason TEXT")
    return _put_to_sleep(session, finding, until, reason.strip()[:200])


def wake(session: Session, finding: str) -> Finding:
    """Hear of it again."""
    return _put_to_sleep(session, finding, None, "")


def _put_to_sleep(session: Session, finding: str, until: datetime | None, reason: str) -> Finding:
    looked = findings(session)
    with session.store.write() as db:
        memory.snooze(db, finding, until, reason)
    for each in looked:
        if each.id == finding:
            return replace(each, snoozed_until=until, snooze_reason=reason)
    there = ", ".join(each.id for each in looked) or "none"
    raise Problem("no_such_finding", f"No finding {finding!r} is open; there are: {there}.", "See: tallyglass audit")


def walked(session: Session, name: str) -> None:
    """The user has looked through an exchange's own page of keys."""
    with session.store.write() as db:
        present.set_setting(db, _WALKED + exchange(name).id, session.now().isoformat())


def set_rotation(session: Session, days: int) -> None:
    """How old a key may get from now on, in days. A `Problem` for what is above a year."""
    if not 1 <= days <= MOST_ROTATION_DAYS:
        text = f"A key is replaced after 1 to {MOST_ROTATION_DAYS} days, not {days}."
        raise Problem("usage", text, f"The default is {ROTATION_DAYS}.")
    with session.store.write() as db:
        present.set_setting(db, _ROTATION, str(days))


def rotation(session: Session) -> int:
    """The same, for who is not reading yet."""
    with session.store.read() as db:
        return rotation_days(db)


def rotation_days(db: Db) -> int:
    """How old the user lets a key get, in days."""
    return int(present.setting(db, _ROTATION, str(ROTATION_DAYS)))


def _setting(db: Db, name: str) -> datetime | None:
    found = present.setting(db, name, "")
    return datetime.fromisoformat(found) if found else None


# -- what users see


@dataclass(frozen=True, slots=True)
class Standing:
    """How the house stands, as users see it."""

    keys: list[KeyView]
    #: The worst first, snoozed ones too.
    findings: list[FindingView]

    @property
    def awake(self) -> list[FindingView]:
        """Those that are not put off."""
        return [each for each in self.findings if each["snoozed_until"] is None]


def standing(session: Session) -> Standing:
    """Every key with its grade and its findings, and all findings."""
    return session.memory.keep("standing", session.stamp(), lambda: _standing(session))


def _standing(session: Session) -> Standing:
    looked = look(session)
    return Standing(key_views(session, looked), [finding_view(each) for each in looked.findings])


def keys(session: Session) -> list[KeyView]:
    """Every key with its grade and its findings."""
    return standing(session).keys


def key_views(session: Session, looked: Looked) -> list[KeyView]:
    """Every key, as a look has judged it."""
    views = known_keys.keys(session.keeper)
    known = {key.id: key for key in looked.facts.keys}
    for view in views:
        key = known.get(view["connection"])
        if key is None or view["state"] == "retiring":
            continue
        graded = looked.grades[key.id]
        view["grade"] = None if graded is None else graded.letter
        view["points"] = [] if graded is None else [_point(each) for each in graded.points]
        view["due_at"] = moment(due_at(key.connection, key.manifest, looked.facts.rotation_days))
        view["findings"] = [finding_view(each) for each in looked.findings if each.connection == key.id]
    return views


def _point(point: Point) -> GradePointView:
    return {"code": point.code, "letter": point.letter, "text": point.text, "rule": point.rule}


def finding_view(finding: Finding) -> FindingView:
    """A finding as users see it; by its title, a connection is named as commands name it."""
    return {
        "id": finding.id,
        "code": finding.code,
        "severity": finding.severity,
        "connection": finding.connection,
        "since": moment(finding.since) or "",
        "title": finding.headline(finding.connection),
        "text": finding.text,
        "fix": finding.fix,
        "action": finding.action,
        "snoozed_until": moment(finding.snoozed_until),
        "snooze_reason": finding.snooze_reason,
    }
