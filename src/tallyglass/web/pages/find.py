"""Find: everything that there is to go to or to do, in one list. With scripts it opens over any page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from tallyglass.app import accounts, hygiene, worth
from tallyglass.app.session import Session
from tallyglass.web.pages.page import Model, Page, Query
from tallyglass.web.pages.parts import names_of


@dataclass(frozen=True, slots=True)
class Place:
    """Something to go to."""

    name: str
    kind: str
    path: str


def find(session: Session, query: Query) -> Model:
    """Connections and assets; the pages, and what can be done, its template knows."""
    stands = hygiene.standing(session)
    names = names_of(stands.keys, accounts.labels(session))
    keys = [key["connection"] for key in stands.keys if key["state"] != "retiring"]
    return {
        "stands": stands,
        "sought": query.get("q", "").strip(),
        "connections": [Place(names[each], "connection", f"/connections#key-{quote(each)}") for each in keys],
        "assets": [
            Place(each.asset, "asset", f"/history?asset={quote(each.asset)}") for each in worth.worth(session).holdings
        ],
    }


FIND = Page("find", "/find", "Find", find, live=False)
