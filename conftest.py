"""How every test runs: property tests with examples of their own choice, and arithmetic that may lose no digit."""

from __future__ import annotations

import decimal
import os

from hypothesis import HealthCheck, settings

# A machine that is busy is no reason to fail: examples may take their time.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# The same examples at every `make test`, ever new and many more of them at `make soak`.
settings.register_profile("test", PATIENT, derandomize=True)
settings.register_profile("soak", PATIENT, max_examples=2_000)
settings.load_profile(os.environ.get("TALLYGLASS_PROPERTIES", "test"))

# Python's own context rounds to 28 digits in silence, at a mere minus sign. In tests it raises: what may round says so,
# through one of money's own contexts. (Not `DefaultContext`: Hypothesis makes contexts of its own, and may round.)
decimal.getcontext().traps[decimal.Inexact] = True
