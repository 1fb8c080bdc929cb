"""Whether a refusal shows that a key is dead. Pure; what another cause could explain proves nothing.

An exchange that says plainly “unknown key” is believed. Kraken (`EAPI:Invalid key`) and Coinbase (`Unauthorized`) say
the same to a deleted key and to one that is used from a wrong address, so the other causes must be ruled out: by what
the key did before, and by what a live key of the same exchange is answered at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from tallyglass.exchanges.grants import FaultCode
from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper.answers import Death
from tallyglass.keeper.errors import ExchangeRefused
from tallyglass.keeper.uses import Held

Bound = Literal["yes", "no", "unknown"]
#: So long ago at most a key was answered from here, for our clock to be no likely cause of its refusal.
LATELY: Final = timedelta(hours=1)
_DEAD: Final = frozenset[FaultCode](("bad_key", "key_expired"))
#: The key was admitted, so it had been answered before: these it cannot become.
_NOT_ANY_MORE: Final = frozenset[FaultCode](("bad_secret", "wrong_product", "not_active_yet"))
#: What an answer to another key, or its lack, can tell about.
_BESIDE: Final = frozenset[FaultCode](("ip_refused", "banned", "clock", "key_disabled"))


@dataclass(frozen=True, slots=True)
class Case:
    """What is known beside the refusal."""

    manifest: Manifest
    #: Whether the key was bound to addresses when it was told last.
    bound: Bound
    #: Whether it was answered here within the last hour.
    worked: bool
    #: Of a live key that was answered at the same moment from here: whether it is bound. None: there is no such key.
    beside: Bound | None = None
    #: Whether that key is of the same account.
    same_account: bool = False
    #: Whether the key has a successor, which then must be answered.
    replaced: bool = False


def doubts(case: Case, refused: ExchangeRefused) -> frozenset[FaultCode]:
    """The causes that would leave the key alive and are not ruled out."""
    causes = frozenset(refused.causes) if refused.fault_code == "ambiguous" else frozenset((refused.fault_code,))
    left = causes - _DEAD
    if not causes & (_DEAD | {"key_disabled"}):
        return left or frozenset(("unknown",))
    left -= _NOT_ANY_MORE
    if case.beside:
        left -= {"banned", "clock"}
        if case.same_account:
            left -= {"key_disabled"}  # the account itself is not locked
    if case.worked:
        left -= {"clock"}  # the door puts itself right by the exchange's clock, and asks again
    return left - {"ip_refused"} if _from_here(case) else left


def _from_here(case: Case) -> bool:
    """Whether an address list is no likely cause: neither of the key's, nor of an address of ours that has changed."""
    if case.beside:
        return not (case.bound == "yes" and case.beside == "no")
    # That the key was answered a while ago says nothing here: our address may have changed since.
    return not case.replaced and case.bound == "no"


def helps(left: frozenset[FaultCode]) -> bool:
    """Whether an answer to another key could rule out every cause that is left."""
    return bool(left) and left <= _BESIDE


def alive(held: Held) -> Death:
    """The exchange has answered."""
    manifest = held.manifest
    page = manifest.labels.get("page", "the page of your API keys")
    return _death(
        held,
        "alive",
        "",
        f"The key {held.name} is alive: {manifest.name} has just answered it.",
        f"At {manifest.name}, open {page} and delete this key. Then check again.",
    )


def refused(case: Case, held: Held, error: ExchangeRefused, left: frozenset[FaultCode]) -> Death:
    """The exchange has refused."""
    name, said = case.manifest.name, f" (“{error.said.rstrip('.')}”)" if error.said else ""
    if left:
        text = f"Whether the key {held.name} is dead cannot be told. {error.text}"
        return _death(held, "cannot_tell", error.fault_code, text, error.fix)
    how = []
    if error.fault_code == "ambiguous":
        how.append(f"{name} says the same to a key that is used from a wrong address")
        if case.beside:
            how.append("another key was answered from here at the same moment")
        else:
            how.append("this key was bound to no address")
    why = f" {how[0]}, but {how[1]}." if how else ""
    return _death(held, "dead", error.fault_code, f"The key {held.name} is dead: {name} refuses it{said}.{why}", "")


def _death(held: Held, answer: Literal["dead", "alive", "cannot_tell"], code: str, text: str, fix: str) -> Death:
    return Death(held.connection, held.name, held.fingerprint, answer, code, text, fix, datetime.now(UTC))
