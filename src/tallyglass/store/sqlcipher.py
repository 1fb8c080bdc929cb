"""The embedded store: one SQLCipher file, under a key that only the unlocked keeper gives out."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool
from sqlcipher3 import dbapi2 as sqlcipher

from tallyglass.store.base import Store
from tallyglass.store.errors import StoreError

BUSY_MILLISECONDS = 60_000


def open_store(path: Path, key: bytes) -> Store:
    """Open, or make, the database at `path` with a 32-byte key, at the newest schema.

    Raises `StoreError` when the key is not the file's, the file has been altered, or the disk does not let it be made.
    """
    if len(key) != 32:
        raise StoreError("the store's key has 32 bytes")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise _unusable(path, os.strerror(error.errno or 0)) from error

    engine = create_engine(
        "sqlite://",
        module=sqlcipher,
        creator=partial(_connect, path, key),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=8,
    )
    event.listen(engine, "begin", _begin)
    store = Store(engine)
    try:
        store.migrate()
    except DatabaseError as error:
        store.close()
        raise _unusable(path, error.orig) from error
    return store


def copy_store(path: Path, key: bytes, target: Path) -> None:
    """Write the database as it is at this moment, whoever writes into it, to a new file under the same key."""
    raw = _connect(path, key)
    try:
        raw.execute("VACUUM INTO ?", (str(target),))
    except sqlcipher.DatabaseError as error:
        raise _unusable(target, error) from error
    finally:
        raw.close()


def check_store(path: Path, key: bytes) -> None:
    """Read every page, hold it against its MAC, bring it to the newest schema. Raises `StoreError`."""
    raw = _connect(path, key)
    try:
        bad = raw.execute("PRAGMA cipher_integrity_check").fetchall()
        bad += [row for row in raw.execute("PRAGMA quick_check").fetchall() if row != ("ok",)]
    except sqlcipher.DatabaseError as error:
        raise _unusable(path, error) from error
    finally:
        raw.close()
    if bad:
        raise _unusable(path, bad[0][0])
    open_store(path, key).close()


def _connect(path: Path, key: bytes) -> Any:
    raw = sqlcipher.connect(str(path), check_same_thread=False, isolation_level=None)
    try:
        raw.execute("PRAGMA cipher_log_level = NONE")
        raw.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        raw.execute("PRAGMA cipher_memory_security = OFF")
        raw.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = NORMAL")
        raw.execute("PRAGMA temp_store = MEMORY")
        # For the indexes of a long history while it is written: 32 MB each, and no page is copied into the file often.
        raw.execute("PRAGMA cache_size = -32000")
        raw.execute("PRAGMA wal_autocheckpoint = 8000")
    except sqlcipher.DatabaseError as error:
        raw.close()
        if not any(sign in str(error) for sign in ("not a database", "malformed")):
            raise _unusable(path, error) from error
        raise StoreError(
            f"{path} cannot be opened: it was encrypted under another key, or has been altered.",
            "Restore the whole home folder from a backup made at one moment.",
        ) from error
    return raw


def _unusable(path: Path, why: object) -> StoreError:
    """No room, no right to write, a broken disk: in the words of the system."""
    return StoreError(f"{path} cannot be used: {why}.", "Make room or give access there, then try again.")


def _begin(connection: Connection) -> None:
    # The driver's own transactions start too late (at the first INSERT) and cannot be told to lock: ours do both.
    write = connection.get_execution_options().get("tallyglass_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
