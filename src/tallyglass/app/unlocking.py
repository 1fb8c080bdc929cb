"""What opens a home beside the prompt: the passphrase kept in the OS key store, if the user wishes; and its change."""

from __future__ import annotations

import logging
import os

from tallyglass.app import key_store
from tallyglass.app.home import Home
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session, check_passphrase
from tallyglass.keeper.client import Keeper
from tallyglass.store import present

_AUTO_LOCK = "lock_after_minutes"
LONGEST_MINUTES = 7 * 24 * 60

log = logging.getLogger(__name__)


def is_remembered(home: Home) -> bool:
    """Whether the OS key store was given the passphrase of this home."""
    return home.key_store_mark.is_file()


def remembered(home: Home) -> str:
    """The passphrase of this home from the OS key store, or empty: not kept there, or the store does not answer."""
    if not is_remembered(home):
        return ""
    try:
        name = home.key_store_mark.read_text(encoding="utf-8").strip()
        return key_store.remembered(name) or ""
    except (Problem, OSError) as error:
        log.warning("the passphrase is not to be had from the key store: %s", error)
        return ""


def remember(home: Home, keeper: Keeper, passphrase: str) -> str:
    """Keep the passphrase in the OS key store; the name of the store. Raises `WrongPassphrase` for a wrong one."""
    keeper.change_passphrase(passphrase, passphrase)  # only the right one gets through
    name = f"{keeper.health().install_id} at {home.path}"
    store = key_store.remember(name, passphrase)
    descriptor = os.open(home.key_store_mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{name}\n")
    return store


def forget(home: Home) -> bool:
    """Take it out of the key store again; whether it was there."""
    if not is_remembered(home):
        return False
    key_store.forget(home.key_store_mark.read_text(encoding="utf-8").strip())
    home.key_store_mark.unlink()
    return True


def change(home: Home, keeper: Keeper, old: str, new: str) -> None:
    """From now on `new` alone opens this home, and the key store has it if it had the old one."""
    check_passphrase(new)
    keeper.change_passphrase(old, new)
    if not is_remembered(home):
        return
    try:
        remember(home, keeper, new)
    except Problem as error:
        home.key_store_mark.unlink()
        text = f"The new passphrase opens this home, but the OS key store could not take it: {error.text}"
        raise Problem(error.code, text, "Try again with: tallyglass passphrase --remember") from None


def change_sealed(home: Home, keeper: Keeper, sealed: str) -> bool:
    """The same with both as they were sealed in the browser; whether the OS key store has forgotten the old one.

    The new one cannot be handed to it: nobody but the keeper reads what was sealed. Raises `WrongPassphrase`.
    """
    keeper.change_passphrase_sealed(sealed)
    try:
        return forget(home)
    except Problem:
        home.key_store_mark.unlink(missing_ok=True)
        return True


def auto_lock(session: Session) -> int:
    """After how many minutes without a reader the program locks itself; 0: never."""
    with session.store.read() as db:
        return int(present.setting(db, _AUTO_LOCK, "0"))


def set_auto_lock(session: Session, minutes: int) -> None:
    """Change it. Raises `Problem`."""
    if not 0 <= minutes <= LONGEST_MINUTES:
        raise Problem("usage", f"That is not 0 (never) to {LONGEST_MINUTES} minutes (a week).", "Say how many minutes.")
    with session.store.write() as db:
        present.set_setting(db, _AUTO_LOCK, str(minutes))
