"""What happened and what is open: entries, open orders, and what could not be parsed."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView, HistoryView, OrderView, entry_view, moment, order_view
from tallyglass.ledger.entries import KINDS
from tallyglass.ledger.transfers import MOVES
from tallyglass.store import history as stored
from tallyglass.store import present, search, transfers
from tallyglass.store.base import Db

LONGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Only:
    """Which entries, as a user names them; what is left empty asks for nothing."""

    kind: str = ""
    asset: str = ""
    #: A day or a moment. A day is whole: `until` too.
    since: str = ""
    until: str = ""
    #: Words, or how they begin: of an id, transaction, order, market, note.
    search: str = ""


def history(
    session: Session,
    *,
    limit: int = 50,
    after: str = "",
    connection: str = "",
    pending: bool = False,
    only: Only = Only(),
) -> HistoryView:
    """A page of entries, newest first: what happened. `after` is the `next` of the page before.

    `pending` gives what has not happened: deposits on their way, withdrawals that failed. They count in no balance.
    """
    if not 1 <= limit <= LONGEST_PAGE:
        raise Problem("limit", f"A page has 1 to {LONGEST_PAGE} entries.", "Use --after for the next page.")
    place = _place(after) if after else None
    wanted = _wanted(connection, only, done=not pending)
    with session.store.read() as db:
        try:
            found = search.find(db, wanted, limit=limit + 1, after=place)
        except search.TooMany as many:
            raise Problem("too_many", f"{str(many).capitalize()}.", "Write more of it.") from many
        page = found[:limit]
        items = _views(db, page)
    if connection and not found:
        _check(session, connection)
    more = page[-1] if len(found) > limit else None
    return {"items": items, "next": None if more is None else _cursor(more.entry.time, more.place)}


def entry(session: Session, name: str) -> HistoryView:
    """The entry of that id, with or without its connection before it; several where connections share an id."""
    connection, _, own = name.partition("/")
    with session.store.read() as db:
        found = search.by_id(db, name) or [each for each in search.by_id(db, own) if each.connection == connection]
        if not found:
            raise Problem("no_such_entry", f"No entry {name!r}.", "See: tallyglass history --ids")
        return {"items": _views(db, found), "next": None}


def _wanted(connection: str, only: Only, *, done: bool) -> search.Wanted:
    if only.kind not in ("", *KINDS):
        raise Problem("kind", f"No kind {only.kind!r}.", f"There are: {', '.join(sorted(KINDS))}.")
    since, until = _moment(only.since), _moment(only.until)
    if until is not None and _is_day(only.until):
        until += timedelta(days=1)
    return search.Wanted(connection, only.kind, only.asset, since, until, only.search, done)


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
    known = [each.id for each in session.keeper.connections()]
    if connection in known:
        return
    if not any(stored.list_entries(session.store, limit=1, connection=connection, done=done) for done in (True, False)):
        text = f"No connection {connection!r}; there are: {', '.join(known) or 'none yet'}."
        raise Problem("no_such_connection", text, "See: tallyglass keys")


def _partners(db: Db, page: list[stored.StoredEntry]) -> dict[int, str]:
    """The other sides of the transfers on a page, by the places of those that are on it."""
    moves = {(each.connection, each.entry.id): each.place for each in page if each.entry.kind in MOVES}
    return {moves[key]: "/".join(other) for key, other in transfers.partners(db, moves).items()} if moves else {}


def orders(session: Session) -> list[OrderView]:
    """Every open order."""
    with session.store.read() as db:
        return [order_view(order, connection) for connection, order in present.list_orders(db)]


def unparsed(session: Session) -> list[dict[str, str | None]]:
    """What is kept raw because no parser of this version knows it."""
    return [
        {
            "connection": each.connection,
            "stream": each.stream,
            "id": each.piece.id,
            "reason": each.piece.reason,
            "raw": each.piece.raw,
            "seen_at": moment(each.seen_at),
        }
        for each in stored.list_unparsed(session.store)
    ]


def _cursor(time: datetime, place: int) -> str:
    return base64.urlsafe_b64encode(f"{time.isoformat()}|{place}".encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, int]:
    try:
        time, place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
        return datetime.fromisoformat(time).astimezone(UTC), int(place)
    except (ValueError, binascii.Error) as error:
        raise Problem("cursor", "That is no cursor of ours.", "Take `next` from the page before.") from error
