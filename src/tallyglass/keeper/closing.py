"""Closes a process that has secrets in its memory: the keeper's, and a command's into which somebody types a key."""

from __future__ import annotations

import os
import resource
import sys


def harden() -> None:
    """Files for ourselves alone, no core dumps, and no other process may read our memory."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes  # takes its time, and nothing else of ours needs it

        pr_set_dumpable = 4
        if ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, 0, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "this process cannot be closed to others (prctl)")
