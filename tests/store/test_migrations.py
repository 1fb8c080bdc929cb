"""The migrations make what the tables module says."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset, amount
from tallyglass.store import base, books, history, migrations, sums
from tallyglass.store.base import Store, StoreError
from tallyglass.store.migrations.run import upgrade
from tallyglass.store.schema import metadata


def plain(path: Path) -> Store:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, check_same_thread=False)

    return Store(create_engine("sqlite://", creator=connect))


def test_the_migrated_schema_is_the_one_that_the_code_speaks_of(tmp_path: Path) -> None:
    store = plain(tmp_path / "plain.db")
    store.migrate()
    with store.read() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []
    store.close()


def test_the_newest_revision_is_the_one_that_opening_compares_with() -> None:
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == base.NEWEST


def test_migrating_twice_changes_nothing_and_a_newer_schema_is_refused(tmp_path: Path) -> None:
    store = plain(tmp_path / "plain.db")
    store.migrate()
    store.migrate()
    with store.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer Tallyglass"):
        store.migrate()
    store.close()


def test_of_programs_that_make_it_at_once_one_waits_for_the_other(tmp_path: Path) -> None:
    loaded = "import sys, pathlib; from tallyglass.store import sqlcipher; import tallyglass.store.migrations.run"
    opens = "sqlcipher.open_store(pathlib.Path(sys.argv[1]), bytes(32)).close()"
    command = [sys.executable, "-c", f"{loaded}; print(flush=True); sys.stdin.read(); {opens}"]
    begun, ours = os.pipe()
    with ExitStack() as stack:
        streams: dict[str, Any] = {"stdin": begun, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        programs = [
            stack.enter_context(subprocess.Popen([*command, str(tmp_path / "new.db")], **streams)) for _ in range(2)
        ]
        assert [each.stdout.readline() for each in programs if each.stdout] == [b"\n", b"\n"], "both are ready"
        os.close(begun)
        os.close(ours)  # all go
        assert [each.communicate()[1] for each in programs] == [b"", b""]


def test_entries_of_an_older_schema_are_what_they_were(tmp_path: Path) -> None:
    store = plain(tmp_path / "plain.db")
    with store.write() as db:
        upgrade(db, "0004")
        page = "INSERT INTO raw_pages VALUES (7, 'kraken', 'ledger', 'ledger', '{}', '{}', 0, x'')"
        db.execute(text(page))
        for row in (
            "1, 'kraken', 'R:1', 1000000, 'trade', 'done', 'spot', '', 7",
            "2, 'kraken', 'W1', 2000000, 'withdrawal', 'pending', '', 'ab', 7",
            "5, 'other', 'O1', 3000000, 'adjustment', 'done', 'word', '', NULL",
        ):
            db.execute(text(f"INSERT INTO entries VALUES ({row})"))  # noqa: S608  (ours)
        for row in (
            "1, 'b', 'spot', 'BTC', '0.000000000000000001', 'principal'",
            "1, 'a', 'spot', 'EUR', '-123456789012345678901234567890.1', 'fee'",
            "2, 'out', 'spot', 'BTC', '-1', 'principal'",
        ):
            db.execute(text(f"INSERT INTO legs VALUES ({row})"))  # noqa: S608  (ours)
    store.migrate()

    def at(second: int) -> datetime:
        return datetime(1970, 1, 1, 0, 0, second, tzinfo=UTC)

    euros = amount("-123456789012345678901234567890.1")
    legs = (
        Leg("a", "spot", Asset("EUR"), euros, "fee"),
        Leg("b", "spot", Asset("BTC"), amount("0.000000000000000001")),
    )
    out = Leg("out", "spot", Asset("BTC"), amount("-1"))
    assert [(each.place, each.entry) for each in history.list_entries(store, limit=9)] == [
        (5, Entry("O1", at(3), "adjustment", (), "word")),
        (1, Entry("R:1", at(1), "trade", legs, "spot")),
    ]
    [waits] = history.list_entries(store, limit=9, done=False)
    assert waits.entry == Entry("W1", at(2), "withdrawal", (out,), status="pending", txid="ab")
    with store.read() as db:
        assert books.sums(db) == {"kraken": {("spot", "EUR"): euros, ("spot", "BTC"): amount("0.000000000000000001")}}
        assert sums.kept(db) == sums.recounted(db)
        assert history.unbook(db, "kraken", {"ledger"}) == {"R:1", "W1"}
    store.close()
