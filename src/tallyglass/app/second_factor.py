"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.store import access

STEP_SECONDS = 30
CODES = 10
#: A clock may be so many steps off.
_SLACK = (0, -1, 1)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an authenticator app is shown once: the same as text and as a square."""

    secret: str
    address: str
    #: Markup of ours.
    square: str

    @property
    def spelled(self) -> str:
        """In groups of four, to be typed."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))


def offer() -> Offer:
    """A new secret; nothing is kept."""
    import pyotp
    import segno

    secret = pyotp.random_base32()
    address = pyotp.TOTP(secret).provisioning_uri(name="owner", issuer_name="Tallyglass")
    drawn = segno.make_qr(address, error="m").svg_inline(border=4, dark="#000", light="#fff", omitsize=True)
    return Offer(secret, address, drawn)


def set_up(session: Session, secret: str, code: str) -> list[str]:
    """From now on codes of this secret are asked for; gives the recovery codes. Raises `Problem` for a wrong code."""
    step = _step(secret, code, session.now())
    if step is None:
        fix = "Wait for the next code. If that fails too, look at the clock of your phone."
        raise Problem("wrong_code", "That code is not of this secret and this half minute.", fix)
    codes = _new_codes()
    with session.store.write() as db:
        access.set_factor(db, access.Factor(secret, step, session.now()), map(_digest, codes))
    return codes


def new_codes(session: Session) -> list[str]:
    """Recovery codes in place of those before."""
    codes = _new_codes()
    with session.store.write() as db:
        if access.factor(db) is None:
            raise Problem("no_factor", "No authenticator app is set up.", "Set one up first.")
        access.set_codes(db, map(_digest, codes))
    return codes


def remove(session: Session) -> None:
    """From now on no code is asked for."""
    with session.store.write() as db:
        access.remove_factor(db)


def since(session: Session) -> datetime | None:
    """When it was set up; None when it is not."""
    with session.store.read() as db:
        found = access.factor(db)
    return None if found is None else found.made_at


def codes_left(session: Session) -> int:
    """How many recovery codes were not used."""
    with session.store.read() as db:
        return access.codes_left(db)


def passes(session: Session, code: str) -> bool:
    """Whether this is a code or a recovery code, which is then used up; or none is asked for."""
    with session.store.write() as db:
        found = access.factor(db)
        if found is None:
            return True
        step = _step(found.secret, code, session.now())
        if step is not None:
            return access.take_step(db, step)
        return access.take_code(db, _digest(code))


def _step(secret: str, code: str, now: datetime) -> int | None:
    """The half minute of which this is the code, if it is a present one."""
    import pyotp

    plain = "".join(code.split())
    if not (plain.isascii() and plain.isdigit()):
        return None
    totp = pyotp.TOTP(secret)
    moments = (now.astimezone(UTC) + timedelta(seconds=STEP_SECONDS * each) for each in _SLACK)
    return next((totp.timecode(each) for each in moments if secrets.compare_digest(totp.at(each), plain)), None)


def _new_codes() -> list[str]:
    """Sixteen letters and digits each: 80 bits."""
    made = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(CODES)]
    return ["-".join(each[at : at + 4] for at in range(0, 16, 4)) for each in made]


def _digest(code: str) -> str:
    """Of a code however it was typed. It is random enough for a plain hash."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
