"""The demo: fake exchanges, a keeper and a portfolio on made-up accounts, in a folder that is gone afterwards."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallyglass.app import connections
from tallyglass.app.home import Home
from tallyglass.app.key_views import VerdictView
from tallyglass.app.problems import Problem
from tallyglass.app.views import WorthView
from tallyglass.keeper.client import Keeper
from tallyglass.money import amount, text, total
from tallyglass.sandbox import remote

#: How much faster budgets refill than the exchanges let them.
PACE = "1000"
START_SECONDS = {"small": 60.0, "large": 300.0}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox."""

    base_url: str
    state: dict[str, Any]

    def key(self, exchange: str, kind: str = "read_only") -> dict[str, str]:
        """What a user would paste."""
        fields: dict[str, str] = self.state["exchanges"][exchange]["keys"][kind]
        return fields

    @property
    def exchanges(self) -> list[str]:
        """The exchanges that it plays."""
        return list(self.state["exchanges"])


@contextmanager
def demo_home(given: Path | None) -> Iterator[Home]:
    """A home for made-up money: a new folder that is removed at the end, unless one is named."""
    if given is not None:
        yield Home(given / "demo")
        return
    with tempfile.TemporaryDirectory(prefix="tallyglass-demo-") as folder:
        yield Home(Path(folder))


@contextmanager
def running_sandbox(folder: Path, *, seed: int, scale: str = "small") -> Iterator[Sandbox]:
    """Start the fake exchanges in a process of their own, and stop them at the end."""
    state_file = folder / "sandbox.json"
    state_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tallyglass.sandbox", "--port", "0", "--seed", str(seed), "--scale", scale]
    process = subprocess.Popen([*command, "--state", str(state_file)], stdout=subprocess.DEVNULL)  # noqa: S603  (ours)
    try:
        deadline = time.monotonic() + START_SECONDS[scale]
        while not state_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Problem("sandbox_not_started", "The fake exchanges did not start.", "Their words stand above.")
            time.sleep(0.05)
        state = json.loads(state_file.read_bytes())
        sandbox = Sandbox(state["base_url"], state)
        # Nobody who tries it waits for the pace of exchanges that are not there; who wants to says 1.
        if os.environ.setdefault("TALLYGLASS_SANDBOX_PACE", PACE) != "1":
            remote.hurry(sandbox.base_url, sandbox.exchanges)
        yield sandbox
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def make_passphrase() -> str:
    """A passphrase that nobody needs to remember."""
    return secrets.token_urlsafe(24)


def connect_all(keeper: Keeper, sandbox: Sandbox) -> list[VerdictView]:
    """Connect the read-only key of every fake exchange, as a user would."""
    return [connections.connect(keeper, name, sandbox.key(name)) for name in sandbox.exchanges]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What we say beside what is true."""

    asset: str
    ours: str
    true: str

    @property
    def equal(self) -> bool:
        """To the last digit."""
        return self.ours == self.true


def compare(sandbox: Sandbox, found: WorthView) -> list[Comparison]:
    """Net worth and every holding beside the sandbox's own books."""
    books = [remote.truth(sandbox.base_url, name)["balances"] for name in sandbox.exchanges]
    assets = sorted({asset for book in books for asset in book} | {h["asset"] for h in found["holdings"]})
    ours = {holding["asset"]: holding["amount"] for holding in found["holdings"]}
    rows = [
        Comparison(each, ours.get(each, "0"), text(total(amount(book[each]) for book in books if each in book)))
        for each in assets
    ]
    worth = text(amount(str(remote.truth(sandbox.base_url)["worth"])))
    return [Comparison("net worth", found["total"], worth), *rows]
