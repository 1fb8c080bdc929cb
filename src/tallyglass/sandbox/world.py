"""The world the fake exchanges live in: which markets there are, and one seeded table of prices, exact."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from tallyglass.money import ROUNDED, Amount, divide, multiply
from tallyglass.sandbox.bazaar import Listing
from tallyglass.sandbox.ecb import Rates
from tallyglass.sandbox.model import MarketFact

ASSETS: dict[str, tuple[str, int, int]] = {
    "BTC": ("86412.3", 1, 5),
    "ETH": ("2911.42", 2, 4),
    "SOL": ("136.18", 2, 3),
    "ADA": ("0.4127", 4, 1),
    "DOT": ("2.3141", 4, 2),
    "XRP": ("2.0712", 4, 1),
    "DOGE": ("0.14803", 5, 0),
    "LTC": ("84.37", 2, 3),
    "LINK": ("12.904", 3, 2),
    "ATOM": ("2.517", 3, 2),
    "PEPE": ("0.00000978", 8, 0),
    "USDT": ("0.9994", 4, 2),
    "USDC": ("0.9998", 4, 2),
    # no dollar market anywhere: these prices are in USDT
    "BNB": ("851.26", 2, 3),
    "TRX": ("0.2786", 4, 1),
}
"""Symbol → price before the seed moves it, decimals of its price in a fiat or stable coin, decimals of its amount."""

FIAT = ("USD", "EUR", "GBP")
STABLE = ("USDT", "USDC")
QUOTES = ("USD", "USDT", "USDC", "EUR", "BTC")
"""The order in which a tie between equally short paths to the dollar is broken."""

_BTC_DECIMALS = {"ETH": (5, 3), "SOL": (6, 2), "ADA": (8, 0), "LTC": (6, 2), "LINK": (6, 2), "BNB": (5, 3)}
_MARKETS = {
    "kraken": {
        "USD": "BTC ETH SOL ADA DOT XRP DOGE LTC LINK ATOM PEPE USDT USDC EUR GBP",
        "EUR": "BTC ETH SOL ADA DOT XRP DOGE LTC LINK ATOM USDT USDC",
        "GBP": "BTC ETH",
        "USDT": "BTC ETH SOL",
        "BTC": "ETH SOL LTC",
    },
    "binance": {
        "USDT": "BTC ETH BNB SOL ADA DOT XRP DOGE LTC LINK ATOM PEPE TRX USDC EUR",
        "USDC": "BTC ETH SOL",
        "EUR": "BTC ETH BNB SOL ADA XRP DOGE",
        "BTC": "ETH BNB SOL ADA LTC LINK",
    },
    "coinbase": {
        "USD": "BTC ETH SOL ADA DOT XRP DOGE LTC LINK ATOM PEPE USDT",
        "EUR": "BTC ETH SOL ADA XRP DOGE LTC LINK USDT",
        "GBP": "BTC ETH",
        "BTC": "ETH SOL LTC",
    },
}


class NoMarket(LookupError):
    """No venue lists that market, or nothing leads from that asset to the dollar."""


@cache
def markets(venue: str) -> tuple[MarketFact, ...]:
    """The markets that a venue lists, with decimals that hold everywhere: `Prices.last` never has more.

    A venue may take finer decimals for its own facts (`dataclasses.replace`), never coarser ones for prices.
    """
    return tuple(
        MarketFact(base, quote, *_decimals(base, quote))
        for quote, bases in _MARKETS[venue].items()
        for base in bases.split()
    )


@cache
def all_markets() -> frozenset[tuple[str, str]]:
    """(base, quote) of every market at any venue."""
    return frozenset((each.base, each.quote) for venue in _MARKETS for each in markets(venue))


class WorldPrices:
    """The prices at the start of the sandbox. They stand still: the true worth is one number.

    The rule by which an asset has a dollar price: the path with the fewest hops from the asset to USD over the
    markets of all venues together, each hop at the market's last price, base to quote. So a direct USD market
    comes first; else a market against USDT, USDC, EUR or BTC, in that order, times that quote's own dollar
    price. Fiat is priced by the European Central Bank alone, on the newest day of its table: usd(EUR) = its USD
    rate, usd(GBP) = its USD rate / its GBP rate. Markets that are not on the path (BTC/EUR, ETH/BTC, EUR/USD …)
    quote something near, cut to their decimals: they agree with the path as badly as real ones do.
    """

    def __init__(self, seed: int, now: float, also: Iterable[Listing] = ()) -> None:
        """`also`: markets of made-up coins, beyond those that every world has."""
        self.rates = Rates(seed, now)
        self._seed = seed
        self._own = {asset: self._moved(asset, *facts[:2]) for asset, facts in ASSETS.items()}
        self._last: dict[tuple[str, str], Amount] = {}
        self._usd: dict[str, Amount] = {}
        self._more: dict[str, list[str]] = {}
        for listing in also:
            self._list(listing)

    def usd(self, asset: str) -> Amount:
        """The price of one unit in US dollars, exact. Raises `NoMarket`."""
        if asset not in self._usd:
            self._usd[asset] = self._path(asset)
        return self._usd[asset]

    def last(self, base: str, quote: str) -> Amount:
        """The last price on the market base/quote. Raises `NoMarket` where no venue lists it."""
        if (base, quote) not in self._last and (base, quote) not in all_markets():
            raise NoMarket(f"no venue lists {base}/{quote}")
        if (base, quote) not in self._last:
            self._last[base, quote] = self._quoted(base, quote)
        return self._last[base, quote]

    def assets(self) -> tuple[str, ...]:
        """All that has a price."""
        return (*ASSETS, *FIAT, *(asset for asset in self._more if asset not in ASSETS))

    def _list(self, listing: Listing) -> None:
        """A market more. Its price is near the dollars that it is said to be worth, cut to its decimals."""
        fact = listing.fact
        noise = random.Random(f"{self._seed}:bazaar:{fact.base}/{fact.quote}").randint(-40, 40)
        fair = divide(multiply(listing.dollars, Decimal(100_000 + noise).scaleb(-5)), self.usd(fact.quote))
        least = Decimal(1).scaleb(-fact.price_decimals)
        self._last[fact.base, fact.quote] = max(_cut(fair, fact.price_decimals), least)
        self._more.setdefault(fact.base, []).append(fact.quote)

    def _path(self, asset: str) -> Amount:
        if self.rates.knows(asset):
            return self.rates.usd(asset)
        for quote in QUOTES:
            if (asset, quote) in all_markets() or quote in self._more.get(asset, ()):
                return multiply(self.last(asset, quote), self.usd(quote))
        for quote in self._more.get(asset, ()):
            return multiply(self.last(asset, quote), self.usd(quote))
        raise NoMarket(f"no market leads from {asset} to the dollar")

    def _quoted(self, base: str, quote: str) -> Amount:
        if base in self._own and quote == ("USDT" if (base, "USD") not in all_markets() else "USD"):
            return self._own[base]
        noise = random.Random(f"{self._seed}:cross:{base}/{quote}").randint(-40, 40)
        fair = multiply(divide(self.usd(base), self.usd(quote)), Decimal(100_000 + noise).scaleb(-5))
        return _cut(fair, _decimals(base, quote)[0])

    def _moved(self, asset: str, price: str, decimals: int) -> Amount:
        rng = random.Random(f"{self._seed}:price:{asset}")
        spread = 6 if asset in STABLE else 2000
        return _cut(multiply(Decimal(price), Decimal(10_000 + rng.randint(-spread, spread)).scaleb(-4)), decimals)


def _decimals(base: str, quote: str) -> tuple[int, int]:
    """Of the price and of the amount. Together at most 8, so that a cost has no more than any venue keeps."""
    if quote == "BTC":
        return _BTC_DECIMALS[base]
    return ASSETS[base][1:] if base in ASSETS else (4, 2)


def _cut(value: Decimal, decimals: int) -> Amount:
    """Rounded to a market's decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, context=ROUNDED)
