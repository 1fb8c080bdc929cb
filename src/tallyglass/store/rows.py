"""Entries as rows: what stands in their columns, and the buckets that hold what many of them have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import structs
from sqlalchemy import Connection, Select, bindparam, select

from tallyglass.ledger.entries import Entry, Leg, Status
from tallyglass.money import Asset, text
from tallyglass.store import upsert
from tallyglass.store.columns import EPOCH
from tallyglass.store.tables import buckets, entries

_MICROSECOND: Final = timedelta(microseconds=1)
_to_json: Final = msgspec.json.Encoder().encode
_to_legs: Final = msgspec.json.Decoder(tuple[Leg, ...]).decode
_to_all_legs: Final = msgspec.json.Decoder(list[tuple[Leg, ...]]).decode
_to_facts: Final = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_to_names: Final = msgspec.json.Decoder(list[str]).decode
_by_id: Final = attrgetter("id")

#: The status of an entry of which only that is known which stands beside its legs: no part of the history yet.
TOLD: Final = "told"
_BUCKET: Final = ("connection", "kind", "status", "note", "prefix", "assets")
#: The id of a leg that is the fee in a row ends so; before it stands the id of the row.
_FEE: Final = ":fee"
#: Made once: every page needs it, and to make it takes longer than to run it.
_NUMBERED: Final = select(buckets).where(
    buckets.c.connection == bindparam("of"), buckets.c.prefix == bindparam("begin")
)
#: The columns of a new entry, as the driver takes them: what it says, then where it belongs.
COLUMNS: Final = ("id", "time", "txid", "order_id", "legs", "facts", "connection", "bucket", "raw_page")


Bucket = tuple[str, str, str, str, tuple[str, ...]]
"""What many entries of a connection have in common: kind, status, note, prefix; and the assets of the legs, as they
come. A plain tuple: it is made for every entry."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with the connection it belongs to, and its place in the list."""

    place: int
    connection: str
    entry: Entry


def bucket(entry: Entry) -> Bucket:
    """The bucket that an entry belongs to."""
    status = entry.status if entry.legs or not is_beside(entry) else TOLD
    return entry.kind, status, entry.note, prefix(entry.id), tuple([leg.asset for leg in entry.legs])


def prefix(entry_id: str) -> str:
    """What many ids begin with: the part before the first colon; with the market where they are `KIND:MARKET:NUMBER`.

    A market is in capitals and without a hyphen: no id of an order, of which each would make a bucket.
    """
    head, _, last = entry_id.rpartition(":")
    return _prefix(head, last.isdecimal()) if last else entry_id.partition(":")[0] if ":" in head else ""


@lru_cache(4096)
def _prefix(head: str, numbered: bool) -> str:  # noqa: FBT001 - for the cache
    first, _, market = head.partition(":")
    return head if numbered and market.isupper() and not {"-", ":"} & set(market) else first


def bucket_ids(db: Connection, connection: str, wanted: Iterable[Bucket]) -> dict[Bucket, int]:
    """The numbers of some buckets of a connection; those that are new are made."""
    rows = {each: (*each[:4], _to_json(sorted(set(each[4]))).decode()) for each in wanted}
    there = _numbered(db, connection, {row[3] for row in rows.values()})
    new = {row for row in rows.values() if row not in there}
    if new:
        made = [dict(zip(_BUCKET, (connection, *row), strict=True)) for row in sorted(new)]
        upsert.insert_new(db, buckets, made, keys=_BUCKET)
        there = _numbered(db, connection, {row[3] for row in rows.values()})
    return {each: there[row] for each, row in rows.items()}


def _numbered(db: Connection, connection: str, prefixes: Iterable[str]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for prefix in prefixes:
        for number, _, *told in db.execute(_NUMBERED, {"of": connection, "begin": prefix}):
            found[tuple(told)] = number
    return found


def packed(entry: Entry) -> tuple[Any, ...]:
    """What stands in `COLUMNS`, up to where the entry belongs."""
    return (
        entry.id,
        (entry.time - EPOCH) // _MICROSECOND,
        entry.txid,
        dict(entry.facts).get("order", "") if entry.facts else "",
        _to_json(entry.legs).decode(),
        _to_json(entry.facts).decode() if entry.facts else "[]",
    )


def selected() -> Select[Any]:
    """Entries with all that `stored` makes one of."""
    return select(entries, buckets.c.kind, buckets.c.status, buckets.c.note).join(buckets)


def stored(row: Any) -> StoredEntry:
    """The entry that a row of `selected` holds. Its legs come in the order of their ids, whichever page told first."""
    legs = tuple(sorted(_to_legs(row.legs), key=_by_id))
    status: Status = "pending" if row.status == TOLD else row.status
    entry = Entry(row.id, row.time, row.kind, legs, row.note, status, row.txid, _to_facts(row.facts))
    return StoredEntry(row.pk, row.connection, entry)


def legs_of(packed: str) -> tuple[Leg, ...]:
    """The legs in their column."""
    return _to_legs(packed)


def legs_of_all(packed: Sequence[str]) -> list[tuple[Leg, ...]]:
    """The legs in many columns: half the work of one by one."""
    return _to_all_legs(f"[{','.join(packed)}]")


def assets_of(packed: str) -> list[Asset]:
    """The assets in the column of a bucket."""
    return [Asset(name) for name in _to_names(packed)]


def is_beside(entry: Entry) -> bool:
    """Whether an entry tells only what stands beside legs that another page brings: facts, a transaction."""
    return not entry.legs and bool(entry.facts or entry.txid)


def joined(one: Entry, other: Entry) -> Entry:
    """Two tellings of one entry as one: `other` came later, and what it says of a leg or a fact counts.

    What stands beside the legs is added, whichever came first, and changes nothing else: only that something on its
    way has failed may be told like that. What has happened outdoes what was on its way or has failed, whichever came
    first and with all its legs: a transfer that went out and came back has happened, both ways. Only when its very
    legs are told as failed has it been undone.
    """
    beside = {"txid": other.txid or one.txid, "facts": tuple(sorted(dict((*one.facts, *other.facts)).items()))}
    if is_beside(other):
        failed = one.status == "pending" and other.status == "failed" and not is_beside(one)
        return structs.replace(one, **beside, status="failed" if failed else one.status)
    happened, happens = one.status == "done", other.status == "done"
    if is_beside(one) or (happens and not happened):
        return structs.replace(other, **beside)
    undone = other.status == "failed" and {leg.id for leg in one.legs} == {leg.id for leg in other.legs}
    if happened and not happens and not undone:
        return structs.replace(one, **beside)
    rows_told = {leg.id for leg in other.legs}
    kept = (leg for leg in one.legs if not (leg.id.endswith(_FEE) and row_of(leg) in rows_told))
    legs = {leg.id: leg for leg in (*kept, *other.legs)}
    note, whole = other.note or one.note, tuple(legs[name] for name in sorted(legs))
    return structs.replace(other, **beside, time=min(one.time, other.time), note=note, legs=whole)


def row_of(leg: Leg) -> str:
    """The exchange's row that a leg stands in, where its id says that: `LXYZ` and `LXYZ:fee`. A row is told whole, so
    that a fee that is no more in it has been taken back.
    """
    return leg.id.removesuffix(_FEE)


def told_otherwise(before: Entry, after: Entry) -> bool:
    """Whether an entry is no more what it was, where more of it alone was told before: a leg, a fact, a hash."""
    legs = {leg.id: leg for leg in after.legs}
    if not before.legs:
        return False
    same = (before.kind, before.status) == (after.kind, after.status) and before.txid in ("", after.txid)
    return not (same and all(legs.get(leg.id) == leg for leg in before.legs))


def plainly(entry: Entry) -> dict[str, Any]:
    """An entry as JSON holds it for readers: the trace of its changes."""
    legs = [
        {"id": leg.id, "account": leg.account, "asset": leg.asset, "amount": text(leg.amount), "role": leg.role}
        for leg in entry.legs
    ]
    named = {"kind": entry.kind, "status": entry.status, "note": entry.note, "txid": entry.txid}
    return {"time": entry.time.isoformat(), **named, "legs": legs, "facts": dict(entry.facts)}


def moment(time: int) -> datetime:
    """The moment in the column of a time, where rows come as the driver gives them."""
    return EPOCH + timedelta(microseconds=time)
