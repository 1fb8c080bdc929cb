"""Binance (binance.com): spot, funding and flexible earn, read with a key that may only read."""
