"""What happened and what is open: entries, open orders, and what could not be parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from tallyglass.app import accounts, cursors
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView, HistoryView, OrderView, UnparsedView, entry_view, moment, order_view
from tallyglass.ledger.entries import KINDS
from tallyglass.ledger.transfers import MOVES
from tallyglass.store import activity, present, search, transfers
from tallyglass.store import history as stored
from tallyglass.store.base import Db

LONGEST_PAGE = 1000
#: What an entry may be.
EVERY_KIND = tuple(sorted(KINDS))


@dataclass(frozen=True, slots=True)
class Question:
    """A page of entries, as a user asks for it; what is left empty asks for nothing."""

    limit: int = 50
    #: The `next` of the page before.
    after: str = ""
    connection: str = ""
    kind: str = ""
    asset: str = ""
    #: A day or a moment. A day is whole: `until` too.
    since: str = ""
    until: str = ""
    #: Words, or how they begin: of an id, transaction, order, market, note.
    search: str = ""
    #: What has not happened: deposits on their way, withdrawals that failed. They count in no balance.
    pending: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether there may be entries that it does not ask for."""
        return any((self.kind, self.asset, self.since, self.until, self.search))


_ANY = Question()


def history(session: Session, asked: Question = _ANY) -> HistoryView:
    """A page of entries, newest first."""
    if not 1 <= asked.limit <= LONGEST_PAGE:
        raise Problem("limit", f"A page has 1 to {LONGEST_PAGE} entries.", "Use --after for the next page.")
    place = cursors.read(asked.after) if asked.after else None
    wanted = _wanted(asked)
    with session.store.read() as db:
        try:
            found = search.find(db, wanted, limit=asked.limit + 1, after=place)
        except search.TooMany as many:
            raise Problem("too_many", f"{str(many).capitalize()}.", "Write more of it.") from many
        page = found[: asked.limit]
        items = _views(db, page)
    if asked.connection and not found:
        _check(session, asked.connection)
    more = page[-1] if len(found) > asked.limit else None
    return {"items": items, "next": None if more is None else cursors.written(more.entry.time, more.place)}


def entry(session: Session, name: str) -> HistoryView:
    """The entry of that id, with or without its connection before it; several where connections share an id."""
    connection, _, own = name.partition("/")
    with session.store.read() as db:
        found = search.by_id(db, name) or [each for each in search.by_id(db, own) if each.connection == connection]
        if not found:
            raise Problem("no_such_entry", f"No entry {name!r}.", "See: tallyglass history --ids")
        return {"items": _views(db, found), "next": None}


def _wanted(asked: Question) -> search.Wanted:
    if asked.kind not in ("", *KINDS):
        raise Problem("kind", f"No kind {asked.kind!r}.", f"There are: {', '.join(EVERY_KIND)}.")
    since, until = _moment(asked.since), _moment(asked.until)
    if until is not None and _is_day(asked.until):
        until += timedelta(days=1)
    return search.Wanted(asked.connection, asked.kind, asked.asset, since, until, asked.search, not asked.pending)


def _is_day(text: str) -> bool:
    return "T" not in text and ":" not in text


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Problem("time", f"{text!r} is no time.", "Write a day as 2026-01-31, or 2026-01-31T09:00Z.") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _views(db: Db, page: list[stored.StoredEntry]) -> list[EntryView]:
    partners = _partners(db, page)
    ids: dict[str, list[str]] = {}
    for each in page:
        ids.setdefault(each.connection, []).append(each.entry.id)
    changes = {name: stored.changes_of(db, name, some) for name, some in ids.items()}
    return [
        entry_view(
            each.entry, each.connection, partners.get(each.place), changes[each.connection].get(each.entry.id, ())
        )
        for each in page
    ]


def _check(session: Session, connection: str) -> None:
    """Refuse the name of nothing; one that is disconnected is known as long as its history is kept."""
    known = [*(each.id for each in session.keeper.connections()), *accounts.labels(session)]
    if connection in known:
        return
    if not any(stored.list_entries(session.store, limit=1, connection=connection, done=done) for done in (True, False)):
        text = f"No connection {connection!r}; there are: {', '.join(known) or 'none yet'}."
        raise Problem("no_such_connection", text, "See: tallyglass keys")


def _partners(db: Db, page: list[stored.StoredEntry]) -> dict[int, str]:
    """The other sides of the transfers on a page, by the places of those that are on it."""
    moves = {(each.connection, each.entry.id): each.place for each in page if each.entry.kind in MOVES}
    return {moves[key]: "/".join(other) for key, other in transfers.partners(db, moves).items()} if moves else {}


def count(session: Session, connection: str) -> int:
    """How many entries a connection has."""
    with session.store.read() as db:
        return stored.count_entries(db, connection)


class YearView(TypedDict):
    """A year that has a history."""

    year: int
    entries: int


def years(session: Session) -> list[YearView]:
    """How many entries each year has, the newest first."""

    def counted() -> list[YearView]:
        with session.store.read() as db:
            return [{"year": year, "entries": count} for year, count in activity.years(db)]

    return session.memory.keep("years", session.store.version(), counted)


def count_unparsed(session: Session) -> int:
    """How many pieces are kept and not understood."""
    with session.store.read() as db:
        return stored.count_all_unparsed(db)


def orders(session: Session) -> list[OrderView]:
    """Every open order."""
    with session.store.read() as db:
        return [order_view(order, connection) for connection, order in present.list_orders(db)]


def count_orders(session: Session) -> int:
    """How many orders are open."""
    with session.store.read() as db:
        return present.count_orders(db)


def unparsed(session: Session) -> list[UnparsedView]:
    """What is kept raw because no parser of this version knows it."""
    return [
        {
            "connection": each.connection,
            "stream": each.stream,
            "id": each.piece.id,
            "reason": each.piece.reason,
            "raw": each.piece.raw,
            "seen_at": moment(each.seen_at) or "",
        }
        for each in stored.list_unparsed(session.store)
    ]
