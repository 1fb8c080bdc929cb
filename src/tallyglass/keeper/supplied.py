"""Keys that are not in the vault: the user keeps them elsewhere, they are brought after each unlock and end with it."""

from __future__ import annotations

from collections.abc import Mapping

from tallyglass.keeper.answers import REFERENCE, Connection
from tallyglass.keeper.errors import BadKey, NotAllowed, Unsupplied

_LONGEST = 300


class Supplied:
    """The secrets of an unlocked keeper that are in no file of its own."""

    def __init__(self) -> None:
        self._held: dict[str, Mapping[str, str]] = {}

    def bring(self, owner: str, credentials: Mapping[str, str]) -> None:
        """An empty one is forgotten."""
        self._held.pop(owner, None)
        if credentials:
            self._held[owner] = credentials

    def credentials(self, owner: str, reference: str) -> Mapping[str, str]:
        """Raises `Unsupplied` while nobody has brought them."""
        if owner not in self._held:
            name, _, old = owner.partition("/")
            which = f"The key before of {name}" if old else f"The key of {name}"
            text = f"{which} is kept at {reference} and has not been fetched since the last unlock."
            fix = f"Unlock your password manager, then fetch it: tallyglass fetch {name}"
            raise Unsupplied("not_fetched", text, fix, {"connection": name, "old": bool(old)})
        return self._held[owner]

    def lacks(self, known: Connection) -> bool:
        """Whether this key is still to be brought."""
        return bool(known.reference) and known.state != "dead" and known.id not in self._held


def reference(told: Mapping[str, str]) -> str:
    """Where the key is kept, or empty: it is to be sealed in the vault. Raises `NotAllowed` for what no text is."""
    found = told.get(REFERENCE, "")
    if len(found) > _LONGEST or not found.isprintable():
        raise NotAllowed("bad_reference", "This is no reference to a secret.", "It is one line of at most 300 letters.")
    return found


def without(told: Mapping[str, str]) -> Mapping[str, str]:
    """The parts of the key alone."""
    return {name: value for name, value in told.items() if name != REFERENCE}


def insist_on_same(known: Connection, fingerprint: str) -> None:
    """Raises `NotAllowed` for a connection whose key is in the vault, `BadKey` for a key that is another one."""
    if not known.reference:
        raise NotAllowed("sealed_here", f"The key of {known.id} is in the vault: it is not fetched from elsewhere.")
    if fingerprint != known.fingerprint:
        text = f"{known.reference} holds another key than the one that was connected as {known.id}."
        fix = f"If you have replaced it: tallyglass rotate {known.id} --key-from {known.reference}"
        raise BadKey("other_key", text, fix)
