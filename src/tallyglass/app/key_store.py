"""The operating system's key store, where there is one that encrypts: the Secret Service, KWallet, Keychain, Windows.

Other places that the same library can write to (plain files, nothing at all) are not used, whatever its settings say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tallyglass.app.problems import Problem

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

#: The modules of the library whose stores encrypt what they hold under the user's login.
SECURE = frozenset(f"keyring.backends.{each}" for each in ("SecretService", "libsecret", "kwallet", "macOS", "Windows"))
_OURS = "tallyglass"


def fetch(service: str, user: str) -> str:
    """What is kept there. Raises `Problem`."""
    store = _store()
    with _in_words(store):
        found = store.get_password(service, user)
    if found is None:
        text = f"The key store ({store.name}) holds nothing for {user} of {service}."
        raise Problem("reference_empty", text, f"Put it there: keyring set {service} {user}")
    return found


def remember(home_id: str, passphrase: str) -> str:
    """Keep the passphrase of a home; the name of the store that has it now."""
    store = _store()
    with _in_words(store):
        store.set_password(_OURS, home_id, passphrase)
        if store.get_password(_OURS, home_id) != passphrase:
            raise Problem("key_store", f"The key store ({store.name}) does not give back what it took.", _ELSE)
    return store.name


def remembered(home_id: str) -> str | None:
    """The passphrase of a home, if it is kept there. Raises `Problem` where there is no key store."""
    store = _store()
    with _in_words(store):
        return store.get_password(_OURS, home_id)


def forget(home_id: str) -> None:
    """Keep it no more."""
    store = _store()
    with _in_words(store):
        if store.get_password(_OURS, home_id) is not None:
            store.delete_password(_OURS, home_id)


_ELSE = "Unlock with the passphrase, a file descriptor (--passphrase-file /dev/fd/N) or a systemd credential instead."


def _store() -> KeyringBackend:
    from keyring.backend import get_all_keyring

    found = [each for each in get_all_keyring() if type(each).__module__ in SECURE]
    if not found:
        text = "This system has no key store that encrypts what it keeps, or none that runs now."
        raise Problem("no_key_store", text, _ELSE)
    return max(found, key=lambda each: each.priority)


@contextmanager
def _in_words(store: KeyringBackend) -> Iterator[None]:
    """What a store says of itself is not passed on: by its kind alone."""
    from keyring.errors import KeyringError

    try:
        yield
    except (KeyringError, OSError) as error:
        text = f"The key store ({store.name}) does not answer as it should: {type(error).__name__}."
        raise Problem("key_store", text, f"Unlock it, and try again. {_ELSE}") from None
