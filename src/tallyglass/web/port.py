"""The port of the dashboard: on this machine only. Standard library alone, so that a command may try it at once."""

from __future__ import annotations

import errno
import os
import socket

from tallyglass.app.problems import Problem

LOOPBACK = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening socket on this machine only; port 0 takes a free one. `Problem` where another program has it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        text = f"Port {port} is taken by another program."
        if error.errno != errno.EADDRINUSE:
            text = f"Port {port} cannot be used: {os.strerror(error.errno or 0)}."
        raise Problem("port_taken", text, "Choose another with --port, or stop that program.") from None
    listener.listen(128)
    return listener
