"""Settings: how the house looks, what it goes by, and what it is."""

from __future__ import annotations

from tallyglass.app.session import Session
from tallyglass.web.pages.page import Model, Page, Query


def settings(_session: Session, _query: Query) -> Model:
    """What can be set."""
    return {}


SETTINGS = Page("settings", "/settings", "Settings", settings, live=False)
