"""What an exchange answers on a path that it no longer has, or that the key may no longer use."""

from __future__ import annotations

from collections.abc import Callable

from tallyglass.sandbox.model import Incoming, Outgoing

KINDS = ("gone", "denied")
NO_PAGE = b"<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center></body></html>"


def answer(exchange: str, request: Incoming, kind: str) -> Outgoing:
    """In the exchange's own words: `gone` as for a path that never was, `denied` as for a box that is not ticked."""
    return _WORDS.get(exchange, _plain)(request, kind == "gone")


def _plain(_: Incoming, gone: bool) -> Outgoing:  # noqa: FBT001  # one word of the table below
    return Outgoing(404 if gone else 403, {"content-type": "text/plain"})


def _kraken(_: Incoming, gone: bool) -> Outgoing:  # noqa: FBT001  # the same
    """Always 200, an array of texts (docs.kraken.com/api, "Errors")."""
    return Outgoing.json({"error": ["EGeneral:Unknown method" if gone else "EGeneral:Permission denied"]})


def _binance(_: Incoming, gone: bool) -> Outgoing:  # noqa: FBT001  # the same
    """A web page for an unknown path; -2015 for a missing permission (rest-api errors.md)."""
    if gone:
        return Outgoing(404, {"content-type": "text/html"}, NO_PAGE)
    return Outgoing.json({"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, 401)


def _coinbase(request: Incoming, gone: bool) -> Outgoing:  # noqa: FBT001  # the same
    """Two families, two envelopes (docs.cdp.coinbase.com, "Error messages")."""
    if request.path.startswith("/v2/"):
        name, words = ("not_found", "Not found") if gone else ("invalid_scope", "Invalid scope")
        return Outgoing.json({"errors": [{"id": name, "message": words}]}, 404 if gone else 403)
    name, words = ("NOT_FOUND", "Not Found") if gone else ("PERMISSION_DENIED", "Missing required scopes")
    return Outgoing.json({"error": name, "error_details": words, "message": words}, 404 if gone else 403)


_WORDS: dict[str, Callable[[Incoming, bool], Outgoing]] = {
    "kraken": _kraken,
    "binance": _binance,
    "coinbase": _coinbase,
}
