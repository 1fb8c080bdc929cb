"""Tokens: what a script reads with, and can do nothing else with. Shown once, kept as hashes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from tallyglass.app.format import named
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.store import access

#: What each scope lets a script read.
SCOPES: Mapping[str, str] = {
    "worth": "net worth, holdings, prices, performance",
    "history": "entries, orders, transfers, reconciliation",
    "keys": "connections, their health, the journal",
}
#: So that scanners of secrets know one when they see it.
PREFIX = "tallyglass_"
LONGEST_DAYS = 3650
#: The last use is noted so often: a script may ask all the time.
_NOTED = timedelta(minutes=1)


class TokenView(TypedDict):
    """A token without what opens."""

    id: str
    name: str
    scopes: list[str]
    made_at: str
    used_at: str | None
    expires_at: str | None
    expired: bool


def make(session: Session, name: str, scopes: Collection[str], days: int | None = None) -> tuple[TokenView, str]:
    """A new one, and its text, which is told this once. It ends after so many days, or never. Raises `Problem`."""
    known = [each for each in SCOPES if each in scopes]
    if not known or len(known) < len(set(scopes)):
        raise Problem("usage", "A token reads something that is listed.", f"Choose from: {', '.join(SCOPES)}.")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise Problem("usage", f"That is not 1 to {LONGEST_DAYS} days.", "Say how many, or none for ever.")
    text = PREFIX + secrets.token_urlsafe(32)
    now = session.now()
    ends = None if days is None else now + timedelta(days=days)
    made = access.Token(secrets.token_hex(6), named(name, "Script"), _digest(text), known, now, expires_at=ends)
    with session.store.write() as db:
        access.add_token(db, made)
    return _view(made, now), text


def all_of(session: Session) -> list[TokenView]:
    """Every one, the oldest first; those that have ended too."""
    with session.store.read() as db:
        return [_view(each, session.now()) for each in access.all_tokens(db)]


def revoke(session: Session, id_: str) -> None:
    """From now on it opens nothing. Raises `Problem`."""
    with session.store.write() as db:
        if not access.remove_token(db, id_):
            raise Problem("no_token", f"There is no token {id_}.", "See: tallyglass token list")


def scopes(session: Session, text: str) -> frozenset[str]:
    """What this token lets its bearer read; empty for one that is unknown, revoked or has ended."""
    if not text.startswith(PREFIX):
        return frozenset()
    now = session.now()
    with session.store.read() as db:
        found = access.token(db, _digest(text))
    if found is None or (found.expires_at is not None and found.expires_at <= now):
        return frozenset()
    if found.used_at is None or now - found.used_at >= _NOTED:
        with session.store.write() as db:
            access.token_used(db, found.id, now)
    return frozenset(found.scopes)


def _digest(text: str) -> str:
    """It is random enough for a plain hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def _view(token: access.Token, now: datetime) -> TokenView:
    ends = token.expires_at
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "made_at": token.made_at.isoformat(),
        "used_at": None if token.used_at is None else token.used_at.isoformat(),
        "expires_at": None if ends is None else ends.isoformat(),
        "expired": ends is not None and ends <= now,
    }
