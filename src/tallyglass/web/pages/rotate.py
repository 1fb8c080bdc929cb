"""Rotate: a new key takes the place of an old one by the same wizard; then the old one is shown to be dead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import admission, connections, rotation
from tallyglass.app.exchanges import exchange as manifest_of
from tallyglass.app.problems import Told
from tallyglass.app.session import Session
from tallyglass.web.pages.page import Frame, Model, Page
from tallyglass.web.pages.parts import exchange
from tallyglass.web.pages.wizard import Errand, Wizard


def add_to(app: FastAPI, frame: Frame) -> None:
    """The wizard for one connection, and what is asked of its old key."""
    wizard, old = Wizard(frame), _OldKey(frame)

    @app.get("/rotate/{connection}")
    async def show(request: Request, connection: str) -> Response:
        if await asyncio.to_thread(old.waits, connection):
            return await asyncio.to_thread(old.show, request, connection)
        return await wizard.show(request, lambda session: _errand(session, connection))

    @app.post("/rotate/{connection}/pair")
    async def pair(request: Request, connection: str) -> Response:
        return await wizard.make_pair(request, lambda session: _errand(session, connection))

    @app.post("/rotate/{connection}/check")
    async def check(request: Request, connection: str) -> Response:
        return await wizard.check(
            request,
            lambda session: _errand(session, connection),
            lambda session, sealed: admission.check_new(session.keeper, connection, sealed),
        )

    @app.post("/rotate/{connection}/store")
    async def store(request: Request, connection: str) -> Response:
        return await wizard.store(
            request,
            lambda session: _errand(session, connection),
            lambda session, sealed, words: admission.replace(session.keeper, connection, sealed, words),
        )

    @app.post("/rotate/{connection}/dead")
    async def dead(request: Request, connection: str) -> Response:
        return await asyncio.to_thread(old.ask, request, connection)

    @app.post("/rotate/{connection}/forget")
    async def forget(request: Request, connection: str) -> Response:
        return await asyncio.to_thread(old.forget, request, connection)


def _errand(session: Session, connection: str) -> Errand:
    """To replace its key."""
    known = connections.known(session.keeper, connection)
    called = known.label or exchange(known.exchange).name
    return Errand(
        exchange=known.exchange,
        title=f"Replace the key of {called}",
        lead="The key in use goes on until the new one is proven and of the same account. No sync is lost.",
        path=_path(connection),
        store="Use this key from now on",
        command=f"tallyglass rotate {connection}",
        replaces=connection,
    )


class _OldKey:
    """The key that was replaced, until it is seen to be dead or its owner gives his word."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def waits(self, connection: str) -> bool:
        """Whether there is one; where that cannot be told the wizard's page says why."""
        try:
            return connections.known(self._frame.service.session().keeper, connection).old is not None
        except Told:
            return False

    def show(self, request: Request, connection: str) -> Response:
        return self._shown(request, connection, lambda session: _open(session, connection))

    def ask(self, request: Request, connection: str) -> Response:
        """One request with the old key: what the exchange answers is the proof."""

        def build(session: Session) -> Model:
            before = _open(session, connection)
            found = rotation.check(session.keeper, connection)
            return {**before, "found": found}

        return self._shown(request, connection, build)

    def forget(self, request: Request, connection: str) -> Response:
        """End the rotation on the reader's word."""
        asked = self._frame.prove(request, _path(connection))
        if asked is not None:
            return asked

        def do(session: Session) -> Response:
            rotation.forget(session.keeper, connection)
            return RedirectResponse("/connections", 303)

        return self._frame.done(request, do)

    def _shown(self, request: Request, connection: str, build: Callable[[Session], Model]) -> Response:
        return self._frame.shown(request, replace(ROTATED, path=_path(connection)), build)


def _open(session: Session, connection: str) -> Model:
    """An open rotation. A `Problem` where there is none."""
    known = connections.known(session.keeper, connection)
    labels = manifest_of(known.exchange).labels
    return {
        "known": known,
        "old": rotation.old_key(known),
        "exchange": exchange(known.exchange),
        "labels": labels,
        "found": None,
    }


def _path(connection: str) -> str:
    return f"/rotate/{quote(connection)}"


ROTATED = Page("rotate", "/rotate", "Delete the old key", lambda _session, _query: {}, live=False, under="connections")
