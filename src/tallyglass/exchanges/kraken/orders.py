"""Kraken's orders: those that are open, and what those that are done tell of their trades."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

import msgspec

from tallyglass.exchanges.kraken.names import UnknownName, pair
from tallyglass.exchanges.kraken.rows import Listing, Rows, each, facts, moment, result, times
from tallyglass.exchanges.streams import Known, Order, Parsed
from tallyglass.ledger.entries import Entry
from tallyglass.money import ZERO, Amount, amount, text

_ABSOLUTE = re.compile(r"\d+(\.\d+)?")


class _Descr(msgspec.Struct, frozen=True):
    pair: str
    type: Literal["buy", "sell"]
    ordertype: str
    price: str
    price2: str = ""


class _OrderRow(msgspec.Struct, frozen=True):
    """An order, open or done.

    https://docs.kraken.com/api/docs/rest-api/get-open-orders
    https://docs.kraken.com/api/docs/rest-api/get-closed-orders
    """

    descr: _Descr
    opentm: Decimal
    vol: Decimal
    vol_exec: Decimal
    stopprice: str = ""
    oflags: str = ""
    closetm: Decimal | None = None
    #: The fills, where they were asked for and there are any.
    trades: tuple[str, ...] = ()

    @property
    def in_quote(self) -> bool:
        """Whether its volume is given in the quote currency."""
        return "viqc" in self.oflags.split(",")


class _Open(msgspec.Struct):
    open: Rows


class _Closed(msgspec.Struct):
    closed: Rows
    count: int | None = None


def open_orders(body: bytes, known: Known) -> Parsed:
    """All open orders."""

    def order(txid: str, row: _OrderRow) -> Order:
        if row.in_quote:
            raise UnknownName("an order whose volume is given in the quote currency")
        base, quote = pair(row.descr.pair, known.markets)
        return Order(
            id=txid,
            market=f"{base}/{quote}",
            side=row.descr.type,
            type=row.descr.ordertype,
            price=_price(row),
            amount=amount(row.vol),
            filled=amount(row.vol_exec),
            time=moment(row.opentm),
        )

    items, unparsed = each(result(body, _Open).open.items(), _OrderRow, order)
    return Parsed(tuple(items), tuple(unparsed))


def closed_orders(body: bytes) -> Listing:
    """A page of ClosedOrders: for each fill, what its order had asked for. One without a fill moved nothing."""
    page = result(body, _Closed)
    found, unparsed = each(page.closed.items(), _OrderRow, lambda _, row: _fills(row))
    entries = tuple(entry for fills in found for entry in fills)
    return Listing(entries, tuple(unparsed), tuple(page.closed), times(page.closed.values()), page.count)


def _fills(row: _OrderRow) -> list[Entry]:
    price, done = _price(row), moment(row.opentm if row.closetm is None else row.closetm)
    bound = "" if price is None else text(price)
    limited = row.descr.ordertype.endswith("limit")
    asked = facts(
        asked="" if row.in_quote else text(row.vol),
        limit=bound if limited else "",
        ordered=moment(row.opentm).isoformat().replace("+00:00", "Z"),
        trigger="" if limited else bound,
    )
    return [Entry(txid, done, "trade", (), facts=asked) for txid in row.trades]


def _price(row: _OrderRow) -> Amount | None:
    """The limit if there is one, else the trigger; a relative price (`+5%`) is no price yet."""
    kind, descr = row.descr.ordertype, row.descr
    if kind == "market":
        return None
    limits = (descr.price2, descr.price) if kind.endswith("-limit") else (descr.price, row.stopprice, descr.price2)
    prices = (amount(told) for told in limits if _ABSOLUTE.fullmatch(told))
    return next((price for price in prices if price != ZERO), None)
