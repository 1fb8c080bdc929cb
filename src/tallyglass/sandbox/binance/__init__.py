"""A fake Binance: spot and wallet API as its documentation says, with keys, limits, books and the writes."""

from tallyglass.sandbox.binance.venue import Binance, create

__all__ = ["Binance", "create"]
