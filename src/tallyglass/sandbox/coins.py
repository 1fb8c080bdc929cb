"""The coins that price sources list: their ids, their symbols (some have one in common), their prices at any time."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import msgspec

from tallyglass.money import Amount, multiply
from tallyglass.sandbox.model import Outgoing
from tallyglass.sandbox.walks import DAY, FIRST
from tallyglass.sandbox.world import NoMarket, WorldPrices

_KNOWN = {
    "BTC": ("bitcoin", "Bitcoin"),
    "ETH": ("ethereum", "Ethereum"),
    "SOL": ("solana", "Solana"),
    "ADA": ("cardano", "Cardano"),
    "DOT": ("polkadot", "Polkadot"),
    "XRP": ("ripple", "XRP"),
    "DOGE": ("dogecoin", "Dogecoin"),
    "LTC": ("litecoin", "Litecoin"),
    "LINK": ("chainlink", "Chainlink"),
    "ATOM": ("cosmos", "Cosmos Hub"),
    "PEPE": ("pepe", "Pepe"),
    "USDT": ("tether", "Tether"),
    "USDC": ("usd-coin", "USDC"),
    "BNB": ("binancecoin", "BNB"),
    "TRX": ("tron", "TRON"),
}
#: Coins that share a symbol with another one: id → symbol, name, worth as a part of the other's price.
NAMESAKES = {
    "polkadot-classic": ("DOT", "Polkadot Classic", Decimal("0.0131")),
    "pepe-of-base": ("PEPE", "Pepe of Base", Decimal("37.5")),
    "cosmos-inu": ("ATOM", "Cosmos Inu", Decimal("0.000021")),
}
TWELVE = Context(prec=12)
"""Prices have so many digits here."""
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Listed:
    """A coin on the list."""

    id: str
    #: Of the asset whose name it bears.
    symbol: str
    name: str
    part: Amount = Decimal(1)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A price, and when it was that."""

    dollars: Amount
    #: Milliseconds.
    at: int


class Coins:
    """The coins of one source, each by its id. A source is near the truth: each day off by up to one in a thousand."""

    def __init__(self, source: str, prices: WorldPrices) -> None:
        self._source, self._prices = source, prices
        listed = [_listed(asset) for asset in prices.assets() if not prices.rates.knows(asset)]
        listed += [Listed(coin, *facts) for coin, facts in NAMESAKES.items()]
        self.all: Mapping[str, Listed] = {each.id: each for each in listed}

    def now(self, coin: str, now: float) -> Quoted | None:
        """The last price; nothing for what is no coin."""
        return self._quoted(coin, int(now * 1000), None)

    def then(self, coin: str, when: int) -> Quoted | None:
        """The price at a moment; nothing where there was none, or where the source has grown stale before that."""
        return self._quoted(coin, when, when)

    def _quoted(self, name: str, when: int, then: int | None) -> Quoted | None:
        coin = self.all.get(name)
        if coin is None or when < FIRST:
            return None
        lie = self._prices.lies.of(self._source, coin.symbol, then)
        if lie is not None and coin.part != 1:
            lie = None  # of the coin that everybody means
        if lie is not None and lie.stale:
            newest = self._prices.walks.span.end - lie.stale * DAY
            if then is not None and then > newest:
                return None
            when = min(when, newest)
        try:
            truth = self._near(self._instead(lie.coin) if lie is not None and lie.coin else coin, when)
        except NoMarket:
            return None
        return Quoted(truth if lie is None else TWELVE.plus(lie.spoil(truth)), when)

    def _instead(self, wanted: str) -> Listed:
        """The coin of that id, or of that symbol."""
        return self.all.get(wanted) or next(each for each in self.all.values() if each.symbol == wanted)

    def _near(self, coin: Listed, when: int) -> Amount:
        truth = multiply(self._prices.usd_at(coin.symbol, when), coin.part)
        off = random.Random(f"{self._source} {coin.id} {when // DAY}").randint(-100, 100)
        return TWELVE.plus(multiply(truth, Decimal(100_000 + off).scaleb(-5)))


def _listed(asset: str) -> Listed:
    coin, name = _KNOWN.get(asset, (asset.lower(), asset))
    return Listed(coin, asset, name)


def numbers(value: Any, status: int = 200, **headers: str) -> Outgoing:
    """A JSON answer whose amounts are numbers, digit by digit as they are."""
    names = {name.replace("_", "-"): each for name, each in headers.items()}
    return Outgoing(status, {"content-type": "application/json; charset=utf-8", **names}, _ENCODER.encode(value))
