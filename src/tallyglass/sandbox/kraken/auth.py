"""Who is calling, and may they: key, address, signature, nonce (docs.kraken.com, guides: Spot REST authentication).

The order of the checks is not documented; here: key → IP list → signature → nonce → counter → permission.
What Kraken answers to an address outside the key's list is not documented either, and no record of it was
found: `EAPI:Invalid key`, the string for a key that may not be used, is the common reading and is served here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from ipaddress import ip_address, ip_network

from tallyglass.sandbox.kraken.params import Params, Refused
from tallyglass.sandbox.model import Incoming, Key

_NONCE = re.compile(r"[0-9]{1,20}")
_HIGHEST_NONCE = 2**64 - 1


def find(keys: dict[str, Key], request: Incoming) -> Key:
    """The key that the request names, if it may be used at all and from there."""
    named = request.headers.get("api-key", "")
    key = next((each for each in keys.values() if each.fields["key"] == named), None)
    if key is None or key.dead or key.expired or not allowed(key.ip_list, request.ip):
        raise Refused("EAPI:Invalid key")
    return key


def allowed(ip_list: list[str], ip: str) -> bool:
    """Whether an address is on the list; an empty list allows all."""
    try:
        caller = ip_address(ip)
        return not ip_list or any(caller in ip_network(entry, strict=False) for entry in ip_list)
    except ValueError:
        return False


def verify(key: Key, request: Incoming, params: Params) -> None:
    """The signature over path, nonce and body as they came, then the nonce itself."""
    nonce = params.text("nonce")
    signature = sign(key.fields["secret"], request.path, nonce, request.body)
    try:
        sent = base64.b64decode(request.headers.get("api-sign", ""), validate=True)
    except (binascii.Error, ValueError):
        sent = b""
    if not nonce:
        raise Refused("EAPI:Invalid nonce")
    if not hmac.compare_digest(signature, sent):
        raise Refused("EAPI:Invalid signature")
    _take_nonce(key, nonce)


def sign(secret: str, path: str, nonce: str, body: bytes) -> bytes:
    """HMAC-SHA512, under the decoded secret, of path ‖ SHA-256(nonce ‖ body)."""
    message = path.encode() + hashlib.sha256(nonce.encode() + body).digest()
    return hmac.digest(base64.b64decode(secret), message, "sha512")


def _take_nonce(key: Key, text: str) -> None:
    """Strictly rising per key, but for a nonce within the key's window that was not used yet."""
    if not _NONCE.fullmatch(text) or int(text) > _HIGHEST_NONCE:
        raise Refused("EAPI:Invalid nonce")
    nonce, highest = int(text), key.memory.get("nonce", 0)
    window = key.memory.get("nonce_window", 0)
    used: set[int] = key.memory.setdefault("used", set())
    if nonce <= highest and (nonce <= highest - window or nonce in used):
        raise Refused("EAPI:Invalid nonce")
    key.memory["nonce"] = max(nonce, highest)
    if window:
        used.add(nonce)
        used -= {old for old in used if old <= key.memory["nonce"] - window}
