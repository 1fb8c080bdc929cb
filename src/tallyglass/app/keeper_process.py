"""Starts the keeper's process, waits for it, and ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tallyglass.app.home import Home
from tallyglass.app.problems import Problem
from tallyglass.app.secrets import Fetcher
from tallyglass.keeper.client import Keeper, Unreachable

START_SECONDS = 20.0
#: What the keeper may see of our environment: never a secret, only where it is and what it stands before.
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "XDG_RUNTIME_DIR",
    "TMPDIR",
    "CREDENTIALS_DIRECTORY",
    "TALLYGLASS_EGRESS",
    "TALLYGLASS_SANDBOX_PACE",
)


def keeper_of(home: Home) -> Keeper:
    """The keeper of a home, which is brought the keys that are kept elsewhere when it lacks them."""
    keeper = Keeper(home.socket)
    keeper.fetch = Fetcher()
    return keeper


class KeeperProcess:
    """A keeper that we started: it ends when we do, even when we are killed."""

    def __init__(self, home: Home, *, sandbox: str | None = None, log_level: str = "warning") -> None:
        home.make()
        self._home = home
        self._environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        sandbox = sandbox or os.environ.get("TALLYGLASS_SANDBOX")
        if sandbox:
            self._environment["TALLYGLASS_SANDBOX"] = sandbox
        self._environment["TALLYGLASS_LOG"] = log_level
        self._process: subprocess.Popen[bytes] | None = None
        self._words: _Words | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Keeper:
        """Start it, in place of one that has died, and wait until it answers."""
        self.stop()
        # The keeper ends at the end of its standard input: when this process dies, however it dies.
        command = [sys.executable, "-m", "tallyglass.keeper", "--home", str(self._home.path), "--until-eof"]
        self._process = subprocess.Popen(  # noqa: S603  (our own module, no shell)
            command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._words = _Words(self._process)
        keeper = keeper_of(self._home)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                # Another keeper of this home may answer before ours has noticed it and given up.
                if keeper.health().pid == self._process.pid:
                    return keeper
            except Unreachable:
                pass  # not listening yet
            time.sleep(0.02)
        words = self._words
        self.stop()
        said = f"The keeper did not start: {words.last}" if words.last else "The keeper did not start."
        raise Problem("keeper_not_started", said, f"If another program runs on {self._home.path}, end it first.")

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        words, self._words = self._words, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        if words is not None:
            words.join(5)


class _Words(threading.Thread):
    """What a keeper says on standard error: passed on to ours, the last line remembered."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(name="keeper's words", daemon=True)
        assert process.stderr is not None  # noqa: S101  (it was asked for)
        self._lines = process.stderr
        self.last = ""
        self.start()

    def run(self) -> None:
        with self._lines:
            for line in self._lines:
                said = line.decode("utf-8", "replace")
                self.last = said.strip().removeprefix("tallyglass keeper: ") or self.last
                sys.stderr.write(said)


@contextmanager
def running_keeper(home: Home, *, sandbox: str | None = None, log_level: str = "warning") -> Iterator[Keeper]:
    """The keeper of this home: the one that runs already, or one that lives as long as the block."""
    keeper = keeper_of(home)
    try:
        keeper.health()
    except Unreachable:
        process = KeeperProcess(home, sandbox=sandbox, log_level=log_level)
        try:
            yield process.start()
        finally:
            process.stop()
    else:
        yield keeper
