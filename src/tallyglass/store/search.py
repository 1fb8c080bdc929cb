"""Finding entries: the newest first, by what they have in common and by their names, quick among a million."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from tallyglass.money import Asset
from tallyglass.store import rows
from tallyglass.store.base import Store
from tallyglass.store.rows import StoredEntry
from tallyglass.store.tables import NAMED, buckets, entries

Place = tuple[datetime, int]
"""Where an entry stands in the list: its time, and its key among those of one moment."""

#: Up to so many buckets are asked at once, each for its newest; before more of them, the newest of all are looked
#: through, among which there is mostly a page of them.
_FEW: Final = 40
_LOOKED_THROUGH: Final = 4_000
#: The most entries that one word may name.
_MOST_NAMED: Final = 2_000
#: Beginnings of names are looked for from this length on; a shorter word is a whole name.
_PREFIX: Final = 4
_LAST: Final = "\U0010ffff"
_WORDS: Final = re.compile(r"[^\W_]+")


class TooMany(ValueError):
    """More entries begin like that than can be shown in order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; what is left empty asks for nothing."""

    connection: str = ""
    kind: str = ""
    asset: str = ""
    since: datetime | None = None
    #: Up to, and not with, this moment.
    until: datetime | None = None
    #: Words that an entry must all have: of its id, transaction, order, note, kind, assets, market; or how they begin.
    text: str = ""
    #: What has happened; else what is on its way or has failed.
    done: bool = True


def list_entries(
    store: Store, *, limit: int, after: Place | None = None, connection: str = "", done: bool = True
) -> list[StoredEntry]:
    """The newest entries first; `after` = (time, place) of the last one seen. `done=False`: those that are not."""
    with store.read() as db:
        return find(db, Wanted(connection=connection, done=done), limit=limit, after=after)


def find(db: Connection, wanted: Wanted, *, limit: int, after: Place | None = None) -> list[StoredEntry]:
    """The newest of the wanted entries first. Raises `TooMany`."""
    sought = _Search(db, wanted)
    places: list[Place] = []
    if sought.is_broad:
        places, after = sought.looked_through(limit, after)
        if after is None:
            return _entries(db, places)
    return _entries(db, places + sought.asked_for(limit - len(places), after))


def _entries(db: Connection, places: list[Place]) -> list[StoredEntry]:
    """The entries at these places, in the same order."""
    found: dict[int, StoredEntry] = {}
    for some in _batches([key for _, key in places]):
        query = rows.selected().where(entries.c.pk.in_(some))
        found |= {row.pk: rows.stored(row) for row in db.execute(query)}
    return [found[key] for _, key in places]


def by_id(db: Connection, entry_id: str) -> list[StoredEntry]:
    """The entries of that id: of each connection at most one."""
    names = db.execute(select(buckets.c.connection).distinct()).scalars().all()
    query = rows.selected().where(entries.c.connection.in_(names), entries.c.id == entry_id)
    return [rows.stored(row) for row in db.execute(query)]


class _Search:
    """What is wanted, resolved to the buckets and the single entries that have it."""

    def __init__(self, db: Connection, wanted: Wanted) -> None:
        self._db = db
        self._wanted = wanted
        chosen = [row for row in db.execute(select(buckets)) if _fits(row, wanted)]
        #: One for each word: the buckets where all entries have it, and the keys of the entries that it names.
        words = [(_having(chosen, word), self._named(chosen, word)) for word in wanted.text.split()]
        self._buckets = frozenset(row.id for row in chosen)
        self._words = words
        self._everywhere = self._buckets.intersection(*(having for having, _ in words))
        self._single = {key for _, keys in words for key in keys}

    @property
    def is_broad(self) -> bool:
        """Whether to ask each bucket would take longer than to look through the newest entries first."""
        return len(self._everywhere) > _FEW

    def looked_through(self, limit: int, after: Place | None) -> tuple[list[Place], Place | None]:
        """The wanted among the next few thousand; and the last one looked at, None when nothing more is needed."""
        query = self._within(select(entries.c.time, entries.c.pk, entries.c.bucket), after)
        found: list[Place] = []
        last, count = None, 0
        cursor = self._db.execute(query.limit(_LOOKED_THROUGH)).cursor
        while some := cursor.fetchmany(limit + 200):  # rows as the driver gives them
            count, last = count + len(some), some[-1]
            found += [(rows.moment(time), key) for time, key, bucket in some if self._has(bucket, key)]
            if len(found) >= limit:
                return found[:limit], None
        return found, None if last is None or count < _LOOKED_THROUGH else (rows.moment(last[0]), last[1])

    def asked_for(self, limit: int, after: Place | None) -> list[Place]:
        """The wanted of all time: each bucket gives its newest, and of all these the newest are it."""
        found: set[Place] = set()
        for number in self._everywhere:
            query = self._within(select(entries.c.time, entries.c.pk).where(entries.c.bucket == number), after)
            found.update((row.time, row.pk) for row in self._db.execute(query.limit(limit)))
        for some in _batches(sorted(self._single)):
            query = self._within(select(entries.c.time, entries.c.pk, entries.c.bucket), after)
            named = self._db.execute(query.where(entries.c.pk.in_(some)))
            found.update((row.time, row.pk) for row in named if self._has(row.bucket, row.pk))
        return sorted(found, reverse=True)[:limit]

    def _has(self, bucket: int, key: int) -> bool:
        return bucket in self._buckets and all(bucket in having or key in keys for having, keys in self._words)

    def _within(self, query: Select[Any], after: Place | None) -> Select[Any]:
        time, wanted = entries.c.time, self._wanted
        if wanted.since is not None:
            query = query.where(time >= wanted.since)
        if wanted.until is not None:
            query = query.where(time < wanted.until)
        if after is not None:
            query = query.where(time <= after[0], (time < after[0]) | (entries.c.pk < after[1]))
        return query.order_by(time.desc(), entries.c.pk.desc())

    def _named(self, chosen: Iterable[Any], word: str) -> frozenset[int]:
        """The keys of the entries with an id, a transaction or an order of that name. Raises `TooMany`."""
        found: set[int] = set()
        for connection, prefix in sorted({(row.connection, row.prefix) for row in chosen}):
            for name in _spellings(word):
                whole = name if ":" in name or not prefix else f"{prefix}:{name}"
                found.update(self._between(entries.c.id, whole, entries.c.connection == connection))
        for column in (entries.c.txid, entries.c.order_id):
            for name in _spellings(word):
                found.update(self._between(column, name, NAMED[column.name]))
        if len(found) > _MOST_NAMED:
            raise TooMany(f"more than {_MOST_NAMED} entries begin like {word!r}")
        return frozenset(found)

    def _between(self, column: Any, name: str, where: Any) -> Collection[int]:
        until = f"{name}{_LAST}" if len(name.rpartition(":")[2]) >= _PREFIX else name
        query = select(entries.c.pk).where(where, column >= name, column <= until).limit(_MOST_NAMED + 1)
        return self._db.execute(query).scalars().all()


def _fits(row: Any, wanted: Wanted) -> bool:
    return (
        row.status in (("done",) if wanted.done else ("pending", "failed"))
        and wanted.connection in ("", row.connection)
        and wanted.kind in ("", row.kind)
        and (not wanted.asset or _asset(row, wanted.asset.casefold()))
    )


def _asset(row: Any, symbol: str) -> bool:
    return any(each.casefold() == symbol for each in rows.assets_of(row.assets))


def _having(chosen: Iterable[Any], word: str) -> frozenset[int]:
    """The buckets whose entries all have that word: a kind, a word of the note or of the ids, an asset, a market."""
    sought = word.casefold()
    return frozenset(row.id for row in chosen if any(each.startswith(sought) for each in _words_of(row)))


def _words_of(row: Any) -> Iterator[str]:
    told = f"{row.connection} {row.kind} {row.status} {row.note} {row.prefix}".casefold()
    yield from (row.connection.casefold(), *_WORDS.findall(told))
    assets = [Asset(each.casefold()) for each in rows.assets_of(row.assets)]
    yield from assets
    if row.kind in ("trade", "conversion"):
        yield from (f"{one}/{other}" for one in assets for other in assets if one != other)


def _spellings(word: str) -> list[str]:
    return sorted({word, word.upper(), word.lower()})


def _batches(keys: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(keys), 500):
        yield keys[start : start + 500]
