"""The migrations make what the tables module says."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from tallyglass.store import base, migrations
from tallyglass.store.base import Store, StoreError
from tallyglass.store.tables import metadata


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
