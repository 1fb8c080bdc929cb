"""How prices came to be what they are today: seeded walks that end at the world's prices."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tallyglass.money import Amount, divide
from tallyglass.sandbox.model import MarketFact
from tallyglass.sandbox.world import STABLE, WorldPrices

_YEAR_MS = 365.25 * 86_400_000
_FEWEST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Span:
    """The years of history, in milliseconds since 1970, cut into equal steps."""

    start: int
    end: int
    steps: int

    def step(self, when: int) -> int:
        """The step that a moment falls into."""
        return min(max((when - self.start) * self.steps // (self.end - self.start), 0), self.steps - 1)

    def moment(self, step: int) -> int:
        """Where a step begins."""
        return self.start + (self.end - self.start) * step // self.steps


class Walks:
    """The past price of every market, step by step. Markets agree: BTC/EUR moved as BTC and EUR moved."""

    def __init__(self, prices: WorldPrices, seed: int, span: Span) -> None:
        self.span = span
        self._prices, self._seed = prices, seed
        self._factors: dict[str, list[float]] = {}
        self._markets: dict[tuple[str, str], list[Amount]] = {}

    def market(self, market: MarketFact) -> list[Amount]:
        """The price in each step, cut to the world's decimals for that market."""
        key = market.base, market.quote
        if key not in self._markets:
            last = self._prices.last(*key)
            tick = Decimal(1).scaleb(last.as_tuple().exponent)  # type: ignore[arg-type]  # it is finite
            ticks = float(divide(last, tick))
            ratios = zip(self._factor(key[0]), self._factor(key[1]), strict=True)
            self._markets[key] = [tick * max(round(ticks * up / down), _FEWEST_TICKS) for up, down in ratios]
        return self._markets[key]

    def _factor(self, asset: str) -> list[float]:
        """What the asset was worth in each step, as a part of what it is worth today."""
        if asset not in self._factors:
            fiat = self._prices.rates.knows(asset)
            self._factors[asset] = list(self._fiat(asset) if fiat else self._walk(asset))
        return self._factors[asset]

    def _fiat(self, currency: str) -> Iterable[float]:
        rates = self._prices.rates
        today = rates.usd(currency)
        for step in range(self.span.steps):
            day = datetime.fromtimestamp(self.span.moment(step) / 1000, UTC).date()
            at = max(bisect_right(rates.days, day) - 1, 0)
            yield float(divide(rates.usd(currency, at), today))

    def _walk(self, asset: str) -> Iterable[float]:
        rng = random.Random(f"{self._seed}:walk:{asset}")
        a_year = 0.002 if asset in STABLE else 0.6
        spread = a_year * math.sqrt((self.span.end - self.span.start) / _YEAR_MS / self.span.steps)
        way, factor = [], 1.0
        for _ in range(self.span.steps):
            way.append(factor)
            pull = 0.004 if asset in STABLE else 0.0005  # back towards today's price: no coin is worth nothing
            factor *= math.exp(rng.gauss(0, spread) - pull * math.log(factor))
        return reversed(way)
