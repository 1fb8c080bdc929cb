"""The line from one `tallyglass up` to another of the same home: who comes second gets a new link from the first."""

from __future__ import annotations

import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tallyglass.app.home import Home
from tallyglass.keeper.client import peer_uid

log = logging.getLogger(__name__)

WAIT_SECONDS = 5.0
_ASKED = b"link\n"
_LONGEST = 1024


def line_path(home: Home) -> Path:
    """Where the program that serves a home listens: beside the keeper of that home."""
    keeper = home.socket
    return keeper.with_name("app.sock") if keeper.name == "keeper.sock" else keeper.with_suffix(".app")


def ask_for_link(home: Home) -> str | None:
    """A new one-time link from the program that serves this home; None when there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WAIT_SECONDS)
            line.connect(os.fspath(line_path(home)))
            if peer_uid(line) != os.getuid():
                return None
            line.sendall(_ASKED)
            with line.makefile("rb") as answer:
                return answer.readline(_LONGEST).decode("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


@contextmanager
def answering(home: Home, link: Callable[[], str]) -> Iterator[None]:
    """Give a new link to each of our own user's processes that asks, for as long as the block lasts.

    The keeper's lock has seen to it that nobody else serves this home: what lies there is left over.
    """
    path = line_path(home)
    path.unlink(missing_ok=True)
    with _Line(path, link) as server:
        path.chmod(0o600)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="line", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            path.unlink(missing_ok=True)


class _Call(socketserver.StreamRequestHandler):
    """One question, one answer."""

    timeout = WAIT_SECONDS

    def handle(self) -> None:
        if isinstance(self.server, _Line) and self.rfile.readline(len(_ASKED)) == _ASKED:
            self.wfile.write(self.server.link().encode("ascii") + b"\n")


class _Line(socketserver.UnixStreamServer):
    def __init__(self, path: Path, link: Callable[[], str]) -> None:
        super().__init__(os.fspath(path), _Call)
        self.link = link

    def verify_request(self, request: object, client_address: object) -> bool:
        """Only the user whose home it is may enter."""
        del client_address
        return isinstance(request, socket.socket) and peer_uid(request) == os.getuid()

    def handle_error(self, request: object, client_address: object) -> None:
        """Somebody who hangs up in the middle is no fault of ours."""
        del request, client_address
        log.debug("a call for a link broke off")
