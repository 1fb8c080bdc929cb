"""History: the ledger by month, all of it or what is searched for."""

from __future__ import annotations

from itertools import groupby

from tallyglass.app import history as ledger
from tallyglass.app.session import Session
from tallyglass.web.pages.page import PAGE, Model, Page, Query


def history(session: Session, query: Query) -> Model:
    """A page of entries, by month: all, or those that are searched for."""
    search = query.get("search", "").strip()
    asked = ledger.Question(limit=PAGE, after=query.get("after", ""), search=search)
    found = ledger.history(session, asked)
    months = [(month, list(entries)) for month, entries in groupby(found["items"], key=lambda each: each["time"][:7])]
    return {"months": months, "next": found["next"], "first": not query.get("after"), "search": search}


HISTORY = Page("history", "/history", "History", history)
