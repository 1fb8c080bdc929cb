"""Coming and going: the ways to prove who one is, and the end of a session."""

from __future__ import annotations

from dataclasses import asdict
from typing import Protocol
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tallyglass.app.problems import Told
from tallyglass.app.service import Service
from tallyglass.web.auth.gate import Gate


class Frame(Protocol):
    """What shows a page to somebody who may have no session."""

    @property
    def service(self) -> Service:
        """What runs behind the pages."""

    @property
    def gate(self) -> Gate:
        """Who may look."""

    def plain(self, request: Request, name: str, model: dict[str, object], *, status: int = 200) -> Response:
        """A page that stands alone."""

    def ours(self, back: str) -> str:
        """This address if it is a page of ours, else the overview's."""


def to_proof(back: str) -> Response:
    """The way to where one proves who one is; then on to `back`."""
    return RedirectResponse(f"/prove?back={quote(back, safe='/')}", 303)


class Coming:
    """The routes of it. Nothing here asks for a session."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._gate = frame.gate

    def add_to(self, app: FastAPI) -> None:
        """Put them among the others."""
        app.get("/enter")(self.enter)
        app.get("/prove")(self.prove)
        app.get("/seal-key")(self.seal_key)
        app.post("/leave")(self.leave)

    def enter(self, request: Request) -> Response:
        """The one-time link of the terminal; without a good one, a page that says how to get in."""
        key = request.query_params.get("key", "")
        if key and self._gate.opens(key):
            return self._let_in(request, "/")
        if self._gate.holds(request):
            return RedirectResponse("/", 303)
        return self._frame.plain(request, "enter", {"tried": bool(key)}, status=403 if key else 200)

    def prove(self, request: Request) -> Response:
        """Who changes what guards his keys says once more who he is; then on to where he was."""
        back = self._frame.ours(request.query_params.get("back", ""))
        if self._gate.proven(request):
            return RedirectResponse(back, 303)
        return self._frame.plain(request, "prove", {"back": back})

    def seal_key(self) -> Response:
        """What a browser needs to seal what is secret to the keeper. A new key at each lock: nobody keeps this."""
        try:
            return JSONResponse(asdict(self._frame.service.seal_key()), headers={"Cache-Control": "no-store"})
        except Told:
            return Response(status_code=503)

    def leave(self, request: Request) -> Response:
        """End the session."""
        self._gate.leave(request)
        answer = RedirectResponse("/enter", 303)
        answer.delete_cookie(self._gate.cookie, secure=self._gate.address.secure, httponly=True, samesite="strict")
        return answer

    def _let_in(self, request: Request, to: str) -> Response:
        answer = RedirectResponse(to, 303)
        secure = self._gate.address.secure
        answer.set_cookie(self._gate.cookie, self._gate.begin(request), httponly=True, samesite="strict", secure=secure)
        return answer
