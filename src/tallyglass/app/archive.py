"""A home as one file: packed as a tar, and sealed under the passphrase in the age format (age-encryption.org/v1)."""

from __future__ import annotations

import io
import json
import re
import tarfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from tallyglass.app.problems import Problem
from tallyglass.keeper.client import WrongPassphrase

FORMAT = 1
#: The library chooses how hard the passphrase is to guess by how fast the machine is just now, about a second: on a
#: machine that is busy that may be little. Never less than this (16 MiB for each guess).
LEAST_WORK = 14
_TRIES = 10
_ABOUT = "backup.json"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_WORK = re.compile(rb"-> scrypt \S+ (\d+)\n")
_VAULT = re.compile(rb',"vault":(\d+)')  # inside a text its quotes would be escaped


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How far a home had come: both numbers only ever rise, so that of two states the older is known."""

    #: The highest number of a writing of the vault that a journal names.
    vault: int = 0
    #: The lines of all journals, those put aside too.
    lines: int = 0

    def __str__(self) -> str:
        return f"{self.vault}.{self.lines}"

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Mark:
        """Of a home's files, by name."""
        journals = [raw for name, raw in files.items() if re.fullmatch(r"journal(-\w+)?\.jsonl", name)]
        named = [int(number) for raw in journals for number in _VAULT.findall(raw)]
        return cls(max(named, default=0), sum(raw.count(b"\n") for raw in journals))

    @classmethod
    def read(cls, text: str) -> Mark:
        """The inverse of `str`."""
        found = re.fullmatch(r"(\d{1,18})\.(\d{1,18})", text, re.ASCII)
        if not found:
            raise Problem("usage", f"{text!r} is no number of a backup.", "`tallyglass backup` prints it: 12.3456")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Archive:
    """What a backup holds."""

    made_at: datetime
    #: Which home it is of: the id that its vault was made with.
    install: str
    #: Of the program that made it.
    version: str
    #: Path below the home → content.
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def mark(self) -> Mark:
        return Mark.of(self.files)


def seal(archive: Archive, passphrase: str) -> bytes:
    """The archive as an age file that this passphrase opens, here or with any program that knows the format."""
    from pyrage import passphrase as age

    packed = pack(archive)
    for _ in range(_TRIES):
        sealed: bytes = age.encrypt(packed, _normal(passphrase))
        if _work(sealed) >= LEAST_WORK:
            return sealed
    raise Problem(
        "too_slow",
        "This machine is too busy: the backup's passphrase would be too easy to guess.",
        "Try again when it is quieter.",
    )


def unseal(sealed: bytes, passphrase: str) -> Archive:
    """The inverse of `seal`. Raises `WrongPassphrase`, and `Problem` where a single byte is not as it was written."""
    import pyrage

    try:
        packed = pyrage.passphrase.decrypt(sealed, _normal(passphrase))
    except pyrage.DecryptError as error:
        # What wraps the file's key does not open: by far most often that is a mistyped passphrase.
        if str(error) == "Decryption failed":
            raise WrongPassphrase(
                "wrong_passphrase",
                "The backup does not open with this passphrase, or its first lines were altered.",
                "It has the passphrase that the home had when it was made.",
            ) from None
        raise _refused("it is damaged, cut short or altered") from None
    return unpack(packed)


def pack(archive: Archive) -> bytes:
    """The archive as a tar, not yet sealed."""
    about = {
        "format": FORMAT,
        "made_at": archive.made_at.isoformat(),
        "install": archive.install,
        "version": archive.version,
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {_ABOUT: json.dumps(about).encode(), **archive.files}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o600, int(archive.made_at.timestamp())
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def unpack(packed: bytes) -> Archive:
    """The inverse of `pack`. Raises `Problem` for anything that `pack` does not make."""
    try:
        return _unpacked(packed)
    except (tarfile.TarError, ValueError, LookupError, TypeError):
        raise _refused("what it holds is no home of Tallyglass") from None


def _unpacked(packed: bytes) -> Archive:
    """Plain files under plain names, each once: nothing in it can reach beyond the folder that it is put into."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or member.name in files or not _is_plain(member.name):
                raise ValueError(member.name)
            files[member.name] = content.read()
    about: dict[str, Any] = json.loads(files.pop(_ABOUT))
    if about["format"] != FORMAT:
        raise Problem(
            "backup_newer",
            f"The backup was made by Tallyglass {str(about['version'])[:20]}, in a form that this version cannot read.",
            "Install that version or a newer one.",
        )
    return Archive(datetime.fromisoformat(about["made_at"]), str(about["install"]), str(about["version"]), files)


def _is_plain(name: str) -> bool:
    return all(_PLAIN.fullmatch(part) for part in PurePosixPath(name).parts) and not name.startswith("/")


def _work(sealed: bytes) -> int:
    found = _WORK.search(sealed, 0, 200)
    return int(found[1]) if found else 0


def _normal(passphrase: str) -> str:
    """As the vault takes it: one text, however a keyboard composes it."""
    return unicodedata.normalize("NFC", passphrase)


def _refused(why: str) -> Problem:
    return Problem("backup_refused", f"The backup is refused: {why}.", "Nothing was changed. Take another copy of it.")
