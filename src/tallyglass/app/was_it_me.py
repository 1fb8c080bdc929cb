"""Was it me: an exchange's mail held against the journal, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from tallyglass.app import egress
from tallyglass.app.exchanges import exchange
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene import addresses, compromise, moments, was_it_me
from tallyglass.hygiene import mail as mails
from tallyglass.hygiene.addresses import Address, Named
from tallyglass.hygiene.was_it_me import Question, Record, Use
from tallyglass.keeper.client import Connection, JournalBroken, JournalRow, Keeper
from tallyglass.store import egress as seen

#: More uses of keys than there can be in a few hours.
_MOST = 100_000
LONGEST_WINDOW = 24 * 60


class UseView(TypedDict):
    """One use of a key."""

    time: str
    connection: str
    read: str
    egress_ip: str | None


class SpanView(TypedDict):
    """A moment in question, as exactly as it was told."""

    begin: str
    end: str


class AskedView(TypedDict):
    """What was held against the journal."""

    exchange: str
    times: list[SpanView]
    ips: list[str]
    window_minutes: float


class AnswerView(TypedDict):
    """`was-it-me`."""

    #: yes, no or cannot_tell
    answer: str
    why: str
    uses: list[UseView]
    next: str
    asked: AskedView


def ask(session: Session, name: str, at: str, ip: str = "", *, window: float | None = None) -> AnswerView:
    """Whether a key of an exchange was used then, from there. A time without a zone is UTC."""
    manifest = exchange(name)
    question = Question(_spans(at), _addresses([ip] if ip else []), window=_window(window))
    return _answered(session, manifest, question, "")


def ask_mail(session: Session, raw: bytes, name: str = "", ip: str = "", *, window: float | None = None) -> AnswerView:
    """The same of an exchange's mail, which tells time and address, and mostly the exchange. `ip`: if it does not."""
    mail = mails.read(raw)
    if mail.is_encrypted:
        raise Problem("usage", "This mail is encrypted.", "Open it in your mail program, and paste what it shows.")
    manifest = exchange(name) if name else _sender(mail)
    spans = mail.spans()
    if not spans:
        raise Problem(
            "usage", "No time in this mail can be read for certain.", "Give it yourself: --at '2026-01-31 09:14 UTC'"
        )
    told = Named(_addresses([ip])) if ip else mail.named
    question = Question(spans, told.meant, told.beside, told.doubt, _window(window), told.perhaps)
    return _answered(session, manifest, question, _SIGN_IN.format(name=manifest.name) if mail.speaks_of_sign_in else "")


_SIGN_IN = (
    " If it tells of somebody who signed in at {name}'s website or app, that was never Tallyglass, which has no"
    " password of yours."
)


def _spans(at: str) -> tuple[moments.Span, ...]:
    found = moments.find(at)
    fix = "Write date and time as the mail does, with the zone: '2026-01-31 09:14 UTC', 'Jan 31, 2026 1:14 AM PST'."
    if len(found) != 1:
        raise Problem("usage", f"{at!r} is no time.", fix)
    rest = moments.not_understood(at, found[0])
    if rest:
        raise Problem("usage", f"{rest!r} in {at!r} is not understood: a wrong zone would give a wrong answer.", fix)
    return moments.as_utc(found[0]).spans


def _addresses(given: Iterable[str]) -> tuple[Address, ...]:
    found = []
    for each in given:
        address = addresses.address(each)
        if address is None:
            raise Problem("usage", f"{each!r} is no address.", "Write it as the mail does: 203.0.113.7, 2001:db8::7.")
        found.append(address)
    return tuple(found)


def _window(minutes: float | None) -> timedelta:
    if minutes is None:
        return was_it_me.WINDOW
    if not 0 <= minutes <= LONGEST_WINDOW:
        raise Problem("usage", f"A window of {minutes:g} minutes.", f"It has 0 to {LONGEST_WINDOW}.")
    return timedelta(minutes=minutes)


def _sender(mail: mails.Mail) -> Manifest:
    """The exchange that the mail is from: by its sender, else the only one that it names."""
    known = list(registry.exchanges())
    found = [each for each in known if mail.sender and f".{mail.sender}".endswith(f".{_domain(each)}")]
    for words in (mail.subject, mail.text):
        found = found or [each for each in known if each.name.lower() in words.lower()]
    if len(found) != 1:
        text = "This mail names several exchanges." if found else "This mail does not tell which exchange it is from."
        raise Problem("usage", text, f"Say it with --exchange: {', '.join(each.id for each in known)}.")
    return found[0]


def _domain(manifest: Manifest) -> str:
    return manifest.home.removeprefix("https://").removeprefix("www.").partition("/")[0]


def _answered(session: Session, manifest: Manifest, question: Question, aside: str) -> AnswerView:
    told = record(session.keeper, manifest.id, question)
    found = was_it_me.answer(question, told, datetime.now(UTC), _ours(session, manifest.id, question, told))
    there = [_stop(each, question) for each in session.keeper.connections() if each.exchange == manifest.id]
    return {
        "answer": found.verdict,
        "why": found.why,
        "uses": [_use(each) for each in found.uses],
        "next": _next(found.verdict, manifest, there) + aside,
        "asked": {
            "exchange": manifest.id,
            "times": [{"begin": moment(each.begin) or "", "end": moment(each.end) or ""} for each in question.spans],
            "ips": [str(each) for each in question.addresses if each],
            "window_minutes": question.window / timedelta(minutes=1),
        },
    }


def _ours(session: Session, exchange: str, question: Question, told: Record) -> was_it_me.Ours:
    """Our addresses as they were. What is asked of the last minutes is looked up now: then it is certain for them."""
    lacks = any(use.egress_ip is None for use in told.uses) and any(question.addresses)
    if lacks and abs(session.now() - max(each.end for each in question.spans)) < seen.CONTINUOUS:
        egress.look(session)
    known = egress.known(session)
    return was_it_me.Ours(_addresses(known.ways.addresses_for(exchange)), known.seen)


def _stop(known: Connection, question: Question) -> str:
    """What stops the key that was in use then: where a suspected one has been replaced since, not only that one."""
    begin = min(each.begin for each in question.spans)
    before = compromise.replaced(known, datetime.now(UTC))
    return f"{known.id} --new-key" if before is not None and begin >= before.since else known.id


def record(keeper: Keeper, exchange: str, question: Question) -> Record:
    """What the journal tells of an exchange's keys around the moments in question, and whether it can be believed."""
    since, until = question.reach
    try:
        rows = keeper.journal(limit=_MOST, since=since, until=until)
    except JournalBroken as error:
        return Record((), intact=False, text=error.text)
    report = keeper.verify_journal()
    uses = tuple(_used(row) for row in reversed(rows) if row.exchange == exchange)
    return Record(uses, report.intact, report.text, report.since if report.restarted else None, report.gaps)


def _used(row: JournalRow) -> Use:
    return Use(row.time, row.connection, row.read, row.status, row.egress_ip)


def _use(each: Use) -> UseView:
    return {
        "time": moment(each.time) or "",
        "connection": each.connection,
        "read": each.read,
        "egress_ip": each.egress_ip,
    }


def _next(verdict: was_it_me.Verdict, manifest: Manifest, there: list[str]) -> str:
    """What to do; and never by a link of the mail, which anybody can have written."""
    page = manifest.labels.get("page", "the page of your keys")
    if verdict == "yes":
        return "Nothing: that was us."
    if not there:
        return (
            f"Tallyglass has no key there. Type {manifest.home} by hand, follow no link of the mail, change your"
            f" password and delete the keys that you do not know: {page}."
        )
    if verdict == "no":
        return (
            "Stop the key now, and go through what it says; follow no link of the mail: "
            f"tallyglass compromised {' or '.join(there)}"
        )
    return (
        f"Look for yourself: type {manifest.home} by hand, follow no link of the mail, and look at what happened there"
        f" ({page}). If in doubt: tallyglass compromised {' or '.join(there)}"
    )
