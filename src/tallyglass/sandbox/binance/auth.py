"""Who asks, and may he: key header, signature over the raw bytes, clock, address list, rights (rest-api.md)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tallyglass.sandbox.binance.errors import Refusal, illegal, missing, rejected_key
from tallyglass.sandbox.binance.params import Params
from tallyglass.sandbox.model import Incoming, Key

_KEY: Final = re.compile(r"[A-Za-z0-9]{64}", re.ASCII)
_WINDOW: Final = r"^[0-9]{1,6}(\.[0-9]{1,3})?$"
_AHEAD: Final = 1_000_000
_DEFAULT_WINDOW: Final = 5000
_WIDEST_WINDOW: Final = 60000


def named_key(request: Incoming) -> str:
    """The key that a request names in its header, or ''."""
    return request.headers.get("x-mbx-apikey", "").strip()


def find_key(request: Incoming, keys: Mapping[str, Key]) -> Key:
    """The living key of the header. -2014 without a well-formed one, -2008 for one unknown or deleted."""
    name = named_key(request)
    if not _KEY.fullmatch(name):
        raise Refusal(-2014, "API-key format invalid.", 401)
    for key in keys.values():
        if key.fields["key"] == name and not key.dead:
            return key
    raise Refusal(-2008, "Invalid Api-Key ID.")


def known_key(request: Incoming, keys: Mapping[str, Key]) -> str:
    """The header's key if it ever was one here, else '': anything might stand there, a secret too."""
    name = named_key(request)
    return name if any(key.fields["key"] == name for key in keys.values()) else ""


def check_signed(request: Incoming, params: Params, key: Key, now: int) -> None:
    """Signature and clock of a signed request; `now` in microseconds."""
    for name in ("timestamp", "signature"):
        if not params.has(name):
            raise missing(name)
    _check_time(params, now)
    payload, signature = _signed_part(request)
    if not _genuine(key, payload, signature):
        raise Refusal(-1022, "Signature for this request is not valid.")


def check_right(key: Key, right: str, ip: str, now: float) -> None:
    """Whether this key may do this from here: all noes are one and the same -2015."""
    lapsed = right == "trade" and now > key.memory.get("trade_until", now)
    if key.expired or lapsed or right not in key.rights or not _from_here(key.ip_list, ip):
        raise rejected_key()


def _check_time(params: Params, now: int) -> None:
    window_text = params.text("recvWindow", str(_DEFAULT_WINDOW))
    if not re.fullmatch(_WINDOW, window_text, re.ASCII):
        raise illegal("recvWindow", _WINDOW)
    window = Decimal(window_text)
    if window > _WIDEST_WINDOW:
        raise Refusal(-1131, "recvWindow must be less than 60000")
    sent = params.time("timestamp")
    if sent is None:
        raise missing("timestamp")
    if sent >= now + _AHEAD:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now - sent > window * 1000:
        raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def _signed_part(request: Incoming) -> tuple[bytes, str]:
    """What was signed: query, then body, glued without a separator, as sent but for the signature itself."""
    signature = ""
    kept: list[str] = []
    for raw in (request.query, request.body.decode("utf-8", "surrogateescape")):
        pieces = []
        for piece in raw.split("&"):
            if piece.startswith("signature="):
                signature = signature or piece.removeprefix("signature=")
            else:
                pieces.append(piece)
        kept.append("&".join(pieces))
    return "".join(kept).encode("utf-8", "surrogateescape"), signature


def _genuine(key: Key, payload: bytes, signature: str) -> bool:
    if "public_key" not in key.memory:
        expected = hmac.new(key.fields["secret"].encode(), payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode("utf-8", "replace"))
    try:
        raw = base64.b64decode(_unescape(signature), validate=True)
        _verify(key.memory["public_key"], raw, payload)
    except (ValueError, InvalidSignature):
        return False
    return True


def _unescape(signature: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), signature)


def _verify(public: Any, signature: bytes, payload: bytes) -> None:
    if isinstance(public, Ed25519PublicKey):
        public.verify(signature, payload)
    elif isinstance(public, RSAPublicKey):
        public.verify(signature, payload, PKCS1v15(), SHA256())
    else:
        raise InvalidSignature


def _from_here(allowed: list[str], ip: str) -> bool:
    if not allowed:
        return True
    here = ipaddress.ip_address(ip or "0.0.0.0")  # noqa: S104  # an unknown address is on no list
    return any(here in ipaddress.ip_network(entry, strict=False) for entry in allowed)
