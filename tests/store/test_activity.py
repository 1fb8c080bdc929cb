"""When something last happened on a connection, and whether two of them are one account."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset, amount
from tallyglass.store import activity, booking
from tallyglass.store.base import Store
from tallyglass.store.tables import raw_pages

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(create_engine("sqlite://", creator=lambda: sqlite3.connect(tmp_path / "a.db")))
    made.migrate()
    yield made
    made.close()


def book(store: Store, connection: str, ids: Iterable[str]) -> None:
    """Trades of these ids, a day apart, as an exchange told them."""
    legs = (Leg("a", "spot", Asset("BTC"), amount("1")),)
    made = [Entry(name, START + timedelta(days=day), "trade", legs) for day, name in enumerate(ids)]
    page = {
        "connection": connection,
        "stream": "ledger",
        "read": "ledger",
        "params": {},
        "cursor": {},
        "received_at": START,
        "body": b"",
    }
    with store.write() as db:
        place = db.execute(raw_pages.insert().values(page).returning(raw_pages.c.id)).scalar_one()
        booking.book(db, connection, made, place)


def same(store: Store, one: str, other: str) -> bool:
    with store.read() as db:
        return activity.same_account(db, one, other)


def test_the_newest_entry_tells_when_something_last_happened(store: Store) -> None:
    book(store, "kraken", ["a", "b", "c"])
    book(store, "other", ["d"])
    with store.read() as db:
        assert activity.last_entry(db, "kraken") == START + timedelta(days=2)
        assert activity.last_entry(db, "nobody") is None


def test_two_connections_that_tell_the_same_events_are_one_account(store: Store) -> None:
    book(store, "one", [f"t{number}" for number in range(50)])
    book(store, "two", [f"t{number}" for number in range(50)])
    book(store, "far", [f"x{number}" for number in range(50)])
    # a transfer between two accounts has one id at both
    book(store, "near", ["t1", *(f"y{number}" for number in range(50))])
    assert same(store, "one", "two")
    assert same(store, "two", "one")
    assert not same(store, "one", "far")
    assert not same(store, "one", "near")
    assert not same(store, "near", "one")
    assert not same(store, "nobody", "one")
