"""One account at one exchange while it grows: what it can afford, cut and charged as the exchange would."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Literal

from tallyglass.money import EXACT, ROUNDED, ZERO, Amount
from tallyglass.sandbox.model import Act, Facts, MarketFact, Venue
from tallyglass.sandbox.walks import STABLE, Walks
from tallyglass.sandbox.world import ASSETS, FIAT, WorldPrices

_LEAST_USD = 10.0
_CONVERT_FEE = Decimal("0.01")
_TRIES = 6
_MULTIPLY, _ADD, _QUANTIZE = EXACT.multiply, EXACT.add, ROUNDED.quantize


@dataclass(frozen=True, slots=True)
class Habit:
    """How an account is used."""

    trades: int
    #: Acts of any other kind.
    others: int
    #: What it begins with, in dollars.
    wealth: float
    #: The part of what is held that one trade moves, on average.
    share: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What all desks of one growth share."""

    prices: WorldPrices
    walks: Walks
    rng: random.Random
    serials: Iterator[int]


@dataclass(frozen=True, slots=True)
class _Line:
    """A market with all that a trade needs of it."""

    market: MarketFact
    prices: list[Amount]
    #: Decimals of an amount that can be both traded and kept.
    places: int
    quote_step: Amount
    base_usd: float
    quote_usd: float


class Desk:
    """Makes acts for one account. Asks the account's own books what it holds, so it must be told nothing."""

    def __init__(self, venue: Venue, account: str, habit: Habit, scene: Scene) -> None:
        self.id, self.account, self.habit = venue.id, account, habit
        self.facts: Facts = venue.facts
        self.rng, self._serials, self._prices = scene.rng, scene.serials, scene.prices
        self._held = venue.books[account].balance
        self._step = {asset: Decimal(1).scaleb(-places) for asset, places in venue.facts.decimals.items()}
        self._lines = [self._line(each, scene.walks) for each in venue.facts.markets]
        self.coins = {asset: places for asset, places in venue.facts.decimals.items() if asset in ASSETS}

    def trade(self, when: int, step: int, kind: Literal["trade", "convert"] = "trade") -> Act | None:
        """A trade of some market, to either side, or None when nothing can be afforded."""
        rng = self.rng.random
        for _ in range(_TRIES):
            line = self._lines[int(rng() * len(self._lines))]
            first: Literal["buy", "sell"] = "buy" if rng() < 0.5 else "sell"
            act = self._deal(line, first, when, step, kind)
            act = act or self._deal(line, "sell" if first == "buy" else "buy", when, step, kind)
            if act is not None:
                return act
        return None

    def cash_in(self, when: int, usd: float, *, foreign: float = 0.3) -> Act | None:
        """Money from a bank, or stable coins where the exchange takes no money; now and then a foreign currency."""
        others = [each for each in FIAT if each in self.facts.decimals and each != self.facts.cash]
        asset = self.rng.choice(others) if others and self.rng.random() < foreign else self.facts.cash
        return self.movement("deposit", when, asset, self._worth(asset, usd))

    def coins_in(self, when: int, usd: float) -> Act | None:
        """Coins from somewhere else."""
        asset = self.rng.choice(list(self.coins))
        return self.movement("deposit", when, asset, self._worth(asset, usd))

    def reward(self, when: int) -> Act | None:
        """A small part of what is held of a coin that earns."""
        held = [each for each in self.facts.rewards if self._held(each) > ZERO]
        if not held:
            return None
        asset = self.rng.choice(held)
        return self.movement("reward", when, asset, self._part(asset, 0.0004 + 0.002 * self.rng.random()))

    def coins_out(self, when: int, among: Mapping[str, int]) -> Act | None:
        """A withdrawal of a part of one of these coins, cut to so many decimals, the network's fee on top."""
        held = [each for each in among if self._held(each) > ZERO]
        if not held:
            return None
        asset = self.rng.choice(held)
        part = self._part(asset, 0.03 + 0.2 * self.rng.random())
        amount = part.quantize(Decimal(1).scaleb(-min(among[asset], 8)), ROUND_DOWN, context=ROUNDED)
        fee = self._worth(asset, 0.5 + 2 * self.rng.random())
        if amount * 2 <= fee or _ADD(amount, fee) > self._held(asset):
            return None
        return self.movement("withdrawal", when, asset, amount, fee)

    def cash_out(self, when: int) -> Act | None:
        """Money back to the bank."""
        amount = self._part(self.facts.cash, 0.05 + 0.1 * self.rng.random())
        return self.movement("withdrawal", when, self.facts.cash, amount) if amount > ZERO else None

    def movement(
        self, kind: Literal["deposit", "withdrawal", "reward"], when: int, asset: str, amount: Amount,
        fee: Amount = ZERO, txid: str | None = None,
    ) -> Act | None:  # fmt: skip
        """What concerns one asset alone."""
        if amount <= ZERO:
            return None
        if txid is None:
            txid = "" if kind == "reward" or asset in FIAT else f"{self.rng.getrandbits(256):064x}"
        return Act(kind, moment(when), asset, amount, fee=fee, fee_asset=asset, txid=txid, serial=next(self._serials))

    def order(self, when: int, side: Literal["buy", "sell"], taken: dict[str, Amount]) -> Act | None:
        """An open order away from today's price. `taken` counts what earlier ones hold."""
        lines = [each for each in self._lines if self._free(each, side, taken) > ZERO]
        self.rng.shuffle(lines)
        for line in lines:
            market = line.market
            away = 0.8 + 0.15 * self.rng.random() if side == "buy" else 1.08 + 0.3 * self.rng.random()
            tick = line.prices[-1].as_tuple().exponent
            price = Decimal(away * float(line.prices[-1])).quantize(Decimal(1).scaleb(int(tick)), context=ROUNDED)
            free = float(self._free(line, side, taken)) * (0.1 + 0.2 * self.rng.random())
            amount = _cut(free / float(price) if side == "buy" else free, line.places)
            if float(amount) * line.base_usd < _LEAST_USD or price <= ZERO:
                continue
            spent, asset = (_MULTIPLY(amount, price), market.quote) if side == "buy" else (amount, market.base)
            taken[asset] = _ADD(taken.get(asset, ZERO), spent)
            serial = next(self._serials)
            return Act("order", moment(when), market.base, amount, market.quote, side, price, serial=serial)
        return None

    def fill(self, order: Act, part: Amount) -> Act | None:
        """The trade that filled a part of an open order, if it can still be afforded."""
        names = order.base, order.quote
        line = next(each for each in self._lines if (each.market.base, each.market.quote) == names)
        amount = _cut(float(order.amount * part), line.places)
        return self._settle(line, order.side, (order.price, amount), order.time, "trade") if amount else None

    def _deal(
        self, line: _Line, side: Literal["buy", "sell"], when: int, step: int, kind: Literal["trade", "convert"]
    ) -> Act | None:
        buys = side == "buy"
        held = float(self._held(line.market.quote if buys else line.market.base))
        given = held * self.habit.share * (0.2 + 1.6 * self.rng.random())
        if given * (line.quote_usd if buys else line.base_usd) < _LEAST_USD:
            return None
        price = line.prices[step]
        amount = _cut(given / float(price) if buys else given, line.places)
        return self._settle(line, side, (price, amount), moment(when), kind) if amount else None

    def _settle(
        self, line: _Line, side: Literal["buy", "sell"], figures: tuple[Amount, Amount], when: datetime,
        kind: Literal["trade", "convert"],
    ) -> Act | None:  # fmt: skip
        """The act with cost and fee, or None when the balance does not cover them."""
        price, amount = figures
        base, quote = line.market.base, line.market.quote
        cost = _QUANTIZE(_MULTIPLY(amount, price), line.quote_step)
        in_quote = self.facts.fee_in == "quote" or side == "sell"
        rate = self.facts.fee_rate if kind == "trade" else _CONVERT_FEE if self.facts.fee_in == "quote" else ZERO
        fee_asset = quote if in_quote else base
        fee = _QUANTIZE(_MULTIPLY(cost if in_quote else amount, rate), self._step[fee_asset])
        buys = side == "buy"
        need = (_ADD(cost, fee) if in_quote else cost) if buys else amount
        if not cost or need > self._held(quote if buys else base):
            return None
        return Act(kind, when, base, amount, quote, side, price, cost, fee, fee_asset, serial=next(self._serials))

    def _line(self, market: MarketFact, walks: Walks) -> _Line:
        usd = self._prices.usd
        return _Line(
            market,
            walks.market(market.base, market.quote),
            min(market.amount_decimals, self.facts.decimals[market.base]),
            self._step[market.quote],
            float(usd(market.base)),
            float(usd(market.quote)),
        )

    def _free(self, line: _Line, side: str, taken: dict[str, Amount]) -> Amount:
        asset = line.market.quote if side == "buy" else line.market.base
        return EXACT.subtract(self._held(asset), taken.get(asset, ZERO))

    def _part(self, asset: str, share: float) -> Amount:
        places = 2 if asset in FIAT else self.facts.decimals[asset]
        return _cut(float(self._held(asset)) * share, places)

    def _worth(self, asset: str, usd: float) -> Amount:
        """So much of an asset as that is, to as many decimals as a bank or a blockchain knows."""
        places = 2 if asset in (*FIAT, *STABLE) else 8
        return _cut(usd / float(self._prices.usd(asset)), min(places, self.facts.decimals[asset]))


def moment(when: int) -> datetime:
    """Of milliseconds since 1970."""
    return datetime.fromtimestamp(when / 1000, UTC)


def _cut(value: float, places: int) -> Amount:
    return Decimal(int(value * 10**places)).scaleb(-places)
