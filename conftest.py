"""How property tests run: the same examples at every `make test`, ever new and many more of them at `make soak`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A machine that is busy is no reason to fail: examples may take their time.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("test", PATIENT, derandomize=True)
settings.register_profile("soak", PATIENT, max_examples=2_000)
settings.load_profile(os.environ.get("TALLYGLASS_PROPERTIES", "test"))
