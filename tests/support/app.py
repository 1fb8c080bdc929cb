"""The web app of a home, served over real HTTP by a thread of the test's process, before a real keeper process."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

from support.program import HURRY
from support.sandbox import Answer, Sandbox
from tallyglass.app import connections, syncing
from tallyglass.app.home import Home
from tallyglass.app.service import Service
from tallyglass.keeper import sealing
from tallyglass.web import server as web
from tallyglass.web.address import local
from tallyglass.web.auth.gate import Gate
from tallyglass.web.port import listen

PASSPHRASE = "five tall herons by the mill"


class Clock:
    """A clock that a test can turn."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@dataclass(frozen=True, slots=True)
class App:
    """A web app that listens."""

    port: int
    gate: Gate
    service: Service
    clock: Clock
    server: web.Server
    thread: threading.Thread

    @property
    def host(self) -> str:
        """What its own pages send as `Host`."""
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}"

    def link(self) -> str:
        """A one-time link, as the terminal shows it."""
        return web.link(self.gate)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> Answer:
        """One request, without a session and as no browser would send it unless `headers` say so."""
        line = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Host": self.host, **(headers or {})}
        body = None if form is None else urlencode(form)
        kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            line.request(method, path, body, {**kind, **headers})
            answer = line.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            line.close()

    def seal(self, **fields: str) -> str:
        """What a browser makes of a passphrase: sealed to the keeper's key of this moment."""
        key = json.loads(self.ask("GET", "/seal-key").body)
        bound_to = sealing.info("passphrase", key["install_id"], "")
        return sealing.seal(key["public_key"], bound_to, fields)

    def enter(self) -> Visitor:
        """Somebody who has followed the link."""
        path = self.link().removeprefix(self.url)
        answer = self.ask("GET", path)
        assert answer.status == 303, answer
        return Visitor(self, answer.headers["set-cookie"].split(";")[0])


@dataclass(frozen=True, slots=True)
class Visitor:
    """A reader with a session, who behaves like a browser on our own pages."""

    app: App
    cookie: str
    more: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> Answer:
        """One request with the session's cookie."""
        return self.app.ask(method, path, {"Cookie": self.cookie, **self.more, **(headers or {})}, form)

    def page(self, path: str) -> str:
        """The text of a page."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.body.decode()

    def press(self, path: str, **form: str) -> Answer:
        """A button of one of our pages."""
        sent = {"Origin": self.app.url, "Sec-Fetch-Site": "same-origin"}
        return self.ask("POST", path, sent, form)


@contextmanager
def running_app(folder: Path, sandbox: Sandbox | None = None, *exchanges: str) -> Iterator[App]:
    """A new home, unlocked and served, with the read-only keys of `exchanges` connected and synced once."""
    if sandbox is not None:
        sandbox.unlimited()
    with mock.patch.dict(os.environ, HURRY):
        service = Service(Home(folder / "home"), sandbox=sandbox.base_url if sandbox else None)
    try:
        keeper = service.start()
        keeper.create(PASSPHRASE)
        service.unlock(PASSPHRASE)
        if sandbox is not None and exchanges:
            for exchange in exchanges:
                view = connections.connect(keeper, exchange, sandbox.key(exchange))
                assert view["verdict"] == "accepted", view
            faults = [part for part in syncing.sync(service.session()) if part["fault"]]
            assert not faults, faults
        service.look_after()
        with _served(service) as app:
            yield app
    finally:
        service.stop()


@contextmanager
def new_app(folder: Path) -> Iterator[App]:
    """A home that has no vault yet, served: its first reader chooses the passphrase."""
    service = Service(Home(folder / "home"))
    try:
        service.start()
        service.look_after()
        with _served(service) as app:
            yield app
    finally:
        service.stop()


@contextmanager
def _served(service: Service) -> Iterator[App]:
    with listen(0) as listener:
        port: int = listener.getsockname()[1]
        clock = Clock()
        gate = Gate(local(port), clock)
        server = web.Server(service, gate)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web")
        thread.start()
        try:
            wait(lambda: server.started)
            yield App(port, gate, service, clock, server, thread)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the web server does not end"


def wait(true: Callable[[], bool], seconds: float = 60) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
