"""Binance's names for assets and markets, turned into common symbols and wallets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from tallyglass.exchanges.streams import Market
from tallyglass.ledger.entries import SPOT
from tallyglass.money import Asset, asset

EARN: Final = "earn"
LOCKED: Final = "earn-locked"
FUNDING: Final = "funding"
MARGIN: Final = "margin"
ISOLATED: Final = "margin-isolated"
USD_M: Final = "futures-usd-m"
COIN_M: Final = "futures-coin-m"

#: Bitcoin Cash under the two names it once had here.
_COMMON: Final = {"BCC": "BCH", "BCHABC": "BCH"}
_REAL: Final = frozenset(("LDO",))
_FLEXIBLE: Final = "LD"

#: Quote assets that Binance has or had, the longer before those they end with. AEUR is left out: ADAEUR is in euros.
_QUOTES: Final = tuple(
    sorted(
        (
            *(
                "USDT",
                "USDC",
                "FDUSD",
                "TUSD",
                "BUSD",
                "USDP",
                "USDS",
                "USD1",
                "RLUSD",
                "XUSD",
                "PAX",
                "DAI",
                "UST",
                "VAI",
            ),
            *("BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "DOT", "SOL", "EURI", "BIDR", "IDRT", "BKRW", "BVND"),
            *(
                "EUR",
                "GBP",
                "AUD",
                "TRY",
                "BRL",
                "RUB",
                "UAH",
                "NGN",
                "ZAR",
                "ARS",
                "PLN",
                "RON",
                "MXN",
                "COP",
                "CZK",
                "JPY",
            ),
        ),
        key=len,
        reverse=True,
    )
)


@lru_cache(4096)
@lru_cache(4096)
def common(code: str) -> Asset:
    """The common symbol of one of Binance's asset codes."""
    return asset(_COMMON.get(code, code))


def held(code: str) -> tuple[str, Asset]:
    """The wallet and the asset of a line of the spot account: `LDUSDT` is USDT in flexible earn, `LDO` is a coin."""
    if code.startswith(_FLEXIBLE) and len(code) > len(_FLEXIBLE) + 1 and code not in _REAL:
        return EARN, common(code[len(_FLEXIBLE) :])
    return SPOT, common(code)


def sides(symbol: str, markets: Mapping[str, Market]) -> tuple[Asset, Asset] | None:
    """Base and quote of a market; for one that the list lacks (removed long ago), by the quote that it ends with."""
    market = markets.get(symbol)
    if market is not None:
        return market.base, market.quote
    for quote in _QUOTES:
        base = symbol.removesuffix(quote)
        if base and base != symbol:
            return common(base), common(quote)
    return None
