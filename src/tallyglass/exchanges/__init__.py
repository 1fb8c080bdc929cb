"""Exchanges: one folder each, saying what it is. Data and pure functions; no I/O, no secrets kept, no database."""
