"""Reconcile: what every exchange reports, beside what its history comes to; the reader's word on what was before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import reconciling
from tallyglass.app.session import Session
from tallyglass.app.views import GapView
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page, Query


@dataclass(frozen=True, slots=True)
class Part:
    """The assets of one connection."""

    connection: str
    #: Said instead, where nothing was read yet.
    unread: GapView | None
    #: What does not add up.
    open: list[GapView]
    equal: list[GapView]


def reconcile(session: Session, _query: Query) -> Model:
    """By connection: what does not add up, and what does."""
    rows = reconciling.everything(session)
    parts = [_part(name, list(found)) for name, found in groupby(rows, key=lambda each: each["connection"])]
    return {"parts": parts, "gaps": sum(len(part.open) + bool(part.unread) for part in parts)}


def _part(connection: str, rows: list[GapView]) -> Part:
    unread = next((each for each in rows if each["asset"] is None), None)
    known = [each for each in rows if each["asset"] is not None]
    return Part(
        connection, unread, [each for each in known if each["cause"]], [each for each in known if not each["cause"]]
    )


def buttons(app: FastAPI, frame: Frame) -> None:
    """An opening balance, said and taken back."""
    for path, say in (("open", reconciling.open_balance), ("undo", reconciling.undo_opening)):
        app.post(f"/reconcile/{path}")(_says(frame, say))


def _says(frame: Frame, say: Callable[[Session, str, str], object]) -> Callable[[Request], object]:
    async def press(request: Request) -> Response:
        given = await form(request)

        def do(session: Session) -> Response:
            say(session, given.get("connection", ""), given.get("asset", ""))
            return RedirectResponse("/reconcile", 303)

        return await asyncio.to_thread(frame.done, request, do)

    return press


RECONCILE = Page("reconcile", "/reconcile", "Reconcile", reconcile, buttons=buttons)
