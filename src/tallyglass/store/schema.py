"""Every table of the store together, as migrations are compared with them."""

from __future__ import annotations

from tallyglass.store import access_tables, cost_tables, mark_tables, own_tables, price_tables, tables

__all__ = ["access_tables", "cost_tables", "mark_tables", "metadata", "own_tables", "price_tables"]

#: Each module puts its tables in here when it is loaded.
metadata = tables.metadata
