"""The real `tallyglass` program in a process of its own, as a user runs it: own home, own keeper, no terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.sandbox import Sandbox
from tallyglass.keeper.client import Keeper, Unreachable, socket_path

PASSPHRASE = "four lamps over a quiet harbour"
DONE, FAILED, USAGE, REFUSED, UNPROVEN, EXCHANGE, PARTIAL, LOCKED = range(8)
START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """All that a reader sees, on one line: what stands where does not depend on the width."""
        return " ".join(f"{self.out} {self.err}".split())


@dataclass(frozen=True, slots=True)
class Program:
    """`tallyglass` on one home, with its passphrase in a file, before the sandbox at `url`."""

    home: Path
    url: str
    passphrase_file: Path

    def run(self, *arguments: str, stdin: str | None = None, passphrase: bool = True, **more: Any) -> Ended:
        """One command in words; `--home` and `--passphrase-file` are added. `more` goes to `subprocess.run`."""
        given = ["--home", str(self.home), *arguments]
        if passphrase:
            given += ["--passphrase-file", str(self.passphrase_file)]
        return run(*given, url=self.url, stdin=stdin, **more)

    def json(self, *arguments: str, stdin: str | None = None) -> tuple[int, Any]:
        """Exit code and what `--json` prints; nothing else may stand on standard output."""
        ended = self.run(*arguments, "--json", stdin=stdin)
        return ended.code, ended.json()

    def inspect(self, exchange: str, fields: Mapping[str, str]) -> tuple[int, Any]:
        """`inspect --json` of a key handed over on standard input."""
        return self.json("inspect", exchange, "--key-file", "-", stdin=json.dumps(fields))

    def connect(self, exchange: str, fields: Mapping[str, str], *more: str) -> tuple[int, Any]:
        """`connect --json` of a key handed over on standard input."""
        return self.json("connect", exchange, "--key-file", "-", *more, stdin=json.dumps(fields))

    def connections(self) -> list[str]:
        """The ids of what is stored."""
        code, keys = self.json("keys")
        assert code == DONE
        return [key["connection"] for key in keys]

    def disconnect_all(self) -> None:
        """Begin anew."""
        for connection in self.connections():
            assert self.json("disconnect", connection, "--forget-history")[0] == DONE


def run(*arguments: str, url: str = "", stdin: str | None = None, **more: Any) -> Ended:
    """One command with exactly these arguments, in an environment that holds nothing of ours but the sandbox."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    if url:
        environment["TALLYGLASS_SANDBOX"] = url
    command = [str(Path(sys.executable).with_name("tallyglass")), *arguments]
    given: dict[str, Any] = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(
        command, env=environment | more.pop("env", {}), capture_output=True, text=True, timeout=120, **given, **more
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def running_home(tmp_path: Path, sandbox: Sandbox) -> Iterator[Program]:
    """A new home whose keeper runs, unlocked, so that every command is quick."""
    passphrase_file = tmp_path / "passphrase"
    passphrase_file.write_text(PASSPHRASE + "\n")
    passphrase_file.chmod(0o600)
    program = Program(tmp_path / "home", sandbox.base_url, passphrase_file)
    made = program.run("init")
    assert made.code == DONE, made.err
    with running_keeper(program):
        yield program


@contextmanager
def running_keeper(program: Program, *, unlocked: bool = True) -> Iterator[Keeper]:
    """The keeper of a home as a process of its own, for as long as the block."""
    command = [sys.executable, "-m", "tallyglass.keeper", "--home", str(program.home)]
    if unlocked:
        command += ["--passphrase-file", str(program.passphrase_file)]
    environment = {"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": program.url}
    noise = program.home.with_name(f"{program.home.name}-keeper.txt")
    with noise.open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        keeper = Keeper(socket_path(program.home), timeout=30)
        _wait(keeper, process, noise)
        yield keeper
    finally:
        process.terminate()
        process.wait(20)


def _wait(keeper: Keeper, process: subprocess.Popen[bytes], noise: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            keeper.health()
        except Unreachable:
            assert process.poll() is None, f"the keeper did not start:\n{noise.read_text()}"
            assert time.monotonic() < until, f"the keeper took too long to start:\n{noise.read_text()}"
            time.sleep(0.02)
        else:
            return
