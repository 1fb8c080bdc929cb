"""Shares: `BTC:60,ETH:40` as people write it, for benchmarks and targets. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tallyglass.money import ZERO, Amount, Asset, NotMoney, amount, asset, divide, text, total

OTHERS: Final = Asset("others")
"""In targets: everything that is not named."""

WHOLE: Final = Decimal(100)


def shares(told: str) -> dict[Asset, Decimal]:
    """The share of each asset, together 1. A name alone is the whole. Raises `ValueError` with what is wrong."""
    found: dict[Asset, Decimal] = {}
    for part in told.split(","):
        name, colon, percent = part.partition(":")
        symbol = _symbol(name)
        share = _percent(percent) if colon or "," in told else WHOLE
        if share <= ZERO or symbol in found:
            raise ValueError(f"{told[:60]!r}: each asset once, with a share above zero")
        found[symbol] = share
    whole = total(found.values())
    if whole != WHOLE:
        raise ValueError(f"{told[:60]!r}: the shares add up to {text(whole)} and not to 100")
    return {symbol: divide(share, WHOLE) for symbol, share in found.items()}


def _symbol(name: str) -> Asset:
    known = asset(name)
    return Asset(known.upper()) if known.islower() and known != OTHERS else known


def _percent(told: str) -> Amount:
    try:
        return amount(told.strip())
    except NotMoney:
        raise ValueError(f"{told[:20]!r} is no percentage: write BTC:60,ETH:40") from None
