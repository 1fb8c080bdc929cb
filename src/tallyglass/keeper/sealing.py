"""Sealing: what is secret travels to the keeper as HPKE (RFC 9180), so that nobody on the way can read it.

Suite: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. A sealed text is the standard base64 of
`enc` (32 bytes) followed by the ciphertext with its tag. The plaintext is a JSON object of texts in UTF-8:
`{"key": "…", "secret": "…"}`, the members being the fields that the exchange asks for or those of its key file. `info`
is the UTF-8 of four lines joined by one line feed, without one at the end:

    tallyglass seal 1
    key                 (the purpose: `key` or `passphrase`)
    <install id>
    <exchange id>       (empty for a passphrase)

The associated data is empty. The keeper opens each sealed text once, and takes a new key at each start and each lock:
whoever overhears a sealed text can do nothing with it. So seal anew for every call. In a browser (`@hpke/core`): a
sender context made with `recipientPublicKey` and `info`, one `seal(plaintext)`, then base64 of `sender.enc` and the
result, one after the other.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
#: The longest sealed text that is opened: a key file is far shorter.
LONGEST = 32 * 1024
_ENC = 32


class NotSealed(ValueError):
    """The text was not sealed to this keeper, or not for this purpose, or was opened before."""


def info(purpose: str, install_id: str, exchange: str) -> bytes:
    """What a sealed text is bound to."""
    return f"tallyglass seal 1\n{purpose}\n{install_id}\n{exchange}".encode()


def seal(public_key: str, bound_to: bytes, fields: Mapping[str, str]) -> str:
    """The fields, readable only by the holder of the key that belongs to `public_key` (base64)."""
    key = X25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    plain = json.dumps(dict(fields), ensure_ascii=False).encode()
    return base64.b64encode(SUITE.encrypt(plain, key, info=bound_to)).decode()


class Opener:
    """The keeper's half. The private key lives in memory alone."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Take a new key: what was sealed before can no longer be opened, so it cannot be replayed."""
        self._private = X25519PrivateKey.generate()
        #: The `enc` of every text that this key has opened; each is made at random for one text.
        self._opened = set[bytes]()

    @property
    def public_key(self) -> str:
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def open(self, bound_to: bytes, sealed: str) -> dict[str, str]:
        """The fields, once. Raises `NotSealed`, with nothing of what was inside."""
        if len(sealed) > LONGEST:
            raise NotSealed("the sealed text is too long")
        try:
            raw = base64.b64decode(sealed, validate=True)
            plain = SUITE.decrypt(raw, self._private, info=bound_to)
        except (InvalidTag, binascii.Error, ValueError):
            raise NotSealed("the text was not sealed to this keeper for this purpose") from None
        if raw[:_ENC] in self._opened:
            raise NotSealed("the text was opened before, and each is opened once")
        self._opened.add(raw[:_ENC])
        return _fields(plain)


def _fields(plain: bytes) -> dict[str, str]:
    try:
        fields: dict[str, str] = json.loads(plain)
        "".join([*fields, *fields.values()]).encode()  # texts all, and no half characters among them
    except (ValueError, TypeError, AttributeError):
        raise NotSealed("what was sealed is no JSON object of texts") from None
    return fields
