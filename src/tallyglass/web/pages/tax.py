"""Tax: what there is to reckon with. The reckoning itself is not there yet, and nothing stands in for it."""

from __future__ import annotations

from tallyglass.app import history
from tallyglass.app.session import Session
from tallyglass.web.pages.page import Model, Page, Query


def tax(session: Session, _query: Query) -> Model:
    """The years that have a history."""
    years = history.years(session)
    return {"years": years, "most": max((each["entries"] for each in years), default=0)}


TAX = Page("tax", "/tax", "Tax", tax, live=False)
