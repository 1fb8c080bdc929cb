"""Files that the user imported, beside what the exchange told, and the entries made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select

from tallyglass.ledger.entries import Entry
from tallyglass.store import history, rows
from tallyglass.store.history import FILES, RawPage
from tallyglass.store.tables import buckets, entries, raw_pages, unparsed

_BATCH = 500


def files(db: Connection, connection: str) -> list[RawPage]:
    """Every file of a connection, the first imported first."""
    streams = [stream for stream in history.raw_streams(db, connection) if stream.startswith(FILES)]
    found = [page for stream in streams for page in history.raw_of(db, connection, stream)]
    return sorted(found, key=lambda page: page.id)


def told(db: Connection, connection: str, since: datetime, until: datetime) -> list[Entry]:
    """What the exchange told of a time, by its API; what has failed left out."""
    query = rows.selected().where(
        entries.c.connection == connection,
        entries.c.time.between(since, until),
        buckets.c.status.in_(("done", "pending")),
        *_by_the_exchange(db, connection),
    )
    return [rows.stored(each).entry for each in db.execute(query)]


def told_by_name(db: Connection, connection: str, ids: Sequence[str]) -> list[Entry]:
    """What the exchange told by its API under these ids, whenever it was."""
    theirs = _by_the_exchange(db, connection)
    found: list[Entry] = []
    for start in range(0, len(ids), _BATCH):
        chosen = entries.c.id.in_(ids[start : start + _BATCH])
        query = rows.selected().where(entries.c.connection == connection, chosen, *theirs)
        found += [rows.stored(each).entry for each in db.execute(query)]
    return found


def put(db: Connection, connection: str, wanted: Mapping[int, Sequence[Entry]]) -> int:
    """Let the entries made of files be these, by the raw page they stand in; how many were not there before.

    What is there already as it should be stays untouched, so that an entry keeps its place.
    """
    pages = history.file_pages(db, connection)
    query = rows.selected().where(entries.c.connection == connection, entries.c.raw_page.in_(pages))
    there = {each.id: rows.stored(each).entry for each in db.execute(query)}
    whole = {entry.id: entry for made in wanted.values() for entry in made}
    stale = [name for name, entry in there.items() if whole.get(name) != entry]
    history.remove_entries(db, connection, stale, pages)
    for page, made in wanted.items():
        history.add_entries(db, connection, [entry for entry in made if there.get(entry.id) != entry], page)
    return len(whole.keys() - there.keys())


def drop(db: Connection, connection: str, page: int) -> int:
    """Forget a file and the entries that stood under it; how many those were."""
    chosen = select(entries.c.id).where(entries.c.connection == connection, entries.c.raw_page == page)
    ids = list(db.execute(chosen).scalars())
    history.remove_entries(db, connection, ids, [page])
    db.execute(delete(unparsed).where(unparsed.c.connection == connection, unparsed.c.raw_page == page))
    db.execute(delete(raw_pages).where(raw_pages.c.connection == connection, raw_pages.c.id == page))
    return len(ids)


def clear_unparsed(db: Connection, connection: str) -> None:
    """Before the lines that are not understood are told anew."""
    query = select(unparsed.c.stream).where(unparsed.c.connection == connection).distinct()
    for stream in db.execute(query).scalars().all():
        if stream.startswith(FILES):
            history.forget_unparsed(db, connection, stream)


def _by_the_exchange(db: Connection, connection: str) -> tuple[ColumnElement[bool], ...]:
    return (
        buckets.c.status != rows.TOLD,
        entries.c.raw_page.is_not(None),
        entries.c.raw_page.not_in(history.file_pages(db, connection)),
    )
