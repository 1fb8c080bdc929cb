"""Serves the web app on this machine, and says where."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from tallyglass.app.service import Service
from tallyglass.web.address import local
from tallyglass.web.auth.gate import Gate
from tallyglass.web.line import answering
from tallyglass.web.port import listen
from tallyglass.web.site import create_app


def serve(service: Service, *, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. `ready` gets the one-time link once the port listens; later ones by the line."""
    with listen(port) as listener:
        taken: int = listener.getsockname()[1]
        gate = Gate(local(taken))
        gate.used = service.visit
        server = Server(service, gate)
        with answering(service.home, lambda: link(gate)):
            ready(link(gate))
            server.run(sockets=[listener])


def link(gate: Gate) -> str:
    """A new one-time link."""
    return f"{gate.address.origin}/enter?key={gate.link()}"


class Server(uvicorn.Server):
    """An HTTP server whose pages' streams end when it ends."""

    def __init__(self, service: Service, gate: Gate) -> None:
        config = uvicorn.Config(
            create_app(service, gate),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self._gate = gate

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the gate first: an open stream would keep the server waiting."""
        self._gate.close()
        await super().shutdown(sockets)
