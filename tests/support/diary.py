"""A home whose journal tells what a test wants, in the keeper's own hand: every line chained as if it had happened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from tallyglass.app.home import Home
from tallyglass.app.keeper_process import KeeperProcess
from tallyglass.keeper import journal as journals
from tallyglass.keeper.shelf import Shelf
from tallyglass.keeper.vault import Vault


@dataclass(frozen=True, slots=True)
class Line:
    """A use of a key that is to have happened."""

    time: datetime
    exchange: str
    connection: str
    ip: str | None
    read: str = "balances"
    status: int | str = 200


def written(folder: Path, passphrase: str, lines: Iterable[Line]) -> Home:
    """A home without a key, whose journal holds these uses, the oldest first."""
    home = Home(folder / "home")
    process = KeeperProcess(home, sandbox=None)
    try:
        process.start().create(passphrase)
    finally:
        process.stop()
    more(home, passphrase, lines)
    return home


def more(home: Home, passphrase: str, lines: Iterable[Line]) -> None:
    """These uses too, by a keeper that was killed then: its vault does not count them yet."""
    journal = Shelf(home.path, Vault.open(home.vault, passphrase), {}, sandbox=False).journal
    with mock.patch.object(os, "fsync", return_value=None):  # nothing is lost here that could not be made again
        _write(journal, lines)


def _write(journal: journals.Journal, lines: Iterable[Line]) -> None:
    for line in sorted(lines, key=lambda each: each.time):
        who = {"connection": line.connection, "key": "0f0f", "exchange": line.exchange}
        with mock.patch.object(journals, "_now", lambda at=line.time: _text(at)):
            number = journal.append("key:use", **who, read=line.read, why="read")
        with mock.patch.object(journals, "_now", lambda at=line.time: _text(at + timedelta(milliseconds=40))):
            journal.append("key:answer", **who, of=number, status=line.status, ms=40, egress_ip=line.ip)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
