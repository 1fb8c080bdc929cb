"""Starts programs by a fork of a process that has loaded what they are made of: most of a start is loading that.

What runs is a process of its own as ever, with its own environment, streams and exit code, and it runs the program from
its first line: the commands, and what reads the environment, are loaded anew. Its command line alone is not there to be
seen: tests that look at a process from outside, and some that do all that a user does, start it in the ordinary way.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple, NoReturn

#: What commands load when they need it, and we did not write.
LIBRARIES = (
    *("alembic.command", "alembic.config", "ctypes", "cryptography.hazmat.backends.openssl.backend", "getpass"),
    *("pydantic", "rich.console", "rich.table", "runpy", "typer", "typer._adapters", "typer.main"),
)
#: What we wrote beneath the programs' faces: plain definitions, the same in whichever process they are loaded.
OURS = ("app", "exchanges", "hygiene", "keeper", "ledger", "portfolio", "prices", "sandbox", "store", "sync")
#: Where the clients that others wrote run, in a Python of their own, and what loading them takes.
PEERS = Path(__file__).parents[1] / "peers"
_THEIR_PYTHON = Path(__file__).parents[2] / ".venv-peers/bin/python"
THEIRS = (
    *("binance.client", "binance_sdk_spot.spot", "binance_sdk_wallet.wallet", "ccxt", "coinbase.rest", "kraken.spot"),
    "krakenex",
)
RUN_SECONDS = 120


class Forked:
    """A program that was started here, handled as `subprocess.Popen` is."""

    def __init__(self, status: int) -> None:
        self._status = os.fdopen(status, "rb", buffering=0)
        self.pid = int(self._line())
        self.returncode: int | None = None

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            part = self._status.read(1)
            assert part, "nobody tells what became of the program"
            line += part
        return line

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = int(self._line())
            self._status.close()
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Streams(NamedTuple):
    """Descriptors: what the program reads and where it writes."""

    stdin: int
    stdout: int
    stderr: int


def start(
    module: str, arguments: Sequence[str], env: Mapping[str, str], streams: Streams, cwd: Path | None = None
) -> Forked:
    """`python -m module`, or a file of its own, in that folder or the one in which we are."""
    line, turn = _server(os.getpid(), peers=Path(module).parent == PEERS)
    told, status = os.pipe()
    order = {"module": module, "arguments": list(arguments), "env": dict(env), "cwd": str(cwd or Path.cwd())}
    with turn:
        socket.send_fds(line, [json.dumps(order).encode()], [*streams, status])
    os.close(status)
    return Forked(told)


def run(
    module: str, arguments: Sequence[str], env: Mapping[str, str], stdin: str = "", cwd: Path | None = None
) -> tuple[int, str, str]:
    """One command from its start to its end: exit code, standard output, standard error."""
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        streams = Streams(given.fileno(), out.fileno(), err.fileno())
        process = start(module, arguments, env, streams, cwd)
        try:
            code = process.wait(RUN_SECONDS)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


@cache
def _server(_pid: int, *, peers: bool) -> tuple[socket.socket, threading.Lock]:
    """One for each test process. It ends when that does: its standard input is the line to it."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    command = [str(_THEIR_PYTHON), "-I", __file__, *THEIRS] if peers else [sys.executable, "-I", __file__]
    process = subprocess.Popen(command, stdin=its.fileno(), env=environment)
    its.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours, threading.Lock()


# -- the other side


def _ours() -> Iterator[str]:
    """Every module beneath the faces but those that are programs themselves."""
    top = importlib.import_module("tallyglass")
    for each in pkgutil.walk_packages(top.__path__, "tallyglass."):
        _, folder, *rest = each.name.split(".")
        if folder in OURS and not {"__main__", "migrations", "tests"} & set(rest):
            yield each.name


def _serve() -> None:
    for each in sys.argv[1:] or (*LIBRARIES, *_ours()):
        importlib.import_module(each)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    line = socket.socket(fileno=os.dup(0))
    while True:
        told, descriptors, _, _ = socket.recv_fds(line, 1 << 20, 4)
        if not told:
            return
        if os.fork() == 0:
            _attend(json.loads(told), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(order: dict[str, object], stdin: int, stdout: int, stderr: int, status: int) -> NoReturn:
    """Between the two: tells the program's number and, in the end, how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        for number, descriptor in enumerate((stdin, stdout, stderr)):
            os.dup2(descriptor, number)
        os.closerange(3, 256)
        _become(**order)  # type: ignore[arg-type]
    os.write(status, b"%d\n" % pid)
    os.dup2(status, 3)
    os.closerange(0, 3)
    os.closerange(4, 256)
    _, ended = os.waitpid(pid, 0)
    os.write(3, b"%d\n" % os.waitstatus_to_exitcode(ended))
    os._exit(0)


def _become(module: str, arguments: list[str], env: dict[str, str], cwd: str) -> NoReturn:
    import runpy

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [module, *arguments]
    try:
        if module.endswith(".py"):
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(module, run_name="__main__")
    except SystemExit as ended:
        _end(ended.code)
        raise
    _end(None)
    sys.exit()


def _end(code: str | int | None) -> None:
    """All that a Python does at its end but to take apart, one by one, what the fork has from its parent."""
    if isinstance(code, str) or threading.active_count() > 1:
        return
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):  # what cannot be told any more has its own exit code
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


if __name__ == "__main__":
    _serve()
