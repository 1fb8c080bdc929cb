"""Years of acts on the accounts of every exchange, from a seed: always covered, the same at every start."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from heapq import heappop, heappush
from itertools import accumulate, count
from typing import Literal

from tallyglass.money import Amount
from tallyglass.sandbox.desk import Desk, Habit, Scene
from tallyglass.sandbox.model import Act, Venue
from tallyglass.sandbox.walks import HOUR, Scale
from tallyglass.sandbox.world import WorldPrices

#: Exchanges fill some trades in parts and a few come twice: these make a million rows of trades in all.
_HABITS: dict[Scale, dict[str, Habit]] = {
    "small": {
        "kraken": Habit(130, 50, 40_000, 0.05),
        "binance": Habit(150, 50, 30_000, 0.05),
        "coinbase": Habit(110, 45, 25_000, 0.05),
    },
    "large": {
        "kraken": Habit(325_000, 2_000, 3_000_000, 0.0004),
        "binance": Habit(365_000, 2_000, 4_000_000, 0.0004),
        "coinbase": Habit(200_000, 2_000, 2_000_000, 0.0004),
    },
}
_OTHER = Habit(14, 8, 5_000, 0.08)
_ORDERS: tuple[Literal["buy", "sell"], ...] = ("buy", "sell", "sell", "buy")
_FILLED = Decimal("0.35")

_TWICE = 0.04
_KINDS = ("reward", "cash_in", "coins_in", "transfer", "coins_out", "cash_out", "convert")
_CHANCES = (26, 15, 12, 14, 9, 4, 20)

Step = tuple[str, str, Act]


def grow(venues: Mapping[str, Venue], prices: WorldPrices, seed: int, scale: Scale = "small") -> Iterator[Step]:
    """(exchange, account, act): at each exchange in the order of their times, ending with the world's walks.

    Every act must be recorded before the next one is asked for: what can be afforded is read from the books.
    """
    serials = count(1)
    for account in ("main", "other"):
        scene = Scene(prices, prices.walks, random.Random(f"{seed}:growth:{account}"), serials)
        habits = _HABITS[scale] if account == "main" else {}
        desks = [
            Desk(venue, account, habits.get(venue.id, _OTHER), scene)
            for venue in venues.values()
            if account in venue.books
        ]
        for desk, act in _Life(desks, scene).acts():
            yield desk.id, account, act


class _Life:
    """What one person does over the years, at several exchanges."""

    def __init__(self, desks: list[Desk], scene: Scene) -> None:
        self._desks, self._rng, self._span = desks, scene.rng, scene.walks.span
        #: Coins under way from one exchange to another: (arrival, number, desk, asset, amount, txid).
        self._travelling: list[tuple[int, int, Desk, str, Amount, str]] = []
        self._sent = count()

    def acts(self) -> Iterator[tuple[Desk, Act]]:
        """All of it."""
        for desk in self._desks:
            yield from self._begin(desk)
        weights = [each.habit.trades + each.habit.others for each in self._desks]
        for when, desk in self._schedule(weights):
            if self._travelling:
                yield from self._arrivals(when)
            for done in self._something(desk, when):
                yield desk, done
        yield from self._arrivals(self._span.end)
        for desk in self._desks:
            if desk.account == "main":
                yield from self._orders(desk)

    def _schedule(self, weights: list[int]) -> Iterator[tuple[int, Desk]]:
        """When something happens at which exchange."""
        rng, start, length = self._rng.random, self._span.start + HOUR, self._span.end - self._span.start - 3 * HOUR
        moments = sorted([start + int(rng() * length) for _ in range(sum(weights))])
        bounds = [total / sum(weights) for total in accumulate(weights)]
        for each in moments:
            yield each, self._desks[min(bisect_right(bounds, rng()), len(bounds) - 1)]

    def _begin(self, desk: Desk) -> Iterator[tuple[Desk, Act]]:
        """The first money."""
        for number, (part, foreign) in enumerate(((0.7, 0.0), (0.3, 1.0))):
            act = desk.cash_in(self._span.start + number * HOUR // 4, desk.habit.wealth * part, foreign=foreign)
            if act is not None:
                yield desk, act

    def _something(self, desk: Desk, when: int) -> Iterator[Act]:
        """One act; now and then a second trade in the same millisecond."""
        habit, step = desk.habit, self._span.step(when)
        act: Act | None = None
        if self._rng.random() * (habit.trades + habit.others) >= habit.trades:
            act = self._another(desk, when)
        act = act or desk.trade(when, step) or desk.cash_in(when, habit.wealth / 10)
        if act is not None:
            yield act
        if self._rng.random() < _TWICE:
            second = desk.trade(when, step)
            if second is not None:
                yield second

    def _another(self, desk: Desk, when: int) -> Act | None:
        """Anything but a trade; None when it cannot be done now."""
        drip = desk.habit.wealth * (0.5 + self._rng.random()) * 2 / desk.habit.others
        [kind] = self._rng.choices(_KINDS, _CHANCES)
        if kind == "transfer":
            return self._transfer(desk, when)
        make: dict[str, Callable[[], Act | None]] = {
            "reward": lambda: desk.reward(when),
            "cash_in": lambda: desk.cash_in(when, drip),
            "coins_in": lambda: desk.coins_in(when, drip),
            "coins_out": lambda: desk.coins_out(when, desk.coins),
            "cash_out": lambda: desk.cash_out(when),
            "convert": lambda: desk.trade(when, self._span.step(when), "convert"),
        }
        return make[kind]()

    def _transfer(self, desk: Desk, when: int) -> Act | None:
        """Coins leave here, and arrive elsewhere some minutes later under the same transaction hash."""
        others = [each for each in self._desks if each is not desk]
        if not others:
            return None
        to = self._rng.choice(others)
        act = desk.coins_out(when, {coin: to.coins[coin] for coin in desk.coins if coin in to.coins})
        if act is None:
            return None
        arrival = when + int((5 + 50 * self._rng.random()) * 60_000)
        heappush(self._travelling, (arrival, next(self._sent), to, act.base, act.amount, act.txid))
        return act

    def _arrivals(self, until: int) -> Iterator[tuple[Desk, Act]]:
        while self._travelling and self._travelling[0][0] <= until:
            arrival, _, desk, asset, amount, txid = heappop(self._travelling)
            act = desk.movement("deposit", arrival, asset, amount, txid=txid)
            if act is not None:
                yield desk, act

    def _orders(self, desk: Desk) -> Iterator[tuple[Desk, Act]]:
        """The open orders at the end, the first of them partly filled."""
        taken: dict[str, Amount] = {}
        for number, side in enumerate(_ORDERS):
            when = self._span.end + number * 60_000
            order = desk.order(when, side, taken)
            if order is None:
                continue
            trade = desk.fill(order, _FILLED) if number == 0 else None
            if trade is not None:
                yield desk, trade
                order = replace(order, filled=trade.amount)
            yield desk, order
