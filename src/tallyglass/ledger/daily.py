"""Days: what each day's entries moved, and how much of it came from outside, was paid or was earned. Pure.

A day is a day of UTC. What is matched as a transfer between the user's own connections neither came nor went: from
its departure to its arrival it is owned by nobody that an exchange knows of, and by the user all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

import msgspec

from tallyglass.ledger.entries import Kind, Leg
from tallyglass.money import ZERO, Amount, Asset, add, negate, total

ON_THE_WAY: Final = "on-the-way"
"""The owner of what has left one connection and not yet arrived at the other. No connection can have that name."""

OWN: Final = "own:"
"""The names of accounts that no exchange knows begin so, and the ids of what the user says of them."""

#: What the user says to have been there before all history, or on an account of his own.
_STATED: Final = ("opening:", OWN)

Share = Literal["flow", "fee", "reward"]
"""What a movement is beside being one: from or to outside, paid, or earned."""

_SHARES: Final[dict[Kind, Share]] = {"deposit": "flow", "withdrawal": "flow", "reward": "reward", "fee": "fee"}


class DayMove(msgspec.Struct, frozen=True, gc=False):
    """What one day's entries moved of one asset on one connection. A struct: a long history has 200,000 of them."""

    day: date
    connection: str
    asset: Asset
    #: Everything.
    amount: Amount
    #: Of it, what came from outside (positive) or went there.
    flow: Amount = ZERO
    #: Of it, what was paid (negative), or given back.
    fee: Amount = ZERO
    #: Of it, what was earned.
    reward: Amount = ZERO


def share(kind: Kind, entry_id: str, *, matched: bool) -> Share | None:
    """What the principal legs of such an entry are; its fee legs are fees whatever it is.

    `matched`: it is one side of a transfer between the user's own connections.
    """
    if matched:
        return None
    if kind == "adjustment" and entry_id.startswith(_STATED):
        return "flow"
    return _SHARES.get(kind)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a transfer."""

    time: datetime
    legs: tuple[Leg, ...]


def crossing(sent: Side, received: Side) -> Iterator[tuple[datetime, DayMove]]:
    """What was on the way between two connections: what began to be at departure, and ended at arrival.

    What arrives less than was sent has been paid to the network, on the day of arrival.
    """
    left = _principal(sent.legs)
    arrived = total(_principal(received.legs).values())
    lost = add(total(left.values()), arrived)  # left is negative
    for asset, amount in left.items():
        fee, lost = lost, ZERO
        yield sent.time, DayMove(sent.time.date(), ON_THE_WAY, asset, negate(amount))
        yield received.time, DayMove(received.time.date(), ON_THE_WAY, asset, amount, fee=fee)


def _principal(legs: Iterable[Leg]) -> dict[Asset, Amount]:
    sums: dict[Asset, Amount] = {}
    for leg in legs:
        if leg.role == "principal":
            sums[leg.asset] = add(sums.get(leg.asset, ZERO), leg.amount)
    return sums


def joined(moves: Iterable[DayMove]) -> dict[tuple[date, str, Asset], DayMove]:
    """One move for each day, connection and asset; those of nothing are left out."""
    sums: dict[tuple[date, str, Asset], DayMove] = {}
    for each in moves:
        key = each.day, each.connection, each.asset
        other = sums.get(key)
        sums[key] = each if other is None else _sum(each, other)
    return {key: each for key, each in sums.items() if each.amount or each.flow or each.fee or each.reward}


def _sum(one: DayMove, other: DayMove) -> DayMove:
    return DayMove(
        one.day,
        one.connection,
        one.asset,
        add(one.amount, other.amount),
        add(one.flow, other.flow),
        add(one.fee, other.fee),
        add(one.reward, other.reward),
    )
