"""Kraken spot: the ledger is its spine, every movement of every wallet in one list."""
