"""Was it me: a mail of an exchange, held against the journal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import was_it_me
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.web.forms import form
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import known_exchanges


@dataclass(frozen=True, slots=True)
class Line:
    """A use of a key, with how many alike there were; or what was none of ours."""

    time: str
    connection: str
    read: str
    ip: str
    count: int
    ours: bool = True


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


def lines(answer: was_it_me.AnswerView) -> list[Line]:
    """The uses around it; and, where that was not us, what was asked about in its place among them."""
    found = [
        Line(use["time"], use["connection"], use["read"], use["egress_ip"] or "not on record", count)
        for use, count in folded(answer["uses"])
    ]
    if answer["answer"] == "no":
        ips = ", ".join(answer["asked"]["ips"])
        found += [Line(span["begin"], "", "not ours", ips, 1, ours=False) for span in answer["asked"]["times"]]
    return sorted(found, key=lambda line: line.time)


def _answered(answer: was_it_me.AnswerView | None, given: dict[str, str], problem: Problem | None) -> Model:
    fields = {name: given.get(name, "") for name in ("exchange", "mail", "at", "ip")}
    uses = lines(answer) if answer else []
    return {"answer": answer, "uses": uses, "given": fields, "wrong": problem, "exchanges": known_exchanges()}


WAS_IT_ME = Page("was-it-me", "/was-it-me", "Was it me?", empty, live=False, buttons=buttons)
