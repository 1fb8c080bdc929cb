"""The vault: what is secret, encrypted at rest. A small SQLite database, held in memory and written whole.

The file is the serialized database, then its HMAC-SHA256 under a key of the vault, then the SHA-256 of both. The
digest tells damage from a wrong passphrase; the HMAC tells an alteration. Three layers of keys: passphrase → (Argon2id)
key-encryption key → root key → (HKDF) wrap key → one data key per secret. AES-256-GCM throughout, with a random
96-bit nonce before each ciphertext, and associated data that names what is inside, so that nothing can be moved.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tallyglass.keeper import files
from tallyglass.keeper.errors import VaultAltered, WrongPassphrase

SCHEMA = 1
TENANT = "local"
_TABLES = (
    "CREATE TABLE header (install TEXT, schema INT, memory INT, passes INT, lanes INT, salt BLOB, root BLOB)",
    "CREATE TABLE record (id TEXT PRIMARY KEY, place INTEGER, sealed BLOB)",
    "CREATE TABLE secret (id TEXT, field TEXT, key_id TEXT, wrapped BLOB, sealed BLOB, PRIMARY KEY (id, field))",
)
_LARGEST = 64 * 1024 * 1024
_TAIL = 64

#: What a key is for; each is derived from the root key and none tells another.
Use = Literal["wrap", "record", "vault-mac", "journal", "fingerprint", "store"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What Argon2id costs. Bounded, so that an edited file can neither weaken nor exhaust."""

    #: KiB.
    memory: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def check(self) -> None:
        """Raise `VaultAltered` for a cost that this program would never have written."""
        if not (64 * 1024 <= self.memory <= 1024 * 1024 and 3 <= self.passes <= 16 and 1 <= self.lanes <= 16):
            raise _altered("the vault's key derivation parameters are out of bounds")


@dataclass(frozen=True, slots=True)
class Header:
    """What can be read before the vault is open."""

    install: str
    cost: Cost
    salt: bytes
    #: The root key under the key-encryption key.
    root: bytes


@dataclass(frozen=True, slots=True)
class _Contents:
    header: Header
    #: Record id → ciphertext, in the order they were made.
    records: Mapping[str, bytes] = field(default_factory=dict)
    #: (record id, field) → key id, wrapped data key, ciphertext.
    secrets: Mapping[tuple[str, str], tuple[str, bytes, bytes]] = field(default_factory=dict)


class Vault:
    """An open vault. Every change is on disk when the call returns; when it raises, nothing has changed."""

    def __init__(self, path: Path, root: bytes, contents: _Contents) -> None:
        self._path = path
        self._root = root
        self._contents = contents

    @classmethod
    def create(cls, path: Path, passphrase: str, install: str, cost: Cost | None = None) -> Vault:
        """A new vault, on disk. Raises `FileExistsError`."""
        if path.exists():
            raise FileExistsError(path)
        root = AESGCM.generate_key(256)
        vault = cls(path, root, _Contents(_header(install, cost or Cost(), passphrase, root)))
        vault._write(vault._contents)
        return vault

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Vault:
        """Raises `WrongPassphrase`, or `VaultAltered` when a single byte is not as it was written."""
        raw = _undamaged(path)
        contents = _load(raw[:-_TAIL])
        vault = cls(path, _unwrap_root(contents.header, passphrase), contents)
        if not hmac.compare_digest(vault._mac(raw[:-_TAIL]), raw[-_TAIL:-32]):
            raise _altered("the vault was altered by something other than the keeper")
        for each in contents.records:
            vault.record(each)
        return vault

    @property
    def install(self) -> str:
        return self._contents.header.install

    def key(self, use: Use) -> bytes:
        """The 32 bytes for one use."""
        return _expand(self._root, f"tallyglass vault 1 {use}".encode(), 32)

    def records(self) -> dict[str, dict[str, Any]]:
        """Every record by id, in the order they were made."""
        return {each: self.record(each) for each in self._contents.records}

    def record(self, record: str) -> dict[str, Any]:
        """One record. Raises `KeyError`."""
        plain = _open(self.key("record"), self._contents.records[record], self._bound("record", record))
        told: dict[str, Any] = json.loads(plain)
        return told

    def secret(self, record: str) -> dict[str, str]:
        """The secret fields of a record, decrypted for this one call."""
        fields = {}
        for (owner, name), (key_id, wrapped, sealed) in self._contents.secrets.items():
            if owner == record:
                data_key = _open(self.key("wrap"), wrapped, self._bound("data-key", record, name, key_id))
                fields[name] = _open(data_key, sealed, self._bound("secret", record, name, key_id)).decode()
        return fields

    def put(
        self,
        changed: Mapping[str, Mapping[str, Any]],
        secret: Mapping[str, Mapping[str, str]],
        *,
        gone: str = "",
        head: Header | None = None,
    ) -> None:
        """Write records by id, and all secret fields of an owner, who may have none; forget `gone`; take a new `head`.

        What is forgotten leaves no trace in the new file. A `head` is one that `rewrap` made; it touches no secret.
        """
        records = {k: v for k, v in self._contents.records.items() if k != gone}
        kept = {k: v for k, v in self._contents.secrets.items() if k[0] != gone and k[0] not in secret}
        for each, told in changed.items():
            records[each] = _seal(self.key("record"), json.dumps(told).encode(), self._bound("record", each))
        for owner, fields in secret.items():
            for name, value in fields.items():
                kept[owner, name] = self._sealed(owner, name, value)
        self._write(_Contents(head or self._contents.header, records, kept))

    def prove(self, passphrase: str) -> None:
        """Raises `WrongPassphrase`. As slow as opening."""
        _unwrap_root(self._contents.header, passphrase)

    def rewrap(self, old: str, new: str) -> Header:
        """The header of a vault that `new` opens: slow, and changes nothing yet. Raises `WrongPassphrase`."""
        head = self._contents.header
        return _header(head.install, head.cost, new, _unwrap_root(head, old))

    def _sealed(self, record: str, name: str, value: str) -> tuple[str, bytes, bytes]:
        key_id, data_key = secrets.token_hex(8), AESGCM.generate_key(256)
        wrapped = _seal(self.key("wrap"), data_key, self._bound("data-key", record, name, key_id))
        return key_id, wrapped, _seal(data_key, value.encode(), self._bound("secret", record, name, key_id))

    def _bound(self, what: str, record: str, name: str = "", key_id: str = "") -> bytes:
        return json.dumps(["tallyglass", SCHEMA, what, TENANT, self.install, record, name, key_id]).encode()

    def _mac(self, database: bytes) -> bytes:
        return hmac.digest(self.key("vault-mac"), database, "sha256")

    def _write(self, contents: _Contents) -> None:
        database = _dump(contents)
        body = database + self._mac(database)
        files.replace(self._path, body + hashlib.sha256(body).digest())
        self._contents = contents


def header(path: Path) -> Header:
    """What is known of a closed vault. Raises `VaultAltered` for a damaged one, `FileNotFoundError`."""
    return _load(_undamaged(path)[:-_TAIL]).header


def _undamaged(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if not _TAIL < len(raw) <= _LARGEST or hashlib.sha256(raw[:-32]).digest() != raw[-32:]:
        raise _altered("the vault's file is damaged: its digest does not match")
    return raw


def _dump(contents: _Contents) -> bytes:
    """A new database each time, so that nothing of what was removed stays in free pages."""
    database = sqlite3.connect(":memory:")
    try:
        database.execute("PRAGMA page_size = 512")
        for table in _TABLES:
            database.execute(table)
        head, cost = contents.header, contents.header.cost
        row = (head.install, SCHEMA, cost.memory, cost.passes, cost.lanes, head.salt, head.root)
        database.execute("INSERT INTO header VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        rows = [(each, place, sealed) for place, (each, sealed) in enumerate(contents.records.items())]
        database.executemany("INSERT INTO record VALUES (?, ?, ?)", rows)
        kept = [(*where, *what) for where, what in contents.secrets.items()]
        database.executemany("INSERT INTO secret VALUES (?, ?, ?, ?, ?)", kept)
        database.commit()
        return database.serialize()
    finally:
        database.close()


def _load(raw: bytes) -> _Contents:
    """Read before anything is proven, so nothing but our own three tables is looked at."""
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(raw)
        database.execute("PRAGMA trusted_schema = OFF")
        found = [sql for (sql,) in database.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]
        if sorted(found) != sorted(_TABLES):
            raise _altered("the vault's tables are not those of this version")
        [row] = database.execute("SELECT * FROM header")
        install, schema, memory, passes, lanes, salt, root = _typed(row, str, int, int, int, int, bytes, bytes)
        if schema != SCHEMA:
            raise _altered(f"the vault has schema {schema!r}; this version reads {SCHEMA}")
        cost = Cost(memory, passes, lanes)
        cost.check()
        rows = [_typed(row, str, bytes) for row in database.execute("SELECT id, sealed FROM record ORDER BY place")]
        kept = [_typed(row, str, str, str, bytes, bytes) for row in database.execute("SELECT * FROM secret")]
        sealed = {(row[0], row[1]): (row[2], row[3], row[4]) for row in kept}
        return _Contents(Header(install, cost, salt, root), {row[0]: row[1] for row in rows}, sealed)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise _altered("the vault's file is no database of this program") from error
    finally:
        database.close()


def _typed(row: tuple[Any, ...], *kinds: type) -> tuple[Any, ...]:
    """The row, if each value is of its kind: SQLite itself would hold anything."""
    if [type(each) for each in row] != list(kinds):
        raise TypeError("another kind of value")
    return row


def _header(install: str, cost: Cost, passphrase: str, root: bytes) -> Header:
    salt = os.urandom(16)
    unlocked = Header(install, cost, salt, b"")
    return replace(unlocked, root=_seal(_kek(unlocked, passphrase), root, _root_bound(unlocked)))


def _unwrap_root(head: Header, passphrase: str) -> bytes:
    try:
        return AESGCM(_kek(head, passphrase)).decrypt(head.root[:12], head.root[12:], _root_bound(head))
    except (InvalidTag, ValueError):
        raise WrongPassphrase(
            "wrong_passphrase",
            "The vault does not open with this passphrase.",
            "Try again. There is no other way in: without the passphrase, start anew and connect with new keys.",
        ) from None


def _kek(head: Header, passphrase: str) -> bytes:
    """Argon2id over the passphrase in NFC: one text, however a keyboard composes it."""
    cost = head.cost
    derivation = Argon2id(salt=head.salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory)
    return derivation.derive(unicodedata.normalize("NFC", passphrase).encode())


def _root_bound(head: Header) -> bytes:
    cost = head.cost
    told = ["tallyglass", SCHEMA, "root", TENANT, head.install, cost.memory, cost.passes, cost.lanes, head.salt.hex()]
    return json.dumps(told).encode()


def _altered(text: str) -> VaultAltered:
    return VaultAltered("vault_altered", f"{text[0].upper()}{text[1:]}.", "Put back the newest backup of it.")


def _expand(key: bytes, purpose: bytes, length: int) -> bytes:
    """HKDF-SHA256 without its first step, which a random key does not need (RFC 5869, section 3.3)."""
    return HKDFExpand(SHA256(), length, purpose).derive(key)


def _seal(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def _open(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound_to)
    except (InvalidTag, ValueError):
        raise _altered("a part of the vault does not belong where it lies") from None
