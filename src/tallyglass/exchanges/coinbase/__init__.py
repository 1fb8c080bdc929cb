"""Coinbase: Advanced Trade (v3) for rights, balances and orders; Coinbase App (v2) for wallets and the ledger."""
