"""Own accounts: what the user says to own where no exchange can be asked: a cold wallet, a bank, a loan. Pure.

Of an asset he says either what is there at the end of some days, or what came and went. Both are entries in the end,
of a connection that no key belongs to.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, Literal, get_args

from msgspec import structs

from tallyglass.ledger.daily import OWN
from tallyglass.ledger.entries import Entry, Kind, Leg, Role
from tallyglass.money import ZERO, Amount, Asset, magnitude, negate, subtract, text

STATED: Final = "stated"
"""The one wallet of such an account: what is in it is stated, and proven by nobody."""

Nature = Literal["wallet", "bank", "loan", "other"]
NATURES: Final[tuple[Nature, ...]] = get_args(Nature)
#: The name of a connection has 64 characters.
LONGEST_NAME: Final = 60

_BALANCE: Final = f"{OWN}balance:"
#: What comes, and what goes whichever sign it is written with.
_COMING: Final = frozenset(("deposit", "reward"))
_GOING: Final = frozenset(("withdrawal", "fee"))
TYPED: Final[tuple[Kind, ...]] = ("deposit", "withdrawal", "reward", "fee", "trade")
"""The kinds of entries that can be typed."""

Stated = Mapping[date, Amount]
"""What an account holds of one asset at the end of some days."""


class Unsound(ValueError):
    """What was said cannot be so; the words for it."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """So much of an asset."""

    amount: Amount
    asset: Asset


def connection_of(account: str) -> str:
    """The connection that an account's entries belong to."""
    return OWN + account


def label(connection: str) -> str:
    """What a connection is called: an account by its name, any other as it is."""
    return connection.removeprefix(OWN)


def is_own(connection: str) -> bool:
    """Whether a connection is an account of the user's own."""
    return connection.startswith(OWN)


def check_name(name: str) -> None:
    """Refuse what cannot be the name of an account. A slash stands between a connection and an entry."""
    if not name or name != name.strip() or not name.isprintable() or "/" in name or len(name) > LONGEST_NAME:
        raise Unsound(f"{name[:70]!r} is no name for an account: 1 to {LONGEST_NAME} characters, without a slash")


def balance_id(asset: Asset, day: date) -> str:
    """The entry that makes a dated balance true."""
    return f"{_BALANCE}{asset}:{day}"


def is_balance(entry_id: str) -> bool:
    """Whether an entry comes of dated balances."""
    return entry_id.startswith(_BALANCE)


def check_balance(nature: Nature, amount: Amount) -> None:
    """Refuse a sign that says the opposite of what was meant."""
    if nature == "loan" and amount > ZERO:
        raise Unsound(f"a loan is what you owe: write -{text(amount)}")
    if nature == "wallet" and amount < ZERO:
        raise Unsound(f"a wallet cannot hold less than nothing: {text(amount)}")


def balances(asset: Asset, stated: Stated) -> list[Entry]:
    """The entries that make dated balances true: the differences between neighbours, and none where there is none.

    A day's entry stands at its very beginning: it is never in the future, and counts with the whole day.
    """
    made, before = [], ZERO
    for day in sorted(stated):
        change, before = subtract(stated[day], before), stated[day]
        if change != ZERO:
            leg = Leg("1", STATED, asset, change)
            facts = (("balance", text(stated[day])),)
            at = datetime.combine(day, time(), UTC)
            made.append(Entry(balance_id(asset, day), at, "adjustment", (leg,), "balance", facts=facts))
    return made


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to go and what has to come for entries to be others."""

    gone: tuple[str, ...]
    new: tuple[Entry, ...]


def difference(before: Iterable[Entry], after: Iterable[Entry]) -> Difference:
    """What tells one list of entries from another; an entry that is no more the same goes, and comes anew."""
    was, is_ = {each.id: each for each in before}, {each.id: each for each in after}
    gone = tuple(name for name, each in was.items() if is_.get(name) != each)
    return Difference(gone, tuple(each for name, each in is_.items() if was.get(name) != each))


def entry(kind: Kind, at: datetime, moved: Iterable[Quantity], fee: Quantity | None = None) -> Entry:
    """A typed entry. Its id is made of what it says: said twice, it is one. Raises `Unsound`."""
    legs = [_leg(kind, each) for each in moved]
    if kind == "trade":
        _check_trade(legs)
    if fee is not None:
        if fee.amount < ZERO:
            raise Unsound(f"a fee is what was paid: write {text(negate(fee.amount))}")
        if fee.amount:
            legs.append(_named("fee", fee.asset, negate(fee.amount), "fee"))
    ordered = sorted(legs, key=lambda leg: (leg.role == "fee", leg.asset, leg.amount))
    said = "|".join((at.isoformat(), kind, *(f"{leg.role} {text(leg.amount)} {leg.asset}" for leg in ordered)))
    numbered = (structs.replace(leg, id=leg.id or str(place)) for place, leg in enumerate(ordered, start=1))
    return Entry(OWN + hashlib.sha256(said.encode()).hexdigest()[:16], at, kind, tuple(numbered))


def _leg(kind: Kind, moved: Quantity) -> Leg:
    if kind not in TYPED:
        raise Unsound(f"{kind!r} is no kind of entry: {', '.join(TYPED)}")
    if moved.amount == ZERO:
        raise Unsound("an amount of zero moves nothing")
    if kind in _COMING and moved.amount < ZERO:
        raise Unsound(f"a {kind} comes in: write {text(magnitude(moved.amount))}")
    return _named("", moved.asset, negate(magnitude(moved.amount)) if kind in _GOING else moved.amount)


def _named(name: str, asset: Asset, amount: Amount, role: Role = "principal") -> Leg:
    return Leg(name, STATED, asset, amount, role)


def _check_trade(legs: list[Leg]) -> None:
    came, went = ({leg.asset for leg in legs if (leg.amount > ZERO) == sign} for sign in (True, False))
    if not came or not went or came & went:
        raise Unsound("a trade has two sides: what came, and what went of another asset (negative)")


def numbered(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of one file: those that say the same are several events, and have ids of their own."""
    counts: Counter[str] = Counter()
    for each in entries:
        counts[each.id] += 1
        number = counts[each.id]
        yield each if number == 1 else structs.replace(each, id=f"{each.id}#{number}")
