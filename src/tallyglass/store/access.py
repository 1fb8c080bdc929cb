"""Access: passkeys, the second factor with its recovery codes, and tokens. Of what opens something only hashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from tallyglass.store.access_tables import passkeys, recovery_codes, second_factor, tokens

#: The one row of the second factor.
_ONE = 1


@dataclass(frozen=True, slots=True)
class Passkey:
    """What an authenticator proves its owner with: the public half."""

    id: str
    name: str
    credential: bytes
    uses: int
    made_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """The secret that an authenticator app makes codes from, and the half minute of the last that was taken."""

    secret: str
    step: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """What a script may read with."""

    id: str
    name: str
    digest: str
    scopes: list[str]
    made_at: datetime
    used_at: datetime | None = None
    expires_at: datetime | None = None


def all_passkeys(db: Connection) -> list[Passkey]:
    """The oldest first."""
    return [Passkey(**row._asdict()) for row in db.execute(select(passkeys).order_by(passkeys.c.made_at))]


def add_passkey(db: Connection, passkey: Passkey) -> None:
    """Keep a new one."""
    db.execute(insert(passkeys).values(**asdict(passkey)))


def passkey_used(db: Connection, id_: str, uses: int, now: datetime) -> None:
    """Note a use."""
    db.execute(update(passkeys).where(passkeys.c.id == id_).values(uses=uses, used_at=now))


def remove_passkey(db: Connection, id_: str) -> bool:
    """Whether it was there."""
    return db.execute(delete(passkeys).where(passkeys.c.id == id_)).rowcount > 0


def factor(db: Connection) -> Factor | None:
    """The second factor, if one is set up."""
    row = db.execute(select(second_factor.c.secret, second_factor.c.step, second_factor.c.made_at)).one_or_none()
    return None if row is None else Factor(*row)


def set_factor(db: Connection, made: Factor, codes: Iterable[str]) -> None:
    """In place of the one before; `codes` are the digests of what opens in place of a code."""
    remove_factor(db)
    db.execute(insert(second_factor).values(id=_ONE, **asdict(made)))
    set_codes(db, codes)


def take_step(db: Connection, step: int) -> bool:
    """Whether the code of this half minute is taken now, by this caller: each is taken once, and none before it."""
    newer = update(second_factor).where(second_factor.c.step < step).values(step=step)
    return db.execute(newer).rowcount > 0


def remove_factor(db: Connection) -> None:
    """With its recovery codes."""
    db.execute(delete(second_factor))
    db.execute(delete(recovery_codes))


def set_codes(db: Connection, codes: Iterable[str]) -> None:
    """In place of those before."""
    db.execute(delete(recovery_codes))
    db.execute(insert(recovery_codes), [{"digest": each} for each in codes])


def take_code(db: Connection, digest: str) -> bool:
    """Whether there was such a recovery code; now there is none."""
    return db.execute(delete(recovery_codes).where(recovery_codes.c.digest == digest)).rowcount > 0


def codes_left(db: Connection) -> int:
    """How many recovery codes were not used."""
    return db.execute(select(func.count()).select_from(recovery_codes)).scalar_one()


def all_tokens(db: Connection) -> list[Token]:
    """The oldest first."""
    return [Token(**row._asdict()) for row in db.execute(select(tokens).order_by(tokens.c.made_at))]


def token(db: Connection, digest: str) -> Token | None:
    """The one of this hash."""
    row = db.execute(select(tokens).where(tokens.c.digest == digest)).one_or_none()
    return None if row is None else Token(**row._asdict())


def add_token(db: Connection, made: Token) -> None:
    """Keep a new one."""
    db.execute(insert(tokens).values(**asdict(made)))


def token_used(db: Connection, id_: str, now: datetime) -> None:
    """Note a use."""
    db.execute(update(tokens).where(tokens.c.id == id_).values(used_at=now))


def remove_token(db: Connection, id_: str) -> bool:
    """Whether it was there."""
    return db.execute(delete(tokens).where(tokens.c.id == id_)).rowcount > 0
