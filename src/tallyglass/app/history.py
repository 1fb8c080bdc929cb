"""What happened and what is open: entries, open orders, and what could not be parsed."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import HistoryView, OrderView, entry_view, moment, order_view
from tallyglass.ledger.transfers import MOVES
from tallyglass.store import history as stored
from tallyglass.store import present, transfers

LONGEST_PAGE = 1000


def history(
    session: Session, *, limit: int = 50, after: str = "", connection: str = "", pending: bool = False
) -> HistoryView:
    """A page of entries, newest first: what happened. `after` is the `next` of the page before.

    `pending` gives what has not happened: deposits on their way, withdrawals that failed. They count in no balance.
    """
    if not 1 <= limit <= LONGEST_PAGE:
        raise Problem("limit", f"A page has 1 to {LONGEST_PAGE} entries.", "Use --after for the next page.")
    place = _place(after) if after else None
    found = stored.list_entries(session.store, limit=limit + 1, after=place, connection=connection, done=not pending)
    if connection and not found:
        _check(session, connection)
    page = found[:limit]
    more = page[-1] if len(found) > limit else None
    partners = _partners(session, page)
    return {
        "items": [entry_view(each.entry, each.connection, partners.get(each.place)) for each in page],
        "next": None if more is None else _cursor(more.entry.time, more.place),
    }


def _check(session: Session, connection: str) -> None:
    """Refuse the name of nothing; one that is disconnected is known as long as its history is kept."""
    known = [each.id for each in session.keeper.connections()]
    if connection in known:
        return
    if not any(stored.list_entries(session.store, limit=1, connection=connection, done=done) for done in (True, False)):
        text = f"No connection {connection!r}; there are: {', '.join(known) or 'none yet'}."
        raise Problem("no_such_connection", text, "See: tallyglass keys")


def _partners(session: Session, page: list[stored.StoredEntry]) -> dict[int, str]:
    """The other sides of the transfers on a page, by the places of those that are on it."""
    moves = {(each.connection, each.entry.id): each.place for each in page if each.entry.kind in MOVES}
    if not moves:
        return {}
    with session.store.read() as db:
        return {moves[key]: "/".join(other) for key, other in transfers.partners(db, moves).items()}


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
