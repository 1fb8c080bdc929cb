"""Finding entries: the newest first, by what they have in common and by their names, quick among a million."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, Select, case, func, literal, select

from tallyglass.store import rows
from tallyglass.store.base import Store
from tallyglass.store.columns import EPOCH, Instant
from tallyglass.store.rows import StoredEntry
from tallyglass.store.tables import NAMED, buckets, entries

Place = tuple[datetime, int]
"""Where an entry stands in the list: its time, and its key among those of one moment."""

#: Where all buckets together would have to tell more places than these, so many more than are wanted of the newest
#: of all are looked through first: among them there is mostly a page of what is in so many buckets.
_TOLD: Final = 20_000
_LOOKED_THROUGH: Final = 500
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
    if sought.is_broad(limit):
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
        asset = wanted.asset.casefold()
        chosen = [row for row in db.execute(self._chosen(buckets)).all() if not asset or asset in _assets(row.assets)]
        self._buckets = frozenset(row.id for row in chosen)
        #: One for each word: the buckets where all entries have it, and the keys of the entries that it names.
        self._words = [(_having(chosen, word), self._named(word)) for word in wanted.text.split()]
        self._everywhere = self._buckets.intersection(*(having for having, _ in self._words))
        self._single = {key for _, keys in self._words for key in keys}

    def is_broad(self, limit: int) -> bool:
        """Whether to ask each bucket would take longer than to look through the newest entries first."""
        return len(self._everywhere) * limit > _TOLD

    def looked_through(self, limit: int, after: Place | None) -> tuple[list[Place], Place | None]:
        """The wanted among the next few hundred; and the last one looked at, None when nothing more is needed."""
        most = limit + _LOOKED_THROUGH
        query = self._within(select(entries.c.time, entries.c.pk, entries.c.bucket), after)
        seen = self._db.execute(_newest(query, most)).all()
        found = [(time, key) for time, key, bucket in seen if self._has(bucket, key)]
        enough = len(found) >= limit or len(seen) < most
        return found[:limit], None if enough else (seen[-1].time, seen[-1].pk)

    def asked_for(self, limit: int, after: Place | None) -> list[Place]:
        """The wanted of all time: each bucket gives its newest, and of all these the newest are it."""
        found = self._newest_of_each(limit, after) if self._everywhere else set()
        for some in _batches(sorted(self._single)):
            query = self._within(select(entries.c.time, entries.c.pk, entries.c.bucket), after)
            named = self._db.execute(query.where(entries.c.pk.in_(some)))
            found.update((row.time, row.pk) for row in named if self._has(row.bucket, row.pk))
        return sorted(found, reverse=True)[:limit]

    def _newest_of_each(self, limit: int, after: Place | None) -> set[Place]:
        """Of each bucket only as many as are wanted in all, so that a large one costs no more than a small one."""
        each = entries.alias("each")
        ordered = _newest(self._within(select(each.c.time), after, each), limit, each)
        oldest = ordered.where(each.c.bucket == buckets.c.id).offset(limit - 1).limit(1).scalar_subquery()
        begin = func.coalesce(oldest, literal(self._wanted.since or EPOCH, Instant()))
        query = self._before(select(entries.c.time, entries.c.pk).join(buckets), after)
        query = query.where(buckets.c.id.in_(sorted(self._everywhere)), entries.c.time >= begin)
        return {(row.time, row.pk) for row in self._db.execute(_newest(query, limit))}

    def _has(self, bucket: int, key: int) -> bool:
        return bucket in self._buckets and all(bucket in having or key in keys for having, keys in self._words)

    def _chosen(self, *told: Any) -> Select[Any]:
        """Of the buckets that are wanted, but for the asset, what is to be told."""
        of, wanted = buckets.c, self._wanted
        query = select(*told).where(of.status == "done" if wanted.done else of.status.in_(("pending", "failed")))
        if wanted.connection:
            query = query.where(of.connection == wanted.connection)
        return query.where(of.kind == wanted.kind) if wanted.kind else query

    def _within(self, query: Select[Any], after: Place | None, of: FromClause = entries) -> Select[Any]:
        query, since = self._before(query, after, of), self._wanted.since
        return query if since is None else query.where(of.c.time >= since)

    def _before(self, query: Select[Any], after: Place | None, of: FromClause = entries) -> Select[Any]:
        """Up to where: told once, since an index goes by one bound and every other costs a look at each entry."""
        until = self._wanted.until
        if after is not None and (until is None or after[0] < until):
            return query.where(of.c.time <= after[0], (of.c.time < after[0]) | (of.c.pk < after[1]))
        return query if until is None else query.where(of.c.time < until)

    def _named(self, word: str) -> frozenset[int]:
        """The keys of the entries with an id, a transaction or an order of that name. Raises `TooMany`."""
        found: set[int] = set()
        for name in _spellings(word):
            whole = self._ids(name)
            of_id = select(entries.c.pk).join(whole, entries.c.connection == whole.c.connection)
            found.update(self._between(of_id, entries.c.id, whole.c.id, name))
            for column in (entries.c.txid, entries.c.order_id):
                own = select(entries.c.pk).where(NAMED[column.name])
                found.update(self._between(own, column, literal(name), name))
        if len(found) > _MOST_NAMED:
            raise TooMany(f"more than {_MOST_NAMED} entries begin like {word!r}")
        return frozenset(found)

    def _ids(self, name: str) -> FromClause:
        """The ids that are meant by a name: alone, and behind all that ids begin with here."""
        of = buckets.c
        whole = literal(name) if ":" in name else case((of.prefix == "", name), else_=of.prefix + ":" + name)
        return self._chosen(of.connection, whole.label("id")).distinct().subquery()

    def _between(self, query: Select[Any], column: Any, start: ColumnElement[str], name: str) -> Collection[int]:
        """Those whose column is, or where the name is long enough begins with, `start`."""
        end = start + _LAST if len(name.rpartition(":")[2]) >= _PREFIX else start
        return self._db.execute(query.where(column >= start, column <= end).limit(_MOST_NAMED + 1)).scalars().all()


def _newest(query: Select[Any], limit: int, of: FromClause = entries) -> Select[Any]:
    return query.order_by(of.c.time.desc(), of.c.pk.desc()).limit(limit)


def _having(chosen: Iterable[Any], word: str) -> frozenset[int]:
    """The buckets whose entries all have that word: a kind, a word of the note or of the ids, an asset, a market."""
    sought = f" {word.casefold()}"
    return frozenset(number for number, *told in chosen if sought in _words(*told))


@lru_cache(maxsize=20_000)  # a bucket never changes, and is asked again and again
def _words(*bucket: str) -> str:
    """All that the entries of a bucket have in common, each word behind a space."""
    *named, packed = bucket
    connection, kind = named[:2]
    assets = _assets(packed)
    traded = assets if kind in ("trade", "conversion") else []
    markets = [f"{one}/{other}" for one in traded for other in traded if one != other]
    return " ".join(["", connection.casefold(), *_WORDS.findall(" ".join(named).casefold()), *assets, *markets])


def _assets(packed: str) -> list[str]:
    return [each.casefold() for each in rows.assets_of(packed)]


def _spellings(word: str) -> list[str]:
    return sorted({word, word.upper(), word.lower()})


def _batches(keys: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(keys), 500):
        yield keys[start : start + 500]
