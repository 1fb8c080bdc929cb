"""Where a passphrase may come from: a file, a file descriptor, a systemd credential. Never the command line."""

from __future__ import annotations

import os
from pathlib import Path

from tallyglass.keeper.answers import SHORTEST_PASSPHRASE
from tallyglass.keeper.errors import KeeperError

_LONGEST = 4096


def from_file(path: Path) -> str:
    """The first line of a file or of `/dev/fd/N`. Raises `ValueError` for an empty or overlong one, `OSError`."""
    with path.open("rb") as file:
        line = file.readline(_LONGEST + 1)
    if len(line) > _LONGEST:
        raise ValueError(f"the first line of {path} is too long for a passphrase")
    passphrase = line.decode("utf-8").rstrip("\r\n")
    if not passphrase:
        raise ValueError(f"{path} holds no passphrase")
    return passphrase


def from_systemd() -> str | None:
    """The credential `tallyglass` that systemd hands to this service alone (`LoadCredential=`), or None."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / "tallyglass" if folder else None
    return from_file(path) if path and path.exists() else None


def long_enough(passphrase: str) -> str:
    """The new passphrase of a vault. Raises `KeeperError` for one that could be guessed."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        text = f"The passphrase is shorter than {SHORTEST_PASSPHRASE} characters."
        fix = "Take four or five words that do not belong together; a password manager is a good place for them."
        raise KeeperError("weak_passphrase", text, fix)
    return passphrase
