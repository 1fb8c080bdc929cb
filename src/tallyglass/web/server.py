"""Serves the web app on this machine, and says where."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from tallyglass.app.service import Service
from tallyglass.web.auth.gate import Gate
from tallyglass.web.line import answering
from tallyglass.web.port import listening
from tallyglass.web.site import create_app
from tallyglass.web.where import Where

LOCAL = Where(0)


def serve(service: Service, where: Where, *, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. `ready` gets the one-time link once the port listens; later ones by the line."""
    with listening(where.port, where.listen) as sockets:
        gate = Gate(where.address(sockets[0].getsockname()[1]))
        gate.used = service.visit
        server = Server(service, gate, where)
        server.ready = lambda: ready(link(gate))
        with answering(service.home, lambda: link(gate)):
            server.run(sockets=sockets)


def link(gate: Gate) -> str:
    """A new one-time link."""
    return f"{gate.address.origin}/enter?key={gate.link()}"


class Server(uvicorn.Server):
    """An HTTP server whose pages' streams end when it ends."""

    def __init__(self, service: Service, gate: Gate, where: Where = LOCAL) -> None:
        config = uvicorn.Config(
            create_app(service, gate),
            log_config=None,
            # What a proxy says of whom it speaks for is believed in nothing.
            proxy_headers=False,
            ssl_certfile=where.certificate,
            ssl_keyfile=where.certificate_key,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self._gate = gate
        #: Called once it answers.
        self.ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that it is ready only when it is, so that whoever stops it then stops a server."""
        await super().startup(sockets)
        if self.started:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the gate first: an open stream would keep the server waiting."""
        self._gate.close()
        await super().shutdown(sockets)
