"""Insert-or-update, said once for both stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table, or_

Row = Mapping[str, Any]
#: SQLite takes at most 32,766 variables a statement.
_BATCH = 500
_AT_ONCE = 100


def insert_new(db: Connection, table: Table, rows: Sequence[Row], keys: Sequence[str] = ()) -> None:
    """Insert the rows whose key is not there yet; leave the others as they are."""
    _run(db, table, rows, keys, updated=())


def insert(
    db: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]], *, keys: Sequence[str]
) -> list[Sequence[Any]]:
    """Insert the rows whose key is not there yet; gives few rows, among which are all that were there.

    The quick way for what comes in by the thousand: values as the driver takes them, and many rows a statement, since
    the driver lets other threads work once a statement, and each hand-over costs.
    """
    doubtful: list[Sequence[Any]] = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        statement = _statement(db.dialect.name, table.name, (tuple(names), tuple(keys)), len(some))
        if db.exec_driver_sql(statement, tuple(chain.from_iterable(some))).rowcount < len(some):
            doubtful += some
    return doubtful


@cache
def _statement(dialect: str, table: str, names: tuple[tuple[str, ...], tuple[str, ...]], count: int) -> str:
    columns, keys = names
    row = f"({', '.join(['?' if dialect == 'sqlite' else '%s'] * len(columns))})"
    into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"  # noqa: S608  (our names)
    return f"{into} ON CONFLICT ({', '.join(keys)}) DO NOTHING"


def upsert(db: Connection, table: Table, rows: Sequence[Row], updated: Sequence[str], keys: Sequence[str] = ()) -> int:
    """Insert the rows, or set the `updated` columns of those that are there. `keys` default to the primary key.

    Gives how many rows were inserted or really changed: one that comes again as it is costs no write.
    """
    return _run(db, table, rows, keys, updated)


def _run(db: Connection, table: Table, rows: Sequence[Row], keys: Sequence[str], updated: Sequence[str]) -> int:
    names = tuple(keys) or tuple(column.name for column in table.primary_key)
    statement = _upserting(db.dialect.name, table, names, tuple(updated))
    changed = 0
    for start in range(0, len(rows), _BATCH):
        changed += db.execute(statement, list(rows[start : start + _BATCH])).rowcount
    return changed


@cache
def _upserting(dialect: str, table: Table, names: tuple[str, ...], updated: tuple[str, ...]) -> Any:
    """The statement, made once: to make it takes longer than to run it."""
    statement = _inserting(dialect)(table)
    if not updated:
        return statement.on_conflict_do_nothing(index_elements=names)
    changes = {name: statement.excluded[name] for name in updated}
    differs = or_(*(table.c[name].is_distinct_from(value) for name, value in changes.items()))
    return statement.on_conflict_do_update(index_elements=names, set_=changes, where=differs)


def _inserting(dialect: str) -> Any:
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert
