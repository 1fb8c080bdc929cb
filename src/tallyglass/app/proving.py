"""Who somebody is: by the passphrase and, where one is set up, a code; or by a passkey."""

from __future__ import annotations

import logging

from tallyglass.app import passkeys, second_factor
from tallyglass.app.problems import Told
from tallyglass.app.service import Service
from tallyglass.keeper.client import WrongPassphrase

log = logging.getLogger(__name__)


def by_passphrase(service: Service, sealed: str, code: str) -> bool:
    """Whether passphrase (sealed in the browser) and code are right; a locked keeper is then unlocked.

    The code is judged by what lies in the portfolio, which only the passphrase opens: a wrong one closes it again.
    """
    was_locked = service.state == "locked"
    try:
        if was_locked:
            service.unlock_sealed(sealed)
        else:
            service.prove_sealed(sealed)
    except WrongPassphrase:
        return _wrong()
    if second_factor.passes(service.session(), code):
        return True
    if was_locked:
        service.lock()
    return _wrong()


def by_passkey(service: Service, asked: passkeys.Passkeys, ticket: str, answer: str) -> bool:
    """Whether it is the owner's passkey. A locked keeper opens by none: it lies in the portfolio."""
    return asked.proves(service.session(), ticket, answer) or _wrong()


def ways(service: Service) -> dict[str, bool]:
    """What can be asked of somebody now: `passkey`, and `code` (which a locked keeper cannot tell: it may be)."""
    try:
        session = service.session()
        return {"passkey": bool(passkeys.all_of(session)), "code": second_factor.since(session) is not None}
    except Told:
        return {"passkey": False, "code": service.state == "locked"}


def _wrong() -> bool:
    log.warning("somebody tried to enter, and was wrong")
    return False
