"""The home: the one folder that holds everything of a user, closed to everybody else."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from tallyglass.app.problems import Problem
from tallyglass.keeper.client import socket_path


@dataclass(frozen=True, slots=True)
class Home:
    """The folder and what lies in it."""

    path: Path

    @property
    def vault(self) -> Path:
        """The keeper's."""
        return self.path / "vault.db"

    @property
    def portfolio(self) -> Path:
        """The encrypted portfolio database."""
        return self.path / "portfolio.db"

    @property
    def socket(self) -> Path:
        """Where the keeper of this home listens."""
        return socket_path(self.path)

    @property
    def key_store_mark(self) -> Path:
        """There when the OS key store has the passphrase: the name under which it has it, and nothing secret."""
        return self.path / "key-store"

    @property
    def exists(self) -> bool:
        """Whether a vault has been made here."""
        return self.vault.exists()

    def make(self) -> None:
        """Create the folder, 0700; refuse one that others can enter."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            text = f"No home can be made at {self.path}: {os.strerror(error.errno or 0)}."
            raise Problem("home", text, "Choose another folder with --home.") from None
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if self.path.stat().st_uid != os.getuid():
            raise Problem(
                "home_not_ours", f"{self.path} belongs to another user.", "Choose another folder with --home."
            )
        if mode & 0o077:
            if any(self.path.iterdir()):
                raise Problem(
                    "home_open",
                    f"{self.path} can be read by other users (mode {mode:o}).",
                    f"Close it with: chmod 700 {self.path}",
                )
            self.path.chmod(0o700)


def find_home(given: Path | None) -> Home:
    """The home that a command means: `--home`, else TALLYGLASS_HOME, else the platform's data folder."""
    if given is not None:
        return Home(given.expanduser().absolute())
    named = os.environ.get("TALLYGLASS_HOME")
    if named:
        return Home(Path(named).expanduser().absolute())
    from platformdirs import user_data_path

    return Home(user_data_path("tallyglass"))
