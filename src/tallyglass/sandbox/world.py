"""The world the fake exchanges live in: which markets there are, and one seeded table of prices, exact."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from tallyglass.money import ROUNDED, Amount, divide, multiply
from tallyglass.sandbox.bazaar import CLOSED, Listing
from tallyglass.sandbox.ecb import Rates
from tallyglass.sandbox.lies import Lie, Lies
from tallyglass.sandbox.model import Bar, MarketFact
from tallyglass.sandbox.walks import DAY, FIRST, STABLE, Scale, Walks, span

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


_CLOSED = 600 * DAY
"""So long ago the closed markets of the long list traded for the last time."""


class WorldPrices:
    """The prices at the start of the sandbox, which stand still: the true worth is one number; and how they came to be.

    The rule by which an asset has a dollar price: the path with the fewest hops from the asset to USD over the
    markets of all venues together, each hop at the market's last price, base to quote. So a direct USD market
    comes first; else a market against USDT, USDC, EUR or BTC, in that order, times that quote's own dollar
    price. Fiat is priced by the European Central Bank alone, on the newest day of its table: usd(EUR) = its USD
    rate, usd(GBP) = its USD rate / its GBP rate. Markets that are not on the path (BTC/EUR, ETH/BTC, EUR/USD …)
    quote something near, cut to their decimals: they agree with the path as badly as real ones do.
    """

    def __init__(self, seed: int, now: float, also: Iterable[Listing] = (), scale: Scale = "small") -> None:
        """`also`: markets of made-up coins, beyond those that every world has. `scale`: how long the accounts lived."""
        self.rates = Rates(seed, now)
        self._seed = seed
        self._own = {asset: self._moved(asset, *facts[:2]) for asset, facts in ASSETS.items()}
        self._last: dict[tuple[str, str], Amount] = {}
        self._usd: dict[str, Amount] = {}
        self._more: dict[str, list[str]] = {}
        self._ended: dict[tuple[str, str], int] = {}
        self.lies = Lies()
        self.walks = Walks(self.last, self.rates, seed, span(now, scale))
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

    def told(self, source: str, base: str, quote: str) -> Amount:
        """What a source tells to be the last price: the truth, unless a lie was ordered."""
        lie = self.lies.of(source, base)
        if lie is None:
            return self.last(base, quote)
        if lie.stale:
            return self.walks.at(base, quote, self.walks.span.end - lie.stale * DAY)
        return self._spoiled(lie, base, quote, self.last(base, quote))

    def bar(self, source: str, market: tuple[str, str], start: int, end: int) -> Bar | None:
        """What a source tells that a market did between two moments (milliseconds); nothing where it did not trade."""
        base, quote = market
        lie = self.lies.of(source, base, end)
        newest = self._ended.get(market)
        if lie is not None and lie.stale:
            newest = min(newest or end, self.walks.span.end - lie.stale * DAY)
        if start < FIRST or (newest is not None and start >= newest):
            return None
        truth = self.walks.bar(base, quote, start, end if newest is None else min(end, newest))
        if lie is None:
            return truth
        return truth.of(lambda price: self._spoiled(lie, base, quote, price))

    def usd_at(self, asset: str, when: int) -> Amount:
        """The dollar price at a moment of the past, by the rule of today. A midnight ends a day.

        Raises `NoMarket` also where the market on the path had closed.
        """
        if self.rates.knows(asset):
            return self.rates.usd(asset, self.rates.place(when))
        for quote in self._quotes(asset):
            if when <= self._ended.get((asset, quote), when) and when >= FIRST:
                return multiply(self.walks.at(asset, quote, when), self.usd_at(quote, when))
        raise NoMarket(f"no market led from {asset} to the dollar")

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
        if listing.status == CLOSED:
            self._ended[fact.base, fact.quote] = self.walks.span.end // DAY * DAY - _CLOSED

    def _path(self, asset: str) -> Amount:
        if self.rates.knows(asset):
            return self.rates.usd(asset)
        for quote in self._quotes(asset):
            return multiply(self.last(asset, quote), self.usd(quote))
        raise NoMarket(f"no market leads from {asset} to the dollar")

    def _quotes(self, asset: str) -> Iterator[str]:
        """What an asset has markets against, the way to the dollar that is taken first."""
        more = self._more.get(asset, ())
        yield from (quote for quote in QUOTES if (asset, quote) in all_markets() or quote in more)
        yield from more

    def _spoiled(self, lie: Lie, base: str, quote: str, truth: Amount) -> Amount:
        """The price that is told in place of the truth, with as many decimals."""
        if lie.coin:
            truth = divide(self.usd(lie.coin), self.usd(quote))
        return _cut(lie.spoil(truth), -int(self.last(base, quote).as_tuple().exponent))

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
