"""Proof: whether a connection's history bears out what it reports, and everything that stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tallyglass.app.evidence import Books, Evidences, books_of, enriching, explained, freshness
from tallyglass.app.session import Session
from tallyglass.app.views import minute
from tallyglass.keeper.client import Connection
from tallyglass.ledger.reconcile import Gap
from tallyglass.money import ZERO, magnitude, text
from tallyglass.portfolio.worth import Cause
from tallyglass.store import history, lease, present
from tallyglass.store.base import Db

#: Nothing is missing from the total: it lies in another wallet, or an entry that is known is on its way.
_HARMLESS = frozenset(("moved", "pending"))


def doubts(session: Session) -> dict[str, tuple[Cause, ...]]:
    """Of every connection whose balances are known: why they are not proven. Nothing for one that adds up."""

    def look() -> dict[str, tuple[Cause, ...]]:
        with session.store.read() as db:
            return _doubts_of(db, session.keeper.connections())

    return session.memory.keep("doubts", session.stamp(), look)


def _doubts_of(db: Db, connections: Iterable[Connection]) -> dict[str, tuple[Cause, ...]]:
    known = Evidences(db)
    return {
        each.connection.id: tuple(_doubts(known, each)) for each in books_of(db, connections) if each.as_of is not None
    }


def _doubts(known: Evidences, each: Books) -> Iterator[Cause]:
    name = each.connection.id
    fault = freshness(known.db, name)
    if fault is not None and fault.fault:
        yield Cause("history_failed", name, f"{name}: a part of its history could not be read ({fault.text})")
    pieces = history.count_pieces(known.db, name, but=enriching(each.connection.exchange))
    if pieces:
        what = "one piece" if pieces == 1 else f"{pieces} pieces"
        yield Cause("history_unparsed", name, f"{name}: {what} of its history not understood (tallyglass unparsed)")
    gaps = [gap for gap in each.gaps if gap.open]
    unread = fault is None and bool(gaps)  # it was never read at all
    for gap in [] if unread else gaps:
        found, cause = explained(known, each, gap)
        if cause.code == "still_read":
            # Between its balances and its history, every sync has a moment in which they differ; one that was killed
            # there has not.
            unread |= known.of(each).unread(found) or not lease.is_held(known.db, name, datetime.now(UTC))
        elif cause.code not in _HARMLESS:
            words = f"{_size(name, found, cause.since)}. Why, and what to do: tallyglass reconcile"
            yield Cause("gap", f"{name}/{gap.asset}", words, _began(found, cause.since))
    if unread:
        yield Cause("history_unread", name, f"{name}: its history is not read to its end; until then it proves nothing")


def _size(name: str, gap: Gap, since: datetime | None) -> str:
    """How much, which way, since when."""
    side = "more" if gap.amount > ZERO else "less"
    words = f"{name} reports {text(magnitude(gap.amount))} {gap.asset} {side} than its history comes to"
    began = _began(gap, since)
    return f"{words}, since {minute(began)}" if began else words


def _began(gap: Gap, since: datetime | None) -> datetime | None:
    return since or (gap.opened.wrong_at if gap.opened else None)


def standing(session: Session) -> dict[str, list[str]]:
    """Of every connection whose balances are known: what stands against them, in words; empty where all adds up."""
    return {name: [cause.text for cause in causes] for name, causes in doubts(session).items()}


def count_gaps(session: Session) -> int:
    """How many assets of how many connections do not add up, and not merely because they are being read."""
    with session.store.read() as db:
        known = Evidences(db)
        return sum(
            explained(known, each, gap)[1].code != "still_read"
            for each in books_of(db, session.keeper.connections())
            for gap in each.gaps
            if gap.open
        )


def note(session: Session) -> None:
    """Mark the newest balances of every connection as complete, or as not, for all who build on stored balances.

    To be called after anything that changes what is reported, or what the entries come to.
    """
    with session.store.read() as db:
        known, changes = Evidences(db), []
        for each in books_of(db, session.keeper.connections()):
            name, odd = each.connection.id, history.count_unparsed(db, each.connection.id, "balances")
            complete = each.as_of is not None and not odd and not any(_doubts(known, each))
            if each.as_of is not None and complete != present.is_complete(db, name):
                changes.append((name, each.as_of, complete))
    if changes:
        with session.store.write() as db:
            for name, seen, complete in changes:
                present.mark(db, name, seen, complete=complete)
