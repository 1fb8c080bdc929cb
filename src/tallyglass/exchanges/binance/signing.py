"""Binance's signature: HMAC-SHA256 with a secret, or Ed25519 with a private key, over the query string.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tallyglass.exchanges.manifest import Call, Stamp, Wire
from tallyglass.exchanges.registry import MalformedKey

_PLAIN: Final = re.compile(r"[A-Za-z0-9]{64}", re.ASCII)
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_ED25519: Final = bytes.fromhex("06032b6570")  # the algorithm's object identifier, as it stands in PKCS#8
_INVISIBLE: Final = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))
_NAMES: Final = {
    "key": ("key", "apikey", "accesskey"),
    "secret": ("secret", "secretkey", "apisecret", "apisecretkey", "privatekey"),
}
_FOREIGN: Final = (
    (re.compile(r"organizations/[^/]+/apiKeys/.+"), "Coinbase"),
    (re.compile(r"[A-Za-z0-9+/]{56}"), "Kraken"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "OKX or Coinbase"),
    (re.compile(r"[0-9a-f]{24}"), "KuCoin"),
    (re.compile(r"[A-Za-z0-9]{18}"), "Bybit"),
)
_AGAIN: Final = "Copy it again from Account → API Management at Binance, as a whole."
_PAIR: Final = "Paste the PKCS#8 private key: the file that begins with BEGIN PRIVATE KEY (made with Ed25519)."


def credentials(fields: Mapping[str, str]) -> dict[str, str]:
    """`key` (64 characters) and `secret` (64 characters, or the Ed25519 key as one line of base64).

    Raises `MalformedKey`.
    """
    given = {re.sub(r"[^a-z]", "", name.lower()): value for name, value in fields.items()}
    key, secret = (next((_tidy(given[n]) for n in _NAMES[part] if given.get(n)), "") for part in ("key", "secret"))
    if not key or not secret:
        raise MalformedKey(f"The {'secret' if key else 'API key'} is missing.", f"Hand over both. {_AGAIN}")
    if "-----" in key or (_PLAIN.fullmatch(secret) and not _private(secret) and _private(_bare(key))):
        raise MalformedKey("The API key and the secret are swapped.", "Paste each into the other's place.")
    _check_key(key)
    if key == secret:
        raise MalformedKey("The API key and the secret are the same text.", f"The secret is another one. {_AGAIN}")
    return {"key": key, "secret": _secret(secret)}


def sign(call: Call, credentials: Mapping[str, str], stamp: Stamp) -> Wire:
    """All params go in the query string, for POST too; the signature stands last."""
    payload = "&".join(filter(None, (call.query, f"timestamp={stamp.time_ms}")))
    signed = quote(signature(credentials["secret"], payload), safe="")
    target = f"{call.path}?{payload}&signature={signed}"
    return Wire(call.method, call.host, target, {"X-MBX-APIKEY": credentials["key"]})


def signature(secret: str, payload: str) -> str:
    """Hex for an HMAC secret, base64 for an Ed25519 key (not percent-encoded)."""
    private = _private(secret)
    if private is None:
        return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(private.sign(payload.encode())).decode()


def public_name(credentials: Mapping[str, str]) -> str:
    """The API key: Binance shows it beside the key's label."""
    return credentials["key"]


def _tidy(text: str) -> str:
    text = text.translate(_INVISIBLE).replace("\\r", "").replace("\\n", "\n").strip()
    text = text.strip("\"'`“”‘’").strip()
    return text if "-----" in text else "".join(text.split())


def _check_key(key: str) -> None:
    if _PLAIN.fullmatch(key):
        return
    for shape, product in _FOREIGN:
        if shape.fullmatch(key):
            raise MalformedKey(f"This looks like a key of {product}, not of Binance.", "Connect it there.")
    raise MalformedKey(f"An API key of Binance has 64 letters and digits; this has {len(key)} characters.", _AGAIN)


def _secret(secret: str) -> str:
    block = _PEM.search(secret)
    kind = block.group(1) if block else ""
    if kind == "ENCRYPTED PRIVATE KEY" or "ENCRYPTED" in secret[:200]:
        raise MalformedKey("This private key is locked with a passphrase of its own.", "Unlock it first. " + _PAIR)
    if kind == "PUBLIC KEY" or secret.startswith("MCowBQYDK2Vw"):
        raise MalformedKey("This is the public half of the key pair.", _PAIR)
    if kind == "EC PRIVATE KEY":
        raise MalformedKey("This looks like a key of Coinbase, not of Binance.", "Connect it there.")
    bare = _bare(secret)
    if _private(bare):
        return bare
    if _PLAIN.fullmatch(bare) and not block:
        return bare
    if "-----" in secret or len(bare) > 300:
        raise MalformedKey("This is no whole Ed25519 private key (RSA keys are not taken).", _PAIR)
    raise MalformedKey(f"A secret of Binance has 64 letters and digits; this has {len(bare)} characters.", _AGAIN)


def _bare(text: str) -> str:
    block = _PEM.search(text)
    return "".join((block.group(2) if block else text).split())


def _private(text: str) -> Ed25519PrivateKey | None:
    try:
        der = base64.b64decode(text, validate=True)
        key = load_der_private_key(der, None) if _ED25519 in der[:20] else None
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None
