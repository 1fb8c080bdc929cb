"""A running sandbox for a test: its own process, its own port, ordered about through `/_control`."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support import warm

START_SECONDS = {"small": 120, "large": 900}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body; numbers with a point as Decimal."""
        return json.loads(self.body, parse_float=Decimal)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that listens."""

    base_url: str
    state: dict[str, Any]
    state_file: Path
    #: The certificate authority to trust, when it speaks HTTPS.
    ca: Path | None
    process: warm.Forked

    def key(self, exchange: str, kind: str = "read_only") -> dict[str, str]:
        """What a user would paste."""
        fields: dict[str, str] = self.state["exchanges"][exchange]["keys"][kind]
        return fields

    def host(self, exchange: str) -> str:
        """The address that stands for the exchange's main host."""
        hosts: dict[str, str] = self.state["exchanges"][exchange]["hosts"]
        return next(iter(hosts.values()))

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | str | None = None
    ) -> Answer:
        """One raw request; `path` with query, beginning with `/`."""
        where = urlsplit(self.base_url)
        assert where.hostname
        assert where.port
        line = (
            HTTPSConnection(
                where.hostname, where.port, timeout=60, context=ssl.create_default_context(cafile=str(self.ca))
            )
            if self.ca
            else HTTPConnection(where.hostname, where.port, timeout=60)
        )
        try:
            line.request(method, path, body, headers or {})
            answer = line.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            line.close()

    def control(self, method: str, path: str, given: dict[str, Any] | None = None) -> Any:
        """Ask `/_control/…`; an answer other than 200 fails the test."""
        answer = self.request(method, f"/_control/{path}", body=None if given is None else json.dumps(given))
        assert answer.status == 200, f"{method} {path}: {answer.status} {answer.body[:500]!r}"
        return answer.json()

    def requests(self, exchange: str = "") -> list[dict[str, Any]]:
        """Every request so far, oldest first."""
        found: list[dict[str, Any]] = self.control("GET", f"requests?exchange={exchange}")
        return found

    def change_key(self, exchange: str, kind: str = "read_only", **change: Any) -> None:
        """`grant=["trade"]`, `revoke=[…]`, `ip_list=[…]`, `dead=True`, `account="other"`."""
        self.control("POST", f"keys/{exchange}/{kind}", change)

    def fault(self, fault: str, exchange: str = "", path: str = "", **more: float) -> None:
        """`value=` and `times=`; without `times` it stays until `calm`."""
        self.control("POST", "faults", {"fault": fault, "exchange": exchange, "path": path, **more})

    def calm(self) -> None:
        """No more faults."""
        self.control("DELETE", "faults")

    def happen(self, exchange: str, add: str, **more: str) -> dict[str, Any]:
        """Let a trade, deposit, withdrawal, order or reward happen now; gives `act` and the new `entries`."""
        done: dict[str, Any] = self.control("POST", f"account/{exchange}", {"add": add, **more})
        return done

    def unlimited(self) -> None:
        """Nobody counts requests any more: for tests whose keeper hurries (`TALLYGLASS_SANDBOX_PACE`)."""
        for exchange in self.state["exchanges"]:
            self.happen(exchange, "no_limits")
        self.control("POST", "limits", {"off": True})

    def lie(self, source: str, asset: str, **lie: Any) -> None:
        """`factor=`, `price=`, `stale=` days or `coin=`; with `day=` of that day's close alone. Until `honest`."""
        self.control("POST", "prices", {"source": source, "asset": asset, **lie})

    def honest(self) -> None:
        """No source lies any more."""
        self.control("DELETE", "prices")

    def truth(self, exchange: str = "", account: str = "main") -> dict[str, Any]:
        """The account as it really is; without an exchange, all prices and the worth of the main accounts."""
        path = f"truth/{exchange}?account={account}" if exchange else "truth"
        told: dict[str, Any] = self.control("GET", path)
        return told


@contextmanager
def running_sandbox(
    tmp_path: Path, seed: int = 1, scale: str = "small", *, tls: bool = False, markets: int = 0
) -> Iterator[Sandbox]:
    """Start `python -m tallyglass.sandbox`, wait until it listens, stop it in the end."""
    state_file = tmp_path / "sandbox" / "state.json"
    state_file.parent.mkdir(parents=True, exist_ok=True)
    state_file.unlink(missing_ok=True)
    noise = state_file.with_name("stderr.txt")
    arguments = ["--port", "0", "--seed", str(seed), "--scale", scale, "--markets", str(markets)]
    arguments += ["--state", str(state_file), *(["--tls"] if tls else [])]
    with noise.open("wb") as log, Path(os.devnull).open() as nothing:
        streams = warm.Streams(nothing.fileno(), log.fileno(), log.fileno())
        process = warm.start("tallyglass.sandbox", arguments, os.environ, streams)
    try:
        _wait(process, state_file, noise, START_SECONDS[scale])
        state = json.loads(state_file.read_bytes())
        yield Sandbox(state["base_url"], state, state_file, Path(state["ca"]) if tls else None, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait(process: warm.Forked, state_file: Path, noise: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not state_file.exists():
        assert process.poll() is None, f"the sandbox did not start:\n{noise.read_text()}"
        assert time.monotonic() < until, f"the sandbox took too long to start:\n{noise.read_text()}"
        time.sleep(0.05)
