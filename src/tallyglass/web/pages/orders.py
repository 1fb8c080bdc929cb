"""Open orders."""

from __future__ import annotations

from tallyglass.app import history as ledger
from tallyglass.app.session import Session
from tallyglass.web.pages.page import Model, Page, Query


def orders(session: Session, _query: Query) -> Model:
    """Every open order."""
    return {"orders": ledger.orders(session)}


ORDERS = Page("orders", "/orders", "Orders", orders)
