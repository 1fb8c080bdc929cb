"""A key that was sealed in a browser: judged, held against what is connected, and then only stored or put in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallyglass.app import connections, rotation
from tallyglass.app.connections import verdict_view
from tallyglass.app.exchanges import exchange
from tallyglass.app.key_views import VerdictView
from tallyglass.keeper.client import AGAIN, Connection, Inspection, Keeper

#: Whose account a key opens. `other`: than that of the key which it is to replace. `untold`: the exchange is silent.
Account = Literal["new", "same", "other", "untold", "same_key"]


@dataclass(frozen=True, slots=True)
class Words:
    """What the user says of a key himself."""

    #: His name for it.
    label: str = ""
    #: To take it though it cannot be proven read-only.
    accept_unproven: bool = False
    #: That it is of the same account, where the exchange does not tell.
    same_account: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """The exchange's word on a key, and how it goes with what is connected."""

    verdict: VerdictView
    account: Account
    #: The connection that has this account, or whose key is to be replaced.
    holder: str
    #: Whether it was to replace another key.
    replaces: bool

    @property
    def fits(self) -> bool:
        """Whether its account allows it to be taken: a new one to be connected, the same one to be replaced."""
        return self.account in (("same", "untold") if self.replaces else ("new", "untold"))


def check(keeper: Keeper, name: str, sealed: str) -> Judged:
    """What the exchange says of a key that is to be connected. Nothing is stored."""
    return _judged(keeper, keeper.inspect_sealed(exchange(name).id, sealed))


def store(keeper: Keeper, name: str, sealed: str, words: Words) -> Judged:
    """Ask the exchange anew, and store the key if it may do no more than read. Only then a connection is named."""
    label, accept = words.label, words.accept_unproven
    return _judged(keeper, keeper.admit_sealed(exchange(name).id, sealed, label=label, accept_unproven=accept))


def check_new(keeper: Keeper, connection: str, sealed: str) -> Judged:
    """What the exchange says of a key that is to replace another. Nothing is changed."""
    known = rotation.open_for(keeper, connection)
    return _of_the_same(keeper.inspect_sealed(known.exchange, sealed), known)


def replace(keeper: Keeper, connection: str, sealed: str, words: Words) -> Judged:
    """Ask the exchange anew, and let the key take over if it may only read and opens the same account."""
    known = rotation.open_for(keeper, connection)
    accept, same = words.accept_unproven, words.same_account
    found = keeper.rotate_sealed(connection, sealed, accept_unproven=accept, same_account=same)
    return _of_the_same(found, known)


def for_page(text: str) -> str:
    """A reason or fix in the words of a page, where the keeper's name a command."""
    for command, here in _ON_PAGES:
        text = text.replace(command, here)
    return text.strip()


_ON_PAGES = (
    (AGAIN, "Then check again."),
    ("that `tallyglass egress` shows", "of step 4"),
    ("(`tallyglass egress`)", "(step 4)"),
)


def _judged(keeper: Keeper, found: Inspection) -> Judged:
    before = [each for each in keeper.connections() if each.id != found.connection]
    holder = next((each for each in before if _same(each, found)), None)
    account: Account = "new" if found.account else "untold"
    if holder is not None:
        account = "same_key" if holder.key_name == found.key_name else "same"
    return Judged(_view(keeper, found), account, holder.id if holder else "", replaces=False)


def _same(known: Connection, found: Inspection) -> bool:
    """As the keeper tells it when a key is to be stored: the same account, or the same key."""
    alike = known.key_name == found.key_name or (found.account is not None and known.account == found.account)
    return known.exchange == found.exchange and known.state != "dead" and alike


def _of_the_same(found: Inspection, known: Connection) -> Judged:
    account: Account = "untold"
    if found.key_name == known.key_name:
        account = "same_key"
    elif found.account and known.account:
        account = "same" if found.account == known.account else "other"
    return Judged(verdict_view(found), account, known.id, replaces=True)


def _view(keeper: Keeper, found: Inspection) -> VerdictView:
    return verdict_view(found, connections.known(keeper, found.connection).state if found.connection else None)
