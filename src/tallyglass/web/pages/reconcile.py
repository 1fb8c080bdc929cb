"""Reconcile: what every exchange reports, beside what its history comes to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from tallyglass.app import reconciling
from tallyglass.app.session import Session
from tallyglass.app.views import GapView
from tallyglass.web.pages.page import Model, Page, Query


@dataclass(frozen=True, slots=True)
class Part:
    """The assets of one connection."""

    connection: str
    #: What does not add up; or that nothing was read yet.
    open: list[GapView]
    equal: list[GapView]


def reconcile(session: Session, _query: Query) -> Model:
    """By connection: what does not add up, and what does."""
    rows = reconciling.reconcile(session, everything=True)
    parts = [_part(name, list(found)) for name, found in groupby(rows, key=lambda each: each["connection"])]
    return {"parts": parts, "gaps": sum(len(part.open) for part in parts)}


def _part(connection: str, rows: list[GapView]) -> Part:
    return Part(connection, [each for each in rows if each["cause"]], [each for each in rows if not each["cause"]])


RECONCILE = Page("reconcile", "/reconcile", "Reconcile", reconcile)
