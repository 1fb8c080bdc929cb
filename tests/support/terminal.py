"""A terminal with somebody who types at it: what it shows is what a camera over the shoulder would see."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

SECONDS = 60
#: Makes the terminal that of the command, which then takes over.
_TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


def typed(command: Sequence[str], lines: Sequence[tuple[str, str]], env: Mapping[str, str], **more: Any) -> bytes:
    """Run it, type each line once the prompt before it has been shown, and give all that was shown."""
    ours, theirs = pty.openpty()
    taken = [sys.executable, "-I", "-c", _TAKE, *command]
    process = subprocess.Popen(
        taken, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True, **more
    )
    os.close(theirs)
    shown, seen = b"", 0
    try:
        for prompt, line in lines:
            shown = _until(ours, shown, prompt.encode(), seen)
            seen = len(shown)
            os.write(ours, line.encode() + b"\n")
        shown = _until(ours, shown, b"", seen)
        process.wait(SECONDS)
        return shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _until(terminal: int, shown: bytes, prompt: bytes, seen: int) -> bytes:
    """Read on until the prompt stands there, or to the end where none is named."""
    until = time.monotonic() + SECONDS
    while not prompt or prompt not in shown[seen:]:
        assert time.monotonic() < until, (prompt, shown)
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the last one has left the terminal
            assert not prompt, (prompt, shown)
            return shown
    return shown
