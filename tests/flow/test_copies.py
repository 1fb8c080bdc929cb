"""Copies of a home, and the home while it runs: neither gives anything away, nor is an older state put in its place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.canary import files, search, traces
from support.closed import eventually
from support.hunt import opened
from support.program import DONE, FAILED, LOCKED, PASSPHRASE, Program, running_home, running_keeper
from support.sandbox import Sandbox, running_sandbox
from tallyglass.keeper.client import KeeperError

#: Everything that shows or changes something; with what it takes to do harm.
COMMANDS = (
    *(
        "worth",
        "history",
        "keys",
        "holdings",
        "orders",
        "journal verify",
        "journal list",
        "audit",
        "alerts",
        "reconcile",
    ),
    *("recovery-kit", "freeze kraken", "compromised kraken", "disconnect kraken --forget", "backup stolen.age"),
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=47_151) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Program:
    """A home with a key, and a backup from before the key was frozen."""
    with running_home(tmp_path_factory.mktemp("home"), sandbox) as made:
        assert made.connect("kraken", sandbox.key("kraken"))[0] == DONE
        assert made.json("backup", str(made.home.with_name("old.age")))[0] == DONE
        assert made.json("freeze", "kraken")[0] == DONE
    return made


def test_no_command_gets_anything_out_of_a_copy_without_the_passphrase(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    copy = replace(program, home=tmp_path / "copy", passphrase_file=tmp_path / "wrong")
    copy.passphrase_file.write_text("not the passphrase at all\n")
    shutil.copytree(program.home, copy.home)
    before = files(copy.home)
    with running_keeper(copy, unlocked=False):
        for line in COMMANDS:
            ended = copy.run(*line.split(), "--json", passphrase=False, cwd=tmp_path)
            assert (ended.code, ended.json()["error"]["code"]) == (LOCKED, "locked"), line
        guessed = copy.run("keys", "--json")
    assert (guessed.code, guessed.json()["error"]["code"]) == (LOCKED, "wrong_passphrase")
    key = sandbox.key("kraken")
    wanted = traces({"passphrase": PASSPHRASE, "secret": key["secret"], "name": key["key"]})
    assert search(before, wanted) == []
    assert {name: content for name, content in files(copy.home).items() if name in before} == before
    assert not (tmp_path / "stolen.age").exists()


def test_what_is_restored_is_the_journal_to_its_last_byte_and_goes_on_from_there(
    program: Program, tmp_path: Path
) -> None:
    file, other = tmp_path / "now.age", replace(program, home=tmp_path / "other")
    assert program.json("backup", str(file))[0] == DONE
    [taken] = [content for name, content in opened("", file.read_bytes()) if name.endswith(": journal.jsonl")]
    lines = taken.partition(b"\n")[2]
    assert other.json("restore", str(file))[0] == DONE
    there = (other.home / "journal.jsonl").read_bytes()
    assert there.startswith(lines)
    since = [json.loads(line)["event"] for line in there[len(lines) :].splitlines()]
    assert not [event for event in since if event.startswith("key:")], since  # nothing was asked of anybody
    here, now = program.json("journal", "verify"), other.json("journal", "verify")
    assert (here[0], here[1]["intact"], now[0], now[1]["intact"]) == (DONE, True, DONE, True)


def test_an_older_state_takes_no_place_beside_a_program_that_runs_nor_after_it(program: Program) -> None:
    """`up` itself: with the backup from before the key was frozen, and whatever is said."""
    old = str(program.home.with_name("old.age"))
    command = [str(Path(sys.executable).with_name("tallyglass")), "--home", str(program.home), "up", "--port", "0"]
    command += ["--passphrase-file", str(program.passphrase_file)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env={"TALLYGLASS_SANDBOX": program.url}, stdout=quiet, stderr=quiet) as up:
        try:
            eventually(lambda: _unlocked(program), "it did not start")
            for more in (["--replace"], ["--replace", "--older"]):
                code, told = program.json("restore", old, *more)
                assert (code, told["error"]["code"]) == (FAILED, "running")
            assert [row["state"] for row in program.json("keys")[1]] == ["frozen"]
        finally:
            up.terminate()
    code, told = program.json("restore", old, "--replace")
    assert (code, told["error"]["code"]) == (FAILED, "backup_older")
    assert [row["state"] for row in program.json("keys")[1]] == ["frozen"]


def _unlocked(program: Program) -> bool:
    try:
        return program.keeper.health().state == "unlocked"
    except KeeperError:
        return False
