"""Booking: entries added where they are new, joined where they are there, and what they move kept in the sums."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, bindparam, delete, exists, func, select, update

from tallyglass.ledger.entries import Entry
from tallyglass.ledger.transfers import MOVES
from tallyglass.store import days, rows, sums, tables, transfers, upsert
from tallyglass.store.rows import StoredEntry
from tallyglass.store.tables import buckets, changes, entries, raw_pages

#: The streams of files that the user imported begin so; behind it stands the format.
FILES = "import:"
_BATCH = 500
#: Made once: every page needs them, and to make one takes longer than to run it.
_LAST = select(func.max(entries.c.pk))
_FILE_PAGES = (
    select(raw_pages.c.id)
    .where(raw_pages.c.connection == bindparam("of"), raw_pages.c.stream >= FILES, raw_pages.c.stream < f"{FILES}\x7f")
    .order_by(raw_pages.c.id)
)


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of booking entries: how many were not there before, and whether anything is other than it was."""

    new: int = 0
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """The entries of one answer, made ready to be booked: all of the work that needs no transaction."""

    #: Those of one id joined; as they happened.
    entries: Sequence[Entry]
    #: Of each: its bucket, and what stands in its columns.
    buckets: Sequence[rows.Bucket]
    packed: Sequence[tuple[Any, ...]]
    #: What all of them add up to.
    sums: sums.Sums


def prepared(found: Sequence[Entry]) -> Prepared:
    """Entries made ready, in whichever thread has the time."""
    merged = _oldest_first(_merged(found))
    return Prepared(
        merged, [rows.bucket(each) for each in merged], [rows.packed(each) for each in merged], sums.of(merged)
    )


def add_entries(db: Connection, connection: str, found: Sequence[Entry], raw_page: int | None) -> int:
    """Book entries; how many were not there before."""
    return book(db, connection, found, raw_page).new


def book(db: Connection, connection: str, found: Sequence[Entry] | Prepared, raw_page: int | None) -> Booked:
    """Add what is new, update what has changed.

    `raw_page` is the answer that they were made of; None for what the user says and no exchange has told.

    An entry that comes again with more legs (the other row of a trade) or facts gains them; see `rows.joined`. What
    the exchange tells otherwise than before counts, and leaves a trace in `changes`. What only a file of the user told
    gives way.
    """
    ready = found if isinstance(found, Prepared) else prepared(found)
    merged = ready.entries
    if not merged:
        return Booked()
    new = _insert(db, connection, ready, raw_page)
    booked = Booked(sum(not rows.is_beside(entry) for entry in new), bool(new))
    if len(new) == len(merged):
        return booked
    fresh = {entry.id for entry in new}
    there = _join(db, connection, [entry for entry in merged if entry.id not in fresh], raw_page)
    return Booked(booked.new + there.new, booked.changed or there.changed)


def _merged(found: Sequence[Entry]) -> Sequence[Entry]:
    """The entries of one page with those of one id joined."""
    by_id = {entry.id: entry for entry in found}
    if len(by_id) == len(found):
        return found
    by_id.clear()
    for entry in found:
        other = by_id.get(entry.id)
        by_id[entry.id] = entry if other is None else rows.joined(other, entry)
    return list(by_id.values())


def _oldest_first(found: Sequence[Entry]) -> Sequence[Entry]:
    """As they happened, where an answer begins with the newest: of one moment, too, the later has the higher place."""
    return found[::-1] if found and found[0].time > found[-1].time else found


def _insert(db: Connection, connection: str, ready: Prepared, raw_page: int | None) -> Sequence[Entry]:
    """Add the entries that are not there yet; which those were."""
    numbers = rows.bucket_ids(db, connection, dict.fromkeys(ready.buckets))
    ends = {bucket: (connection, number, raw_page) for bucket, number in numbers.items()}
    made = [columns + ends[bucket] for columns, bucket in zip(ready.packed, ready.buckets, strict=True)]
    last = db.execute(_LAST).scalar() or 0
    doubtful = upsert.insert(db, entries, rows.COLUMNS, made, keys=("connection", "id"))
    there = _older(db, connection, [row[rows.COLUMNS.index("id")] for row in doubtful], last)
    new = [entry for entry in ready.entries if entry.id not in there] if there else ready.entries
    if new:
        sums.move(db, connection, sums.of(new) if there else ready.sums)
        _outdate(db, new)
    return new


def _older(db: Connection, connection: str, ids: Sequence[str], last: int) -> set[str]:
    """Which of these entries are not younger than that."""
    found: set[str] = set()
    for start in range(0, len(ids), _BATCH):
        chosen = entries.c.id.in_(ids[start : start + _BATCH])
        query = select(entries.c.id).where(entries.c.connection == connection, chosen, entries.c.pk <= last)
        found.update(db.execute(query).scalars())
    return found


def _join(db: Connection, connection: str, found: Sequence[Entry], raw_page: int | None) -> Booked:
    """Entries that are there already. What only a file told of is made anew."""
    ids = [entry.id for entry in found]
    remove_entries(db, connection, ids, file_pages(db, connection))
    there = {each.entry.id: each for each in named(db, connection, ids)}
    new = [entry for entry in found if entry.id not in there]
    if new:
        _insert(db, connection, prepared(new), raw_page)
    pairs = [(there[entry.id], rows.joined(there[entry.id].entry, entry)) for entry in found if entry.id in there]
    other = [(before, after) for before, after in pairs if after != before.entry]
    if other:
        at = db.execute(select(raw_pages.c.received_at).where(raw_pages.c.id == raw_page)).scalar()
        _update(db, connection, other, at)
    fresh = [entry for entry in new if not rows.is_beside(entry)]
    filled = [after for before, after in other if rows.is_beside(before.entry) and not rows.is_beside(after)]
    return Booked(len(fresh) + len(filled), bool(new or other))


def _update(db: Connection, connection: str, pairs: Sequence[tuple[StoredEntry, Entry]], at: datetime | None) -> None:
    """Let entries be what they are by now. `at`: when the exchange said so."""
    numbers = rows.bucket_ids(db, connection, {rows.bucket(after) for _, after in pairs})
    db.execute(_updating(), [_changed(before, after, numbers[rows.bucket(after)]) for before, after in pairs])
    was = [
        {"connection": connection, "entry": before.entry.id, "at": at, "was": rows.plainly(before.entry)}
        for before, after in pairs
        if at is not None and rows.told_otherwise(before.entry, after)
    ]
    if was:
        db.execute(changes.insert(), was)
    sums.move(db, connection, sums.of(after for _, after in pairs), sums.of(before.entry for before, _ in pairs))
    _outdate(db, [entry for before, after in pairs for entry in (before.entry, after)])


@cache
def _updating() -> Update:
    """The statement for one entry. It stays under the answer that told of it first."""
    names = (name for name in rows.COLUMNS if name not in ("connection", "raw_page"))
    return (
        update(entries)
        .where(entries.c.pk == bindparam("place"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )


def _changed(before: StoredEntry, after: Entry, bucket: int) -> dict[str, Any]:
    values = dict(zip(rows.COLUMNS, rows.packed(after), strict=False)) | {"time": after.time, "bucket": bucket}
    return {"place": before.place, **{f"new_{name}": value for name, value in values.items()}}


def _outdate(db: Connection, touched: Sequence[Entry]) -> None:
    """Their days are to be counted anew; and transfers found anew where a deposit or withdrawal is not what it was."""
    days.outdate(db, {entry.time.date() for entry in touched})
    if not MOVES.isdisjoint({entry.kind for entry in touched}):
        transfers.outdate(db)


def named(db: Connection, connection: str, ids: Sequence[str]) -> list[StoredEntry]:
    """The entries of a connection that have these ids."""
    found: list[StoredEntry] = []
    for start in range(0, len(ids), _BATCH):
        chosen = entries.c.id.in_(ids[start : start + _BATCH])
        query = rows.selected().where(entries.c.connection == connection, chosen)
        found += map(rows.stored, db.execute(query))
    return found


def unbook(db: Connection, connection: str, streams: Collection[str]) -> set[str]:
    """Before a replay: remove every entry that was made of the answers of these streams; their ids."""
    pages = select(raw_pages.c.id).where(raw_pages.c.connection == connection, raw_pages.c.stream.in_(streams))
    query = rows.selected().where(entries.c.raw_page.in_(pages))
    ids: set[str] = set()
    for some in db.execute(query.execution_options(yield_per=_BATCH * 10)).partitions():
        gone = [rows.stored(each).entry for each in some]
        ids.update(entry.id for entry in gone)
        sums.move(db, connection, {}, sums.of(gone))
        days.outdate(db, {entry.time.date() for entry in gone})
    _forget_changes(db, connection, ids)
    db.execute(delete(entries).where(entries.c.raw_page.in_(pages)))
    _drop_empty(db, connection)
    if ids:
        transfers.outdate(db)
    return ids


def file_pages(db: Connection, connection: str) -> list[int]:
    """The raw pages that are files which the user imported."""
    return list(db.execute(_FILE_PAGES, {"of": connection}).scalars())


def remove_entries(db: Connection, connection: str, ids: Sequence[str], pages: Collection[int]) -> None:
    """Remove those entries that were made of these raw pages."""
    if pages:
        query = select(entries.c.id, entries.c.raw_page).where(entries.c.connection == connection)
        for start in range(0, len(ids), _BATCH):
            chosen = db.execute(query.where(entries.c.id.in_(ids[start : start + _BATCH])))
            remove(db, connection, [row.id for row in chosen if row.raw_page in pages])


def remove(db: Connection, connection: str, ids: Sequence[str]) -> int:
    """Remove entries, whatever told of them; how many those were."""
    gone = named(db, connection, ids)
    for start in range(0, len(gone), _BATCH):
        places = [each.place for each in gone[start : start + _BATCH]]
        db.execute(delete(entries).where(entries.c.pk.in_(places)))
    if gone:
        sums.move(db, connection, {}, sums.of(each.entry for each in gone))
        _forget_changes(db, connection, ids)
        _drop_empty(db, connection)
        _outdate(db, [each.entry for each in gone])
    return len(gone)


def _forget_changes(db: Connection, connection: str, ids: Collection[str]) -> None:
    traced = set(db.execute(select(changes.c.entry).where(changes.c.connection == connection).distinct()).scalars())
    names = sorted(traced.intersection(ids))
    for start in range(0, len(names), _BATCH):
        some = changes.c.entry.in_(names[start : start + _BATCH])
        db.execute(delete(changes).where(changes.c.connection == connection, some))


def _drop_empty(db: Connection, connection: str) -> None:
    """Forget the buckets that nothing is in any more."""
    filled = exists().where(entries.c.bucket == buckets.c.id)
    db.execute(delete(buckets).where(buckets.c.connection == connection, ~filled))


def forget(db: Connection, connection: str) -> None:
    """Delete the entries of a connection."""
    days.outdate_all(db, connection)
    for table in (entries, changes, buckets, tables.sums):
        db.execute(delete(table).where(table.c.connection == connection))


def changes_of(db: Connection, connection: str, ids: Iterable[str]) -> dict[str, list[tuple[datetime, object]]]:
    """What some entries were before, the oldest first: until when, and what."""
    found: dict[str, list[tuple[datetime, object]]] = {}
    names = list(ids)
    for start in range(0, len(names), _BATCH):
        chosen = changes.c.entry.in_(names[start : start + _BATCH])
        query = select(changes).where(changes.c.connection == connection, chosen).order_by(changes.c.pk)
        for row in db.execute(query):
            found.setdefault(row.entry, []).append((row.at, row.was))
    return found
