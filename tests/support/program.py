"""The real `tallyglass` program in a process of its own, as a user runs it: own home, own keeper, no terminal."""

from __future__ import annotations

import atexit
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from support import warm
from support.sandbox import Sandbox
from tallyglass.keeper.client import Keeper, Unreachable, socket_path

PASSPHRASE = "four lamps over a quiet harbour"
#: Before a sandbox that counts no requests budgets run so much faster: tests wait for no exchange's pace.
HURRY = {"TALLYGLASS_SANDBOX_PACE": "100"}
DONE, FAILED, USAGE, REFUSED, UNPROVEN, EXCHANGE, PARTIAL, LOCKED = range(8)
#: A machine that is busy is no reason to fail.
START_SECONDS = 90


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
        """All that a reader sees, on one line: how the lines are broken does not matter."""
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

    def listed(self) -> set[tuple[str, str, str, re.Pattern[str]]]:
        """Exchange, method, host and path of every call that the program says it can make."""
        pages = run("exchanges", "--json").json()
        return {
            (page["id"], read["method"], read["host"], re.compile(re.sub(r"\{\w+\}", "[^/]+", read["path"])))
            for page in pages
            for read in page["reads"]
        }

    def traces(self, fields: Mapping[str, str]) -> list[str]:
        """The files of the home in which a part of this key stands, as it is or in another spelling."""
        found = []
        for path in (each for each in self.home.parent.rglob("*") if each.is_file()):
            content = path.read_bytes()
            if any(len(spelling) > 11 and spelling in content for spelling in _spellings(fields)):
                found.append(str(path))
        return found

    @property
    def keeper(self) -> Keeper:
        """The keeper that runs in this home, asked without a command: to see and to clear up, quickly."""
        return Keeper(socket_path(self.home), timeout=30)

    def connections(self) -> list[str]:
        """The ids of what is stored."""
        return [each.id for each in self.keeper.connections()]

    def forget_all(self) -> None:
        """Begin anew."""
        for connection in self.connections():
            self.keeper.forget(connection)


def run(*arguments: str, url: str = "", stdin: str | None = None, **more: Any) -> Ended:
    """One command with exactly these arguments, in an environment that holds nothing of ours but the sandbox.

    With `more` than `env` and `cwd` it is started by `subprocess.run`, from nothing.
    """
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    if url:
        environment["TALLYGLASS_SANDBOX"] = url
    environment |= more.pop("env", {})
    if set(more) <= {"cwd"}:
        return Ended(*warm.run("tallyglass", arguments, environment, stdin or "", **more))
    command = [str(Path(sys.executable).with_name("tallyglass")), *arguments]
    given: dict[str, Any] = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    given |= {"env": environment, **more}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, **given)
    return Ended(done.returncode, done.stdout, done.stderr)


def _spellings(fields: Mapping[str, str]) -> Iterator[bytes]:
    """Every part of a key as it is, in hexadecimal and in base64 (at each of the three places it may begin)."""
    for text in fields.values():
        for raw in {text.encode(), text.encode().replace(b"\n", b"\\n"), text.encode()[8:40]}:
            yield raw
            yield raw.hex().encode()
            for at in range(3):
                yield base64.b64encode(raw[at:])[4:-4]


def unlisted(program: Program, sandbox: Sandbox) -> list[dict[str, Any]]:
    """The requests that reached an exchange though no manifest lists them."""
    listed = program.listed()
    return [
        each
        for each in sandbox.requests()
        if each["exchange"] in sandbox.state["exchanges"]  # the sources of public figures take no keys
        and not any(
            (each["exchange"], each["method"], each["host"]) == call[:3] and call[3].fullmatch(each["path"])
            for call in listed
        )
    ]


@contextmanager
def running_home(tmp_path: Path, sandbox: Sandbox, *, hurried: bool = True) -> Iterator[Program]:
    """A new home whose keeper runs, unlocked, so that every command is quick.

    `hurried`: nobody counts requests; otherwise sandbox and keeper keep to the exchanges' real limits.
    Whatever was done with it: in the end no exchange has been asked for anything but listed reads.
    """
    program = new_home(tmp_path, sandbox)
    if hurried:
        sandbox.unlimited()
    with running_keeper(program, hurried=hurried):
        yield program
    assert unlisted(program, sandbox) == []


def new_home(folder: Path, sandbox: Sandbox) -> Program:
    """A home that has just been made, in which nothing runs. All have the same keys inside: they are copies of one."""
    folder.mkdir(exist_ok=True)
    passphrase_file = folder / "passphrase"
    passphrase_file.write_text(PASSPHRASE + "\n")
    passphrase_file.chmod(0o600)
    shutil.copytree(_made(os.getpid()), folder / "home")
    return Program(folder / "home", sandbox.base_url, passphrase_file)


@cache
def _made(_pid: int) -> Path:
    """A home as `init` makes it: what costs is the passphrase, and one in each test process is enough."""
    folder = Path(tempfile.mkdtemp(prefix="tallyglass-made-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    atexit.register(shutil.rmtree, folder)
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    made = run("--home", str(folder / "home"), "init", "--passphrase-file", str(folder / "passphrase"))
    assert made.code == DONE, made.err
    return folder / "home"


@contextmanager
def running_keeper(program: Program, *, unlocked: bool = True, hurried: bool = True) -> Iterator[Keeper]:
    """The keeper of a home as a process of its own, for as long as the block."""
    process = start_keeper(program, unlocked=unlocked, hurried=hurried)
    try:
        yield await_keeper(program, process)
    finally:
        process.terminate()
        process.wait(20)


def start_keeper(program: Program, *, unlocked: bool = True, hurried: bool = True) -> warm.Forked:
    """The keeper's process, which may not listen yet."""
    arguments = ["--home", str(program.home)]
    if unlocked:
        arguments += ["--passphrase-file", str(program.passphrase_file)]
    environment = {"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": program.url, **(HURRY if hurried else {})}
    with _noise(program).open("ab") as log, Path(os.devnull).open() as nothing:
        streams = warm.Streams(nothing.fileno(), log.fileno(), log.fileno())
        return warm.start("tallyglass.keeper", arguments, environment, streams)


def _noise(program: Program) -> Path:
    return program.home.with_name(f"{program.home.name}-keeper.txt")


def await_keeper(program: Program, process: warm.Forked) -> Keeper:
    """Wait until it answers."""
    keeper, noise = program.keeper, _noise(program)
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            keeper.health()
        except Unreachable:
            assert process.poll() is None, f"the keeper did not start:\n{noise.read_text()}"
            assert time.monotonic() < until, f"the keeper took too long to start:\n{noise.read_text()}"
            time.sleep(0.02)
        else:
            return keeper
