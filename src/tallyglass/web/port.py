"""The port of the dashboard. Standard library alone, so that a command may try it at once."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tallyglass.app.problems import Problem

LOOPBACK = "127.0.0.1"
_LOOPBACK_6 = "::1"
#: What binding to `::1` says on a machine that has no IPv6. Then nobody else can bind to it either.
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_TRIES = 20


def listen(port: int, address: str = LOOPBACK) -> socket.socket:
    """A listening socket at a numeric address; port 0 takes a free one. `Problem` where another program has it."""
    try:
        return _bound(port, address)
    except OSError as error:
        text = f"Port {port} is taken by another program."
        if error.errno != errno.EADDRINUSE:
            text = f"Port {port} cannot be used: {os.strerror(error.errno or 0)}."
        raise Problem("port_taken", text, "Choose another with --port, or stop that program.") from None


@contextmanager
def listening(port: int, address: str = "") -> Iterator[list[socket.socket]]:
    """Sockets at an address; without one, on both of this machine's own.

    Browsers try both for `localhost`: on the one that we leave free another user could sit and be us.
    """
    found = [listen(port, address)] if address else _both(port)
    try:
        yield found
    finally:
        for each in found:
            each.close()


def _both(port: int) -> list[socket.socket]:
    for left in reversed(range(1 if port else _TRIES)):
        first = listen(port)
        try:
            return [first, _bound(first.getsockname()[1], _LOOPBACK_6)]
        except OSError as error:
            if error.errno in _NO_IPV6:
                return [first]
            first.close()
            if not left:
                text = f"Another program listens at port {port} of this machine's other address (::1)."
                raise Problem("port_taken", text, "Choose another with --port, or stop that program.") from None
    raise AssertionError


def _bound(port: int, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
