"""Coming and going: the first start, the ways to prove who one is, and the end of a session."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tallyglass.app import proving, recovery
from tallyglass.app.passkeys import Passkeys
from tallyglass.app.problems import Problem, Told, Trouble
from tallyglass.app.service import Service
from tallyglass.web.auth.gate import Gate
from tallyglass.web.forms import form

#: Where the one goes on who has just begun.
CONNECT = "/connect"
#: For every wrong try the same, whatever was wrong with it.
WRONG = "That did not open it."


class Frame(Protocol):
    """What shows a page to somebody who may have no session."""

    @property
    def service(self) -> Service:
        """What runs behind the pages."""

    @property
    def gate(self) -> Gate:
        """Who may look."""

    @property
    def passkeys(self) -> Passkeys:
        """What asks for passkeys."""

    def plain(self, request: Request, name: str, model: dict[str, Any], *, status: int = 200) -> Response:
        """A page that stands alone."""

    def trouble(self, request: Request, error: Trouble) -> Response:
        """A page that says why not."""

    def ours(self, back: str) -> str:
        """This address if it is a page of ours, else the overview's."""


def to_proof(back: str) -> Response:
    """The way to where one proves who one is; then on to `back`."""
    return RedirectResponse(f"/prove?back={quote(back, safe='/')}", 303)


def too_fast(wait: float) -> str:
    """What somebody hears who tries before he may."""
    return f"Too many wrong tries. Wait {math.ceil(wait)} s, or enter with a link from your terminal."


class Coming:
    """The routes of it. Those below `/enter` ask for no session, and the others for one."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._gate = frame.gate
        self._service = frame.service

    def add_to(self, app: FastAPI) -> None:
        """Put them among the others."""
        app.get("/enter")(self.enter)
        app.post("/enter")(self.by_passphrase)
        app.post("/enter/passkey")(self.by_passkey)
        app.post("/enter/passkey/ask")(self.ask_for_passkey)
        app.get("/seal-key")(self.seal_key)
        app.get("/prove")(self.prove)
        app.get("/begin")(self.begin)
        app.post("/begin")(self.make)
        app.get("/begin/kit")(self.kit)
        app.post("/leave")(self.leave)
        app.post("/lock")(self.lock)

    # -- in

    def enter(self, request: Request) -> Response:
        """By the one-time link of the terminal; without a good one, the page that asks for something else."""
        key = request.query_params.get("key", "")
        if key and self._gate.opens(key):
            return self._let_in(request, "/")
        if self._gate.holds(request):
            return RedirectResponse("/", 303)
        return self._asks(request, "/", said="This link is used up" if key else "", status=403 if key else 200)

    async def by_passphrase(self, request: Request) -> Response:
        """By the passphrase, sealed in the browser, which also unlocks; and by a code, if one is set up."""
        given = await form(request)
        sealed, code = given.get("sealed", ""), given.get("code", "")
        return await self._tried(request, given, lambda: proving.by_passphrase(self._service, sealed, code))

    async def by_passkey(self, request: Request) -> Response:
        """By a passkey, which unlocks nothing."""
        given = await form(request)
        ticket, answer = given.get("ticket", ""), given.get("answer", "")
        return await self._tried(
            request, given, lambda: proving.by_passkey(self._service, self._frame.passkeys, ticket, answer)
        )

    def ask_for_passkey(self) -> Response:
        """What the browser hands to an authenticator."""
        try:
            return JSONResponse(self._frame.passkeys.ask())
        except Problem:
            return Response(status_code=404)

    async def _tried(self, request: Request, given: dict[str, str], proves: Callable[[], bool]) -> Response:
        """Whoever is right gets a new session; whoever is wrong hears one and the same, and waits ever longer."""
        back = self._frame.ours(given.get("back", ""))
        if wait := self._gate.pace.wait():
            return await asyncio.to_thread(self._asks, request, back, said=too_fast(wait), status=429)
        try:
            right = await asyncio.to_thread(proves)
        except Told as error:
            words = f"{error.text} {error.fix}".strip()
            return await asyncio.to_thread(self._asks, request, back, said=words, status=400)
        if right:
            self._gate.pace.right()
            return self._let_in(request, back)
        return await asyncio.to_thread(self._asks, request, back, said=WRONG, status=403)

    def _let_in(self, request: Request, to: str) -> Response:
        answer = RedirectResponse(to, 303)
        secure = self._gate.address.secure
        answer.set_cookie(self._gate.cookie, self._gate.begin(request), httponly=True, samesite="strict", secure=secure)
        return answer

    def _asks(self, request: Request, back: str, *, said: str = "", status: int = 200) -> Response:
        known = self._gate.holds(request)
        model = {"back": back, "said": said, "known": known, "ways": proving.ways(self._service)}
        return self._frame.plain(request, "enter", model, status=status)

    # -- who is in

    def prove(self, request: Request) -> Response:
        """Who changes what guards his keys says once more who he is; then on to where he was."""
        back = self._frame.ours(request.query_params.get("back", ""))
        return RedirectResponse(back, 303) if self._gate.proven(request) else self._asks(request, back)

    def seal_key(self) -> Response:
        """What a browser needs to seal what is secret to the keeper. A new key at each lock: nobody keeps this."""
        try:
            return JSONResponse(asdict(self._service.seal_key()))
        except Told:
            return Response(status_code=503)

    def leave(self, request: Request) -> Response:
        """End the session."""
        self._gate.leave(request)
        answer = RedirectResponse("/enter", 303)
        answer.delete_cookie(self._gate.cookie, secure=self._gate.address.secure, httponly=True, samesite="strict")
        return answer

    def lock(self, request: Request) -> Response:
        """Forget every secret, at once."""
        try:
            self._service.lock()
        except Told as error:
            return self._frame.trouble(request, error)
        return RedirectResponse("/", 303)

    # -- the first start

    def begin(self, request: Request) -> Response:
        """Where there is no vault yet: choose what opens it. The one-time link has let in who may."""
        if self._service.state != "new":
            return RedirectResponse("/", 303)
        return self._frame.plain(request, "begin", {"said": ""})

    async def make(self, request: Request) -> Response:
        """Make the vault, under a passphrase that was sealed in the browser."""
        sealed = (await form(request)).get("sealed", "")
        try:
            await asyncio.to_thread(self._service.create_sealed, sealed)
        except Told as error:
            model = {"said": f"{error.text} {error.fix}".strip()}
            return await asyncio.to_thread(self._frame.plain, request, "begin", model, status=400)
        return self._let_in(request, "/begin/kit")

    def kit(self, request: Request) -> Response:
        """The page to print, before anything else."""
        try:
            session = self._service.session()
            text = recovery.kit(session.home, session.keeper, datetime.now(UTC))
        except Told as error:
            return self._frame.trouble(request, error)
        return self._frame.plain(request, "kit", {"text": text, "next": CONNECT})
