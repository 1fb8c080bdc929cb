"""A fake Kraken (spot REST), written from docs.kraken.com and what its official clients show."""

from __future__ import annotations

from tallyglass.sandbox.kraken.venue import Kraken
from tallyglass.sandbox.model import Prices

__all__ = ["Kraken", "create"]


def create(seed: int, prices: Prices, now: float) -> Kraken:
    """An exchange with all its keys and nothing on its accounts yet."""
    return Kraken(seed, prices, now)
