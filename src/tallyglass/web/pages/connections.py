"""Connections: a card for every key."""

from __future__ import annotations

from datetime import datetime

from tallyglass.app import egress, hygiene, proof
from tallyglass.app.key_views import KeyView
from tallyglass.app.session import Session
from tallyglass.web.pages.needs import needs
from tallyglass.web.pages.page import Model, Page, Query
from tallyglass.web.pages.parts import exchange, known_exchanges, names_of


def connections(session: Session, _query: Query) -> Model:
    """A card for every key."""
    now = session.now()
    stands = hygiene.standing(session)
    names = names_of(stands.keys, {})
    against, pasted = proof.standing(session), egress.to_paste(session)
    cards = [
        {
            "key": key,
            "exchange": exchange(key["exchange"]),
            "needs": needs(key["findings"], names),
            "worn": worn(key, now),
            "doubts": against.get(key["connection"]),
            "egress": pasted.get(key["exchange"]),
        }
        for key in stands.keys
        if key["state"] != "retiring"  # its successor's card says what is to be done about it
    ]
    house = needs((each for each in stands.findings if not each["connection"]), names)
    return {"stands": stands, "cards": cards, "house": house, "exchanges": known_exchanges()}


def worn(key: KeyView, now: datetime) -> int | None:
    """How much of its time a key has had, in percent; None when nobody knows."""
    begun, due = key["created_at"] or key["admitted_at"], key["due_at"]
    if begun is None or due is None:
        return None
    whole = datetime.fromisoformat(due) - datetime.fromisoformat(begun)
    had = now - datetime.fromisoformat(begun)
    return 100 if whole.total_seconds() <= 0 else min(max(100 * had // whole, 0), 100)


CONNECTIONS = Page("connections", "/connections", "Connections", connections)
