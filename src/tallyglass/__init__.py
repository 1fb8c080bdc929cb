"""Tallyglass: see everything you own on every exchange, through keys that can touch nothing."""

__version__ = "0.1.0"
