"""A file descriptor that the user's shell opened for this one command, read to its end."""

from __future__ import annotations

import os
import select
import time

from tallyglass.app.problems import Problem

_FIX = "Open it for this command: … 3<FILE, or 3< <(PROGRAM)"


def read(number: int, most: int, patience: float) -> bytes:
    """All that comes, at most that many bytes within that many seconds; then it is closed. Raises `Problem`."""
    if not _handed_over(number):
        raise _unusable(number, "it is not open for this command")
    if os.isatty(number):
        text = f"fd:{number} is a terminal, which would show what is typed."
        raise Problem("reference", text, "Leave --key-from away: you are asked for the key, unseen.")
    try:
        return _all(number, most, time.monotonic() + patience)
    except TimeoutError:
        text = f"fd:{number} did not come to its end within {patience:g} s: something still holds it open for writing."
        raise Problem("reference", text, "Let what writes the key end, or close its side, then try again.") from None
    except OSError as error:
        raise _unusable(number, os.strerror(error.errno or 0)) from None
    finally:
        if number > 2:  # the streams of every program are still needed, to say how it went
            os.close(number)


def _handed_over(number: int) -> bool:
    """Whether it was there when this program began: what it opens for itself, no other program inherits."""
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


def _all(number: int, most: int, until: float) -> bytes:
    there, taken = select.poll(), b""
    there.register(number, select.POLLIN)
    while len(taken) < most:
        if not there.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(number, most - len(taken))
        if not part:
            break
        taken += part
    return taken


def _unusable(number: int, why: str) -> Problem:
    return Problem("reference", f"fd:{number} cannot be read: {why}.", _FIX)
