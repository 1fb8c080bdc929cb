"""What each page shows: a session in, the names its template uses out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any

from tallyglass.app import accounts, allocation, egress, hygiene, proof, worth_history
from tallyglass.app import chart as charts
from tallyglass.app import exchanges as pages
from tallyglass.app import history as ledger
from tallyglass.app import journal as uses
from tallyglass.app import worth as valuing
from tallyglass.app.key_views import KeyView
from tallyglass.app.session import Session
from tallyglass.app.views import ExchangeView, HoldingView, WorthView
from tallyglass.money import multiply
from tallyglass.web.needs import needs

Model = dict[str, Any]
Query = Mapping[str, str]
PAGE = 50
COLOURS = allocation.MOST


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange as pages name it."""

    id: str
    name: str
    mark: str
    reads: ExchangeView | None


@dataclass(frozen=True, slots=True)
class Row:
    """A holding with its share and its colour."""

    holding: HoldingView
    share: Decimal | None
    #: Of its share in a bar of 1000.
    length: int
    colour: int
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Uses of one key within one minute that asked the same and were answered the same: one line of the journal."""

    newest: Model
    count: int
    #: All together; None where nothing was asked of anybody.
    ms: int | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A slice as a bar is drawn: where it begins and how long it is, in thousandths of the bar."""

    slice: allocation.Slice
    begin: int
    length: int
    colour: int


@cache
def known_exchanges() -> Mapping[str, Exchange]:
    """Every exchange that can be connected, by id."""
    return {view["id"]: Exchange(view["id"], view["name"], pages.mark(view["id"]), view) for view in pages.exchanges()}


def exchange(name: str) -> Exchange:
    """One of them; a name that is gone is shown as it is."""
    return known_exchanges().get(name) or Exchange(name, name.title(), "", None)


# -- pages


def overview(session: Session, query: Query) -> Model:
    """Net worth, what it is made of, and what wants a hand."""
    days = worth_history.days(session)
    found = valuing.worth_view(session, days.now)
    stands = hygiene.standing(session)
    names = names_of(stands.keys, accounts.labels(session))
    return {
        "stands": stands,
        "worth": found,
        "yours": [source for source in found["sources"] if source["status"] == "yours"],
        "partial": partial(found),
        "needs": needs(stands.findings, names),
        "rows": rows(found, names),
        "chart": charts.chart(days, query.get("period", "")) if found["sources"] else None,
        "periods": charts.PERIODS,
        "by_asset": segments(allocation.by_asset(found)),
        "by_connection": segments(allocation.by_connection(found)),
        "known": any(source["fresh_at"] for source in found["sources"]),
    }


def keys_page(session: Session, _query: Query) -> Model:
    """A card for every key."""
    now = session.now()
    stands = hygiene.standing(session)
    names = names_of(stands.keys, {})
    against, pasted = proof.standing(session), egress.to_paste(session)
    cards = [
        {
            "key": key,
            "exchange": exchange(key["exchange"]),
            "needs": needs(key["findings"], names),
            "worn": worn(key, now),
            "doubts": against.get(key["connection"]),
            "egress": pasted.get(key["exchange"]),
        }
        for key in stands.keys
        if key["state"] != "retiring"  # its successor's card says what is to be done about it
    ]
    house = needs((each for each in stands.findings if not each["connection"]), names)
    return {"stands": stands, "cards": cards, "house": house, "exchanges": known_exchanges()}


def history_page(session: Session, query: Query) -> Model:
    """A page of entries, by month: all, or those that are searched for."""
    search = query.get("search", "").strip()
    asked = ledger.Question(limit=PAGE, after=query.get("after", ""), search=search)
    found = ledger.history(session, asked)
    months = [(month, list(entries)) for month, entries in groupby(found["items"], key=lambda each: each["time"][:7])]
    return {"months": months, "next": found["next"], "first": not query.get("after"), "search": search}


def orders_page(session: Session, _query: Query) -> Model:
    """Every open order."""
    return {"orders": ledger.orders(session)}


def journal_page(session: Session, _query: Query) -> Model:
    """The last uses of keys."""
    found = uses.journal(session.keeper, limit=10 * PAGE)
    days = [(day, runs(each)) for day, each in groupby(found, key=lambda use: use["time"][:10])]
    return {"days": days, "count": len(found)}


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it is, what it is called, what it shows. Its template and icon have its id's name."""

    id: str
    path: str
    title: str
    build: Callable[[Session, Query], Model]
    #: Looks for news by itself; not where a reader writes.
    live: bool = True


PAGES = (
    Page("overview", "/", "Overview", overview),
    Page("orders", "/orders", "Orders", orders_page),
    Page("history", "/history", "History", history_page),
    Page("connections", "/connections", "Connections", keys_page),
    Page("journal", "/journal", "Journal", journal_page),
)


# -- parts


def names_of(keys: list[KeyView], own: Mapping[str, str]) -> dict[str, str]:
    """What connections are called: the reader's own label, else the exchange's name, else the id where two share it.

    `own`: what the accounts are called that he keeps himself.
    """
    called = dict(own) | {key["connection"]: key["label"] or exchange(key["exchange"]).name for key in keys}
    counts = Counter(called.values())
    return {connection: name if counts[name] == 1 else f"{name} ({connection})" for connection, name in called.items()}


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


def where(holding: HoldingView, names: Mapping[str, str]) -> tuple[str, ...]:
    """Which connections hold it, with their wallets where it is not the usual one alone: `Kraken (spot, earn)`."""
    wallets: dict[str, list[str]] = {}
    for part in holding["by"]:
        wallets.setdefault(part["connection"], []).append(part["account"])
    return tuple(_place(names.get(connection, connection), sorted(found)) for connection, found in wallets.items())


def _place(name: str, wallets: list[str]) -> str:
    if wallets == ["spot"]:
        return name
    return f"{name} ({', '.join(sorted(wallets, key=lambda wallet: wallet != 'spot'))})"


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


def segments(slices: list[allocation.Slice]) -> list[Segment]:
    """Slices laid end to end over a bar of 1000."""
    made, begin = [], 0
    for place, each in enumerate(slices, start=1):
        end = 1000 if place == len(slices) else begin + max(each.of(1000), 1)
        colour = COLOURS if each.name == allocation.REST else place
        made.append(Segment(each, begin, max(end - begin, 1), colour))
        begin = end
    return made


def worn(key: KeyView, now: datetime) -> int | None:
    """How much of its time a key has had, in percent; None when nobody knows."""
    begun, due = key["created_at"] or key["admitted_at"], key["due_at"]
    if begun is None or due is None:
        return None
    whole = datetime.fromisoformat(due) - datetime.fromisoformat(begun)
    had = now - datetime.fromisoformat(begun)
    return 100 if whole.total_seconds() <= 0 else min(max(100 * had // whole, 0), 100)
