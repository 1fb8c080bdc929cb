"""Coinbase: what a key looks like, and the short-lived JWT that each request carries. Pure."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tallyglass.exchanges.manifest import Call, Stamp, Wire
from tallyglass.exchanges.registry import MalformedKey

_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_KEY = re.compile(f"(?:organizations/{_UUID}/apiKeys/)?{_UUID}")
_PEM = re.compile(r"-----BEGIN (EC )?PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END (?:EC )?PRIVATE KEY-----")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_SPACE = "\ufeff\u200b \t\r\n"
_LIVES = 120
_NEW = "Create a key at portal.cdp.coinbase.com → API Keys → Secret API Keys and hand over its downloaded file."
_WHOLE = "Copy it again, or hand over the downloaded key file as it is."

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey


def credentials(fields: Mapping[str, str]) -> dict[str, str]:
    """`key` and `secret`, tidied and checked, from those fields or from the members of a downloaded key file:
    `name` (ECDSA) or `id` (Ed25519) with `privateKey`. The file's whole text in one field will do too.

    Raises `MalformedKey`.
    """
    handed = _members(fields)
    key = _first(handed, "key", "name", "id")
    secret = _first(handed, "secret", "privateKey")
    if not key or not secret:
        missing = "API key ID" if not key else "private key"
        raise MalformedKey(f"The {missing} is missing.", f"Hand over both the API key ID and the private key. {_NEW}")
    if _KEY.fullmatch(secret) and not _KEY.fullmatch(key):
        raise MalformedKey("Key and secret are swapped.", "Put the API key ID into the first field.")
    if not _KEY.fullmatch(key):
        _refuse_other_product(key, handed)
        raise MalformedKey(
            "The API key ID is neither a UUID nor of the form organizations/…/apiKeys/….",
            f"Copy the whole ID, not the nickname. {_NEW}",
        )
    return {"key": key, "secret": _canonical(secret)}


def public_name(credentials: Mapping[str, str]) -> str:
    """The API key ID, as the portal lists it."""
    return credentials["key"]


def sign(call: Call, credentials: Mapping[str, str], stamp: Stamp) -> Wire:
    """The request with its token: bound to method, host and path, valid for two minutes.

    docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication. The query is no part
    of what is signed. EdDSA is deterministic, ES256 is not.
    """
    private, key = _private(credentials["secret"]), credentials["key"]
    now = stamp.time_ms // 1000
    algorithm = "EdDSA" if isinstance(private, Ed25519PrivateKey) else "ES256"
    header = {"alg": algorithm, "kid": key, "nonce": stamp.random.hex(), "typ": "JWT"}
    claims = {
        "sub": key,
        "iss": "cdp",
        "nbf": now,
        "exp": now + _LIVES,
        "uri": f"{call.method} {call.host}{call.path}",
    }
    message = f"{_part(header)}.{_part(claims)}"
    token = f"{message}.{_base64url(_signature(private, message.encode()))}"
    target = f"{call.path}?{call.query}" if call.params else call.path
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return Wire(call.method, call.host, target, headers)


def _signature(private: PrivateKey, message: bytes) -> bytes:
    if isinstance(private, Ed25519PrivateKey):
        return private.sign(message)
    r, s = decode_dss_signature(private.sign(message, ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _members(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields, and the members of any field that is the text of a whole key file."""
    for value in fields.values():
        if value.lstrip(_SPACE).startswith("{"):
            inner = _object(value.strip(_SPACE))
            if inner is None:
                raise MalformedKey("The key file is cut or not JSON.", "Hand over the whole file.")
            return {name: _tidy(text) for name, text in inner.items() if isinstance(text, str)}
    return {name: _tidy(value) for name, value in fields.items()}


def _object(text: str) -> dict[str, Any] | None:
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):  # left behind here: the error holds the whole text
        return None
    return inner if isinstance(inner, dict) else None


def _tidy(text: str) -> str:
    text = text.replace("\\r", "").replace("\\n", "\n")  # a PEM out of JSON or an .env file
    return text.strip(_SPACE).rstrip(",").strip("\"'`" + _SPACE)


def _first(members: Mapping[str, str], *names: str) -> str:
    return next((members[name] for name in names if members.get(name)), "")


def _refuse_other_product(key: str, handed: Mapping[str, str]) -> None:
    for shape, other in (("[A-Za-z0-9]{64}", "Binance"), ("[A-Za-z0-9+/]{56}", "Kraken")):
        if re.fullmatch(shape, key):
            raise MalformedKey(
                f"This looks like a {other} key, not one of Coinbase.", f"Connect it as {other.lower()}."
            )
    if handed.get("passphrase") or re.fullmatch("[0-9a-f]{32}", key):
        raise MalformedKey("This is a key of Coinbase Exchange or Prime, not of Coinbase.", _NEW)
    if re.fullmatch("[A-Za-z0-9]{16}", key):
        raise MalformedKey("This is a key of the old kind, which Coinbase switched off in February 2025.", _NEW)
    if re.fullmatch("[A-Za-z0-9]{32}", key):
        raise MalformedKey("This is a Client API Key, which cannot read accounts.", _NEW)


def _canonical(secret: str) -> str:
    """The private key in the one form that `sign` takes, proven to be a key of a kind that Coinbase uses."""
    pem = _PEM.fullmatch(secret)
    if pem:
        label, body = f"{pem[1] or ''}PRIVATE KEY", "".join(pem[2].split())
        lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        secret = f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"
    else:
        secret = "".join(secret.split())
        if not _BASE64.fullmatch(secret):
            raise MalformedKey("The private key is cut or is no private key.", _WHOLE)
        if secret.startswith("MIG"):
            raise MalformedKey(
                "This looks like a Wallet Secret, which can move coins. It is not what is asked for here.",
                f"Give it to no one. {_NEW}",
            )
        secret = secret.rstrip("=") + "=" * (-len(secret.rstrip("=")) % 4)
    if not _usable(secret):
        raise MalformedKey("The private key is cut, mistyped, or of another kind.", _WHOLE)
    return secret


def _usable(secret: str) -> bool:
    try:
        _private(secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _private(secret: str) -> PrivateKey:
    """The key of a canonical text. Raises `ValueError` for what is no P-256 or Ed25519 key."""
    if secret.startswith("-----"):
        private = load_pem_private_key(secret.encode(), None)
        if isinstance(private, Ed25519PrivateKey):
            return private
        if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
            return private
        raise ValueError("neither P-256 nor Ed25519")
    try:
        raw = b64decode(secret, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    seed, public = raw[:32], raw[32:]
    ed25519 = Ed25519PrivateKey.from_private_bytes(seed)
    if public and public != ed25519.public_key().public_bytes_raw():
        raise ValueError("the two halves do not belong together")
    return ed25519
