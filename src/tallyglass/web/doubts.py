"""The pages for the day of a doubt: a mail that is held against the journal, and a key that may be stolen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import compromise, hygiene, was_it_me
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.models import Model, Page, Query, exchange, known_exchanges


class Frame(Protocol):
    """What shows a page in the frame of the house, or says why it cannot."""

    def shown(self, request: Request, page: Page, build: Callable[[Session], Model]) -> Response: ...

    def done(self, request: Request, do: Callable[[Session], Response]) -> Response: ...


def was_it_me_page(_session: Session, _query: Query) -> Model:
    """An empty form."""
    return _answered(None, {}, None)


def compromised_page(session: Session, query: Query) -> Model:
    """A key with its button; once it is stopped, what its owner has to know and to do."""
    return _case(session, query.get("connection", ""), query.get("since", ""))


WAS_IT_ME = Page("was-it-me", "/was-it-me", "Was it me?", was_it_me_page, live=False)
COMPROMISED = Page("compromised", "/compromised", "Compromised", compromised_page, live=False)
PAGES = (WAS_IT_ME, COMPROMISED)


def add_to(app: FastAPI, frame: Frame) -> None:
    """Put the pages and their buttons among the routes."""
    doubts = _Doubts(frame)
    app.get(WAS_IT_ME.path)(doubts.opens(WAS_IT_ME))
    app.post(WAS_IT_ME.path)(doubts.ask)
    app.get(COMPROMISED.path)(doubts.opens(COMPROMISED))
    app.post(COMPROMISED.path)(doubts.stop)
    app.post(f"{COMPROMISED.path}/check")(doubts.check)
    app.get(f"{COMPROMISED.path}/report")(doubts.report)


class _Doubts:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def opens(self, page: Page) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            return self._frame.shown(request, page, lambda session: page.build(session, request.query_params))

        return show

    async def ask(self, request: Request) -> Response:
        given = await form(request)
        return await asyncio.to_thread(self._frame.shown, request, WAS_IT_ME, lambda session: _asked(session, given))

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


def _case(session: Session, connection: str, since: str, warning: str = "") -> Model:
    stands = hygiene.standing(session)
    made: dict[str, Any] = {"stands": stands, "key": None, "case": None, "proof": None, "since": since}
    if not connection:
        return made
    case = compromise.view(compromise.incident(session, connection, since), warning=warning)
    key = next(each for each in stands.keys if each["connection"] == connection)
    stopped = case["frozen_at"] is not None or case["state"] == "dead" or case["new_key"] is not None
    return {**made, "key": key, "exchange": exchange(key["exchange"]), "case": case if stopped else None}
