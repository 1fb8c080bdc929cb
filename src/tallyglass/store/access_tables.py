"""The tables of access: what its owner proves himself with, and what scripts may read with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from tallyglass.store.columns import Instant, Json
from tallyglass.store.tables import metadata

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(60), nullable=False),
    #: Its id and public key, as WebAuthn writes them (attested credential data).
    Column("credential", LargeBinary, nullable=False),
    #: How often its authenticator says that it was used; 0 from one that does not count.
    Column("uses", BigInteger, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("used_at", Instant),
)

#: The codes of an authenticator app (TOTP): one row or none.
second_factor = Table(
    "second_factor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", String(64), nullable=False),
    #: The half minute of the last code that was taken: none is taken twice.
    Column("step", BigInteger, nullable=False),
    Column("made_at", Instant, nullable=False),
)

#: What opens in place of a code, each once; only hashes.
recovery_codes = Table("recovery_codes", metadata, Column("digest", String(64), primary_key=True))

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("expires_at", Instant),
)
