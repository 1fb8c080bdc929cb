"""A sync whose program or keeper is killed at any moment loses nothing, doubles nothing, and goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from support.dump import differences, open_ledger
from support.sandbox import Sandbox, running_sandbox
from support.truth import EXCHANGES, untrue
from support.victim import Round, Victim, campaign, scattered, spread, victim


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """One for each test: what a killed program has said to Kraken last, its keeper alone knows."""
    with running_sandbox(tmp_path, seed=7) as running:
        yield running


def survives(one: Victim, sandbox: Sandbox, rounds: Iterable[Round], kills: int) -> None:
    """After so many kills: to the last byte the ledger of a sync that nobody disturbed, which is the truth."""
    ledgers = campaign(one, rounds, kills)
    undisturbed = next(ledgers)
    with open_ledger(one.program) as store:
        for exchange in one.program.connections():
            assert untrue(store, sandbox, exchange) == [], exchange
    for ledger in ledgers:
        assert ledger == undisturbed, (one.killed, differences(undisturbed, ledger))
    assert one.killed


def test_killed_syncs_end_in_the_same_ledger(tmp_path: Path, sandbox: Sandbox) -> None:
    with victim(tmp_path, sandbox, "kraken", "coinbase") as one:
        survives(one, sandbox, spread(6, seed=7), 6)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kills", [50, 1000])
def test_many_killed_syncs_end_in_the_same_ledger(tmp_path: Path, sandbox: Sandbox, kills: int) -> None:
    with victim(tmp_path, sandbox, *EXCHANGES) as one:
        survives(one, sandbox, scattered(seed=kills), kills)
