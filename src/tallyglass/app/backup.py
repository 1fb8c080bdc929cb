"""Backup and restore: the whole home as one encrypted file, taken while everything runs, proven before it is used."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypedDict

from tallyglass import __version__
from tallyglass.app.archive import Archive, Mark, seal, unseal
from tallyglass.app.files import write_whole
from tallyglass.app.home import Home
from tallyglass.app.keeper_process import running_keeper
from tallyglass.app.problems import Problem, Told
from tallyglass.app.session import no_home
from tallyglass.app.views import moment
from tallyglass.keeper.client import Keeper

log = logging.getLogger(__name__)

_VAULT, _HEAD, _JOURNAL, _PORTFOLIO = "vault.db", "journal.head", "journal.jsonl", "portfolio.db"
#: What belongs to a running program, or is taken in a way of its own.
_APART = (_VAULT, _HEAD, _JOURNAL, _PORTFOLIO, f"{_PORTFOLIO}-wal", f"{_PORTFOLIO}-shm", "keeper.lock")
_ASIDE = "before-"
_STAGED = ".restoring"
_COPYING = ".backup-"


class BackupView(TypedDict):
    """`backup`."""

    file: str
    bytes: int
    made_at: str
    #: Rises from backup to backup: see `restore --at-least`.
    number: str
    connections: int


class RestoreView(TypedDict):
    """`restore`."""

    file: str
    home: str
    made_at: str
    version: str
    number: str
    #: In the words of `journal verify`.
    journal: str
    connections: int
    #: Where what lay there before now is; null where there was nothing, or nothing was changed.
    aside: str | None
    restored: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """How a file is to be restored."""

    #: Prove it, and change nothing.
    check: bool = False
    #: Over a home that is not empty; what lies there is kept aside.
    replace: bool = False
    #: Also one that is older than what lies there.
    older: bool = False
    #: The number of a backup that is known.
    at_least: Mark = field(default_factory=Mark)


def check_target(home: Home, file: Path) -> None:
    """Refuse what cannot become a backup: before a passphrase is asked for."""
    if not home.exists:
        raise no_home(home)
    if file.exists():
        raise Problem("file_exists", f"{file} exists already.", "Name another file: no backup is overwritten.")


def backup(home: Home, file: Path, passphrase: str, *, log_level: str = "warning") -> BackupView:
    """Write the home to one file that its passphrase opens, whatever else runs. Raises `WrongPassphrase`."""
    check_target(home, file)
    with running_keeper(home, log_level=log_level) as keeper:
        keeper.unlock(passphrase)  # a backup under a mistyped passphrase would be none
        _insist_on_intact(keeper, "The journal is broken, and nobody could restore a backup of it")
        archive = Archive(datetime.now(UTC), keeper.health().install_id, __version__, _taken(home, keeper))
        known = len(keeper.connections())
    log.debug("%d files are taken, and sealed now", len(archive.files))
    sealed = seal(archive, passphrase)
    write_whole(file, sealed)
    return {
        "file": str(file),
        "bytes": len(sealed),
        "made_at": moment(archive.made_at) or "",
        "number": str(archive.mark),
        "connections": known,
    }


def read_file(file: Path) -> bytes:
    """The backup as it lies there, still sealed."""
    try:
        return file.read_bytes()
    except OSError as error:
        text = f"{file} cannot be read: {os.strerror(error.errno or 0)}."
        raise Problem("not_readable", text, "Name the file that `tallyglass backup` wrote.") from None


def check_place(home: Home, wish: Wish) -> None:
    """Refuse a home that nothing may be restored into: before a passphrase is asked for."""
    if wish.check:
        return
    if home.path.is_dir():
        with _alone(home.path):
            pass
    if not wish.replace and _entries(home.path):
        text = f"{home.path} is not empty: nothing is overwritten."
        fix = "Restore into another --home; or say --replace, and what lies there is kept aside."
        raise Problem("home_not_empty", text, fix)


def restore(home: Home, file: Path, passphrase: str, wish: Wish, *, log_level: str = "warning") -> RestoreView:
    """Prove a backup, and put it in place. Until all of it is proven, nothing in the home has changed.

    Raises `WrongPassphrase`, `VaultAltered`, `StoreError`, and `Problem` for a file that is altered or older.
    """
    check_place(home, wish)
    archive = unseal(read_file(file), passphrase)
    _insist_on_newer(archive, wish.at_least, "the one whose number you gave", "Take a newer backup.")
    aside = None
    if wish.check:
        with tempfile.TemporaryDirectory(prefix="tallyglass-") as folder:
            found, journal = _proven(archive, Home(Path(folder)), passphrase, log_level)
    else:
        if wish.replace and not wish.older and home.exists and _same(home, archive, log_level):
            fix = "Take a newer one. If it must be this, say --older, and look through your keys afterwards."
            _insist_on_newer(archive, Mark.of(_journals(home.path)), f"what lies in {home.path}", fix)
        with _staged(home) as staged:
            found, journal = _proven(archive, Home(staged), passphrase, log_level, restored=True)
            aside = _put_in_place(home.path, staged)
    return {
        "file": str(file),
        "home": str(home.path),
        "made_at": moment(archive.made_at) or "",
        "version": archive.version,
        "number": str(archive.mark),
        "journal": journal,
        "connections": found,
        "aside": None if aside is None else str(aside),
        "restored": not wish.check,
    }


# -- taken from a home that runs


def _taken(home: Home, keeper: Keeper) -> dict[str, bytes]:
    """Every file of the home, all of one moment."""
    found = {
        path.relative_to(home.path).as_posix(): path.read_bytes()
        for entry in _entries(home.path)
        for path in ([entry] if not entry.is_dir() else sorted(entry.rglob("*")))
        if path.is_file() and not path.is_symlink() and path.name not in _APART and path.suffix not in (".new", ".sock")
    }
    if home.portfolio.exists():
        found[_PORTFOLIO] = _portfolio(home, keeper)
    return found | _vault_and_journal(home.path)


def _portfolio(home: Home, keeper: Keeper) -> bytes:
    from tallyglass.store.sqlcipher import copy_store

    handle = os.open(home.path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # whoever copies holds it: what lies there now was left by a crash
        for left in home.path.glob(f"{_COPYING}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=home.path, prefix=_COPYING) as folder:
            copy = Path(folder) / _PORTFOLIO
            copy_store(home.portfolio, keeper.store_key(), copy)
            return copy.read_bytes()
    finally:
        os.close(handle)


def _vault_and_journal(folder: Path) -> dict[str, bytes]:
    """Three files that vouch for each other, while a keeper writes them.

    The vault is replaced whole, and then its line is written; the journal only grows, and then its head is replaced.
    So a head that is read between two looks at one and the same vault fits it, with the lines that it counts.
    """
    while True:
        vault = (folder / _VAULT).read_bytes()
        head = (folder / _HEAD).read_bytes()
        with (folder / _JOURNAL).open("rb") as file:
            lines = list(islice(file, int(head.split(b" ", 1)[0])))
        if (folder / _VAULT).read_bytes() == vault:
            return {_VAULT: vault, _HEAD: head, _JOURNAL: b"".join(lines)}


# -- put back


def _insist_on_newer(archive: Archive, known: Mark, what: str, fix: str) -> None:
    if archive.mark < known:
        which = f"The backup of {archive.made_at:%Y-%m-%d %H:%M} UTC (number {archive.mark})"
        risk = "keys that were frozen, replaced or forgotten since would be used again"
        raise Problem("backup_older", f"{which} is older than {what} ({known}): {risk}.", fix)


def _same(home: Home, archive: Archive, log_level: str) -> bool:
    """Whether the backup is of the home that lies here. Where that cannot be told, it may be."""
    try:
        with running_keeper(home, log_level=log_level) as keeper:
            return keeper.health().install_id == archive.install
    except Told:
        return True


def _journals(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("journal*.jsonl")}


@contextmanager
def _staged(home: Home) -> Iterator[Path]:
    """A folder inside the home, gone in the end: what is proven there needs only to be moved."""
    fresh = not home.path.exists()
    home.make()
    staged = home.path / _STAGED
    shutil.rmtree(staged, ignore_errors=True)
    try:
        staged.mkdir(mode=0o700)
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        if fresh and not any(home.path.iterdir()):
            home.path.rmdir()


def _proven(
    archive: Archive, there: Home, passphrase: str, log_level: str, *, restored: bool = False
) -> tuple[int, str]:
    """Unpack, and open everything as if it were in use. Gives how many connections, and how the journal stands.

    `restored`: it will be in use, and its journal keeps that what was written since the backup is not in it.
    """
    for name, content in archive.files.items():
        path = there.path / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, content)
    with running_keeper(there, log_level=log_level) as keeper:
        keeper.unlock(passphrase)
        journal = _insist_on_intact(keeper, "The backup's journal is broken")
        if there.portfolio.exists():
            from tallyglass.store.sqlcipher import check_store

            check_store(there.portfolio, keeper.store_key())
        if restored:
            keeper.restored(archive.made_at)
            journal = _insist_on_intact(keeper, "The journal cannot be gone on with")
        return len(keeper.connections()), journal


def _insist_on_intact(keeper: Keeper, otherwise: str) -> str:
    report = keeper.verify_journal()
    if not report.intact:
        fix = "Find out by whom it was altered: `tallyglass journal verify`. An older backup may be whole."
        raise Problem("journal_broken", f"{otherwise}. {report.text}", fix)
    return report.text


def _put_in_place(home: Path, staged: Path) -> Path | None:
    """Move what lies there aside, and what was staged to where it belongs; the vault last: with it a home exists."""
    with _alone(home):
        aside = None
        for old in _entries(home):
            if aside is None:
                aside = home / f"{_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
                aside.mkdir(mode=0o700)
            old.rename(aside / old.name)
        for new in sorted(_entries(staged), key=lambda path: path.name == _VAULT):
            new.rename(home / new.name)
        handle = os.open(home, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return aside


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """While no keeper runs here, nor can start: they hold the same lock."""
    handle = os.open(home / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Problem("running", f"Tallyglass runs in {home}.", "End it first, then restore.") from None
    finally:
        os.close(handle)


def _entries(folder: Path) -> list[Path]:
    """What lies in a home, but for what a running keeper needs and what an earlier restore left aside."""
    if not folder.is_dir():
        return []
    return [
        each
        for each in sorted(folder.iterdir())
        if not each.name.startswith((".", _ASIDE)) and each.name != "keeper.lock" and not each.is_socket()
    ]
