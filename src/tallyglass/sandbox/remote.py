"""Asks a running sandbox, on this machine, how things really are, and tells it to count no requests."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit


def truth(base_url: str, exchange: str = "") -> dict[str, Any]:
    """`/_control/truth`: prices and worth; or, of one exchange, balances, open orders and entries."""
    return _ask(base_url, "GET", f"truth/{exchange}".rstrip("/"))


def hurry(base_url: str, exchanges: Iterable[str]) -> None:
    """From now on these exchanges and all sources of prices count no requests."""
    for each in exchanges:
        _ask(base_url, "POST", f"account/{each}", {"add": "no_limits"})
    _ask(base_url, "POST", "limits", {"off": True})


def _ask(base_url: str, method: str, path: str, given: Mapping[str, object] | None = None) -> dict[str, Any]:
    where = urlsplit(base_url)
    if where.hostname not in ("127.0.0.1", "localhost", "::1") or where.port is None:
        raise ValueError("a sandbox runs on this machine")
    line = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    try:
        line.request(method, f"/_control/{path}", json.dumps(given) if given else None)
        answer = line.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ConnectionError(f"the sandbox answered {answer.status}")
        told: dict[str, Any] = json.loads(body)
    finally:
        line.close()
    return told
