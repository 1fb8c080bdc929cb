"""Key pairs that are made here: the private half goes from its maker into the vault, and nobody is ever told it.

A pair waits in the vault, under a name of its own, until the exchange has given it an id and a connection takes it.
Then, or when another is made in its place, it waits no more.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper import answers
from tallyglass.keeper.answers import MADE, MadeKey
from tallyglass.keeper.errors import BadKey, NotAllowed
from tallyglass.keeper.vault import Vault

#: Writes records by id, and their secret fields.
Write = Callable[[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, str]]], None]


def place(exchange: str) -> str:
    """Where in the vault the pair of an exchange waits."""
    return f"@made:{exchange}"


def waiting(vault: Vault, exchange: str) -> MadeKey | None:
    """The public half of the pair that waits for this exchange's id."""
    row = vault.records().get(place(exchange))
    return answers.made_key(row) if row else None


def make(write: Write, manifest: Manifest) -> MadeKey:
    """A new pair, in the vault in place of one that waited. Raises `NotAllowed` where the exchange takes none."""
    if "ed25519" not in manifest.self_generated:
        text = f"{manifest.name} makes its keys itself and takes no public key."
        raise NotAllowed("not_self_generated", text, f"See: tallyglass guide {manifest.id}")
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    secret = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    told = MadeKey(manifest.id, "Ed25519", public, datetime.now(UTC))
    there = place(manifest.id)
    write({there: answers.plain(told)}, {there: {"secret": base64.b64encode(secret).decode()}})
    return told


def completed(vault: Vault, exchange: str, told: Mapping[str, str]) -> Mapping[str, str]:
    """A key as it was handed over, with its secret where that is the pair which waits here. Raises `BadKey`."""
    if MADE not in told:
        return told
    if waiting(vault, exchange) is None:
        text = "No key pair waits for an id of this exchange: none was made here, or it is in use already."
        raise BadKey("no_made_key", text, f"Make one: tallyglass connect {exchange} --make-key")
    return {**{name: value for name, value in told.items() if name != MADE}, **vault.secret(place(exchange))}


def used_up(vault: Vault, exchange: str, secret: Mapping[str, str]) -> str:
    """Where the pair waits whose secret a connection now takes, or nowhere."""
    there = place(exchange)
    waits: Any = vault.secret(there).get("secret")
    return there if waits and hmac.compare_digest(waits.encode(), secret.get("secret", "").encode()) else ""
