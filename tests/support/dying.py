"""`dying.py … --dies all|changes STEP`: a keeper that is killed by SIGKILL right before its STEPth write lasts.

Steps are counted while a file `armed` lies beside the home. Every change that the keeper makes goes through `os.fsync`,
of the file and of its folder, so these are all the moments at which a crash can differ from the one before. `changes`:
only those that write the vault and the line of the journal that tells of it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tallyglass.keeper import __main__ as keeper

#: The vault's draft and its folder; the journal's line, its head's draft and their folder.
_OF_A_CHANGE = 5


def main() -> int:
    """Count, and die or run to the end."""
    at = sys.argv.index("--dies")
    _, which, step = sys.argv[at : at + 3]
    del sys.argv[at : at + 3]
    home = Path(sys.argv[sys.argv.index("--home") + 1])
    fsync, done, following = os.fsync, 0, 0

    def counted(fd: Any) -> None:
        nonlocal done, following
        if (home / "vault.db.new").exists():
            following = _OF_A_CHANGE
        counts, following = which == "all" or following > 0, max(following - 1, 0)
        if counts and (home.parent / "armed").exists():
            done += 1
            if done == int(step):
                os.kill(os.getpid(), signal.SIGKILL)
        fsync(fd)

    os.fsync = counted
    return keeper.main()


if __name__ == "__main__":
    sys.exit(main())
