"""Passkeys (WebAuthn): an authenticator shows that its owner is there, and tells no secret."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tallyglass.app.format import named
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.store import access

if TYPE_CHECKING:
    from fido2.server import Fido2Server

#: An authenticator has so long to answer.
ASKED_SECONDS = 5 * 60
#: Questions that wait for an answer. Anybody may ask: the oldest give way.
MOST_QUESTIONS = 1000
LONGEST_ANSWER = 32 * 1024
#: What the library raises for an answer that is none.
_NO_ANSWER = (ValueError, TypeError, KeyError, AttributeError, LookupError)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Question:
    state: Any
    new: bool
    until: float


class Passkeys:
    """Questions for authenticators, each good once and for a while, and the judging of their answers."""

    def __init__(self, name: str, origins: Collection[str], clock: Callable[[], float]) -> None:
        """`name` is the host name that passkeys are bound to; empty: there can be none."""
        self.name = name
        self._origins = origins
        self._clock = clock
        self._questions: dict[str, _Question] = {}
        self._lock = threading.Lock()

    def ask_for_new(self, session: Session) -> dict[str, Any]:
        """What the browser hands to the authenticator to make a passkey, with the `ticket` of this question."""
        from fido2.webauthn import PublicKeyCredentialUserEntity, ResidentKeyRequirement, UserVerificationRequirement

        known = [_credential(each) for each in all_of(session)]
        install = session.keeper.health().install_id
        options, state = self._server().register_begin(
            PublicKeyCredentialUserEntity(id=install.encode(), name="owner", display_name="Tallyglass"),
            known,
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return {"ticket": self._asked(state, new=True), **dict(options)}

    def ask(self) -> dict[str, Any]:
        """The same, to show that one has one."""
        from fido2.webauthn import UserVerificationRequirement

        options, state = self._server().authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
        return {"ticket": self._asked(state, new=False), **dict(options)}

    def add(self, session: Session, ticket: str, answer: str, name: str) -> None:
        """Keep the passkey that was just made. Raises `Problem`."""
        question = self._answered(ticket, new=True)
        try:
            made = self._server().register_complete(question.state, _parsed(answer)) if question else None
        except _NO_ANSWER:
            made = None
        if made is None or made.credential_data is None:
            raise Problem("no_passkey", "No passkey was made.", "Try again; this question was used up.")
        row = access.Passkey(
            secrets.token_hex(6), named(name, "Passkey"), bytes(made.credential_data), made.counter, session.now()
        )
        with session.store.write() as db:
            access.add_passkey(db, row)

    def proves(self, session: Session, ticket: str, answer: str) -> bool:
        """Whether this answers our question, by one of the owner's passkeys."""
        question = self._answered(ticket, new=False)
        if question is None:
            return False
        known = {_credential(each).credential_id: each for each in all_of(session)}
        try:
            from fido2.webauthn import AuthenticationResponse

            told = AuthenticationResponse.from_dict(_parsed(answer))
            credentials = [_credential(each) for each in known.values()]
            used = known[self._server().authenticate_complete(question.state, credentials, told).credential_id]
            uses = told.response.authenticator_data.counter
        except _NO_ANSWER:
            return False
        if uses <= used.uses and (uses or used.uses):
            log.warning("a passkey counts backwards: it may have been copied, and was refused")
            return False
        with session.store.write() as db:
            access.passkey_used(db, used.id, uses, session.now())
        return True

    def _server(self) -> Fido2Server:
        from fido2.server import Fido2Server
        from fido2.webauthn import PublicKeyCredentialRpEntity

        if not self.name:
            raise Problem("no_passkeys", "Passkeys are bound to a name, and this address is a number.", "")
        party = PublicKeyCredentialRpEntity(id=self.name, name="Tallyglass")
        return Fido2Server(party, verify_origin=lambda origin: origin in self._origins)

    def _asked(self, state: Any, *, new: bool) -> str:
        ticket, now = secrets.token_urlsafe(16), self._clock()
        with self._lock:
            self._questions = {name: each for name, each in self._questions.items() if each.until > now}
            while len(self._questions) >= MOST_QUESTIONS:
                del self._questions[next(iter(self._questions))]
            self._questions[ticket] = _Question(state, new, now + ASKED_SECONDS)
        return ticket

    def _answered(self, ticket: str, *, new: bool) -> _Question | None:
        with self._lock:
            found = self._questions.pop(ticket, None)
        return found if found is not None and found.new == new and found.until > self._clock() else None


def all_of(session: Session) -> list[access.Passkey]:
    """Every passkey, the oldest first."""
    with session.store.read() as db:
        return access.all_passkeys(db)


def remove(session: Session, id_: str) -> None:
    """From now on it opens nothing. Its owner takes it out of his authenticator himself."""
    with session.store.write() as db:
        access.remove_passkey(db, id_)


def _credential(passkey: access.Passkey) -> Any:
    from fido2.webauthn import AttestedCredentialData

    return AttestedCredentialData(passkey.credential)


def _parsed(answer: str) -> dict[str, Any]:
    """Raises `ValueError`."""
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("that is too long for an answer")
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise ValueError("that is no answer")  # noqa: TRY004  (one word for all that is none)
    return found
