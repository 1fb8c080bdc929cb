"""A sync that is killed at any moment loses nothing, doubles nothing, and goes on where it was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.program import Program, running_home
from support.sandbox import Sandbox, running_sandbox

KILLS = 6


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=7) as running:
        yield running


def entries(program: Program) -> list[dict[str, Any]]:
    code, page = program.json("history", "--limit", "1000")
    assert (code, page["next"]) == (0, None)
    items: list[dict[str, Any]] = page["items"]
    return items


def kill_a_sync(program: Program, after: float) -> None:
    """Start a sync of Coinbase and kill it, without warning, after some seconds."""
    command = [sys.executable, "-m", "tallyglass.cli.main", "sync", "coinbase", "--full", "--json"]
    process = subprocess.Popen(
        [*command, "--home", str(program.home), "--passphrase-file", str(program.passphrase_file)],
        env={**os.environ, "TALLYGLASS_SANDBOX": program.url},
        stdout=subprocess.DEVNULL,
    )
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()


def campaign(folder: Path, sandbox: Sandbox, kills: int) -> None:
    """Kill syncs at random moments; then let one end, and compare with the truth."""
    chance = random.Random(kills)  # noqa: S311  (moments, not secrets)
    with running_home(folder, sandbox) as program:
        assert program.connect("coinbase", sandbox.key("coinbase"))[0] == 0
        for _ in range(kills):
            kill_a_sync(program, chance.uniform(0.4, 1.6))
        code, parts = program.json("sync", "coinbase")
        assert code == 0, [part for part in parts if part["fault"]]
        found = entries(program)
        ours = {each["id"].removeprefix("coinbase/"): each for each in found if each["status"] == "done"}
        true = {each["id"]: each for each in sandbox.truth("coinbase")["entries"]}

        assert len(found) == len({each["id"] for each in found})
        assert ours.keys() == true.keys()
        for name, entry in true.items():
            figures = sorted((leg["asset"], leg["amount"]) for leg in entry["legs"])
            assert sorted((leg["asset"], leg["amount"]) for leg in ours[name]["legs"]) == figures
        assert program.json("journal", "verify")[1]["intact"]


def test_killed_syncs_lose_and_double_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    campaign(tmp_path, sandbox, KILLS)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_killed_syncs_lose_and_double_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    campaign(tmp_path, sandbox, 1000)
