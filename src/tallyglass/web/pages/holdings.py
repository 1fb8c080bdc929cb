"""Holdings: every asset, where it is, what it is worth and what it cost; and a page for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import accounts, allocation, hygiene
from tallyglass.app.holdings import CostedView, holdings_so_far
from tallyglass.app.session import Session
from tallyglass.money import amount, divide, multiply
from tallyglass.web.pages import asset
from tallyglass.web.pages.overview import day_changes, partial
from tallyglass.web.pages.page import Frame, Model, Page, Query
from tallyglass.web.pages.parts import COLOURS, names_of, segments


@dataclass(frozen=True, slots=True)
class Part:
    """What one place holds of an asset."""

    name: str
    wallet: str
    amount: str
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Line:
    """A holding as the table has it."""

    holding: CostedView
    colour: int
    parts: tuple[Part, ...]
    #: Gain by cost, `0.05` for 5 %; None where the cost is not known, or nothing.
    rate: Decimal | None
    #: What the price did since midnight.
    change: Decimal | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be sorted by."""

    id: str
    title: str
    #: How its link is sorted, and how the table is now: `ascending`, `descending`, or neither.
    href: str
    sorted: str


_SORTS: Mapping[str, tuple[str, Callable[[Line], Decimal | str | None]]] = {
    "asset": ("Asset", lambda line: line.holding["asset"].lower()),
    "price": ("Price", lambda line: _figure(line.holding["price"])),
    "value": ("Value", lambda line: _figure(line.holding["value"])),
    "cost": ("Cost", lambda line: _figure(line.holding["cost"])),
    "gain": ("Gain", lambda line: _figure(line.holding["unrealised"])),
    "share": ("Share", lambda line: _figure(line.holding["share"])),
    "day": ("24h", lambda line: line.change),
}
_USUAL = "value"


def holdings(session: Session, query: Query) -> Model:
    """Every asset that is held, or those that are searched for."""
    found, current = holdings_so_far(session)
    stands = hygiene.standing(session)
    names = names_of(stands.keys, accounts.labels(session))
    search = query.get("search", "").strip()
    by = query.get("sort", "").lstrip("-")
    by = by if by in _SORTS else _USUAL
    backwards = query.get("sort", f"-{_USUAL}").startswith("-")
    lines = _lines(session, found.holdings, names)
    shown = [line for line in lines if _named(line, search)]
    return {
        "stands": stands,
        "worth": found.worth,
        "currency": found.worth["currency"],
        "held": found,
        "lines": _sorted(shown, by, backwards=backwards),
        "columns": _columns(by, search, backwards=backwards),
        "search": search,
        "sort": query.get("sort", ""),
        "counting": not current,
        "partial": partial(found.worth),
    }


def _lines(session: Session, found: list[CostedView], names: Mapping[str, str]) -> list[Line]:
    changes = day_changes(session)
    colours = _colours(found)
    return [
        Line(
            each,
            colours.get(each["asset"], COLOURS),
            parts(each, names),
            _rate(each),
            changes.get(each["asset"]),
        )
        for each in found
    ]


def _colours(found: list[CostedView]) -> Mapping[str, int]:
    slices = allocation.of_holdings(found)
    return {each.slice.name: each.colour for each in segments(slices)}


def parts(holding: CostedView, names: Mapping[str, str]) -> tuple[Part, ...]:
    """Where a holding is, the largest first."""
    price = holding["price"]
    found = [
        Part(
            names.get(each["connection"], each["connection"]),
            each["account"],
            each["amount"],
            None if price is None else multiply(amount(each["amount"]), amount(price)),
        )
        for each in holding["by"]
    ]
    return tuple(sorted(found, key=lambda part: amount(part.amount), reverse=True))


def _rate(holding: CostedView) -> Decimal | None:
    cost, gain = _figure(holding["cost"]), _figure(holding["unrealised"])
    return divide(gain, cost) if gain is not None and cost is not None and cost > 0 else None


def _figure(told: str | None) -> Decimal | None:
    return None if told is None else amount(told)


def _named(line: Line, search: str) -> bool:
    words = [line.holding["asset"], *(part.name for part in line.parts)]
    return all(any(word in each.lower() for each in words) for word in search.lower().split())


def _sorted(lines: list[Line], by: str, *, backwards: bool) -> list[Line]:
    """What is not known stands at the end, whichever way it is sorted."""
    key = _SORTS[by][1]
    known = [line for line in lines if key(line) is not None]
    known.sort(key=key, reverse=backwards)  # type: ignore[arg-type]  # those without a key are not among them
    return known + [line for line in lines if key(line) is None]


def _columns(by: str, search: str, *, backwards: bool) -> list[Column]:
    found = []
    for name, (title, _) in _SORTS.items():
        now = ("descending" if backwards else "ascending") if name == by else "none"
        back = not backwards if name == by else name != "asset"
        asked = {"sort": f"-{name}" if back else name, **({"search": search} if search else {})}
        found.append(Column(name, title, f"/holdings?{urlencode(asked)}", now))
    return found


def buttons(app: FastAPI, frame: Frame) -> None:
    """A page for each asset, and the heights of its chart."""

    def page(request: Request) -> Response:
        name = request.path_params["asset"]
        return frame.shown(request, asset.ASSET, lambda session: asset.asset(session, name, request.query_params))

    def heights(request: Request) -> Response:
        name = request.path_params["asset"]
        return frame.done(request, lambda session: asset.heights(session, frame, request, name))

    app.get("/assets/{asset}", name="asset")(page)
    app.get("/assets/{asset}/chart")(heights)


HOLDINGS = Page("holdings", "/holdings", "Holdings", holdings, buttons=buttons)
