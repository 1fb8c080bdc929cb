"""A proxy on loopback that does CONNECT and nothing else, and remembers what it saw."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Proxy:
    """Leaves from `leaves_from`. `status`: what it says to CONNECT; `in_between`: ends the TLS itself, as a spy."""

    leaves_from: str = "127.0.0.2"
    status: int = 200
    in_between: ssl.SSLContext | None = None
    url: str = ""
    #: The first line of every request.
    asked: list[str] = field(default_factory=list)
    #: Every byte that callers sent afterwards, as the proxy could read it.
    heard: bytearray = field(default_factory=bytearray)

    def serve(self, line: socket.socket) -> None:
        with closing(line), suppress(OSError):
            line.settimeout(20)
            head = b""
            while b"\r\n\r\n" not in head:
                head += line.recv(4096)
            first = head.split(b"\r\n", 1)[0].decode()
            self.asked.append(first)
            line.sendall(f"HTTP/1.1 {self.status} so\r\n\r\n".encode())
            if self.status != 200:
                return
            if self.in_between is not None:
                with self.in_between.wrap_socket(line, server_side=True) as opened:
                    self.heard += opened.recv(65536)
                return
            host, _, port = first.split()[1].rpartition(":")
            with socket.create_connection((host, int(port)), 20, (self.leaves_from, 0)) as far:
                back = threading.Thread(target=_pump, args=(far, line), daemon=True)
                back.start()
                with suppress(OSError):
                    while data := line.recv(65536):
                        self.heard += data
                        far.sendall(data)
                far.shutdown(socket.SHUT_RDWR)
                back.join(20)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


@contextmanager
def running_proxy(proxy: Proxy | None = None) -> Iterator[Proxy]:
    """A proxy that listens; gone in the end."""
    proxy = proxy or Proxy()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        proxy.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended = threading.Event()

        def accept() -> None:
            while not ended.is_set():
                with suppress(TimeoutError):
                    line, _ = listener.accept()
                    threading.Thread(target=proxy.serve, args=(line,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            ended.set()
            thread.join(20)
