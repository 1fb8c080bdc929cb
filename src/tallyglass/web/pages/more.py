"""More: what has no tab on the phone."""

from __future__ import annotations

from tallyglass.app.session import Session
from tallyglass.web.pages.page import Model, Page, Query


def more(_session: Session, _query: Query) -> Model:
    """Nothing but what the frame knows."""
    return {}


MORE = Page("more", "/more", "More", more, live=False)
