"""What was read: raw pages, the entries made of them, cursors, and what could not be parsed."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select, update

from tallyglass.exchanges.streams import Ask, Cursor, Unparsed
from tallyglass.ledger.entries import Entry
from tallyglass.money import Asset
from tallyglass.store import booking, rows, upsert
from tallyglass.store.base import Store
from tallyglass.store.booking import (
    FILES,
    Booked,
    add_entries,
    book,
    changes_of,
    file_pages,
    prepared,
    remove_entries,
    unbook,
)
from tallyglass.store.rows import StoredEntry
from tallyglass.store.search import list_entries
from tallyglass.store.tables import buckets, cursors, entries, raw_pages, unparsed

__all__ = [
    "FILES",
    "Booked",
    "StoredEntry",
    "add_entries",
    "book",
    "changes_of",
    "file_pages",
    "list_entries",
    "prepared",
    "remove_entries",
    "unbook",
]

#: The id of a piece that stands for a whole answer begins so.
WHOLE_PAGE = "page:"
#: Reads that tell what is so now, and nothing of the history.
_PRESENT = ("balances", "open_orders")
#: Made once: every page needs them, and to make one takes longer than to run it.
_KEEP = raw_pages.insert().returning(raw_pages.c.id)
_DROP = delete(raw_pages).where(raw_pages.c.id == bindparam("page"))
_ODD = select(unparsed.c.id).where(unparsed.c.connection == bindparam("of"), unparsed.c.stream == bindparam("list"))


@dataclass(frozen=True, slots=True)
class RawPage:
    """An answer as the exchange gave it."""

    id: int
    connection: str
    stream: str
    ask: Ask
    cursor: Cursor
    received_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredUnparsed:
    """A piece that no parser knew, where it came from."""

    connection: str
    stream: str
    piece: Unparsed
    seen_at: datetime


def pressed(body: bytes) -> bytes:
    """An answer as it is stored."""
    return zlib.compress(body, 1)


def keep_raw(db: Connection, page: RawPage, body: bytes | None = None) -> int:
    """Store an answer, compressed (`body`, if that has been done); its id."""
    row = {
        "connection": page.connection,
        "stream": page.stream,
        "read": page.ask.read,
        "params": dict(page.ask.params),
        "cursor": dict(page.cursor),
        "received_at": page.received_at,
        "body": pressed(page.body) if body is None else body,
    }
    return int(db.execute(_KEEP, row).scalar_one())


def drop_raw(db: Connection, connection: str, stream: str, *, before: int) -> None:
    """Forget older answers of a read that tells only the present (balances, open orders); not what was odd in them."""
    older = (raw_pages.c.connection == connection, raw_pages.c.stream == stream, raw_pages.c.id < before)
    db.execute(
        update(unparsed).where(unparsed.c.raw_page.in_(select(raw_pages.c.id).where(*older))).values(raw_page=None)
    )
    db.execute(delete(raw_pages).where(*older))


def drop_page(db: Connection, page: int) -> None:
    """Forget an answer of which nothing was made."""
    db.execute(_DROP, {"page": page})


def raw_of(db: Connection, connection: str, stream: str) -> Iterator[RawPage]:
    """The stored answers of a stream, oldest first."""
    query = (
        select(raw_pages)
        .where(raw_pages.c.connection == connection, raw_pages.c.stream == stream)
        .order_by(raw_pages.c.id)
    )
    for row in db.execute(query.execution_options(yield_per=50)):
        yield _raw(row)


def raw_ids(db: Connection, connection: str, streams: Collection[str]) -> list[int]:
    """The stored answers of some streams, in the order in which they came."""
    query = select(raw_pages.c.id, raw_pages.c.stream).where(raw_pages.c.connection == connection)
    return [row.id for row in db.execute(query.order_by(raw_pages.c.id)) if row.stream in streams]


def raw_page(db: Connection, page: int) -> RawPage:
    """One stored answer."""
    return _raw(db.execute(select(raw_pages).where(raw_pages.c.id == page)).one())


def _raw(row: Any) -> RawPage:
    ask = Ask(row.read, row.params)
    return RawPage(row.id, row.connection, row.stream, ask, row.cursor, row.received_at, zlib.decompress(row.body))


def page_of(db: Connection, connection: str, entry: str) -> RawPage | None:
    """The answer that told first of an entry; None where it is of the user's own word."""
    query = select(raw_pages).join(entries, entries.c.raw_page == raw_pages.c.id)
    found = db.execute(query.where(entries.c.connection == connection, entries.c.id == entry)).one_or_none()
    return None if found is None else _raw(found)


def raw_streams(db: Connection, connection: str) -> list[str]:
    """The streams of which answers are stored."""
    query = select(raw_pages.c.stream).where(raw_pages.c.connection == connection).distinct()
    return sorted(db.execute(query).scalars())


def assets_of(db: Connection, connection: str) -> frozenset[Asset]:
    """Every asset that the connection's entries have touched."""
    filled = exists().where(entries.c.bucket == buckets.c.id)
    query = select(buckets.c.assets).where(buckets.c.connection == connection, filled).distinct()
    return frozenset(asset for packed in db.execute(query).scalars() for asset in rows.assets_of(packed))


def count_entries(db: Connection, connection: str) -> int:
    """How many entries a connection has."""
    return int(
        db.execute(select(func.count()).select_from(entries).where(entries.c.connection == connection)).scalar_one()
    )


def cursor_of(db: Connection, connection: str, stream: str) -> Cursor:
    """Where a stream stands; empty = never read."""
    query = select(cursors.c.cursor).where(cursors.c.connection == connection, cursors.c.stream == stream)
    found: Cursor | None = db.execute(query).scalar()
    return found or {}


def broken_off(db: Connection, connection: str) -> frozenset[str]:
    """The streams that are on their way: their last reading came to no end."""
    query = select(cursors.c.stream).where(cursors.c.connection == connection, ~cursors.c.done)
    return frozenset(db.execute(query).scalars())


def set_cursor(db: Connection, connection: str, stream: str, cursor: Cursor, *, done: bool, now: datetime) -> None:
    """Move a stream on."""
    row = {"connection": connection, "stream": stream, "cursor": dict(cursor), "done": done, "updated_at": now}
    upsert.upsert(db, cursors, [row], updated=("cursor", "done", "updated_at"))


def forget_cursors(db: Connection, connection: str) -> None:
    """Let every stream of a connection be read anew from its beginning."""
    db.execute(delete(cursors).where(cursors.c.connection == connection))


def add_unparsed(
    db: Connection, connection: str, stream: str, pieces: Sequence[Unparsed], *, raw_page: int, now: datetime
) -> int:
    """Keep what no parser knew; how many pieces are new or other than they were."""
    rows = [
        {
            "connection": connection,
            "stream": stream,
            "id": piece.id,
            "reason": piece.reason,
            "raw": piece.raw,
            "raw_page": raw_page,
            "seen_at": now,
        }
        for piece in pieces
    ]
    return upsert.upsert(db, unparsed, rows, updated=("reason", "raw"))


def forget_unparsed(db: Connection, connection: str, stream: str) -> None:
    """Before a replay, which finds them again if they are still not understood."""
    db.execute(delete(unparsed).where(unparsed.c.connection == connection, unparsed.c.stream == stream))


def drop_understood(db: Connection, connection: str, stream: str, found: Iterable[Entry]) -> None:
    """Forget the pieces of a list whose rows have come again and are understood now."""
    odd = set(db.execute(_ODD, {"of": connection, "list": stream}).scalars())
    if odd:
        here = (unparsed.c.connection == connection, unparsed.c.stream == stream)
        for name in odd.intersection(rows.row_of(leg) for entry in found for leg in entry.legs):
            db.execute(delete(unparsed).where(*here, unparsed.c.id == name))


def never_read(db: Connection, connection: str) -> set[int]:
    """The stored answers that as a whole were not understood when they came."""
    told = select(entries.c.raw_page).where(entries.c.raw_page == unparsed.c.raw_page)
    whole = (unparsed.c.connection == connection, unparsed.c.id.startswith(WHOLE_PAGE), ~told.exists())
    return set(db.execute(select(unparsed.c.raw_page).where(unparsed.c.raw_page.is_not(None), *whole)).scalars())


def list_unparsed(store: Store, connection: str = "") -> list[StoredUnparsed]:
    """What is kept and not understood, oldest first."""
    query = select(unparsed).order_by(unparsed.c.seen_at, unparsed.c.connection, unparsed.c.stream, unparsed.c.id)
    if connection:
        query = query.where(unparsed.c.connection == connection)
    with store.read() as db:
        return [_unparsed(row) for row in db.execute(query)]


def unparsed_of(db: Connection, connection: str) -> list[StoredUnparsed]:
    """What is kept and not understood of one connection."""
    query = select(unparsed).where(unparsed.c.connection == connection).order_by(unparsed.c.stream, unparsed.c.id)
    return [_unparsed(row) for row in db.execute(query)]


def _unparsed(row: Any) -> StoredUnparsed:
    return StoredUnparsed(row.connection, row.stream, Unparsed(row.id, row.reason, row.raw), row.seen_at)


def count_unparsed(db: Connection, connection: str, read: str) -> int:
    """How many pieces of one kind of read (`balances` and its suffixed kin) are not understood."""
    of_read = (unparsed.c.stream == read) | unparsed.c.stream.startswith(f"{read}.", autoescape=True)
    query = select(func.count()).select_from(unparsed).where(unparsed.c.connection == connection, of_read)
    return int(db.execute(query).scalar_one())


def count_all_unparsed(db: Connection) -> int:
    """How many pieces are kept and not understood, wherever they came from."""
    return int(db.execute(select(func.count()).select_from(unparsed)).scalar_one())


def count_pieces(db: Connection, connection: str, *, but: Collection[str] = ()) -> int:
    """How many pieces of its history, as the exchange told it, are not understood; `but` those of these streams.

    An answer that could not be read at all is asked for again, and a line of a file is not the exchange's word.
    """
    apart = or_(
        *(unparsed.c.stream == read for read in _PRESENT),
        *(unparsed.c.stream.startswith(f"{read}.", autoescape=True) for read in _PRESENT),
        unparsed.c.stream.startswith(FILES, autoescape=True),
        unparsed.c.stream.in_(but),
        unparsed.c.id.startswith(WHOLE_PAGE, autoescape=True),
    )
    query = select(func.count()).select_from(unparsed).where(unparsed.c.connection == connection, ~apart)
    return int(db.execute(query).scalar_one())


def forget(db: Connection, connection: str) -> None:
    """Delete the history of a connection."""
    booking.forget(db, connection)
    for table in (unparsed, cursors, raw_pages):
        db.execute(delete(table).where(table.c.connection == connection))
