"""Kraken's names: asset codes to common symbols, code suffixes to wallets, pair names to base and quote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from tallyglass.exchanges.streams import Market
from tallyglass.ledger.entries import SPOT
from tallyglass.money import Asset, asset

_LEGACY_CRYPTO = (
    *("XXBT", "XETH", "XETC", "XLTC", "XMLN", "XREP", "XXDG", "XXLM", "XXMR", "XXRP", "XZEC", "XICN", "XNMC"),
    *("XDAO", "XXVN"),
)
_FIAT = (
    *("AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EUR"),
    *("GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "MXN", "MYR", "NGN"),
    *("NOK", "NZD", "PEN", "PHP", "PLN", "RON", "RUB", "SEK", "SGD", "THB", "TRY", "TWD", "UAH"),
    *("USD", "UYU", "VND", "ZAR"),
)

#: Codes that carry Kraken's old one-letter prefix. By list, never by pattern: XRP, XTZ and ZRX begin like that too.
LEGACY: Final[Mapping[str, str]] = {**{c: c[1:] for c in _LEGACY_CRYPTO}, **{f"Z{c}": c for c in _FIAT}}

#: Altnames that the rest of the world calls otherwise.
COMMON: Final[Mapping[str, str]] = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "FEE": "KFEE",
    "REP": "REPV1",
    "REPV2": "REP",
    "LUNA": "LUNC",
    "LUNA2": "LUNA",
    "UST": "USTC",
    "ETH2": "ETH",
    "SETH": "ETH",
}

WALLETS: Final[Mapping[str, str]] = {
    "S": "staked",
    "F": "earn",
    "M": "opt-in",
    "B": "yield",
    "P": "parachain",
    "HOLD": "hold",
    "T": "tokenized",
}

#: What a market is priced in, longest first: the last resort for a pair that no list of markets explains.
_QUOTES: Final = (
    *("PYUSD", "RLUSD", "USDT", "USDC", "USDG", "USDQ", "USDR", "USDD", "EURC", "EURQ", "EURR", "EURT"),
    *("XBT", "BTC", "ETH", "DAI", "DOT", "USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "AED"),
)
_BONDED = re.compile(r"(?P<code>.+?)(?P<days>\d{2})")
_CODE = re.compile(r"[A-Za-z0-9]{1,20}")


class UnknownName(ValueError):
    """A code, a suffix or a pair that this version cannot explain."""


@lru_cache(maxsize=4096)
def symbol(code: str) -> Asset:
    """The common symbol of a code without suffix: `XXBT` and `XBT` are BTC, `ZEUR` is EUR.

    Raises `UnknownName` for what cannot be a code.
    """
    if not _CODE.fullmatch(code):
        raise UnknownName(f"not an asset code of Kraken: {code[:40]!r}")
    alt = LEGACY.get(code, code)
    return asset(COMMON.get(alt, alt))


@lru_cache(maxsize=4096)
def place(code: str) -> tuple[str, Asset]:
    """The wallet and the asset of a code: `ETH.F` is ETH in `earn`, `DOT28.S` is DOT in `staked-28`.

    Raises `UnknownName` for a suffix that this version has never seen.
    https://docs.kraken.com/api/docs/rest-api/get-account-balance
    """
    base, dot, suffix = code.partition(".")
    if not dot:
        return SPOT, symbol(base)
    if suffix not in WALLETS:
        raise UnknownName(f"unknown wallet suffix of Kraken: {code[:40]!r}")
    bonded = _BONDED.fullmatch(base) if suffix == "S" else None
    if bonded:
        return f"staked-{bonded['days']}", symbol(bonded["code"])
    return WALLETS[suffix], symbol(base)


def pair(name: str, markets: Mapping[str, Market]) -> tuple[Asset, Asset]:
    """Base and quote of a pair name: by the list of markets if it is there, by its letters otherwise.

    Raises `UnknownName`.
    """
    market = markets.get(name)
    return (market.base, market.quote) if market else _spelled(name)


@lru_cache(maxsize=4096)
def _spelled(name: str) -> tuple[Asset, Asset]:
    base, slash, quote = name.partition("/")
    if slash:
        return symbol(base), symbol(quote)
    base, quote = name[:-4], name[-4:]
    if quote in LEGACY and (base in LEGACY or base in _QUOTES):  # XXBTZEUR, XETHXXBT, USDTZUSD
        return symbol(base), symbol(quote)
    for quote in _QUOTES:
        if len(name) > len(quote) and name.endswith(quote):
            return symbol(name.removesuffix(quote)), symbol(quote)
    raise UnknownName(f"no list of markets explains the pair {name[:40]!r}")
