"""How the interpreter is set while syncs run, and that it is as before when the last one has ended."""

from __future__ import annotations

import gc
import sys

from tallyglass.sync.brisk import brisk


def test_all_is_as_before_when_the_last_one_ends() -> None:
    before = (gc.get_threshold(), sys.getswitchinterval())
    one, other = brisk(), brisk()
    one.__enter__()
    other.__enter__()
    inside = (gc.get_threshold(), sys.getswitchinterval())
    assert inside != before
    one.__exit__(None, None, None)
    assert (gc.get_threshold(), sys.getswitchinterval()) == inside
    other.__exit__(None, None, None)
    assert (gc.get_threshold(), sys.getswitchinterval()) == before
