"""How prices came to be what they are today: seeded walks that end at the world's prices."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from tallyglass.money import Amount, divide
from tallyglass.sandbox.ecb import FIRST_DAY, Rates
from tallyglass.sandbox.model import Bar

STABLE = ("USDT", "USDC")
Scale = Literal["small", "large"]

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
FIRST: Final = (FIRST_DAY - datetime(1970, 1, 1, tzinfo=UTC).date()).days * DAY
"""All markets opened on the day that the central bank's table begins with. Times are milliseconds since 1970."""

_SPANS: dict[Scale, tuple[int, int]] = {"small": (1100 * DAY, 512), "large": (2200 * DAY, 4096)}
_YEAR_MS = 365.25 * DAY
_FEWEST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Span:
    """The years in which the accounts lived, cut into equal steps."""

    start: int
    end: int
    steps: int

    def step(self, when: int) -> int:
        """The step that a moment falls into."""
        return min(max((when - self.start) * self.steps // (self.end - self.start), 0), self.steps - 1)

    def moment(self, step: int) -> int:
        """Where a step begins; of one below 0, before the accounts."""
        return self.start + (self.end - self.start) * step // self.steps


def span(now: float, scale: Scale) -> Span:
    """Up to within two hours before `now`."""
    end = int(now * 1000) // HOUR * HOUR - HOUR // 2
    length, steps = _SPANS[scale]
    return Span(end - length, end, steps)


class Walks:
    """The past price of every market. Markets agree: BTC/EUR moved as BTC and EUR moved.

    Trades are made at the price of their step, which is the one that the step ends at. On its way there the price goes
    evenly from the end of the step before; what stood at a moment and what traded around it make the bars.
    """

    def __init__(self, last: Callable[[str, str], Amount], rates: Rates, seed: int, years: Span) -> None:
        self.span = years
        self._last, self._rates, self._seed = last, rates, seed
        self._factors: dict[str, list[float]] = {}
        self._long: dict[str, list[float]] = {}
        self._markets: dict[tuple[str, str], list[Amount]] = {}
        self._earlier = max((years.start - FIRST) * years.steps // (years.end - years.start) + 2, 0)
        self.at = lru_cache(maxsize=200_000)(self._at)

    def market(self, base: str, quote: str) -> list[Amount]:
        """The price at which the accounts traded in each step, cut to the world's decimals for that market."""
        key = base, quote
        if key not in self._markets:
            tick, ticks = self._ticks(base, quote)
            ratios = zip(self._factor(base), self._factor(quote), strict=True)
            self._markets[key] = [tick * max(round(ticks * up / down), _FEWEST_TICKS) for up, down in ratios]
        return self._markets[key]

    def bar(self, base: str, quote: str, start: int, end: int) -> Bar:
        """From one moment to another: what stood at both, and between them all that traded."""
        first, last = self.at(base, quote, start), self.at(base, quote, end)
        prices = [first, last]
        if start < self.span.end and end > self.span.start:
            traded = self.market(base, quote)
            prices += traded[self.span.step(start) : self.span.step(end - 1) + 1]
        return Bar(first, max(prices), min(prices), last)

    def _at(self, base: str, quote: str, when: int) -> Amount:
        """The price of a market at a moment; from the end of the walk on, the one of today."""
        if when >= self.span.end:
            return self._last(base, quote)
        tick, ticks = self._ticks(base, quote)
        ratio = self._then(base, when) / self._then(quote, when)
        return tick * max(round(ticks * ratio), _FEWEST_TICKS)

    def _ticks(self, base: str, quote: str) -> tuple[Amount, float]:
        last = self._last(base, quote)
        tick = Decimal(1).scaleb(last.as_tuple().exponent)  # type: ignore[arg-type]  # it is finite
        return tick, float(divide(last, tick))

    def _then(self, asset: str, when: int) -> float:
        """What an asset was worth at a moment, as a part of what it is worth today."""
        if self._rates.knows(asset):
            return self._rated(asset, when)
        if asset not in self._long:
            self._long[asset] = list(self._walk(asset, self._earlier + self.span.steps))
        way, years = self._long[asset], self.span
        place = (when - years.start) * years.steps / (years.end - years.start) + self._earlier
        step = min(max(int(place), 1), len(way) - 1)
        part = min(max(place - step, 0.0), 1.0)
        return math.pow(way[step - 1], 1 - part) * math.pow(way[step], part)

    def _factor(self, asset: str) -> list[float]:
        """The same for each step."""
        if asset not in self._factors:
            fiat, steps = self._rates.knows(asset), self.span.steps
            moments = (self.span.moment(step) for step in range(steps))
            found = (self._rated(asset, each + 1) for each in moments) if fiat else self._walk(asset, steps)
            self._factors[asset] = list(found)
        return self._factors[asset]

    def _rated(self, currency: str, when: int) -> float:
        return float(divide(self._rates.usd(currency, self._rates.place(when)), self._rates.usd(currency)))

    def _walk(self, asset: str, steps: int) -> Iterable[float]:
        """So many steps up to today, found backwards: a longer walk ends with the shorter one."""
        rng = random.Random(f"{self._seed}:walk:{asset}")
        a_year = 0.002 if asset in STABLE else 0.6
        spread = a_year * math.sqrt((self.span.end - self.span.start) / _YEAR_MS / self.span.steps)
        way, factor = [], 1.0
        for _ in range(steps):
            way.append(factor)
            pull = 0.004 if asset in STABLE else 0.0005  # back towards today's price: no coin is worth nothing
            factor *= math.exp(rng.gauss(0, spread) - pull * math.log(factor))
        return reversed(way)
