"""Kraken's names: legacy asset codes, suffixes for wallets, and the three names of a pair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tallyglass.money import Amount
from tallyglass.sandbox.world import markets

#: Suffix of an asset code → wallet (support.kraken.com: what do .S, .M, .F, .B, .P mean).
WALLETS = {
    "": "spot",
    "S": "staked",
    "F": "earn",
    "M": "opt-in",
    "B": "yield",
    "P": "parachain",
    "HOLD": "hold",
    "T": "tokenized",
}


@dataclass(frozen=True, slots=True)
class AssetName:
    """One asset under all its names, and its digits."""

    #: As the whole world calls it: `BTC`.
    symbol: str
    #: As Kraken's older calls answer: `XXBT`.
    code: str
    #: `XBT`.
    altname: str
    decimals: int
    shown: int


@dataclass(frozen=True, slots=True)
class PairName:
    """One market under all its names, and its digits."""

    #: Key of answers: `XXBTZEUR`.
    key: str
    #: `XBTEUR`.
    altname: str
    #: `XBT/EUR`.
    wsname: str
    base: AssetName
    quote: AssetName
    price_decimals: int
    minimum: str
    lot_decimals: int = 8
    cost_decimals: int = 5


_ASSETS = (
    ("BTC", "XXBT", "XBT", 10, 5),
    ("ETH", "XETH", "ETH", 10, 5),
    ("LTC", "XLTC", "LTC", 10, 5),
    ("XRP", "XXRP", "XRP", 8, 5),
    ("DOGE", "XXDG", "XDG", 8, 2),
    ("SOL", "SOL", "SOL", 10, 5),
    ("ADA", "ADA", "ADA", 8, 6),
    ("DOT", "DOT", "DOT", 10, 8),
    ("ATOM", "ATOM", "ATOM", 8, 6),
    ("LINK", "LINK", "LINK", 10, 5),
    ("PEPE", "PEPE", "PEPE", 8, 2),
    ("USDC", "USDC", "USDC", 8, 4),
    ("USDT", "USDT", "USDT", 8, 4),
    ("EUR", "ZEUR", "EUR", 4, 2),
    ("USD", "ZUSD", "USD", 4, 2),
    ("GBP", "ZGBP", "GBP", 4, 2),
    ("KFEE", "KFEE", "FEE", 2, 2),
)
FIAT = frozenset(("EUR", "USD", "GBP"))

#: Code of the wallet that rewards of an asset go to: bonded, staked or automatically earning.
REWARD_CODES = {"DOT": "DOT28.S", "ATOM": "ATOM21.S", "SOL": "SOL.S", "ETH": "ETH.F", "ADA": "ADA.F"}

#: All wallets beside spot that an asset may be in.
AWAY_CODES = {**REWARD_CODES, "BTC": "XBT.M"}

#: Smallest order by base; what is not named takes one.
_MINIMUM = {"BTC": "0.00005", "ETH": "0.001", "SOL": "0.02", "LTC": "0.04", "LINK": "0.2", "DOGE": "10", "PEPE": "1000"}
_KEYS = {"USDTUSD": "USDTZUSD"}


def _pair(base: AssetName, quote: AssetName, decimals: int) -> PairName:
    altname = base.altname + quote.altname
    legacy = base.code != base.altname and quote.code != quote.altname and base.symbol != "DOGE"
    key = base.code + quote.code if legacy else _KEYS.get(altname, altname)
    minimum = _MINIMUM.get(base.symbol, "1")
    return PairName(key, altname, f"{base.altname}/{quote.altname}", base, quote, decimals, minimum)


class Names:
    """Finds assets and pairs by any of their names."""

    def __init__(self) -> None:
        self.assets = [AssetName(*row) for row in _ASSETS]
        self._by_symbol = {each.symbol: each for each in self.assets}
        self._by_any = {name: each for each in self.assets for name in (each.symbol, each.code, each.altname)}
        self.pairs = [
            _pair(self._by_symbol[fact.base], self._by_symbol[fact.quote], fact.price_decimals)
            for fact in markets("kraken")
        ]
        self._splits: dict[str, tuple[str, str]] = {}
        self._pairs = {
            name: each
            for each in self.pairs
            for name in (each.key, each.altname, each.wsname, f"{each.base.symbol}/{each.quote.symbol}")
        }

    def asset(self, symbol: str) -> AssetName:
        """By the common symbol. Raises `KeyError`."""
        return self._by_symbol[symbol]

    def find_asset(self, name: str) -> AssetName | None:
        """By code, altname or symbol, without suffix."""
        return self._by_any.get(name)

    def pair(self, base: str, quote: str) -> PairName:
        """By common symbols. Raises `KeyError`."""
        return self._pairs[f"{base}/{quote}"]

    def find_pair(self, name: str) -> PairName | None:
        """By key, altname, or either name with a slash."""
        return self._pairs.get(name)

    def code(self, symbol: str, suffix: str = "") -> str:
        """The balance key of an asset: codes with a dot never carry the X or Z (`XBT.M`, `EUR.HOLD`)."""
        asset = self._by_symbol.get(symbol)
        if asset is None:
            return f"{symbol}.{suffix}" if suffix else symbol
        return f"{asset.altname}.{suffix}" if suffix else asset.code

    def split(self, code: str) -> tuple[str, str]:
        """A balance key as (common symbol, wallet): `DOT28.S` → `DOT`, `staked-28`."""
        if code not in self._splits:
            self._splits[code] = self._split(code)
        return self._splits[code]

    def _split(self, code: str) -> tuple[str, str]:
        stem, _, suffix = code.partition(".")
        wallet = WALLETS.get(suffix, suffix.lower())
        bare = stem.rstrip("0123456789") if suffix == "S" else stem
        if bare != stem and self.find_asset(stem) is None:
            wallet, stem = f"{wallet}-{stem[len(bare) :]}", bare
        found = self.find_asset(stem)
        return (found.symbol if found else stem), wallet

    def decimals(self, code: str) -> int:
        """Digits of the ledger amounts under a balance key."""
        found = self.find_asset(self.split(code)[0])
        return found.decimals if found else 8

    def modern(self, code: str) -> str:
        """The code without legacy letters, suffix kept: `BTC`, `EUR`, `DOT28.S`."""
        stem, dot, suffix = code.partition(".")
        found = self.find_asset(stem)
        return (found.symbol if found else stem) + dot + suffix


def digits(value: Amount, decimals: int) -> str:
    """The amount with at least so many decimals, more where it has more: nothing is rounded away."""
    whole, _, part = format(value, "f").partition(".")
    return f"{whole}.{part.rstrip('0').ljust(decimals, '0')}" if decimals or part.strip("0") else whole


def commas(text: str) -> Iterable[str]:
    """The items of a comma list; Kraken's own examples put blanks after the commas."""
    return (item.strip() for item in text.split(",") if item.strip())
