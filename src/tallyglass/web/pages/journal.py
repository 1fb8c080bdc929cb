"""Journal: every use of every key, narrowed down and page by page; the proof that none is missing; a file to keep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import hygiene
from tallyglass.app import journal as uses
from tallyglass.app.session import Session
from tallyglass.web.pages.page import PAGE, Frame, Model, Page, Query
from tallyglass.web.pages.parts import known_exchanges

#: What may be asked for, by its names in the address.
FILTERS = ("connection", "day", "read")
#: So many of the newest uses are in the file to keep.
_MOST_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Run:
    """Uses of one key within one minute that asked the same and were answered the same: one line of the journal."""

    newest: Model
    count: int
    #: All together; None where nothing was asked of anybody.
    ms: int | None


def journal(session: Session, query: Query) -> Model:
    """A page of the uses of keys, newest first."""
    given = {name: query.get(name, "").strip() for name in FILTERS}
    asked = uses.Asked(4 * PAGE, query.get("after", ""), **given)
    found = uses.find(session.keeper, asked)
    days = [
        (day, runs(Model(each) for each in some))
        for day, some in groupby(found["items"], key=lambda use: use["time"][:10])
    ]
    return {
        "days": days,
        "count": len(found["items"]),
        "given": given,
        "narrowed": any(given.values()),
        "older": _address(given, found["next"]) if found["next"] else "",
        "newest": _address(given) if query.get("after") else "",
        "reads": sorted(
            {read["id"] for each in known_exchanges().values() if each.reads for read in each.reads["reads"]}
        ),
        "proof": None,
    }


def _reads() -> list[str]:
    views = [each.reads for each in known_exchanges().values() if each.reads]
    return sorted({read["id"] for view in views for read in view["reads"]})


def _address(given: dict[str, str], after: str = "") -> str:
    asked = {name: value for name, value in {**given, "after": after}.items() if value}
    return f"/journal?{urlencode(asked)}" if asked else "/journal"


def runs(found: Iterable[Model]) -> list[Run]:
    """The uses of a day, newest first, folded."""
    alike: dict[tuple[str, ...], list[Model]] = {}
    for use in found:
        same = ("connection", "exchange", "read", "status", "egress_ip")
        alike.setdefault((use["time"][:16], *(str(use[each]) for each in same)), []).append(use)
    return [
        Run(uses[0], len(uses), sum(times) if (times := [use["ms"] for use in uses if use["ms"] is not None]) else None)
        for uses in alike.values()
    ]


def buttons(app: FastAPI, frame: Frame) -> None:
    """Read it whole again, and take it away."""
    press = _Buttons(frame)
    app.post("/journal/verify")(press.verify)
    app.get("/journal/uses.jsonl")(press.keep)


class _Buttons:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def verify(self, request: Request) -> Response:
        """Every line read again, now."""

        def build(session: Session) -> Model:
            proof = hygiene.verify_journal(session)
            return {**journal(session, {}), "proof": proof}

        return await asyncio.to_thread(self._frame.shown, request, JOURNAL, build)

    def keep(self, request: Request) -> Response:
        """The newest uses as JSON, one a line."""

        def give(session: Session) -> Response:
            connection = request.query_params.get("connection", "")
            found = uses.journal(session.keeper, limit=_MOST_KEPT, connection=connection)
            lines = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in found)
            kept = {"Content-Disposition": 'attachment; filename="uses.jsonl"'}
            return Response(lines, headers=kept, media_type="application/x-ndjson")

        return self._frame.done(request, give)


JOURNAL = Page("journal", "/journal", "Journal", journal, buttons=buttons)
