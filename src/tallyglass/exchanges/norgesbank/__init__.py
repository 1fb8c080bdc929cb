"""Norges Bank, the central bank of Norway: a second source of daily rates between currencies."""
