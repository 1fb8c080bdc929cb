"""What was read: raw pages, the entries made of them, cursors, and what could not be parsed."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from tallyglass.exchanges.streams import Ask, Cursor, Unparsed
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.ledger.transfers import MOVES
from tallyglass.money import Asset
from tallyglass.store import transfers, upsert
from tallyglass.store.base import Store
from tallyglass.store.tables import cursors, entries, legs, raw_pages, unparsed

#: The streams of files that the user imported begin so; behind it stands the format.
FILES = "import:"
#: The id of a piece that stands for a whole answer begins so.
WHOLE_PAGE = "page:"
#: Reads that tell what is so now, and nothing of the history.
_PRESENT = ("balances", "open_orders")


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
class StoredEntry:
    """An entry with the connection it belongs to, and its place in the list."""

    place: int
    connection: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class StoredUnparsed:
    """A piece that no parser knew, where it came from."""

    connection: str
    stream: str
    piece: Unparsed
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of booking entries: how many were not there before, and whether anything is other than it was."""

    new: int = 0
    changed: bool = False


def keep_raw(db: Connection, page: RawPage) -> int:
    """Store an answer, compressed; its id."""
    row = {
        "connection": page.connection,
        "stream": page.stream,
        "read": page.ask.read,
        "params": dict(page.ask.params),
        "cursor": dict(page.cursor),
        "received_at": page.received_at,
        "body": zlib.compress(page.body, 6),
    }
    return int(db.execute(raw_pages.insert().values(row).returning(raw_pages.c.id)).scalar_one())


def drop_raw(db: Connection, connection: str, stream: str, *, before: int) -> None:
    """Forget older answers of a read that tells only the present (balances, open orders); not what was odd in them."""
    older = (raw_pages.c.connection == connection, raw_pages.c.stream == stream, raw_pages.c.id < before)
    db.execute(
        update(unparsed).where(unparsed.c.raw_page.in_(select(raw_pages.c.id).where(*older))).values(raw_page=None)
    )
    db.execute(delete(raw_pages).where(*older))


def drop_page(db: Connection, page: int) -> None:
    """Forget an answer of which nothing was made."""
    db.execute(delete(raw_pages).where(raw_pages.c.id == page))


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


def raw_streams(db: Connection, connection: str) -> list[str]:
    """The streams of which answers are stored."""
    query = select(raw_pages.c.stream).where(raw_pages.c.connection == connection).distinct()
    return sorted(db.execute(query).scalars())


def add_entries(db: Connection, connection: str, found: Sequence[Entry], raw_page: int | None) -> int:
    """Book entries; how many were not there before."""
    return book(db, connection, found, raw_page).new


def book(db: Connection, connection: str, found: Sequence[Entry], raw_page: int | None) -> Booked:
    """Add what is new, update what has changed.

    `raw_page` is the answer that they were made of; None for what the user says and no exchange has told.

    An entry that comes again with more legs (the other row of a trade) gains them; its time is the earliest. What
    only a file of the user told gives way.
    """
    merged = _merge(found)
    if not merged:
        return Booked()
    ids = [entry.id for entry in merged]
    remove_entries(db, connection, ids, file_pages(db, connection))
    before = _keys(db, connection, ids)
    times = {entry_id: time for entry_id, (_, time) in before.items()}
    rows = [_entry_row(connection, entry, times.get(entry.id, entry.time), raw_page) for entry in merged]
    updated = ("time", "kind", "status", "note", "txid")
    changed = upsert.upsert(db, entries, rows, updated, keys=("connection", "id"))
    keys = _keys(db, connection, ids)
    rows = [_leg_row(keys[entry.id][0], leg) for entry in merged for leg in entry.legs]
    changed += upsert.upsert(db, legs, rows, updated=("account", "asset", "amount", "role"))
    if changed and any(entry.kind in MOVES for entry in merged):
        transfers.outdate(db)
    return Booked(sum(entry_id not in before for entry_id in ids), changed > 0)


def _entry_row(connection: str, entry: Entry, earlier: datetime, raw_page: int | None) -> dict[str, Any]:
    return {
        "connection": connection,
        "id": entry.id,
        "time": min(entry.time, earlier),
        "kind": entry.kind,
        "status": entry.status,
        "note": entry.note,
        "txid": entry.txid,
        "raw_page": raw_page,
    }


def _leg_row(entry: int, leg: Leg) -> dict[str, Any]:
    return {
        "entry": entry,
        "id": leg.id,
        "account": leg.account,
        "asset": leg.asset,
        "amount": leg.amount,
        "role": leg.role,
    }


def unbook(db: Connection, connection: str, streams: Collection[str]) -> set[str]:
    """Before a replay: remove every entry that was made of the answers of these streams; their ids."""
    pages = select(raw_pages.c.id).where(raw_pages.c.connection == connection, raw_pages.c.stream.in_(streams))
    of_them = entries.c.raw_page.in_(pages)
    found = set(db.execute(select(entries.c.id).where(of_them)).scalars())
    if found:
        db.execute(delete(legs).where(legs.c.entry.in_(select(entries.c.pk).where(of_them))))
        db.execute(delete(entries).where(of_them))
        transfers.outdate(db)
    return found


def file_pages(db: Connection, connection: str) -> list[int]:
    """The raw pages that are files which the user imported."""
    query = select(raw_pages.c.id).where(
        raw_pages.c.connection == connection, raw_pages.c.stream >= FILES, raw_pages.c.stream < f"{FILES}\x7f"
    )
    return list(db.execute(query.order_by(raw_pages.c.id)).scalars())


def remove_entries(db: Connection, connection: str, ids: Sequence[str], pages: Sequence[int]) -> None:
    """Remove those entries that were made of these raw pages."""
    if not pages:
        return
    for start in range(0, len(ids), 500):
        chosen = select(entries.c.pk).where(
            entries.c.connection == connection,
            entries.c.id.in_(ids[start : start + 500]),
            entries.c.raw_page.in_(pages),
        )
        found = list(db.execute(chosen).scalars())
        if found:
            db.execute(delete(legs).where(legs.c.entry.in_(found)))
            db.execute(delete(entries).where(entries.c.pk.in_(found)))
            transfers.outdate(db)


def _merge(found: Sequence[Entry]) -> list[Entry]:
    """The entries of one page with those of one id joined."""
    by_id: dict[str, Entry] = {}
    for entry in found:
        other = by_id.get(entry.id)
        if other is not None:
            joined = {leg.id: leg for leg in (*other.legs, *entry.legs)}
            entry = Entry(  # noqa: PLW2901  (the joined entry takes the place of its part)
                entry.id,
                min(entry.time, other.time),
                entry.kind,
                tuple(joined.values()),
                other.note or entry.note,
                entry.status,
                entry.txid or other.txid,
            )
        by_id[entry.id] = entry
    return list(by_id.values())


def _keys(db: Connection, connection: str, ids: Sequence[str]) -> dict[str, tuple[int, datetime]]:
    found: dict[str, tuple[int, datetime]] = {}
    for start in range(0, len(ids), 500):
        query = select(entries.c.id, entries.c.pk, entries.c.time).where(
            entries.c.connection == connection, entries.c.id.in_(ids[start : start + 500])
        )
        found.update({row.id: (row.pk, row.time) for row in db.execute(query)})
    return found


def list_entries(
    store: Store,
    *,
    limit: int,
    after: tuple[datetime, int] | None = None,
    connection: str = "",
    done: bool = True,
) -> list[StoredEntry]:
    """The newest entries first; `after` = (time, place) of the last one seen. `done=False`: those that are not."""
    query = select(entries).where((entries.c.status == "done") == done)
    query = query.order_by(entries.c.time.desc(), entries.c.pk.desc()).limit(limit)
    if connection:
        query = query.where(entries.c.connection == connection)
    if after is not None:
        time, place = after
        query = query.where((entries.c.time < time) | ((entries.c.time == time) & (entries.c.pk < place)))
    with store.read() as db:
        rows = db.execute(query).all()
        return with_legs(db, rows)


def with_legs(db: Connection, rows: Sequence[Any]) -> list[StoredEntry]:
    """Rows of the table of entries, each with its legs."""
    parts: dict[int, list[Leg]] = {row.pk: [] for row in rows}
    keys = list(parts)
    for start in range(0, len(keys), 500):
        query = select(legs).where(legs.c.entry.in_(keys[start : start + 500])).order_by(legs.c.entry, legs.c.id)
        for leg in db.execute(query):
            parts[leg.entry].append(Leg(leg.id, leg.account, Asset(leg.asset), leg.amount, leg.role))
    return [
        StoredEntry(
            row.pk,
            row.connection,
            Entry(row.id, row.time, row.kind, tuple(parts[row.pk]), row.note, row.status, row.txid),
        )
        for row in rows
    ]


def assets_of(db: Connection, connection: str) -> frozenset[Asset]:
    """Every asset that the connection's entries have touched."""
    query = select(legs.c.asset).join(entries, entries.c.pk == legs.c.entry).where(entries.c.connection == connection)
    return frozenset(Asset(symbol) for symbol in db.execute(query.distinct()).scalars())


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


def count_pieces(db: Connection, connection: str) -> int:
    """How many pieces of its history, as the exchange told it, are not understood.

    An answer that could not be read at all is asked for again, and a line of a file is not the exchange's word.
    """
    apart = or_(
        *(unparsed.c.stream == read for read in _PRESENT),
        *(unparsed.c.stream.startswith(f"{read}.", autoescape=True) for read in _PRESENT),
        unparsed.c.stream.startswith(FILES, autoescape=True),
        unparsed.c.id.startswith(WHOLE_PAGE, autoescape=True),
    )
    query = select(func.count()).select_from(unparsed).where(unparsed.c.connection == connection, ~apart)
    return int(db.execute(query).scalar_one())


def forget(db: Connection, connection: str) -> None:
    """Delete the history of a connection."""
    db.execute(delete(legs).where(legs.c.entry.in_(select(entries.c.pk).where(entries.c.connection == connection))))
    for table in (entries, unparsed, cursors, raw_pages):
        db.execute(delete(table).where(table.c.connection == connection))
