"""The sandbox's keys, and how a new one comes about from a public key that a user pastes."""

from __future__ import annotations

import random
import string
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from tallyglass.sandbox.model import KEY_KINDS, Key

_ALPHABET: Final = string.ascii_letters + string.digits
_DAY: Final = 86400
_LOOPBACK: Final = ["127.0.0.1", "::1"]
ED25519_KIND: Final = "read_only_ed25519"

_RIGHTS: Final = {"can_trade": {"read", "trade"}, "can_withdraw": {"read", "withdraw"}}
#: Withdrawals can only be switched on together with an IP list (developers.binance.com, API key quick start).
_IP_LISTS: Final = {"ip_bound_elsewhere": ["203.0.113.9"], "can_withdraw": _LOOPBACK}


def make_keys(seed: int, now: float) -> dict[str, Key]:
    """One HMAC key of every kind, and one read-only Ed25519 key whose secret is its private half."""
    keys = {kind: _hmac_key(seed, kind, now) for kind in KEY_KINDS}
    keys[ED25519_KIND] = _ed25519_key(seed, now)
    return keys


def adopt(key: Key, public_pem: str) -> None:
    """Make a key "self-generated": what it signs is checked against this public key from now on.

    `ValueError` for what is no Ed25519 or RSA public key.
    """
    public = load_pem_public_key(public_pem.encode())
    if not isinstance(public, Ed25519PublicKey | RSAPublicKey):
        raise ValueError("the public key is neither Ed25519 nor RSA")  # noqa: TRY004  # a wrong value, not a wrong type
    key.memory["public_key"] = public


def _name(rng: random.Random) -> str:
    return "".join(rng.choices(_ALPHABET, k=64))


def _hmac_key(seed: int, kind: str, now: float) -> Key:
    rng = random.Random(f"binance key {seed} {kind}")
    key = Key(
        kind=kind,
        fields={"key": _name(rng), "secret": _name(rng)},
        rights=set(_RIGHTS.get(kind, {"read"})),
        ip_list=list(_IP_LISTS.get(kind, [])),
        dead=kind == "revoked",
        expired=kind == "expired",
        account="other" if kind == "wrong_account" else "main",
        created=float(int(now) - rng.randrange(2, 25) * _DAY),
    )
    if kind == "can_trade":
        # Without an IP list the right to trade lapses after thirty days, and the key's page says when.
        key.memory["trade_until"] = key.created + 30 * _DAY
    return key


def _ed25519_key(seed: int, now: float) -> Key:
    rng = random.Random(f"binance key {seed} {ED25519_KIND}")
    name = _name(rng)
    private = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = Key(
        kind=ED25519_KIND,
        fields={"key": name, "secret": secret},
        rights={"read"},
        created=float(int(now) - rng.randrange(2, 25) * _DAY),
    )
    adopt(key, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    return key
