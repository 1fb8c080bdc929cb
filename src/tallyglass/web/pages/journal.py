"""Journal: the last uses of keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from tallyglass.app import journal as uses
from tallyglass.app.session import Session
from tallyglass.web.pages.page import PAGE, Model, Page, Query


@dataclass(frozen=True, slots=True)
class Run:
    """Uses of one key within one minute that asked the same and were answered the same: one line of the journal."""

    newest: Model
    count: int
    #: All together; None where nothing was asked of anybody.
    ms: int | None


def journal(session: Session, _query: Query) -> Model:
    """The last uses of keys."""
    found = [Model(each) for each in uses.journal(session.keeper, limit=10 * PAGE)]
    days = [(day, runs(each)) for day, each in groupby(found, key=lambda use: use["time"][:10])]
    return {"days": days, "count": len(found)}


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


JOURNAL = Page("journal", "/journal", "Journal", journal)
