"""A listener in the line between the keeper and the sandbox: hands everything on, and keeps a copy."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_OWN = {"transfer-encoding", "connection", "content-length", "date", "server"}


@dataclass(slots=True)
class Heard:
    """One request, and what was answered."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    answer: bytes = b""


@dataclass(slots=True)
class Tap:
    """What has gone through, oldest first; those still under way too."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    #: Called with each request before it is handed on.
    heed: Callable[[Heard], None] = lambda _: None

    def count(self, path: str) -> int:
        return sum(each.target.partition("?")[0].endswith(path) for each in self.heard)


@contextmanager
def tapped(base_url: str) -> Iterator[Tap]:
    """A tap before the sandbox at that address."""
    tap = Tap()
    handler = type("Handler", (_Handler,), {"tap": tap, "beyond": urlsplit(base_url).netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    tap.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield tap
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    tap: Tap
    beyond: str
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._hand_on()

    def do_POST(self) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        heard = Heard(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.tap.heard.append(heard)
        self.tap.heed(heard)
        wire = http.client.HTTPConnection(self.beyond, timeout=60)
        try:
            wire.request(self.command, self.path, body or None, dict(self.headers.items()))
            answer = wire.getresponse()
            announced = answer.getheader("Content-Length")
            try:
                heard.answer = answer.read()
            except http.client.IncompleteRead as cut:
                heard.answer, self.close_connection = cut.partial, True
            self._answer(answer, heard.answer, announced)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # what breaks behind us breaks before us
        finally:
            wire.close()

    def _answer(self, answer: http.client.HTTPResponse, body: bytes, announced: str | None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OWN - {"date"}:
                self.send_header(name, value)
        self.send_header("Content-Length", announced or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the parent's
        """Not on the terminal."""
