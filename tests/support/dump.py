"""The whole ledger of a home as canonical bytes: two homes that know the same are equal to the last byte.

What a home alone decides is left out: places in tables, times of reading, which answer told it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from support.program import Program
from tallyglass.ledger.entries import computed
from tallyglass.money import text
from tallyglass.store import books, history, present
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store

_PAGE = 2_000


def entries(store: Store, connection: str = "") -> Iterator[history.StoredEntry]:
    """Every entry, pending ones too, a page of them in memory at a time."""
    for done in (True, False):
        after = None
        while found := history.list_entries(store, limit=_PAGE, after=after, done=done, connection=connection):
            yield from found
            after = (found[-1].entry.time, found[-1].place)


def dump(store: Store) -> bytes:
    """Entries with all they hold, sums, balances, open orders, what is not understood: a JSON line each, in order."""
    stored = list(entries(store))
    lines = [["entry", each.connection, each.entry.id, _plain(each.entry)] for each in stored]
    names = sorted({each.connection for each in stored})
    for name in names:
        sums = computed(each.entry for each in stored if each.connection == name)
        lines += [["sum", name, f"{account}/{asset}", text(value)] for (account, asset), value in sums.items()]
    lines += [
        ["unparsed", each.connection, f"{each.stream}/{each.piece.id}", _plain(each.piece)]
        for each in history.list_unparsed(store)
    ]
    with store.read() as db:
        for name in names:
            lines += [
                ["kept sum", name, f"{account}/{asset}", text(value)]
                for (account, asset), value in books.sums(db)[name].items()
            ]
            lines += [
                ["balance", name, f"{each.account}/{each.asset}", _plain(each)]
                for each in present.balances_of(db, name)[0]
            ]
        lines += [["order", name, order.id, _plain(order)] for name, order in present.list_orders(db)]
    lines.sort(key=lambda line: line[:3])
    return b"".join(json.dumps(line, sort_keys=True, ensure_ascii=False).encode() + b"\n" for line in lines)


@contextmanager
def open_ledger(program: Program) -> Iterator[Store]:
    """The ledger of a home whose keeper runs and is unlocked."""
    store = open_store(portfolio(program.home), program.keeper.store_key())
    try:
        yield store
    finally:
        store.close()


def dump_of(program: Program) -> bytes:
    """The same of such a home."""
    with open_ledger(program) as store:
        return dump(store)


def portfolio(home: Path) -> Path:
    """Where a home keeps its ledger."""
    return home / "portfolio.db"


def forget_ledger(home: Path) -> None:
    """Begin the ledger anew; the keys stay."""
    for path in home.glob(f"{portfolio(home).name}*"):
        path.unlink()


def differences(one: bytes, other: bytes, most: int = 12) -> list[str]:
    """The lines that stand in one of two dumps alone, for a failed test's reader."""
    ours, theirs = set(one.decode().splitlines()), set(other.decode().splitlines())
    told = [f"- {line}" for line in sorted(ours - theirs)] + [f"+ {line}" for line in sorted(theirs - ours)]
    return told[:most]


def _plain(value: Any) -> Any:
    """As JSON holds it; every field of an entry, so that one which is added some day is compared, too."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value
