"""Imports: the lines of export files beside what the exchange's API tells: joined, recognised, never doubled. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from msgspec import structs

from tallyglass.ledger.entries import Entry
from tallyglass.money import Amount, Asset, total

#: How far apart a file and the API may tell one event. Some files cut the seconds off.
QUICK: Final = timedelta(seconds=90)
#: Deposits and withdrawals have many times: asked for, seen on the chain, confirmed, booked.
SLOW: Final = timedelta(hours=6)
_SLOW_KINDS: Final = frozenset(("deposit", "withdrawal"))
#: One swap is a trade for one and a conversion for the other.
_FAMILY: Final = {"conversion": "trade"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of an export file: what it moved. Lines of one entry id are one entry."""

    line: int
    #: With the legs of this line only, the one it is recognised by first.
    entry: Entry
    #: Ids of entries or legs under which the API tells the same event; empty where the file carries no ids. Then equal
    #: lines of one file are different events, and ids are made of their content.
    names: frozenset[str] = frozenset()
    #: The names are the API's without a doubt: what they do not find is new.
    certain: bool = False
    #: An event of its own even beside an equal line.
    alone: bool = False


Key = tuple[str, tuple[str, ...], int]
"""What tells lines apart: entry id, leg ids, and the number among equal lines."""


def numbered(rows: Iterable[Row]) -> Iterator[tuple[Key, Row]]:
    """The lines of one file with their keys; equal lines without ids are counted."""
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for row in rows:
        place = (row.entry.id, tuple(leg.id for leg in row.entry.legs))
        counts[place] += 1
        number = 1 if row.names else counts[place]
        yield (*place, number), row if number == 1 else _again(row, number)


def _again(row: Row, number: int) -> Row:
    legs = tuple(structs.replace(leg, id=f"{leg.id}#{number}") for leg in row.entry.legs)
    name = f"{row.entry.id}#{number}" if row.alone else row.entry.id
    return replace(row, entry=structs.replace(row.entry, id=name, legs=legs))


def united(files: Iterable[Iterable[Row]]) -> dict[Key, Row]:
    """The lines of all files, those that several tell once: each file is taken to tell its seconds whole."""
    rows: dict[Key, Row] = {}
    for file in files:
        for key, row in numbered(file):
            rows.setdefault(key, row)
    return rows


def entries(rows: Iterable[Row]) -> list[Entry]:
    """The entries that the lines make; the earliest line speaks for its entry."""
    parts: dict[str, list[Entry]] = {}
    for row in rows:
        parts.setdefault(row.entry.id, []).append(row.entry)
    return [_joined(found) for found in parts.values()]


def _joined(parts: list[Entry]) -> Entry:
    if len(parts) == 1 and len(parts[0].legs) < 2:
        return parts[0]
    first = min(parts, key=lambda part: (part.time, [leg.id for leg in part.legs]))
    legs = {leg.id: leg for part in parts for leg in part.legs}
    return structs.replace(first, legs=tuple(legs[name] for name in sorted(legs)))


def recognised(rows: Mapping[Key, Row], told: Sequence[Entry]) -> set[Key]:
    """The lines that the API has told: by their names, else by asset, amount, kind and time, each of them once."""
    names = {entry.id for entry in told} | {leg.id for entry in told for leg in entry.legs}
    named = {row.entry.id for row in rows.values() if not names.isdisjoint(row.names)}
    known = {key for key, row in rows.items() if row.entry.id in named}
    met = {name for key in known for name in rows[key].names}
    rest = [entry for entry in told if entry.id not in met and met.isdisjoint(leg.id for leg in entry.legs)]
    open_ = {key: row for key, row in rows.items() if key not in known and not row.certain and row.entry.legs}
    return known | _alike(open_, rest)


@dataclass(slots=True)
class _Side:
    """What one entry of the API moved of one asset: leg by leg, or all in one."""

    figures: list[Amount]
    taken: set[int] = field(default_factory=set)

    def take(self, figure: int) -> bool:
        """Use a leg (its index) or the sum of all (-1); False when it is used already."""
        if -1 in self.taken or figure in self.taken or (figure == -1 and self.taken):
            return False
        self.taken.add(figure)
        return True


_Index = dict[tuple[str, Asset, Amount], list[tuple[datetime, int, _Side]]]


def _alike(rows: Mapping[Key, Row], told: Sequence[Entry]) -> set[Key]:
    """Lines and entries of equal content, the nearest in time first; a leg of its own before the sum of all."""
    index = _index(told)
    pairs: list[tuple[timedelta, bool, datetime, Key, int, _Side]] = []
    for key, row in rows.items():
        entry, first = row.entry, row.entry.legs[0]
        window = SLOW if entry.kind in _SLOW_KINDS else QUICK
        found = index.get((_family(entry), first.asset, first.amount), [])
        begin = bisect_left(found, entry.time - window, key=lambda each: each[0])
        end = bisect_right(found, entry.time + window, key=lambda each: each[0])
        pairs += [
            (abs(time - entry.time), figure < 0, entry.time, key, figure, side)
            for time, figure, side in found[begin:end]
        ]
    pairs.sort(key=lambda pair: pair[:5])
    known: set[Key] = set()
    for *_, key, figure, side in pairs:
        if key not in known and side.take(figure):
            known.add(key)
    return known


def _index(told: Sequence[Entry]) -> _Index:
    index: _Index = defaultdict(list)
    for entry in told:
        sides: dict[Asset, list[Amount]] = defaultdict(list)
        for leg in entry.legs:
            sides[leg.asset].append(leg.amount)
        for asset, figures in sides.items():
            side = _Side(figures)
            for number, figure in enumerate(figures):
                index[_family(entry), asset, figure].append((entry.time, number, side))
            if len(figures) > 1:
                index[_family(entry), asset, total(figures)].append((entry.time, -1, side))
    for found in index.values():
        found.sort(key=lambda each: each[:2])
    return index


def _family(entry: Entry) -> str:
    return _FAMILY.get(entry.kind, entry.kind)
