"""Kinds of assets: money of states, coins that follow it, and the rest. For grouping only: a price is never assumed."""

from __future__ import annotations

from typing import Final, Literal

AssetKind = Literal["fiat", "stable", "crypto"]

#: Currencies that an exchange or the European Central Bank names (ISO 4217).
_FIAT: Final = """
    AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EUR GBP GEL HKD HUF IDR ILS INR ISK JPY KES KRW KZT MXN MYR NGN NOK
    NZD PEN PHP PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR
"""
#: Coins that are made to follow a currency.
_STABLE: Final = """
    AEUR BUSD DAI EURC EURI EURQ EURR EURT FDUSD FRAX GUSD LUSD PYUSD RLUSD SUSD TUSD USD1 USDC USDD USDE USDG USDP USDQ
    USDR USDS USDT UST USTC XUSD
"""
_KINDS: Final[dict[str, AssetKind]] = {
    **dict.fromkeys(_FIAT.split(), "fiat"),
    **dict.fromkeys(_STABLE.split(), "stable"),
}


def kind_of(asset: str) -> AssetKind:
    """What sort of asset it is, by its symbol."""
    return _KINDS.get(asset, "crypto")
