"""Files that are written for the user: whole or not at all, for their owner alone."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from tallyglass.app.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Written beside, and put in place when all of it is on the disk."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        draft.rename(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        text = f"{path} cannot be written: {os.strerror(error.errno or 0)}."
        raise Problem("not_writable", text, "Name a file in a folder with room that you may write in.") from None
