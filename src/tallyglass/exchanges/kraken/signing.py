"""Kraken's signature: HMAC-SHA512 over the path and a hash of nonce and body."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256, sha512
from hmac import digest

from tallyglass.exchanges.manifest import Call, Stamp, Wire
from tallyglass.exchanges.registry import MalformedKey

_KEY = re.compile(r"[A-Za-z0-9+/]{56}", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9+/]{86}==", re.ASCII)
#: Members of the key files that other programs write.
_MEMBERS = {
    "key": ("key", "apiKey", "api_key", "public_key", "publicKey"),
    "secret": ("secret", "privateKey", "private_key", "apiSecret", "api_secret"),
}
_AGAIN = "Create a new key in Settings → API and copy both fields as Kraken shows them."


def credentials(fields: Mapping[str, str]) -> dict[str, str]:
    """`key` and `secret`, tidied. Raises `MalformedKey`."""
    key, secret = (_tidy(next((fields[n] for n in names if n in fields), "")) for names in _MEMBERS.values())
    if not key or not secret:
        missing = "API key" if not key else "private key"
        raise MalformedKey(f"The {missing} is missing.", "Kraken shows two fields, API key and Private key: give both.")
    if _SECRET.fullmatch(key) and _KEY.fullmatch(secret):
        raise MalformedKey("API key and private key are swapped.", "Put the shorter text (56 characters) first.")
    if "PRIVATEKEY" in secret or key.startswith("organizations/"):
        raise MalformedKey("This is a Coinbase key, not one of Kraken.", "Connect it as coinbase.")
    if re.fullmatch(r"[A-Za-z0-9]{64}", key) and re.fullmatch(r"[A-Za-z0-9]{64}", secret):
        raise MalformedKey("This looks like a Binance key, not one of Kraken.", "Connect it as binance.")
    if not _KEY.fullmatch(key):
        raise MalformedKey(
            f"A Kraken API key has 56 characters; this has {len(key)} or some that do not belong.", _AGAIN
        )
    if not _SECRET.fullmatch(secret):
        raise MalformedKey(
            f"A Kraken private key has 88 characters, the last ==; this has {len(secret)} or some that do not belong.",
            f"It may have been cut off when it was copied. {_AGAIN}",
        )
    return {"key": key, "secret": secret}


def sign(call: Call, credentials: Mapping[str, str], stamp: Stamp) -> Wire:
    """The signed request.

    https://docs.kraken.com/api/docs/guides/spot-rest-auth
    """
    nonce = str(stamp.nonce)
    body = f"nonce={nonce}{'&' if call.params else ''}{call.query}".encode()
    message = call.path.encode() + sha256(nonce.encode() + body).digest()
    headers = {
        "API-Key": credentials["key"],
        "API-Sign": b64encode(digest(b64decode(credentials["secret"]), message, sha512)).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return Wire("POST", call.host, call.path, headers, body)


def public_name(credentials: Mapping[str, str]) -> str:
    """The API key, which Kraken shows beside its name; it opens nothing without the private key."""
    return credentials["key"]


def _tidy(pasted: str) -> str:
    # Blanks, line breaks (real or as \n), a BOM, zero-width marks and quotes: none of them belongs to base64.
    return re.sub(r"\\[rn]|[\s\ufeff\u200b\u200e'\"`]", "", pasted)
