"""What an exchange says, in its own words, while it is closed for maintenance, or to who asks too often.

Kraken: docs.kraken.com, get-system-status, and its error strings. Binance: developers.binance.com, wallet/others/
system-status, and its error codes. Coinbase: docs.cdp.coinbase.com, api-architecture/status-codes (503). CoinGecko:
docs.coingecko.com, errors-and-rate-limits.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tallyglass.sandbox.model import Incoming, Outgoing

_RETRY = "Internal error; unable to process your request. Please try again."


def too_many(exchange: str, request: Incoming) -> bytes:
    """The body that goes with 429 and, at Binance, with 418; nothing where none is known."""
    words: Any = None
    if exchange == "binance":
        words = {"code": -1003, "msg": "Too much request weight used; please use WebSocket Streams for live updates."}
    if exchange == "coinbase" and request.path.startswith("/v2/"):
        words = {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    elif exchange == "coinbase":
        words = {"error": "RESOURCE_EXHAUSTED", "error_details": "too many requests", "message": "too many requests"}
    elif exchange == "coingecko":
        words = {"status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit."}}
    return b"" if words is None else json.dumps(words).encode()


def answer(exchange: str, request: Incoming) -> Outgoing:
    """The answer to any request meanwhile: the status call still says what is so, where there is one."""
    if exchange == "kraken":
        return _kraken(request)
    if exchange == "binance":
        if request.path == "/sapi/v1/system/status":
            return Outgoing.json({"status": 1, "msg": "system_maintenance"})
        return Outgoing.json({"code": -1001, "msg": _RETRY}, 503)
    if exchange == "coinbase":
        return _coinbase(request)
    return Outgoing(503, {"content-type": "text/plain"}, b"Service Unavailable")


def _kraken(request: Incoming) -> Outgoing:
    now = datetime.fromtimestamp(int(request.now), UTC)
    if request.path == "/0/public/SystemStatus":
        told = {"status": "maintenance", "timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        return Outgoing.json({"error": [], "result": told})
    if request.path == "/0/public/Time":
        told_time = {"unixtime": int(request.now), "rfc1123": f"{now:%a, %d %b %y %H:%M:%S +0000}"}
        return Outgoing.json({"error": [], "result": told_time})
    return Outgoing.json({"error": ["EService:Unavailable"]})


def _coinbase(request: Incoming) -> Outgoing:
    if request.path.startswith("/v2/"):
        words = {"id": "internal_server_error", "message": "Service is undergoing maintenance"}
        return Outgoing.json({"errors": [words]}, 503)
    told = {"error": "UNAVAILABLE", "error_details": "Service Unavailable", "message": "Service Unavailable"}
    return Outgoing.json(told, 503)
