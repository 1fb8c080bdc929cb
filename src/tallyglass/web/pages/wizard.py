"""The wizard that takes a key, for a new connection or in place of an old key: six steps, boxes to paste, a verdict."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request
from starlette.responses import Response

from tallyglass.app import egress, made
from tallyglass.app.admission import Judged, Words
from tallyglass.app.exchanges import exchange as manifest_of
from tallyglass.app.problems import Told
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages import verdict
from tallyglass.web.pages.page import Frame, Model, Page
from tallyglass.web.pages.parts import exchange

#: In which of the six steps the boxes are ticked.
RESTRICT: Final = 4
_PAGE: Final = Page("wizard", "/connect", "Connect", lambda _session, _query: {}, live=False, under="connections")


@dataclass(frozen=True, slots=True)
class Errand:
    """What a key is wanted for."""

    exchange: str
    title: str
    lead: str
    #: Where the page is; its buttons are below.
    path: str
    #: What the last press does, in words.
    store: str
    #: The command that does the same.
    command: str
    #: The connection whose key is replaced.
    replaces: str = ""


Find = Callable[[Session], Errand]
"""The errand of a request. Raises what is in its way."""


def model(session: Session, errand: Errand, pair: made.MadeKeyView | None = None, *, own: bool = False) -> Model:
    """What the page shows. `own`: of a pair that the keeper makes, or has made: `pair`."""
    manifest = manifest_of(errand.exchange)
    key_name = f"tallyglass-{session.now():%Y-%m}"
    steps = manifest.labels.get("own_steps" if own else "steps", ())
    return {
        "errand": errand,
        "exchange": exchange(errand.exchange),
        "labels": manifest.labels,
        "steps": [step.replace("{name}", key_name) for step in steps],
        "restrict": RESTRICT,
        "key_name": key_name,
        "fields": [each for each in manifest.fields if not (own and each.secret)],
        "makes": bool(manifest.self_generated),
        "own": own,
        "pair": pair,
        "card": verdict.empty(errand.exchange),
        "egress": egress.for_page(session, errand.exchange, ask=False),
        "asked": False,
        "ip": manifest.ip,
    }


class Wizard:
    """The answers to what the wizard's page asks. What it sends of a key is sealed: it cannot be read here."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request, find: Find) -> Response:
        """The page; its reader first proves who he is, before he has anything to lose."""
        own = "own" in request.query_params
        return await asyncio.to_thread(self._shown, request, find, lambda session, e: model(session, e, own=own))

    async def make_pair(self, request: Request, find: Find) -> Response:
        """The page with the public half of a pair that waits for its id; makes one if none waits."""

        def build(session: Session, errand: Errand) -> Model:
            pair = made.make_key(session.keeper, errand.exchange, [], session.now().date())
            return model(session, errand, pair, own=True)

        return await asyncio.to_thread(self._shown, request, find, build)

    async def addresses(self, request: Request, name: str) -> Response:
        """Our addresses, for a page that came before they were known."""

        def told() -> Response:
            shown: Model = {"exchange": exchange(name), "asked": True, "egress": None}
            with contextlib.suppress(*Told):  # then it is said that it could not be learned
                shown["egress"] = egress.for_page(self._frame.service.session(), name, ask=True)
            return self._frame.plain(request, "addresses", shown)

        return await asyncio.to_thread(told)

    async def check(self, request: Request, find: Find, ask: Callable[[Session, str], Judged]) -> Response:
        """The verdict on what was sealed. Nothing is stored."""
        sealed = (await form(request)).get("sealed", "")
        return await asyncio.to_thread(self._judged, request, find, lambda session: ask(session, sealed))

    async def store(self, request: Request, find: Find, do: Callable[[Session, str, Words], Judged]) -> Response:
        """The exchange is asked anew; only on its word the keeper stores the key. Then the page is told where to go."""
        given = await form(request)
        accept, same = bool(given.get("accept_unproven")), bool(given.get("same_account"))
        words = Words(given.get("label", "")[:100], accept_unproven=accept, same_account=same)
        asked = self._frame.prove(request, request.url.path.removesuffix("/store"))
        if asked is not None:
            return self._piece(request, verdict.unproved(asked.headers["location"]))
        sealed = given.get("sealed", "")
        return await asyncio.to_thread(self._judged, request, find, lambda session: do(session, sealed, words))

    def _shown(self, request: Request, find: Find, build: Callable[[Session, Errand], Model]) -> Response:
        try:
            errand = find(self._frame.service.session())
        except Told as error:
            return self._frame.shown(request, _PAGE, _raises(error))
        asked = self._frame.prove(request, errand.path)
        if asked is not None:
            return asked
        page = replace(_PAGE, path=errand.path, title=errand.title)
        return self._frame.shown(request, page, lambda session: build(session, errand))

    def _judged(self, request: Request, find: Find, do: Callable[[Session], Judged]) -> Response:
        name = ""
        try:
            session = self._frame.service.session()
            errand = find(session)
            name = errand.exchange
            judged = do(session)
        except Told as error:
            return self._piece(request, verdict.trouble(name, error))
        connection = judged.verdict["connection"]
        if connection is None:
            return self._piece(request, verdict.card(judged, errand.store))
        self._frame.service.sync_now(connection)  # or it is due as soon as the sync that runs has ended
        to = errand.path if errand.replaces else f"/connected/{connection}"
        return Response(status_code=201, headers={"Location": to})

    def _piece(self, request: Request, card: verdict.Card) -> Response:
        return self._frame.plain(request, "verdict", {"card": card})


def _raises(error: Exception) -> Callable[[Session], Model]:
    def build(_session: Session) -> Model:
        raise error

    return build
