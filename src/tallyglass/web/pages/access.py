"""Access: who may look, by what he proves himself, and what scripts may read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tallyglass.app import passkeys, second_factor, tokens, unlocking
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.keeper.client import KeeperError, WrongPassphrase
from tallyglass.web.auth.coming import WRONG, too_fast
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page, Query

Given = dict[str, str]


def access(session: Session, _query: Query) -> Model:
    """Everything that lets somebody in."""
    return _model(session)


def _model(session: Session, **told: Any) -> Model:
    """`told`: what is shown this once."""
    return {
        "keys_to_here": passkeys.all_of(session),
        "factor_since": second_factor.since(session),
        "codes_left": second_factor.codes_left(session),
        "tokens": tokens.all_of(session),
        "scopes": tokens.SCOPES,
        "remembered": unlocking.is_remembered(session.home),
        "offer": None,
        "codes": None,
        "token": None,
        "said": "",
        "wrong": "",
        **told,
    }


def buttons(app: FastAPI, frame: Frame) -> None:
    """What changes it. All but the ending of sessions ask that the reader has just proved who he is."""
    press = _Buttons(frame)
    here = ACCESS.path
    app.post(f"{here}/sessions")(press.end_sessions)
    app.post(f"{here}/passphrase")(press.change_passphrase)
    app.post(f"{here}/passkeys")(press.add_passkey)
    app.post(f"{here}/passkeys/ask")(press.ask_for_passkey)
    app.post(f"{here}/passkeys/remove")(press.remove_passkey)
    app.post(f"{here}/codes")(press.offer_codes)
    app.post(f"{here}/codes/set-up")(press.set_up_codes)
    app.post(f"{here}/codes/recovery")(press.new_codes)
    app.post(f"{here}/codes/remove")(press.remove_codes)
    app.post(f"{here}/tokens")(press.make_token)
    app.post(f"{here}/tokens/revoke")(press.revoke_token)


class _Buttons:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._gate = frame.gate
        #: What was offered to an authenticator app and not yet taken: nothing a browser sends chooses it.
        self._offer: second_factor.Offer | None = None

    # -- sessions and the passphrase

    async def end_sessions(self, request: Request) -> Response:
        given = await form(request)
        if given.get("others"):
            self._gate.end_others(request)
        else:
            self._gate.end(given.get("name", ""))
        return RedirectResponse(ACCESS.path, 303)

    async def change_passphrase(self, request: Request) -> Response:
        """The old one is asked for with the new one: sealed together, and as slow to guess as at the door."""

        def change(session: Session, given: Given) -> Model:
            if wait := self._gate.pace.wait():
                return {"wrong": too_fast(wait)}
            try:
                forgotten = unlocking.change_sealed(session.home, session.keeper, given.get("sealed", ""))
            except WrongPassphrase:
                return {"wrong": WRONG}
            except KeeperError as error:
                return {"wrong": f"{error.text} {error.fix}".strip()}
            self._gate.pace.right()
            self._gate.end_others(request)
            said = "Only the new passphrase opens this home now. Copies and backups from before open with the old one."
            store = " The system's key store has forgotten the old one: tallyglass passphrase --remember."
            return {"said": said + (store if forgotten else "")}

        return await self._shows(request, change)

    # -- passkeys

    async def ask_for_passkey(self, request: Request) -> Response:
        if not self._gate.proven(request):
            return Response(status_code=403)

        def ask(session: Session) -> Response:
            return JSONResponse(self._frame.passkeys.ask_for_new(session))

        return await asyncio.to_thread(self._frame.done, request, ask)

    async def add_passkey(self, request: Request) -> Response:
        def add(session: Session, given: Given) -> None:
            ticket, answer = given.get("ticket", ""), given.get("answer", "")
            self._frame.passkeys.add(session, ticket, answer, given.get("name", ""))

        return await self._changes(request, add)

    async def remove_passkey(self, request: Request) -> Response:
        return await self._changes(request, lambda session, given: passkeys.remove(session, given.get("id", "")))

    # -- codes

    async def offer_codes(self, request: Request) -> Response:
        def offer(_session: Session, _given: Given) -> Model:
            self._offer = second_factor.offer()
            return {"offer": self._offer}

        return await self._shows(request, offer)

    async def set_up_codes(self, request: Request) -> Response:
        def set_up(session: Session, given: Given) -> Model:
            if self._offer is None:
                raise Problem("no_offer", "Nothing waits to be set up.", "Begin once more.")
            try:
                codes = second_factor.set_up(session, self._offer.secret, given.get("code", ""))
            except Problem as error:
                return {"offer": self._offer, "wrong": f"{error.text} {error.fix}"}
            self._offer = None
            self._gate.end_others(request)
            return {"codes": codes}

        return await self._shows(request, set_up)

    async def new_codes(self, request: Request) -> Response:
        return await self._shows(request, lambda session, _: {"codes": second_factor.new_codes(session)})

    async def remove_codes(self, request: Request) -> Response:
        return await self._changes(request, lambda session, _: second_factor.remove(session))

    # -- tokens

    async def make_token(self, request: Request) -> Response:
        def make(session: Session, given: Given) -> Model:
            scopes = [each for each in tokens.SCOPES if given.get(f"scope-{each}")]
            days = given.get("days", "")
            if days and not (days.isdecimal() and len(days) < 7):
                raise Problem("usage", "That is no number of days.", "Leave it empty for a token that does not end.")
            try:
                view, text = tokens.make(session, given.get("name", ""), scopes, int(days) if days else None)
            except Problem as error:
                return {"wrong": f"{error.text} {error.fix}"}
            return {"token": text, "token_view": view}

        return await self._shows(request, make)

    async def revoke_token(self, request: Request) -> Response:
        return await self._changes(request, lambda session, given: tokens.revoke(session, given.get("id", "")))

    # -- what all have in common

    async def _changes(self, request: Request, change: Callable[[Session, Given], None]) -> Response:
        """A change, and back to the page."""
        if (first := self._frame.prove(request, ACCESS.path)) is not None:
            return first
        given = await form(request)

        def do(session: Session) -> Response:
            change(session, given)
            return RedirectResponse(ACCESS.path, 303)

        return await asyncio.to_thread(self._frame.done, request, do)

    async def _shows(self, request: Request, change: Callable[[Session, Given], Model]) -> Response:
        """A change whose outcome is shown this once."""
        if (first := self._frame.prove(request, ACCESS.path)) is not None:
            return first
        given = await form(request)

        def build(session: Session) -> Model:
            told = change(session, given)
            return _model(session, **told)

        return await asyncio.to_thread(self._frame.shown, request, ACCESS, build)


ACCESS = Page("access", "/settings/access", "Access", access, under="settings", live=False, buttons=buttons)
