"""One asset: how much of it is where, what it is worth by whom, what it cost, and what happened to it last."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from tallyglass.app import accounts, costs, deciding, hygiene, pricing, proof, worth_history
from tallyglass.app import chart as charts
from tallyglass.app import history as ledger
from tallyglass.app import worth as valuing
from tallyglass.app.curve import Curve
from tallyglass.app.holdings import holdings_so_far
from tallyglass.app.memory import Counted
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.money import Asset, text
from tallyglass.portfolio.cost import Basis
from tallyglass.web.pages.drawing import as_heights
from tallyglass.web.pages.overview import day_changes
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import names_of

LAST = 10
#: Within a day an asset is not looked at.
PERIODS = {name: word for name, word in charts.PERIODS.items() if name != "24h"}


def asset(session: Session, name: str, query: Query) -> Model:
    """The page of one asset. A `Problem` for one that was never here."""
    stands = hygiene.standing(session)
    held, current = holdings_so_far(session)
    holding = next((each for each in held.holdings if each["asset"] == name), None)
    pools = costs.bases_so_far(session)
    basis = (pools.value or {}).get(Asset(name))
    entries = ledger.history(session, ledger.Question(limit=LAST, asset=name))
    if holding is None and basis is None and not entries["items"] and pools.current:
        raise Problem("no_such_asset", f"{name[:40]!r} was never here.", "See what is: Holdings.")
    drawn = chart_of(session, name, query)
    period = query.get("period", "")
    names = names_of(stands.keys, accounts.labels(session))
    return {
        "stands": stands,
        "currency": valuing.currency(session),
        "asset": name,
        "holding": holding,
        "names": names,
        "price": pricing.prices(session, [name])[0],
        "change": day_changes(session).get(name),
        "basis": basis,
        "figures": _figures(basis),
        "entries": entries["items"],
        "orders": [each for each in deciding.orders(session) if name in each["market"].split("/")],
        "gaps": _gaps(session, name),
        "curve": drawn.value,
        "counting": not (drawn.current and current),
        "period": period if period in PERIODS else charts.USUAL,
        "periods": PERIODS,
    }


def chart_of(session: Session, name: str, query: Query) -> Counted[Curve | None]:
    """What it was worth through the period that is asked for."""
    days = worth_history.days_so_far(session)
    if days.value is None:
        return Counted(None, current=False)
    return charts.asset_chart(session, days.value, Asset(name), query.get("period", ""))


def heights(session: Session, frame: Frame, request: Request, name: str) -> Response:
    """The same for the script that makes it live."""
    drawn = chart_of(session, name, request.query_params).value
    return as_heights(drawn, frame.figures(request, valuing.currency(session)), {})


def _figures(basis: Basis | None) -> list[tuple[str, str]]:
    """What came of it so far, beside what is held."""
    if basis is None:
        return []
    told = {
        "Realised": basis.realised,
        "Earned": basis.earned,
        "Carried out": basis.carried_out,
        "Brought from outside": basis.brought,
    }
    return [(title, text(figure)) for title, figure in told.items()]


def _gaps(session: Session, name: str) -> list[str]:
    """Where what is reported is not what its entries come to."""
    return [
        cause.text
        for causes in proof.doubts(session).values()
        for cause in causes
        if cause.code == "gap" and cause.about.endswith(f"/{name}")
    ]


def nothing(_session: Session, _query: Query) -> Model:
    """It is always asked for by its name."""
    return {}


ASSET = Page("asset", "/assets", "Asset", nothing)
