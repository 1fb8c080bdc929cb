"""Compromised: a key that may be stolen is stopped; then what its owner has to know and to do."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import compromise, hygiene
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import exchange


def compromised(session: Session, query: Query) -> Model:
    """A key with its button; once it is stopped, what its owner has to know and to do."""
    return _case(session, query.get("connection", ""), query.get("since", ""))


def buttons(app: FastAPI, frame: Frame) -> None:
    """Stop the key, ask whether it is dead, write the report."""
    press = _Buttons(frame)
    app.post(COMPROMISED.path)(press.stop)
    app.post(f"{COMPROMISED.path}/check")(press.check)
    app.get(f"{COMPROMISED.path}/report")(press.report)


class _Buttons:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def stop(self, request: Request) -> Response:
        given = await form(request)
        connection = given.get("connection", "")

        def stop(session: Session) -> Response:
            warning = compromise.stop(session.keeper, connection, new_key=bool(given.get("new_key")))
            if warning:
                return self._frame.shown(request, COMPROMISED, lambda _: _case(session, connection, "", warning))
            return RedirectResponse(f"{COMPROMISED.path}?{urlencode({'connection': connection})}", 303)

        return await asyncio.to_thread(self._frame.done, request, stop)

    async def check(self, request: Request) -> Response:
        given = await form(request)
        connection = given.get("connection", "")

        def build(session: Session) -> Model:
            proof = compromise.prove_dead(session.keeper, connection)
            return {**_case(session, connection, given.get("since", "")), "proof": proof}

        return await asyncio.to_thread(self._frame.shown, request, COMPROMISED, build)

    def report(self, request: Request) -> Response:
        connection = request.query_params.get("connection", "")

        def write(session: Session) -> Response:
            case = compromise.incident(session, connection, request.query_params.get("since", ""))
            name = {"Content-Disposition": f'attachment; filename="incident-{connection}.md"'}
            return Response(compromise.report(case), headers=name, media_type="text/markdown; charset=utf-8")

        return self._frame.done(request, write)


def _case(session: Session, connection: str, since: str, warning: str = "") -> Model:
    stands = hygiene.standing(session)
    made: dict[str, Any] = {"stands": stands, "key": None, "case": None, "proof": None, "since": since}
    if not connection:
        return made
    case = compromise.view(compromise.incident(session, connection, since), warning=warning)
    key = next(each for each in stands.keys if each["connection"] == connection)
    stopped = case["frozen_at"] is not None or case["state"] == "dead" or case["new_key"] is not None
    return {**made, "key": key, "exchange": exchange(key["exchange"]), "case": case if stopped else None}


COMPROMISED = Page("compromised", "/compromised", "Compromised", compromised, live=False, buttons=buttons)
