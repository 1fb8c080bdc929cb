"""Tax: what is there to reckon with. The reckoning itself is not there yet, and nothing stands in for it."""

from __future__ import annotations

from tallyglass.app.session import Session
from tallyglass.web.pages.page import Model, Page, Query


def tax(_session: Session, _query: Query) -> Model:
    """What is known already."""
    return {}


TAX = Page("tax", "/tax", "Tax", tax, live=False)
