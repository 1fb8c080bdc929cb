"""An account that has used some dozens of 2,000 markets: every trade is found without a list of pairs from the user."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from support.home import open_home
from support.sandbox import running_sandbox
from support.truth import untrue
from tallyglass.app import reconciling, syncing
from tallyglass.exchanges import registry

MARKETS = 2_000


@pytest.mark.soak
def test_all_trades_are_found_by_a_part_of_the_requests_of_a_sweep(tmp_path: Path) -> None:
    trades = registry.manifest("binance").read("trades").path
    with running_sandbox(tmp_path, markets=MARKETS) as sandbox, open_home(tmp_path, sandbox, "binance") as session:
        parts = syncing.sync(session)
        asked = Counter(each["path"] for each in sandbox.requests("binance"))

        assert [part for part in parts if part["fault"]] == []
        assert untrue(session.store, sandbox, "binance") == []
        assert reconciling.reconcile(session) == []
    assert asked[trades] < MARKETS / 4
