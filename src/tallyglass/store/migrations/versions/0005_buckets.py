"""An entry is one row, legs and all; what many have in common stands once; sums are kept; changes leave a trace."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from tallyglass.money import ZERO, add
from tallyglass.store.columns import Instant, Json, Money
from tallyglass.store.rows import prefix

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAMED = {name: sa.text(f"{name} <> ''") for name in ("txid", "order_id")}
_BATCH = 500

Sums = dict[tuple[str, str, str], tuple[Decimal, int]]


def upgrade() -> None:
    """Make the new tables, fill them from the old ones, and let these go."""
    made = _tables()
    _fill(*made)
    op.drop_table("legs")
    op.drop_table("entries")
    op.rename_table("entries_new", "entries")
    _indexes()


def _tables() -> tuple[sa.Table, sa.Table, sa.Table]:
    buckets = op.create_table(
        "buckets",
        sa.Column("id", _ID, nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("prefix", sa.String(length=200), nullable=False),
        sa.Column("assets", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("connection", "prefix", "kind", "status", "note", "assets"),
    )
    entries = op.create_table(
        "entries_new",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("time", Instant(), nullable=False),
        sa.Column("bucket", _ID, nullable=False),
        sa.Column("txid", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("legs", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("raw_page", _ID, nullable=True),
        sa.ForeignKeyConstraint(["bucket"], ["buckets.id"]),
        sa.ForeignKeyConstraint(["raw_page"], ["raw_pages.id"]),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("connection", "id"),
    )
    sums = op.create_table(
        "sums",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("legs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "account", "asset"),
    )
    op.create_table(
        "changes",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(length=200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("was", Json(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("changes_by_entry", "changes", ["connection", "entry"], unique=False)
    return buckets, entries, sums


def _indexes() -> None:
    """After the rows are there, and under the names that the old table had until now."""
    op.create_index("entries_by_time", "entries", ["time"], unique=False)
    op.create_index("entries_by_bucket", "entries", ["bucket", "time"], unique=False)
    op.create_index("entries_by_page", "entries", ["raw_page"], unique=False)
    for index, column in (("entries_by_txid", "txid"), ("entries_by_order", "order_id")):
        where = _NAMED[column]
        op.create_index(index, "entries", [column], unique=False, sqlite_where=where, postgresql_where=where)


def _fill(buckets: sa.Table, entries: sa.Table, sums: sa.Table) -> None:
    db = op.get_bind()
    numbers: dict[tuple[str, ...], int] = {}
    totals: Sums = defaultdict(lambda: (ZERO, 0))
    batch: list[dict[str, Any]] = []
    for parts in _old(db):
        row = parts[0]
        legs = [part for part in parts if part.leg is not None]
        assets = json.dumps(sorted({leg.asset for leg in legs}), separators=(",", ":"), ensure_ascii=False)
        bucket = (row.connection, row.kind, row.status, row.note, prefix(row.id), assets)
        numbers.setdefault(bucket, len(numbers) + 1)
        if row.status == "done":
            for leg in legs:
                amount, count = totals[row.connection, leg.account, leg.asset]
                totals[row.connection, leg.account, leg.asset] = add(amount, leg.amount), count + 1
        batch.append(_new(row, legs, numbers[bucket]))
        if len(batch) == _BATCH:
            _flush(db, buckets, entries, numbers, batch)
    _flush(db, buckets, entries, numbers, batch)
    made = [
        {"connection": connection, "account": account, "asset": asset, "amount": amount, "legs": count}
        for (connection, account, asset), (amount, count) in totals.items()
    ]
    if made:
        db.execute(sums.insert(), made)


def _old(db: sa.Connection) -> Iterator[list[Any]]:
    """Each entry as it was: a row per leg, one without a leg where there is none."""
    entries = sa.table(
        "entries",
        *map(sa.column, ("pk", "connection", "id", "kind", "status", "note", "txid", "raw_page")),
        sa.column("time", Instant()),
    )
    legs = sa.table(
        "legs",
        *map(sa.column, ("entry", "id", "account", "asset", "role")),
        sa.column("amount", Money()),
    )
    parts = (legs.c.id.label("leg"), legs.c.account, legs.c.asset, legs.c.amount, legs.c.role)
    query = sa.select(entries, *parts).outerjoin_from(entries, legs, legs.c.entry == entries.c.pk)
    found = db.execute(query.order_by(entries.c.pk, legs.c.id).execution_options(yield_per=5_000))
    for _, rows in groupby(found, key=lambda row: row.pk):
        yield list(rows)


def _new(row: Any, legs: list[Any], bucket: int) -> dict[str, Any]:
    packed = [
        [leg.leg, leg.account, leg.asset, str(leg.amount), *(["fee"] if leg.role == "fee" else [])] for leg in legs
    ]
    return {
        "pk": row.pk,
        "connection": row.connection,
        "id": row.id,
        "time": row.time,
        "bucket": bucket,
        "txid": row.txid,
        "order_id": "",
        "legs": json.dumps(packed, separators=(",", ":"), ensure_ascii=False),
        "facts": "[]",
        "raw_page": row.raw_page,
    }


def _flush(
    db: sa.Connection,
    buckets: sa.Table,
    entries: sa.Table,
    numbers: dict[tuple[str, ...], int],
    batch: list[dict[str, Any]],
) -> None:
    """Write what is in the batch, the new buckets before the entries that are in them."""
    names = ("connection", "kind", "status", "note", "prefix", "assets")
    written = db.execute(sa.select(sa.func.count()).select_from(buckets)).scalar_one()
    fresh = [
        {"id": number, **dict(zip(names, bucket, strict=True))}
        for bucket, number in numbers.items()
        if number > written
    ]
    if fresh:
        db.execute(buckets.insert(), fresh)
    if batch:
        db.execute(entries.insert(), batch)
        batch.clear()
