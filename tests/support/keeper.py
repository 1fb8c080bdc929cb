"""A keeper in its own process, and a tiny exchange on loopback that answers as it is told and remembers all."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support import warm
from support.program import HURRY
from tallyglass.keeper.client import Keeper, Unreachable, socket_path

PASSPHRASE = "a walrus counts seven bells"
READ = ("query-funds", "query-open-trades", "query-closed-trades", "query-ledger")


def kraken_key(name: str = "one") -> dict[str, str]:
    """A made-up key in Kraken's form, the same for one name."""
    public = base64.b64encode(f"public-{name}".ljust(42, ".").encode()).decode()
    secret = base64.b64encode(f"CANARY-secret-{name}-".ljust(64, "#").encode()).decode()
    return {"key": public, "secret": secret}


def binance_key(name: str = "one") -> dict[str, str]:
    """The same in Binance's form."""
    return {"key": f"PUB{name}".ljust(64, "a"), "secret": f"CANARYsecret{name}".ljust(64, "z")}


def kraken_rights(*words: str, account: str = "AA00 N00G MADE UPXX", ips: tuple[str, ...] = ()) -> bytes:
    """What Kraken tells of a key, in the form of its documentation."""
    told = {
        "apiKeyName": "tracker-readonly",
        "apiKey": "shown",
        "nonce": "1",
        "nonceWindow": 0,
        "permissions": list(words),
        "iban": account,
        "validUntil": "0",
        "queryFrom": "0",
        "queryTo": "0",
        "createdTime": "1795200000",
        "modifiedTime": "1795200500",
        "ipAllowlist": list(ips),
        "lastUsed": "0",
    }
    return json.dumps({"error": [], "result": told}).encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode())


@dataclass(slots=True)
class Planned:
    """An answer to give."""

    body: bytes = b'{"error":[],"result":{}}'
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Seconds to wait before it.
    delay: float = 0.0


Plan = Planned | Callable[[Seen], Planned]


class FakeExchange:
    """Answers by path; `seen` holds every request in the order of arrival."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.plans: dict[str, Plan] = {"/0/private/GetApiKeyInfo": Planned(kraken_rights(*READ))}
        handler = type("Handler", (_Handler,), {"exchange": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        return [each.path for each in self.seen]

    def answer(self, seen: Seen) -> Planned:
        self.seen.append(seen)
        plan = self.plans.get(seen.path, Planned())
        return plan(seen) if callable(plan) else plan

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    exchange: FakeExchange
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        planned = self.exchange.answer(Seen(self.command, parts.path, parse_qs(parts.query), headers, body))
        time.sleep(planned.delay)
        try:
            self.send_response_only(planned.status)
            told = {"Content-Type": "application/json", "Content-Length": str(len(planned.body)), **planned.headers}
            if "Date" not in told:
                told["Date"] = self.date_time_string()
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(planned.body)
        except OSError:
            self.close_connection = True  # the keeper has hung up, which some tests want to see

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the parent's
        """Not on the terminal."""


@contextmanager
def fake_exchange() -> Iterator[FakeExchange]:
    exchange = FakeExchange()
    try:
        yield exchange
    finally:
        exchange.close()


class Process:
    """`python -m tallyglass.keeper` on a home."""

    def __init__(
        self,
        home: Path,
        *options: str,
        sandbox: str | None = None,
        hurried: bool = False,
        program: str = "tallyglass.keeper",
    ) -> None:
        """`hurried`: before a sandbox that counts no requests. `program`: the keeper, or one that does it harm."""
        self.home = home
        home.parent.mkdir(parents=True, exist_ok=True)
        self.log = home.parent / f"{home.name}.log"
        environment = {"PATH": os.environ["PATH"], "TALLYGLASS_LOG": "debug", **(HURRY if hurried else {})}
        if sandbox:
            environment["TALLYGLASS_SANDBOX"] = sandbox
        arguments = ["--home", str(home), *options]
        its_input, ours = os.pipe()
        self._input: int | None = ours
        with self.log.open("ab") as log:
            streams = warm.Streams(its_input, log.fileno(), log.fileno())
            self.child = warm.start(program, arguments, environment, streams)
        os.close(its_input)
        self.keeper = Keeper(socket_path(home), timeout=30)

    def wait_ready(self) -> Keeper:
        for _ in range(1000):
            try:
                self.keeper.health()
            except Unreachable:
                assert self.child.poll() is None, self.log.read_text()
                time.sleep(0.02)
            else:
                return self.keeper
        raise AssertionError("the keeper does not answer")

    def stop(self) -> int:
        self.child.terminate()
        return self.child.wait(10)

    def close_input(self) -> None:
        """Once or more often."""
        if self._input is not None:
            os.close(self._input)
        self._input = None

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(10)
        self.close_input()


@contextmanager
def running(home: Path, *options: str, **more: Any) -> Iterator[Process]:
    process = Process(home, *options, **more)
    try:
        process.wait_ready()
        yield process
    finally:
        process.kill()
