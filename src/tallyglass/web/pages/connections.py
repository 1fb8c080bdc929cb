"""Connections: a card for every key: how it stands, what it may do, what to do next; to stop it and to use it again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import connections as keys
from tallyglass.app import egress, hygiene, proof
from tallyglass.app.key_views import KeyView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages import disconnect
from tallyglass.web.pages.needs import Need, needs
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import Exchange, exchange, known_exchanges, names_of

_BY_FROZEN: Final = "frozen by you"
#: What a finding asks for: the words of its button, and where that leads.
_STEPS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("rotation_due", "key_expires", "key_expired", "unproven"), ("Replace the key", "/rotate/{}")),
    "key_dead": ("Give it a new key", "/rotate/{}"),
    "rotation_open": ("Is the old key gone?", "/rotate/{}"),
    **dict.fromkeys(("ip_unbound", "ip_others"), ("Bind it to our address", "#address-{}")),
    **dict.fromkeys(("egress_changed", "ip_elsewhere"), ("Change its address list", "#address-{}")),
    **dict.fromkeys(("key_unused", "account_empty", "duplicate_account"), ("Disconnect it", "/disconnect/{}")),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, as one button."""

    #: Of the finding that asks for it.
    code: str
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class Card:
    """One key."""

    key: KeyView
    exchange: Exchange
    needs: list[Need]
    next: Step | None
    #: How much of its time it has had, in percent; None when nobody knows.
    worn: int | None
    #: Why its history does not prove its balances; None: not read yet.
    doubts: list[str] | None
    #: Frozen because the exchange told other than before: the reader has to say whether that was him.
    changed: bool
    #: What belongs on the exchange's list of addresses.
    egress: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Said:
    """What an exchange has answered to a press."""

    connection: str
    good: bool
    text: str
    fixes: tuple[str, ...] = ()


def connections(session: Session, _query: Query) -> Model:
    """A card for every key."""
    return _cards(session, None)


def _cards(session: Session, said: Said | None) -> Model:
    now = session.now()
    stands = hygiene.standing(session)
    names = names_of(stands.keys, {})
    against, pasted = proof.standing(session), egress.to_paste(session)
    cards = [
        Card(
            key,
            exchange(key["exchange"]),
            found := needs(key["findings"], names),
            next_step(key, found, pasted.get(key["exchange"])),
            worn(key, now),
            against.get(key["connection"]),
            _is_changed(key),
            pasted.get(key["exchange"]),
        )
        for key in stands.keys
        if key["state"] != "retiring"  # its successor's card says what is to be done about it
    ]
    house = needs((each for each in stands.findings if not each["connection"]), names)
    ours = dict.fromkeys(address for each in pasted.values() for address in each["addresses"])
    made = {"stands": stands, "cards": cards, "house": house, "exchanges": known_exchanges()}
    return {**made, "said": said, "ours": list(ours)}


def _is_changed(key: KeyView) -> bool:
    return bool(key["evidence"]) or any(told == "granted" for right, told in key["grants"].items() if right != "read")


def next_step(key: KeyView, found: list[Need], listed: Mapping[str, Any] | None) -> Step | None:
    """The one thing to do about a key; None where there is nothing, or the card has buttons of its own for it."""
    code = next((need.finding["code"] for need in found if need.finding["code"] in _STEPS), "")
    if not code:
        return None
    words, path = _STEPS[code]
    if path.startswith("#") and not (listed and listed["text"]):
        return Step(code, "Find out our addresses", "/settings#egress")
    return Step(code, words, path.format(quote(key["connection"])))


def worn(key: KeyView, now: datetime) -> int | None:
    """How much of its time a key has had, in percent; None when nobody knows."""
    begun, due = key["created_at"] or key["admitted_at"], key["due_at"]
    if begun is None or due is None:
        return None
    whole = datetime.fromisoformat(due) - datetime.fromisoformat(begun)
    had = now - datetime.fromisoformat(begun)
    return 100 if whole.total_seconds() <= 0 else min(max(100 * had // whole, 0), 100)


def buttons(app: FastAPI, frame: Frame) -> None:
    """Stop using a key, use it again, part from it."""
    press = _Buttons(frame)
    app.post("/connections/freeze")(press.freeze)
    app.post("/connections/thaw")(press.thaw)
    disconnect.add_to(app, frame)


class _Buttons:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def freeze(self, request: Request) -> Response:
        """To stop costs nothing: nobody is asked who he is."""
        given = await form(request)

        def do(session: Session) -> Response:
            keys.freeze(session.keeper, given.get("connection", ""), _BY_FROZEN)
            return RedirectResponse("/connections", 303)

        return await asyncio.to_thread(self._frame.done, request, do)

    async def thaw(self, request: Request) -> Response:
        given = await form(request)
        asked = self._frame.prove(request, "/connections")
        if asked is not None:
            return asked
        connection = given.get("connection", "")
        return await asyncio.to_thread(
            self._frame.shown, request, CONNECTIONS, lambda session: _cards(session, thawed(session, connection))
        )


def thawed(session: Session, connection: str) -> Said:
    """What the exchange said when a key was to be used again."""
    name = exchange(keys.known(session.keeper, connection).exchange).name
    try:
        found = keys.thaw(session.keeper, connection)
    except Problem as problem:
        return Said(connection, good=False, text=problem.text, fixes=(problem.fix,))
    if found["state"] == "active":
        return Said(connection, good=True, text=f"{name} says that it can only read. It is used again.")
    told = [each["text"] for each in found["reasons"]]
    fixes = tuple(each["fix"] for each in found["reasons"] if each["fix"])
    return Said(connection, good=False, text=" ".join(told) or "It stays frozen.", fixes=fixes)


CONNECTIONS = Page("connections", "/connections", "Connections", connections, buttons=buttons)
