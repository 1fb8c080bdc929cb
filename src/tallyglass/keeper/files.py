"""Files that only their owner can read, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


def private_folder(path: Path) -> None:
    """Make the folder, 0700, and insist that it is ours alone (a shared one like /tmp stays as it is)."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = path.lstat()
    if told.st_uid != os.getuid() or not stat.S_ISDIR(told.st_mode) or told.st_mode & stat.S_ISVTX:
        raise PermissionError(f"{path} is not a folder of this user alone")
    if told.st_mode & 0o077:
        path.chmod(0o700)


def replace(path: Path, data: bytes) -> None:
    """Put `data` in place of the file in one step: a crash leaves the old file or the new one, never a part."""
    draft = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
    sync_folder(path.parent)


def write_all(handle: int, data: bytes) -> None:
    """Write every byte, or raise `OSError`."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(path: Path) -> None:
    """Make a rename in this folder last through a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
