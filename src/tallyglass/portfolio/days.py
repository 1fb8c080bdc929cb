"""Days: what all that is owned was worth at the end of each day, by what moved until then. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from tallyglass.ledger.daily import DayMove
from tallyglass.money import EXACT, ZERO, Amount, Asset, add
from tallyglass.portfolio.worth import NOT_MONEY, CauseCode
from tallyglass.prices.quick import Priced

MISSING: Final[CauseCode] = "price_missing"
#: What came or went has no price: the sum of deposits lacks it from that day on.
FLOW_MISSING: Final[CauseCode] = "flow_missing"

Pricing = Callable[[Asset, date], Priced | None]
"""The price of an asset at the end of a day, in the currency that is counted in; None when nothing leads there."""

Closes = Callable[[Asset, date], Amount | None]
"""The same, where the value of one unit is all that is wanted."""

Holdings = Mapping[tuple[str, Asset], Amount]
"""What every connection holds of every asset."""


@dataclass(frozen=True, slots=True)
class DayWorth:
    """What all was worth at the end of a day. `sum(assets) = sum(connections) = total`, to the last digit."""

    day: date
    total: Amount
    #: What came from outside on that day less what went there, at the prices of its end.
    flow: Amount
    #: What was paid (negative), and what was earned: both are in the total already.
    fees: Amount
    rewards: Amount
    assets: Mapping[Asset, Amount]
    connections: Mapping[str, Amount]
    #: What is missing from it, or doubtful: (code, asset), in order.
    causes: tuple[tuple[str, Asset], ...]

    @property
    def complete(self) -> bool:
        """Whether every asset that was owned or moved had a price, and none of them is doubtful."""
        return not self.causes


def value_days(
    start: Holdings, moves: Iterable[DayMove], price: Pricing, days: tuple[date, date]
) -> Iterator[DayWorth]:
    """Every day of `days`, the first and the last included.

    `start`: what was held before the first of them. `moves`: those of these days, the oldest first.
    """
    held = _by_asset(start)
    moved = groupby(moves, key=attrgetter("day"))
    coming = next(moved, None)
    first, last = days
    for offset in range((last - first).days + 1):
        day = first + timedelta(offset)
        today: list[DayMove] = []
        if coming is not None and coming[0] == day:
            today = list(coming[1])
            coming = next(moved, None)
            _move(held, today)
        yield _valued(day, held, today, price)


def _by_asset(start: Holdings) -> dict[Asset, dict[str, Amount]]:
    held: dict[Asset, dict[str, Amount]] = defaultdict(dict)
    for (connection, asset), amount in start.items():
        if amount:
            held[asset][connection] = amount
    return held


def _move(held: dict[Asset, dict[str, Amount]], today: Iterable[DayMove]) -> None:
    for each in today:
        owners = held[each.asset]
        amount = add(owners.get(each.connection, ZERO), each.amount)
        if amount:
            owners[each.connection] = amount
        else:
            owners.pop(each.connection, None)
            if not owners:
                del held[each.asset]


def _valued(
    day: date, held: Mapping[Asset, Mapping[str, Amount]], today: Iterable[DayMove], price: Pricing
) -> DayWorth:
    plus, times = EXACT.add, EXACT.multiply  # a history has half a million of these
    assets: dict[Asset, Amount] = {}
    connections: dict[str, Amount] = {}
    whole, causes = ZERO, set[tuple[str, Asset]]()
    for asset, owners in held.items():
        found = _found(price, asset, day, causes)
        if found is None:
            continue
        of_asset = ZERO
        for owner, amount in owners.items():
            value = times(amount, found)
            of_asset = plus(of_asset, value)
            connections[owner] = plus(connections[owner], value) if owner in connections else value
        assets[asset] = of_asset
        whole = plus(whole, of_asset)
    flow = fees = rewards = ZERO
    for each in today:
        if not (each.flow or each.fee or each.reward):
            continue
        found = _found(price, each.asset, day, causes)
        if found is None:
            causes.update([(FLOW_MISSING, each.asset)] if each.flow and each.asset not in NOT_MONEY else [])
        else:
            flow = plus(flow, times(each.flow, found))
            fees = plus(fees, times(each.fee, found))
            rewards = plus(rewards, times(each.reward, found))
    return DayWorth(day, whole, flow, fees, rewards, assets, connections, tuple(sorted(causes)))


def _found(price: Pricing, asset: Asset, day: date, causes: set[tuple[str, Asset]]) -> Amount | None:
    """The price; what is wrong with it is added to the causes."""
    found = price(asset, day)
    if found is None:
        if asset not in NOT_MONEY:
            causes.add((MISSING, asset))
        return None
    if found.marks:
        causes.update((mark, asset) for mark in found.marks)
    return found.value
