"""Disconnect: part from a key: delete it at the exchange, see it refused there, and forget it here."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import connections, exchanges, history, rotation
from tallyglass.app.key_views import PartingView
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page
from tallyglass.web.pages.parts import exchange


def add_to(app: FastAPI, frame: Frame) -> None:
    """The page of one connection, and its two buttons."""
    way = _Disconnect(frame)
    app.get(DISCONNECT.path)(way.show)
    app.post(DISCONNECT.path)(way.part)


class _Disconnect:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def show(self, request: Request, connection: str) -> Response:
        return self._frame.shown(request, DISCONNECT, lambda session: _asked(session, connection, None))

    async def part(self, request: Request, connection: str) -> Response:
        """By a proof that the key is dead, or on the reader's word."""
        given = await form(request)
        asked = self._frame.prove(request, f"/disconnect/{connection}")
        if asked is not None:
            return asked
        how: rotation.How = "forget" if given.get("how") == "forget" else "proven"

        def build(session: Session) -> Model:
            model = _asked(session, connection, None)
            parting = rotation.disconnect(session, connection, how, forget_history=given.get("history") == "forget")
            return {**model, "parting": parting, "forgotten": given.get("history") == "forget"}

        return await asyncio.to_thread(self._frame.shown, request, DISCONNECT, build)


def _asked(session: Session, connection: str, parting: PartingView | None) -> Model:
    known = connections.known(session.keeper, connection)
    return {
        "connection": connection,
        "called": known.label or exchange(known.exchange).name,
        "key_names": [known.key_name, *([known.old.key_name] if known.old else [])],
        "exchange": exchange(known.exchange),
        "keys_page": exchanges.keys_page(known.exchange),
        "dead": known.state == "dead" and known.old is None,
        "parting": parting,
        "forgotten": False,
        "entries": history.count(session, connection),
    }


DISCONNECT = Page(
    "disconnect",
    "/disconnect/{connection}",
    "Disconnect",
    lambda _session, _query: {},
    under="connections",
    live=False,
)
