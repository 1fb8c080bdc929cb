"""Receivers on loopback: a webhook and a mail server that keep what they are sent."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Box:
    """What has come in; `status` is what a webhook answers."""

    port: int = 0
    status: int = 200
    #: Each as title, text.
    got: list[tuple[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    #: Of a webhook: the line and the headers of each request.
    heads: list[bytes] = field(default_factory=list)
    #: A webhook takes a message, and answers only when it is let go.
    going: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.going.set()

    @property
    def webhook(self) -> str:
        """Its address, with a made-up secret in it."""
        return f"json://tracker:CANARY-webhook-password@127.0.0.1:{self.port}/CANARY-webhook-path"

    @property
    def mail(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?mode=insecure&from=house@example.org&to=me@example.org"


@contextmanager
def webhook() -> Iterator[Box]:
    """A web server that takes Apprise's JSON."""
    box = Box()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.heads.append(f"{self.requestline}\n{self.headers}".encode())
            box.raw.append(body)
            box.going.wait(60)
            if box.status < 0:  # no HTTP at all
                self.wfile.write(b"\x00 what is this\r\n")
                return
            if box.status == 200:
                told: dict[str, Any] = json.loads(body)
                box.got.append((told["title"], told["message"]))
            with suppress(OSError):  # whoever asked may be gone
                self.send_response(box.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), box):
        yield box


@contextmanager
def mailbox() -> Iterator[Box]:
    """A mail server that takes everything (RFC 5321, the least of it)."""
    box = Box()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 box\r\n")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    self._take(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 box\r\n")
                if word == b"QUIT":
                    return

        def _take(self, raw: bytes) -> None:
            box.raw.append(raw)
            mail = message_from_bytes(raw, policy=policy.default)
            part = mail.get_body(("plain", "html"))
            box.got.append((str(mail["Subject"]), "" if part is None else str(part.get_content())))

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), box):
        yield box


@contextmanager
def _serving(server: socketserver.BaseServer, box: Box) -> Iterator[None]:
    box.port = server.server_address[1]  # type: ignore[assignment,index]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
