"""Paths: the price of an asset in a currency, over as few markets as there are, each named. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tallyglass.exchanges.streams import Ticker
from tallyglass.money import ROUNDED, Amount, Asset, amount, divide, multiply

EURO = Asset("EUR")
ONE = amount(1)
#: Of two paths of one length, the one over the earlier of these is taken: the most liquid quotes first.
PREFERRED = ("USD", "USDT", "USDC", "EUR", "BTC")
LONGEST = 4
#: Of two sources of one market the fresher is taken when the other lags by this much.
OLDER = timedelta(minutes=30)
ECB = "ecb"


@dataclass(frozen=True, slots=True)
class Step:
    """One market, or one official rate, on the way."""

    base: Asset
    quote: Asset
    source: str
    price: Amount
    #: None for a daily rate.
    at: datetime | None
    #: The day of a daily rate.
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of an asset is worth in a currency, and how that is known."""

    value: Amount
    steps: tuple[Step, ...]

    @property
    def source(self) -> str:
        """The sources on the way, for the reader: `kraken`, `binance + kraken`, `ecb`."""
        return " + ".join(dict.fromkeys(step.source for step in self.steps)) or "same"

    @property
    def at(self) -> datetime | None:
        """The age of the oldest market price on the way; None when only daily rates were used."""
        moments = [step.at for step in self.steps if step.at is not None]
        return min(moments) if moments else None

    @property
    def day(self) -> date | None:
        """The day of the official rates on the way; None when there are none."""
        return next((step.day for step in self.steps if step.day is not None), None)


class Quotes:
    """The last prices of all sources, ready to be asked."""

    def __init__(
        self,
        tickers: Iterable[tuple[str, Ticker, datetime]],
        rates: Mapping[str, Amount],
        day: date | None = None,
    ) -> None:
        """`rates`: units of each currency per euro, of one `day`, as the ECB publishes them."""
        self._day = day
        self._fiat = {EURO: ONE, **{Asset(code): rate for code, rate in rates.items()}} if rates else {}
        self._markets: dict[Asset, dict[Asset, Step]] = {}
        for source, ticker, at in tickers:
            if ticker.price > 0:
                self._learn(Step(ticker.base, ticker.quote, source, ticker.price, at))

    def _learn(self, step: Step) -> None:
        there = self._markets.setdefault(step.base, {})
        known = there.get(step.quote)
        # Sources come in alphabetical order, and the first that lists a market stays, so that the choice does not
        # wobble; unless its price has grown old while another's has not.
        if known is None or (known.at is not None and step.at is not None and step.at - known.at > OLDER):
            there[step.quote] = step

    def price(self, asset: Asset, currency: Asset) -> Price | None:
        """The price over the fewest markets; None when no path leads there. Never a guess."""
        if asset == currency:
            return Price(ONE, ())
        paths: list[tuple[Step, ...]] = [()]
        reached = {asset}
        for _ in range(LONGEST):
            longer: list[tuple[Step, ...]] = []
            for path in paths:
                here = path[-1].quote if path else asset
                for step in self._ways(here, currency):
                    if step.quote == currency:
                        return _priced((*path, step))
                    if step.quote not in reached:
                        longer.append((*path, step))
            reached |= {path[-1].quote for path in longer}
            paths = sorted(longer, key=_preference)
        return None

    def _ways(self, asset: Asset, currency: Asset) -> list[Step]:
        """Where one step leads: official rates between currencies, markets for the rest.

        Markets are turned round where nothing else leads on, and for the last step to the user's currency.
        """
        if asset in self._fiat:
            here = self._fiat[asset]
            rates = [
                Step(asset, other, ECB, divide(rate, here), None, self._day)
                for other, rate in self._fiat.items()
                if other != asset
            ]
            return rates + self._turned(asset, only=currency)
        forward = sorted(self._markets.get(asset, {}).values(), key=lambda step: _rank(step.quote))
        return forward + self._turned(asset, only=currency if forward else None)

    def _turned(self, asset: Asset, *, only: Asset | None) -> list[Step]:
        """The markets in which the asset is the quote, turned round; those that lead to one asset alone."""
        return [
            Step(asset, base, quotes[asset].source, divide(ONE, quotes[asset].price), quotes[asset].at)
            for base, quotes in sorted(self._markets.items() if only is None else [(only, self._markets.get(only, {}))])
            if asset in quotes
        ]


def _priced(path: tuple[Step, ...]) -> Price:
    value = ONE
    for step in path:
        value = multiply(value, step.price)
    # Turned-round prices have 50 digits each; two of them have as many as any quantity leaves room for.
    return Price(ROUNDED.plus(value), path)


def _rank(quote: Asset) -> tuple[int, str]:
    return (PREFERRED.index(quote) if quote in PREFERRED else len(PREFERRED), quote)


def _preference(path: tuple[Step, ...]) -> tuple[tuple[int, str], ...]:
    return tuple(_rank(step.quote) for step in path)
