"""Serves the web app on this machine, and says where."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from tallyglass.app.problems import Problem
from tallyglass.app.service import Service
from tallyglass.web.auth import Gate
from tallyglass.web.pages import create_app

LOOPBACK = "127.0.0.1"


def serve(service: Service, *, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. `ready` gets the one-time link once the port listens."""
    listener = listen(port)
    with listener:
        taken: int = listener.getsockname()[1]
        gate = Gate(taken)
        config = uvicorn.Config(
            create_app(service, gate, port=taken),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        ready(f"http://{LOOPBACK}:{taken}/enter?key={gate.link()}")
        uvicorn.Server(config).run(sockets=[listener])


def listen(port: int) -> socket.socket:
    """A listening socket on this machine only; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        text = f"Port {port} is taken by another program."
        raise Problem("port_taken", text, "Choose another with --port, or stop that program.") from None
    listener.listen(128)
    return listener
