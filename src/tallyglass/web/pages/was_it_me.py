"""Was it me: a mail of an exchange, held against the journal."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import was_it_me
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import known_exchanges


def empty(_session: Session, _query: Query) -> Model:
    """An empty form."""
    return _answered(None, {}, None)


def buttons(app: FastAPI, frame: Frame) -> None:
    """The question."""

    async def ask(request: Request) -> Response:
        given = await form(request)
        return await asyncio.to_thread(frame.shown, request, WAS_IT_ME, lambda session: _asked(session, given))

    app.post(WAS_IT_ME.path)(ask)


def _asked(session: Session, given: dict[str, str]) -> Model:
    name, ip = given.get("exchange", ""), given.get("ip", "").strip()
    mail, at = given.get("mail", "").strip(), given.get("at", "").strip()
    if not mail and not (at and name):
        return _answered(None, given, Problem("usage", "Paste the mail, or give exchange and time."))
    try:
        if mail:
            return _answered(was_it_me.ask_mail(session, mail.encode(), name, ip), given, None)
        return _answered(was_it_me.ask(session, name, at, ip), given, None)
    except Problem as problem:
        return _answered(None, given, problem)


def folded(uses: list[was_it_me.UseView]) -> list[tuple[was_it_me.UseView, int]]:
    """Uses of one minute that asked the same, as one, with how many they are."""
    alike: dict[tuple[str | None, ...], list[was_it_me.UseView]] = {}
    for use in uses:
        alike.setdefault((use["time"][:16], use["connection"], use["read"], use["egress_ip"]), []).append(use)
    return [(same[0], len(same)) for same in alike.values()]


def _answered(answer: was_it_me.AnswerView | None, given: dict[str, str], problem: Problem | None) -> Model:
    fields = {name: given.get(name, "") for name in ("exchange", "mail", "at", "ip")}
    uses = folded(answer["uses"]) if answer else []
    return {"answer": answer, "uses": uses, "given": fields, "wrong": problem, "exchanges": known_exchanges()}


WAS_IT_ME = Page("was-it-me", "/was-it-me", "Was it me?", empty, live=False, buttons=buttons)
