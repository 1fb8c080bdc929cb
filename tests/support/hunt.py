"""A hunt for secrets: all that a home says, sends and writes while it goes on, opened as far as that can be done."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

import pyrage

from support.canary import Traces, Watch, files, nothing_new, search, traces
from support.closed import exposed
from support.keeper import Process, running
from support.managers import TOKENS
from support.post import Box
from support.program import PASSPHRASE, Ended, Program
from support.sandbox import Sandbox, running_sandbox
from support.tap import Tap, tapped

#: The passphrase that the home gets later.
OTHER = "six grey geese above the old canal"
DEBUG = ("--log-level", "debug")
_PROGRAM = str(Path(sys.executable).with_name("tallyglass"))
#: Shared folders in which careless programs leave things.
_SHARED = (Path("/tmp"), Path("/dev/shm"))  # noqa: S108


@dataclass(slots=True)
class Hunt:
    """A home, what was done with secrets in it, and everything that came of it."""

    #: All below it is searched: the home, its folder for passing things, and `here`, where commands are started.
    folder: Path
    #: What is the user's own and holds secrets by right: passphrase files, password managers.
    apart: Path
    program: Program
    sandbox: Sandbox
    tap: Tap
    #: Name → secret.
    wanted: dict[str, str]
    watch: Watch = field(default_factory=Watch)
    #: What was said at a terminal, answered on a socket or a page, written by a command: by its occasion.
    said: list[tuple[str, bytes]] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def here(self) -> Path:
        return self.folder / "here"

    @property
    def traces(self) -> Traces:
        return traces(self.wanted)

    def run(self, *arguments: str, stdin: str | None = None, code: int | None = 0) -> Ended:
        """One command at debug logging, its two streams kept. `code`: how it must end; None where that is open."""
        ended = self.program.run(*arguments, *DEBUG, stdin=stdin, env=self._environment, cwd=self.here)
        assert code in (None, ended.code), ended.words
        self.said.append((" ".join(arguments), f"{ended.out}\n{ended.err}".encode()))
        return ended

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that is left alone, as a careless user starts it: cores are allowed. Its words are searched."""
        command = [_PROGRAM, "--home", str(self.program.home), *arguments, *DEBUG]
        return self._start([*command, "--passphrase-file", str(self.program.passphrase_file)])

    def start_keeper(self) -> subprocess.Popen[bytes]:
        """A keeper in the same way, unlocked."""
        command = [sys.executable, "-m", "tallyglass.keeper", "--home", str(self.program.home)]
        return self._start([*command, "--passphrase-file", str(self.program.passphrase_file), *DEBUG])

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        told = {"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": self.tap.url, **self._environment}
        with (self.folder / "left-alone.txt").open("ab") as out:
            return subprocess.Popen(
                exposed(command), env=told, cwd=self.here, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    @property
    def _environment(self) -> dict[str, str]:
        return {"TALLYGLASS_LOG": "debug", "TMPDIR": str(self.folder / "tmp"), **self.environment}


@contextmanager
def hunting(folder: Path, seed: int, **more: str) -> Iterator[Hunt]:
    """A sandbox with a tap before it, and a home that is not made yet. `more`: other secrets, by name."""
    searched, apart = folder / "searched", folder / "apart"
    for each in (searched / "here", searched / "tmp", apart / "bin"):
        each.mkdir(parents=True)
    for name, words in (("right", PASSPHRASE), ("new", OTHER)):
        (apart / name).write_text(words + "\n")
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_sandbox(apart, seed=seed))
        tap = stack.enter_context(tapped(sandbox.base_url))
        sandbox.unlimited()
        wanted = {each: sandbox.key(each)["secret"] for each in ("kraken", "coinbase", "binance")}
        wanted |= {"passphrase": PASSPHRASE, "new passphrase": OTHER, **more}
        it = Hunt(searched, apart, Program(searched / "home", tap.url, apart / "right"), sandbox, tap, wanted)
        it.environment = {**TOKENS, "PATH": f"{apart / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        looked = traces(wanted)
        new = [stack.enter_context(nothing_new(each, looked)) for each in _SHARED if each.is_dir()]
        stack.enter_context(it.watch)
        stack.callback(lambda: it.shared.extend(each for found in new for each in found))
        yield it


@contextmanager
def keeping(it: Hunt) -> Iterator[Process]:
    """The home's keeper, unlocked, for as long as the block; its log lies where all is searched."""
    with running(it.program.home, sandbox=it.tap.url, hurried=True) as process:
        process.keeper.unlock(PASSPHRASE)
        yield process


# -- what is searched


def places(it: Hunt) -> Iterator[tuple[str, bytes]]:
    """Every place with what is in it."""
    for name, content in files(it.folder).items():
        yield name, content
        if content.partition(b"\n")[2].startswith(b"age-encryption.org/"):
            yield from opened(name, content.partition(b"\n")[2])
    yield from it.said
    for number, box in enumerate(it.boxes):
        yield from ((f"message {number}", text) for raw in box.raw for text in unfolded(raw))
        yield from ((f"request {number}", head) for head in box.heads)
    for heard in it.tap.heard:
        yield heard.target, f"{heard.method} {heard.target} {heard.headers}".encode() + heard.body + heard.answer
    yield "arguments and environment", it.watch.all
    yield "shared folders", "\n".join(it.shared).encode()


def leaks(it: Hunt) -> list[str]:
    """Which secrets stand where. Good is: none anywhere."""
    wanted = it.traces
    return [*search(places(it), wanted), *it.shared]


def opened(name: str, sealed: bytes, passphrases: tuple[str, ...] = (OTHER, PASSPHRASE)) -> Iterator[tuple[str, bytes]]:
    """A backup as somebody with the passphrase sees it: what lies in it, sealed in its own way or not at all."""
    for each in passphrases:
        try:
            packed = pyrage.passphrase.decrypt(sealed, each)
        except pyrage.DecryptError:
            continue
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar:
                file = tar.extractfile(member)
                yield f"{name}: {member.name}", member.name.encode() + b"\n" + (file.read() if file else b"")
        return


def unfolded(raw: bytes) -> Iterator[bytes]:
    """A message as it came, and as its reader sees it: mails break and encode their lines."""
    yield raw
    mail = message_from_bytes(raw, policy=policy.default)
    if mail["Subject"] is not None:
        yield "\n".join(f"{name}: {value}" for name, value in mail.items()).encode()
        for part in mail.walk():
            content = part.get_payload(decode=True)
            yield content if isinstance(content, bytes) else b""


def json_of(key: Mapping[str, str]) -> str:
    """A key file."""
    return json.dumps(dict(key))
