"""Overview: net worth, what it is made of, what moved, and what wants a hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import accounts, allocation, deciding, hygiene, worth_history
from tallyglass.app import chart as charts
from tallyglass.app import worth as valuing
from tallyglass.app.deciding import MoverView
from tallyglass.app.memory import Counted
from tallyglass.app.session import Session
from tallyglass.app.views import HoldingView, WorthView
from tallyglass.money import amount, magnitude, multiply, text, total
from tallyglass.web.pages.drawing import as_heights
from tallyglass.web.pages.needs import needs
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import COLOURS, names_of, segments, where

#: So many holdings stand on the overview; where there are hardly more, all of them.
SHOWN, HARDLY_MORE = 8, 2
MOVERS = 5
DEPOSITS = "put in"


@dataclass(frozen=True, slots=True)
class Row:
    """A holding with its share and its colour."""

    holding: HoldingView
    share: Decimal | None
    #: Of its share in a bar of 1000.
    length: int
    colour: int
    where: tuple[str, ...]
    #: What its price did since midnight; None where that is not known.
    change: Decimal | None = None


def overview(session: Session, query: Query) -> Model:
    """Net worth, what it is made of, what moved, and what wants a hand."""
    found = valuing.worth_view(session)
    stands = hygiene.standing(session)
    names = names_of(stands.keys, accounts.labels(session))
    drawn = chart_of(session, query) if found["sources"] else Counted(None, current=True)
    period = query.get("period", "")
    period = period if period in charts.PERIODS else charts.USUAL
    held = rows(found, names, day_changes(session))
    shown = held if len(held) <= SHOWN + HARDLY_MORE else held[:SHOWN]
    by = "exchange" if query.get("by") == "exchange" else "asset"
    return {
        "stands": stands,
        "worth": found,
        "currency": found["currency"],
        "yours": [source for source in found["sources"] if source["status"] == "yours"],
        "worth_of": {each.name: each.value for each in allocation.by_connection(found)},
        "partial": partial(found),
        "needs": needs(stands.findings, names),
        "rows": shown,
        "others": held[len(shown) :],
        "others_value": text(total(each for row in held[len(shown) :] if (each := value_of(row)) is not None)),
        "chart": drawn.value,
        "counting": not drawn.current,
        "period": period,
        "periods": charts.PERIODS,
        "by": by,
        "parts": segments(allocation.by_connection(found) if by == "exchange" else allocation.by_asset(found)),
        **movers_of(session, period, found),
        "benchmark": charts.benchmark_of(session),
        "known": any(source["fresh_at"] for source in found["sources"]),
    }


def chart_of(session: Session, query: Query) -> Counted[charts.Chart | None]:
    """The chart of the period that is asked for, as far as it is counted."""
    days = worth_history.days_so_far(session)
    if days.value is None:
        return Counted(None, current=False)
    drawn = charts.chart(session, days.value, query.get("period", ""))
    return Counted(drawn.value, days.current and drawn.current)


def value_of(row: Row) -> Decimal | None:
    """What a holding is worth, where that is known."""
    value = row.holding["value"]
    return None if value is None else amount(value)


def movers_of(session: Session, period: str, found: WorthView) -> Model:
    """What moved most of what is held. A history without a start has no such thing: there it is the last year."""
    since = "365d" if period == "all" else period
    moved = deciding.movers_so_far(session, since)
    held = {each["asset"] for each in found["holdings"]}
    listed = [each for each in moved.value["movers"] if moves(each, held)] if moved.value else []
    listed.sort(key=lambda each: magnitude(amount(each["by_price"] or "0")), reverse=True)
    return {"movers": listed[:MOVERS], "movers_since": since, "movers_counting": not moved.current}


def moves(mover: MoverView, held: set[str]) -> bool:
    """Whether its price moved, and what is held with it."""
    return mover["asset"] in held and mover["price_change"] not in (None, "0")


def day_changes(session: Session) -> Mapping[str, Decimal]:
    """What the price of each asset did since midnight, as far as it is counted."""
    moved = deciding.movers_so_far(session, "24h").value
    found = moved["movers"] if moved else []
    return {each["asset"]: Decimal(each["price_change"]) for each in found if each["price_change"] is not None}


def partial(found: WorthView) -> str:
    """Why a total is not the whole, in a few words; empty when it is."""
    sources = sum(cause["code"].startswith("source_") for cause in found["causes"])
    missing = sum(cause["code"] == "price_missing" for cause in found["causes"])
    old = sum(cause["code"] == "price_stale" for cause in found["causes"])
    gaps = sum(cause["code"] == "gap" for cause in found["causes"])
    history = {cause["about"] for cause in found["causes"] if cause["code"].startswith("history_")}
    words = []
    if sources:
        words.append(f"{sources} of {len(found['sources'])} sources {'is' if sources == 1 else 'are'} not current")
    if gaps:
        words.append("1 asset does not add up" if gaps == 1 else f"{gaps} assets do not add up")
    elif history:
        words.append(f"the history of {len(history)} of {len(found['sources'])} sources is not whole")
    if missing:
        words.append("1 price is missing" if missing == 1 else f"{missing} prices are missing")
    if old:
        words.append("1 price is old" if old == 1 else f"{old} prices are old")
    return ", ".join(words) or ("" if found["complete"] else "not everything is known")


def rows(found: WorthView, names: Mapping[str, str], changes: Mapping[str, Decimal]) -> list[Row]:
    """The holdings, the largest first."""
    shares = allocation.shares(found)
    colours = {each.slice.name: each.colour for each in segments(allocation.by_asset(found))}
    return [
        Row(
            holding,
            share := shares.get(holding["asset"]),
            0 if share is None else int(multiply(share, Decimal(1000))),
            colours.get(holding["asset"], COLOURS),
            where(holding, names),
            changes.get(holding["asset"]),
        )
        for holding in found["holdings"]
    ]


def buttons(app: FastAPI, frame: Frame) -> None:
    """The currency, what it is compared with, and the heights of the chart for the script that makes it live."""

    async def currency(request: Request) -> Response:
        return await frame.changed(
            request, lambda session, given: valuing.set_currency(session, given.get("currency", ""))
        )

    async def benchmark(request: Request) -> Response:
        return await frame.changed(
            request, lambda session, given: charts.set_benchmark(session, given.get("benchmark", ""))
        )

    def heights(request: Request) -> Response:
        def tell(session: Session) -> Response:
            drawn = chart_of(session, request.query_params).value
            lines = {"deposits": DEPOSITS, **({"other": drawn.benchmark} if drawn and drawn.benchmark else {})}
            return as_heights(drawn.curve if drawn else None, frame.figures(request, valuing.currency(session)), lines)

        return frame.done(request, tell)

    app.post("/currency")(currency)
    app.post("/benchmark")(benchmark)
    app.get("/chart")(heights)


OVERVIEW = Page("overview", "/", "Overview", overview, buttons=buttons)
