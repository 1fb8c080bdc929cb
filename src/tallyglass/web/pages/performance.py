"""Performance: what a period made of what was owned, beside a benchmark; what each asset made of it; targets."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import chart as charts
from tallyglass.app import costs, deciding, performance
from tallyglass.app import worth as valuing
from tallyglass.app.deciding import TargetsView
from tallyglass.app.performance import Asked, PerformanceView, RateView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.money import Asset, amount, text
from tallyglass.portfolio.cost import Basis
from tallyglass.web.pages.page import Frame, Model, Page, Query

PERIODS: Final = {"7d": "7d", "30d": "30d", "month": "This month", "182d": "6m", "year": "This year", "365d": "1y"} | {
    "all": "All"
}
USUAL: Final = "365d"


def shown(session: Session, query: Query) -> Model:
    """The figures of a period, and of each asset in it."""
    asked = query.get("period", "")
    period = asked if asked in PERIODS else USUAL
    against = charts.benchmark_of(session)
    # Of all time every asset's gain is known by its cost; day by day it would be counted for long.
    by_asset = period != "all"
    trouble, found, counting = None, None, False
    try:
        counted = performance.performance_so_far(session, Asked(period, benchmark=against, by_asset=by_asset))
        found, counting = counted.value, not counted.current
    except Problem as problem:
        trouble = problem
    pools = costs.bases_so_far(session) if not by_asset else None
    return {
        "currency": valuing.currency(session),
        "period": period,
        "periods": PERIODS,
        "found": found,
        "counting": counting or bool(pools and not pools.current),
        "trouble": trouble,
        "rates": _rates(found),
        "pools": _pools(pools.value or {}) if pools else [],
        "benchmark": against,
        "targets": _targets(session),
    }


def rate(told: RateView) -> tuple[Decimal | None, str]:
    """A rate, or why there is none."""
    return (None, told["text"]) if told["rate"] is None else (amount(told["rate"]), "")


def _rates(found: PerformanceView | None) -> Model:
    if found is None:
        return {}
    rates = {
        "time_weighted": rate(found["time_weighted"]),
        "annual": rate(found["money_weighted"]["annual"]),
        "whole": rate(found["money_weighted"]["whole"]),
        "volatility": rate(found["volatility"]),
    }
    if found["benchmark"]:
        rates["benchmark"] = rate(found["benchmark"]["time_weighted"])
        rates["benchmark_annual"] = rate(found["benchmark"]["money_weighted"]["annual"])
    return rates


def _pools(found: dict[Asset, Basis]) -> list[Model]:
    """What came of every asset that ever was here, the largest realised gain first."""
    made = [
        {
            "asset": name,
            "realised": text(each.realised),
            "earned": text(each.earned),
            "carried_out": text(each.carried_out),
            "cost": None if each.cost is None else text(each.cost),
        }
        for name, each in sorted(found.items(), key=lambda pair: pair[1].realised, reverse=True)
    ]
    return [each for each in made if any(each[name] not in (None, "0") for name in list(each)[1:])]


def _targets(session: Session) -> TargetsView | None:
    try:
        return deciding.targets(session)
    except Problem as problem:
        if problem.code != "no_targets":
            raise
        return None


def buttons(app: FastAPI, frame: Frame) -> None:
    """Targets are set, or forgotten."""

    def change(session: Session, given: dict[str, str]) -> None:
        told = given.get("targets", "").replace(" ", "")
        if told:
            deciding.set_targets(session, told)
        else:
            deciding.clear_targets(session)

    async def targets(request: Request) -> Response:
        return await frame.changed(request, change)

    app.post("/targets")(targets)


PERFORMANCE = Page("performance", "/performance", "Performance", shown, buttons=buttons)
