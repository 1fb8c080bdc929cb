"""A session: an unlocked keeper and the open store, for the length of a command or of the web app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tallyglass.app.home import Home
from tallyglass.app.keeper_process import running_keeper
from tallyglass.app.memory import Memory
from tallyglass.app.problems import Problem
from tallyglass.keeper.client import SHORTEST_PASSPHRASE, Keeper

if TYPE_CHECKING:
    from tallyglass.store.base import Store

#: Ages and what is due depend on the time: what is kept in memory is at most so old.
_KEPT_SECONDS: Final = 20

Ask = Callable[[Callable[[str], None]], None]
"""Opens something with the passphrase of the user. Raises `Problem` where nobody can be asked, `WrongPassphrase`."""


@dataclass(frozen=True, slots=True)
class Session:
    """What every area of the app works with."""

    home: Home
    keeper: Keeper
    store: Store
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    memory: Memory = field(default_factory=Memory)

    @property
    def sandbox(self) -> str | None:
        """The address of the sandbox that stands for every exchange, or None."""
        return self.keeper.health().sandbox

    def stamp(self, *more: object) -> tuple[object, ...]:
        """What is another as soon as the store or a key is, and after some seconds: for what is kept in memory."""
        return self.store.version(), self.keeper.connections(), int(self.now().timestamp()) // _KEPT_SECONDS, *more


@contextmanager
def open_keeper(home: Home, ask: Ask, *, log_level: str = "warning") -> Iterator[Keeper]:
    """The unlocked keeper of this home; a locked one is unlocked with what `ask` gives."""
    if not home.exists:
        raise no_home(home)
    with running_keeper(home, log_level=log_level) as keeper:
        unlock(keeper, ask)
        yield keeper


def no_home(home: Home) -> Problem:
    """There is none here: in the words that say how to make one."""
    return Problem("no_home", f"There is no Tallyglass home at {home.path}.", "Make one with: tallyglass init")


def unlock(keeper: Keeper, ask: Ask) -> None:
    """Unlock the keeper if it is locked."""
    if keeper.health().state != "unlocked":
        ask(keeper.unlock)


def open_portfolio(home: Home, keeper: Keeper) -> Store:
    """The portfolio database, under the key that the unlocked keeper gives."""
    from tallyglass.store.sqlcipher import open_store  # loads the database, which many commands do not need

    return open_store(home.portfolio, keeper.store_key())


@contextmanager
def open_session(home: Home, ask: Ask, *, log_level: str = "warning") -> Iterator[Session]:
    """Keeper and store, closed at the end."""
    with open_keeper(home, ask, log_level=log_level) as keeper, with_store(home, keeper) as session:
        yield session


@contextmanager
def with_store(home: Home, keeper: Keeper) -> Iterator[Session]:
    """A keeper that is unlocked, and the store, which is closed at the end."""
    store = open_portfolio(home, keeper)
    try:
        yield Session(home, keeper, store)
    finally:
        store.close()


def check_home(home: Home) -> None:
    """Refuse a place that holds a vault already: before a passphrase is asked for."""
    if home.exists:
        raise Problem("home_exists", f"{home.path} already holds a vault.", "Choose another folder with --home.")


def create_home(home: Home, passphrase: str, *, log_level: str = "warning") -> None:
    """Make a home with its vault."""
    check_home(home)
    check_passphrase(passphrase)
    home.make()
    with running_keeper(home, log_level=log_level) as keeper:
        keeper.create(passphrase)


def check_passphrase(passphrase: str) -> None:
    """Refuse one that could be guessed offline."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Problem(
            "passphrase_short",
            f"The passphrase is shorter than {SHORTEST_PASSPHRASE} characters.",
            "Take four or five words that do not belong together; a password manager is a good place for them.",
        )
