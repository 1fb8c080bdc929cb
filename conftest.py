"""How every test runs: property tests with examples of their own choice, and arithmetic that may lose no digit."""

from __future__ import annotations

import decimal
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy is no reason to fail: examples may take their time.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# The same examples at every `make test`, ever new and many more of them at `make soak`.
settings.register_profile("test", PATIENT, derandomize=True)
settings.register_profile("soak", PATIENT, max_examples=2_000)
settings.load_profile(os.environ.get("TALLYGLASS_PROPERTIES", "test"))

# Keeper and store see each line safely onto the disk before they go on, and tests would mostly wait for disks. No power
# fails here: what tests write lies in memory, where there is room for it and programs may lie there too.
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108
if (
    os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free > ROOM
    and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# Python's own context rounds to 28 digits in silence, at a mere minus sign. In tests it raises: what may round says so,
# through one of money's own contexts. (Not `DefaultContext`: Hypothesis makes contexts of its own, and may round.)
decimal.getcontext().traps[decimal.Inexact] = True

#: Where the files that take longest are. They begin first: of two workers none waits long for the other in the end.
LONGEST = ("web", "flow", "security", "keeper", "sandbox", "property")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stable: within a folder all stays as it was."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.parent.name, len(LONGEST)))
