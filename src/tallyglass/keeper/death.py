"""Whether a refusal shows that a key is dead. Pure; what another cause could explain proves nothing.

An exchange that says plainly “unknown key” (Binance's -2008) is believed. Kraken (`EAPI:Invalid key`) and Coinbase
(`Unauthorized`) say the same to a deleted key and to one that is used from an address outside its list. So the list
must be ruled out, by what the exchange itself told of it: Kraken tells, Coinbase does not. Every other cause is ruled
out by what the key did before, and by what a live key is answered at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Literal

from tallyglass.exchanges.grants import FaultCode
from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper.answers import Binding, Death
from tallyglass.keeper.errors import ExchangeRefused
from tallyglass.keeper.uses import Held

Net = IPv4Network | IPv6Network
#: So long ago at most the exchange told of a key's list of addresses, for it to be taken as it was told.
TOLD: Final = timedelta(days=1)
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
    #: Its list of addresses, as the exchange told it within the last day.
    bound: Binding
    #: Whether it was answered here within the last hour.
    worked: bool
    #: The list of a live key that was answered at the same moment from here. None: there is no such key.
    beside: Binding | None = None
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
    return left - {"ip_refused"} if _no_list(case) else left


def _no_list(case: Case) -> bool:
    """Whether no list of addresses can be the cause: there is none, or it holds all that a key's that works does.

    That a key was answered a while ago says nothing here, nor does a live key alone: our address may have changed
    since, or one list may hold it and the other not.
    """
    if case.replaced and case.beside is None:
        return False
    return case.bound.bound == "no" or (case.beside is not None and _holds(case.bound, case.beside))


def _holds(mine: Binding, others: Binding) -> bool:
    try:
        nets, wanted = ([ip_network(each, strict=False) for each in of.addresses] for of in (mine, others))
    except ValueError:
        return False
    return bool(wanted) and all(any(_within(each, net) for net in nets) for each in wanted)


def _within(inner: Net, outer: Net) -> bool:
    first, last = (int(each) for each in (inner.network_address, inner.broadcast_address))
    begins, ends = int(outer.network_address), int(outer.broadcast_address)
    return inner.version == outer.version and begins <= first <= last <= ends


def helps(left: frozenset[FaultCode]) -> bool:
    """Whether an answer to another key could rule out every cause that is left."""
    return bool(left) and left <= _BESIDE


def alive(held: Held) -> Death:
    """The exchange has answered."""
    manifest = held.manifest
    return _death(
        held,
        "alive",
        "",
        f"The key {held.name} is alive: {manifest.name} has just answered it.",
        f"At {manifest.name}, open {_page(manifest)} and delete this key. Then check again.",
    )


def refused(case: Case, held: Held, error: ExchangeRefused, left: frozenset[FaultCode]) -> Death:
    """The exchange has refused."""
    name, said = case.manifest.name, f" (“{error.said.rstrip('.')}”)" if error.said else ""
    mixed = error.fault_code == "ambiguous"
    if left:
        causes = _perhaps_the_list(case) if left == {"ip_refused"} else error.text
        text = f"Whether the key {held.name} is dead cannot be told. {causes}"
        return _death(held, "cannot_tell", error.fault_code, text, _look(case, held) if mixed else error.fix)
    why = ""
    if mixed:
        none = "this key's list was empty when it was told last"
        ruled_out = none if case.bound.bound == "no" else "this key's list holds all that the list of a live key holds"
        beside = ", and another key was answered from here at the same moment" if case.beside else ""
        why = f" {name} says the same to a key that is used from a wrong address, but {ruled_out}{beside}."
    return _death(held, "dead", error.fault_code, f"The key {held.name} is dead: {name} refuses it{said}.{why}", "")


def _perhaps_the_list(case: Case) -> str:
    name, field = case.manifest.name, case.manifest.labels.get("ip", "list of addresses")
    never = "" if case.manifest.tells["ip"] else " It tells of no list, so that its refusal alone never proves a death."
    return (
        f"{name} says the same to a deleted key and to one that is used from an address outside its “{field}”.{never}"
    )


def _look(case: Case, held: Held) -> str:
    """What rules out every other cause: the exchange's own page of keys."""
    part = "rotate" if case.replaced else "disconnect"
    return (
        f"At {case.manifest.name}, open {_page(case.manifest)}. If this key is still there, delete it. If it is not "
        f"there, it is dead, and that page is the proof: `tallyglass {part} {held.connection} --forget` removes its "
        "secret here."
    )


def _page(manifest: Manifest) -> str:
    return str(manifest.labels.get("page", "the page of your API keys"))


def _death(held: Held, answer: Literal["dead", "alive", "cannot_tell"], code: str, text: str, fix: str) -> Death:
    return Death(held.connection, held.name, held.fingerprint, answer, code, text, fix, datetime.now(UTC))
