"""Whatever account a seed grows: after one sync every entry is there as it happened, and every balance adds up.

Every day `test_truth`, `test_killed` and `test_faults` look at one seed each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.home import open_home
from support.sandbox import running_sandbox
from support.truth import EXCHANGES, untrue
from tallyglass.app import reconciling, syncing


def reconciled(folder: Path, seed: int, scale: str = "small") -> None:
    """A new world, three connections, one sync; then the truth."""
    with running_sandbox(folder, seed, scale) as sandbox, open_home(folder, sandbox, *EXCHANGES) as session:
        parts = syncing.sync(session)
        assert [part for part in parts if part["fault"]] == []
        for exchange in EXCHANGES:
            assert untrue(session.store, sandbox, exchange) == [], exchange
        assert reconciling.reconcile(session) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 21))
def test_the_ledger_is_the_truth(tmp_path: Path, seed: int) -> None:
    reconciled(tmp_path, seed)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_the_ledger_is_the_truth_of_a_million_trades(tmp_path: Path) -> None:
    reconciled(tmp_path, 1, "large")
