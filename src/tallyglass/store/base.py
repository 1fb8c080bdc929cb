"""The store's handle: connections to one database, transactions, and the version of its schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from tallyglass.store.errors import StoreError

__all__ = ["NEWEST", "Db", "Store", "StoreError"]

Db = Connection
"""A connection inside a transaction, as the house names it outside the store."""

NEWEST = "0015"
"""The newest migration: compared at every opening, so that Alembic is loaded only when there is work for it."""


class Store:
    """One open database. Thread-safe: each transaction takes a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        #: SQLite lets one writer in and has no queue: who keeps knocking may be passed over for a minute and give up.
        self._turn: AbstractContextManager[Any] = Lock() if self.dialect == "sqlite" else nullcontext()
        self._watching = Lock()
        self._watch: PoolProxiedConnection | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading: one consistent view."""
        with _told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it, or, after an exception, nothing."""
        with _told(), self._turn, self._engine.connect() as connection:
            begin = connection.execution_options(tallyglass_write=True)
            with begin.begin():
                yield begin

    def version(self) -> object:
        """Another one after every change, whoever made it: our own transactions, or another command's."""
        if self.dialect != "sqlite":
            return object()  # no such number is known: every look may find something new
        with _told(), self._watching:
            # Of one connection that never writes: SQLite tells it when any other has.
            self._watch = self._watch or self._engine.raw_connection()
            cursor = self._watch.cursor()
            try:
                cursor.execute("PRAGMA data_version")
                return cursor.fetchone()
            finally:
                cursor.close()

    def close(self) -> None:
        """Close every connection."""
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self._engine.dispose()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    def migrate(self) -> None:
        """Bring the schema to the newest version."""
        with self._engine.connect() as connection:
            if inspect(connection).has_table("alembic_version"):
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                if found == NEWEST:
                    return
                if found is not None and found > NEWEST:
                    raise StoreError(f"the database was written by a newer Tallyglass (schema {found}): upgrade first")
        from tallyglass.store.migrations.run import upgrade

        # For writing from its first line: of two programs that begin at once one waits, and finds it done.
        with self._engine.connect() as connection:
            begin = connection.execution_options(tallyglass_write=True)
            with begin.begin():
                upgrade(begin)


@contextmanager
def _told() -> Iterator[None]:
    """What the database cannot do, in words: a full disk, a file that was altered, a lock that nobody gives back."""
    try:
        yield
    except IntegrityError:
        raise  # a mistake of ours, not of the disk's
    except DatabaseError as error:
        raise StoreError(f"The portfolio database cannot be used: {error.orig}.") from error
