"""API keys of both kinds, and the check of the JSON Web Token that every private request carries."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tallyglass.sandbox.coinbase.ids import Ids
from tallyglass.sandbox.model import Incoming, Key

#: Seconds by which a caller's clock may differ.
SLACK = 5
#: Longest life of a token in seconds, with the slack.
LONGEST = 120 + 2 * SLACK
#: No time that a token names is later (in the year 5138).
_FAR = 10**11
ISSUERS = ("cdp", "coinbase-cloud")

READ_ONLY_ED25519 = "read_only_ed25519"
_RIGHTS = {
    "read_only": {"read"},
    READ_ONLY_ED25519: {"read"},
    "can_trade": {"read", "trade"},
    # one box, "Transfer", opens both sends and moves between portfolios
    "can_withdraw": {"read", "withdraw", "transfer"},
    "ip_bound_elsewhere": {"read"},
    "expired": {"read"},
    "revoked": {"read"},
    "wrong_account": {"read"},
}

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class Denied(Exception):
    """The request is answered with 401; why, is not said to the caller."""


class Keyring:
    """All keys of the exchange, and who called."""

    def __init__(self, ids: Ids, now: float) -> None:
        self.keys: dict[str, Key] = {}
        self._known: dict[str, tuple[Key, PublicKey]] = {}
        for kind, rights in _RIGHTS.items():
            fields, public = _ed25519(ids, kind) if kind == READ_ONLY_ED25519 else _es256(ids, kind)
            key = Key(kind, fields, set(rights), created=now - 90 * 86400)
            key.ip_list = ["203.0.113.9"] if kind == "ip_bound_elsewhere" else []
            key.expired = kind == "expired"
            key.dead = kind == "revoked"
            key.account = "other" if kind == "wrong_account" else "main"
            self.keys[kind] = key
            self._known[fields["key"]] = key, public

    def caller(self, request: Incoming) -> str:
        """The key id that the token names, if it names one that could be a key id."""
        try:
            kid = _object(_token(request).split(".")[0]).get("kid")
        except Denied:
            return ""
        return kid if isinstance(kid, str) and len(kid) <= 128 and kid.isprintable() else ""

    def check(self, request: Incoming, hosts: tuple[str, ...]) -> Key:
        """The key that signed the request; raises `Denied` for everything that is not in order."""
        token = _token(request)
        parts = token.split(".")
        if len(parts) != 3:
            raise Denied("not a token")
        header, claims = _object(parts[0]), _object(parts[1])
        key, public = self._known.get(str(header.get("kid")), (None, None))
        if key is None or public is None:
            raise Denied("no such key")
        _verify(public, header, ".".join(parts[:2]).encode(), _raw(parts[2]))
        _check_claims(claims, key, request.now)
        _check_target(claims, request, hosts)
        if key.dead or key.expired:
            raise Denied("the key has been deleted")
        if not _allowed(request.ip, key.ip_list):
            raise Denied("address not on the allow-list")
        return key


def _es256(ids: Ids, kind: str) -> tuple[dict[str, str], PublicKey]:
    private = ec.derive_private_key(int.from_bytes(ids.bytes(31, "secret", kind), "big") + 1, ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()
    name = f"organizations/{ids.uuid('organization')}/apiKeys/{ids.uuid('key', kind)}"
    return {"key": name, "secret": pem}, private.public_key()


def _ed25519(ids: Ids, kind: str) -> tuple[dict[str, str], PublicKey]:
    seed = ids.bytes(32, "secret", kind)
    public = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
    secret = base64.b64encode(seed + public.public_bytes_raw()).decode()
    return {"key": ids.uuid("key", kind), "secret": secret}, public


def _token(request: Incoming) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Denied("no token")
    return token.strip()


def _raw(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Denied("not base64url") from error


def _object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_raw(part))
    except (ValueError, RecursionError) as error:
        raise Denied("not JSON") from error
    if not isinstance(value, dict):
        raise Denied("not an object")
    return value


def _verify(public: PublicKey, header: dict[str, Any], signed: bytes, signature: bytes) -> None:
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            if header.get("alg") != "EdDSA":
                raise Denied("wrong algorithm")
            public.verify(signature, signed)
        else:
            # a JWS carries r and s side by side, not in DER
            if header.get("alg") != "ES256" or len(signature) != 64:
                raise Denied("wrong algorithm")
            r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Denied("wrong signature") from error
    if not isinstance(header.get("nonce"), str) or not header["nonce"]:
        raise Denied("no nonce")


def _check_claims(claims: dict[str, Any], key: Key, now: float) -> None:
    if claims.get("sub") != key.fields["key"] or claims.get("iss") not in ISSUERS:
        raise Denied("wrong subject or issuer")
    begin, end = _moment(claims.get("nbf")), _moment(claims.get("exp"))
    if begin > now + SLACK or end < now - SLACK or not 0 < end - begin <= LONGEST:
        raise Denied("not its time")


def _moment(given: object) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given < _FAR:
        raise Denied("no time")
    return given


def _check_target(claims: dict[str, Any], request: Incoming, hosts: tuple[str, ...]) -> None:
    named = claims.get("uris", [claims.get("uri")])
    if not isinstance(named, list):
        raise Denied("no uri")
    # ccxt cuts off `https://` alone: before a sandbox on plain HTTP its tokens keep the scheme.
    right = {
        f"{request.method} {scheme}{host}{request.path}"
        for host in (*request.signed_as, *hosts)
        for scheme in ("", "http://")
    }
    if not right.intersection(each for each in named if isinstance(each, str)):
        raise Denied("signed for another request")


def _allowed(ip: str, allowed: list[str]) -> bool:
    if not allowed:
        return True
    try:
        address = ipaddress.ip_address(ip)
        return any(address in ipaddress.ip_network(each, strict=False) for each in allowed)
    except ValueError:
        return False
