"""Overview: net worth, what it is made of, and what wants a hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tallyglass.app import accounts, allocation, hygiene, worth_history
from tallyglass.app import chart as charts
from tallyglass.app import worth as valuing
from tallyglass.app.session import Session
from tallyglass.app.views import HoldingView, WorthView
from tallyglass.money import multiply
from tallyglass.web.pages.needs import needs
from tallyglass.web.pages.page import Model, Page, Query
from tallyglass.web.pages.parts import COLOURS, names_of, segments, where


@dataclass(frozen=True, slots=True)
class Row:
    """A holding with its share and its colour."""

    holding: HoldingView
    share: Decimal | None
    #: Of its share in a bar of 1000.
    length: int
    colour: int
    where: tuple[str, ...]


def overview(session: Session, query: Query) -> Model:
    """Net worth, what it is made of, and what wants a hand."""
    found = valuing.worth_view(session)
    days = worth_history.days_so_far(session)
    stands = hygiene.standing(session)
    names = names_of(stands.keys, accounts.labels(session))
    return {
        "stands": stands,
        "worth": found,
        "yours": [source for source in found["sources"] if source["status"] == "yours"],
        "partial": partial(found),
        "needs": needs(stands.findings, names),
        "rows": rows(found, names),
        "chart": charts.chart(session, days.value, query.get("period", "")).value
        if days.value and found["sources"]
        else None,
        "periods": charts.PERIODS,
        "by_asset": segments(allocation.by_asset(found)),
        "by_connection": segments(allocation.by_connection(found)),
        "known": any(source["fresh_at"] for source in found["sources"]),
    }


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


def rows(found: WorthView, names: Mapping[str, str]) -> list[Row]:
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
        )
        for holding in found["holdings"]
    ]


OVERVIEW = Page("overview", "/", "Overview", overview)
