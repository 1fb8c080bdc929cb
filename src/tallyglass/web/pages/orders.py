"""Open orders: by market, with what they hold and how far the market is from them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from tallyglass.app import deciding
from tallyglass.app import worth as valuing
from tallyglass.app.deciding import PlacedView
from tallyglass.app.session import Session
from tallyglass.money import ZERO, add, amount, divide, multiply, text, total
from tallyglass.web.pages.page import Model, Page, Query

_WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class Placed:
    """An order with how much of it is done, and how far the market has to move."""

    order: PlacedView
    filled: Decimal
    #: Of a bar of 100.
    length: int
    distance: Decimal | None


@dataclass(frozen=True, slots=True)
class Market:
    """The open orders of one market, the nearest first."""

    name: str
    base: str
    quote: str
    price: str | None
    orders: tuple[Placed, ...]


def orders(session: Session, _query: Query) -> Model:
    """Every open order, by market; the market with the nearest one first."""
    found = deciding.orders(session)
    by_market: dict[str, list[PlacedView]] = defaultdict(list)
    locked: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for each in found:
        by_market[each["market"]].append(each)
        if each["locked"] is not None:
            locked[each["asset"]] = add(locked[each["asset"]], amount(each["locked"]))
    values = [amount(each["value"]) for each in found if each["value"] is not None]
    return {
        "currency": valuing.currency(session),
        "markets": [_market(name, some) for name, some in by_market.items()],
        "count": len(found),
        "locked": [(name, text(figure)) for name, figure in sorted(locked.items())],
        "value": text(total(values)),
        "unvalued": len(found) - len(values),
    }


def _market(name: str, some: list[PlacedView]) -> Market:
    base, _, quote = name.partition("/")
    return Market(name, base, quote, some[0]["market_price"], tuple(map(_placed, some)))


def _placed(each: PlacedView) -> Placed:
    whole = amount(each["amount"])
    filled = divide(amount(each["filled"]), whole) if whole else ZERO
    distance = None if each["distance"] is None else amount(each["distance"])
    return Placed(each, filled, min(int(multiply(filled, _WHOLE)), 100), distance)


ORDERS = Page("orders", "/orders", "Orders", orders)
