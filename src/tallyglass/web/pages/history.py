"""History: the ledger by month, all of it or what is asked for; and each of its entries down to the raw answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import groupby
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from tallyglass.app import history as ledger
from tallyglass.app import raw as answers
from tallyglass.app import transfers
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView
from tallyglass.web.forms import form
from tallyglass.web.pages.page import PAGE, Frame, Model, Page, Query

#: What may be asked for, by its names in the address.
FILTERS = ("search", "kind", "connection", "asset", "from", "to", "pending")
#: Of an answer, so many characters stand on the page; all of it can be taken away.
_LONGEST = 20_000
_MOVES = ("deposit", "withdrawal")


def history(session: Session, query: Query) -> Model:
    """A page of entries, by month: all, or those that are asked for."""
    given = {name: query.get(name, "").strip() for name in FILTERS}
    asked = ledger.Question(
        limit=PAGE,
        after=query.get("after", ""),
        connection=given["connection"],
        kind=given["kind"],
        asset=given["asset"],
        since=given["from"],
        until=given["to"],
        search=given["search"],
        pending=bool(given["pending"]),
    )
    found = ledger.history(session, asked)
    return {
        "months": [
            (month, list(entries)) for month, entries in groupby(found["items"], key=lambda each: each["time"][:7])
        ],
        "given": given,
        "narrowed": any(value for name, value in given.items() if name != "search"),
        "kinds": ledger.EVERY_KIND,
        "older": _address(given, found["next"]) if found["next"] else "",
        "newest": _address(given) if query.get("after") else "",
        "odd": ledger.count_unparsed(session),
    }


def _address(given: dict[str, str], after: str = "") -> str:
    asked = {name: value for name, value in {**given, "after": after}.items() if value}
    return f"/history?{urlencode(asked)}" if asked else "/history"


def entry(session: Session, name: str) -> Model:
    """One entry: what it moved, what it belongs to, what the exchange said."""
    found = ledger.entry(session, name)["items"]
    one = next((each for each in found if each["id"] == name), None)
    if one is None:
        raise Problem("no_such_entry", f"No entry {name!r}.", "It may have been read anew, or its connection is gone.")
    told = answers.raw(session, name)
    return {
        "entry": one,
        "pair": _pair(session, one),
        "raw": told,
        "shown": "" if told is None else told["text"][:_LONGEST],
        "cut": told is not None and len(told["text"]) > _LONGEST,
        "address": f"/history/{quote(name)}",
        "whole": f"/raw/{quote(name)}",
    }


def _pair(session: Session, one: EntryView) -> object:
    principal = next((leg["asset"] for leg in one["legs"] if leg["role"] == "principal"), "")
    moved = one["kind"] in _MOVES and one["status"] == "done" and principal
    return transfers.of(session, one["id"], principal) if moved else None


def unparsed(session: Session, _query: Query) -> Model:
    """What was kept and is not understood."""
    found = ledger.unparsed(session)
    return {"pieces": found[-PAGE:][::-1], "count": len(found)}


def buttons(app: FastAPI, frame: Frame) -> None:
    """Each entry's own page, its raw answer, and the user's word on transfers."""
    more = _More(frame)
    app.get(ENTRY.path)(more.entry)
    app.get("/raw/{name:path}")(more.raw)
    for path, say in (("match", transfers.match), ("unmatch", transfers.unmatch), ("reset", transfers.reset)):
        app.post(f"/transfers/{path}")(more.says(say))


class _More:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def entry(self, request: Request, name: str) -> Response:
        return self._frame.shown(request, ENTRY, lambda session: entry(session, name))

    def raw(self, request: Request, name: str) -> Response:
        """The whole answer, to be kept: never opened by the browser, whatever it is."""

        def give(session: Session) -> Response:
            told = answers.raw(session, name)
            if told is None:
                raise Problem("no_raw", "No answer is behind this entry.", "It is of your own word.")
            kept = {"Content-Disposition": 'attachment; filename="answer.txt"'}
            return Response(told["text"], headers=kept, media_type="text/plain; charset=utf-8")

        return self._frame.done(request, give)

    def says(self, say: Callable[[Session, str, str], object]) -> Callable[[Request], object]:
        """A button that says something of two entries; then back to the one."""

        async def press(request: Request) -> Response:
            given = await form(request)
            one, other = given.get("one", ""), given.get("other", "").strip()

            def do(session: Session) -> Response:
                say(session, one, other)
                return RedirectResponse(f"/history/{quote(one)}", 303)

            return await asyncio.to_thread(self._frame.done, request, do)

        return press


HISTORY = Page("history", "/history", "History", history, buttons=buttons)
UNPARSED = Page("unparsed", "/unparsed", "Not understood", unparsed, under="history", live=False)
ENTRY = Page("entry", "/history/{name:path}", "Entry", lambda _session, _query: {}, under="history")
