"""Kraken's trades: what a fill was, beside what it moved, which the ledger tells."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final, Literal

import msgspec

from tallyglass.exchanges.kraken.names import pair
from tallyglass.exchanges.kraken.rows import Listing, Rows, beside, each, facts, legs, moment, result, times
from tallyglass.exchanges.streams import Known
from tallyglass.ledger.entries import SPOT, Entry
from tallyglass.money import ZERO, text

_NO_LEVERAGE: Final = frozenset(("", "0", "none"))


class TradeRow(msgspec.Struct, frozen=True):
    """A row of TradesHistory, money in the quote currency. Rows of many years ago lack the last fields.

    https://docs.kraken.com/api/docs/rest-api/get-trade-history
    """

    pair: str
    time: Decimal
    type: Literal["buy", "sell"]
    cost: Decimal
    fee: Decimal
    vol: Decimal
    price: Decimal
    ordertxid: str = ""
    postxid: str = ""
    ordertype: str = ""
    margin: Decimal = ZERO
    misc: str = ""
    leverage: str = ""
    maker: bool | None = None

    @property
    def on_margin(self) -> bool:
        """Whether it opened or closed a position: then it moved neither base nor quote."""
        return self.margin != ZERO or self.leverage not in _NO_LEVERAGE or "closing" in self.misc


class _Page(msgspec.Struct):
    trades: Rows
    count: int | None = None


def trades(body: bytes, known: Known) -> Listing:
    """A page of TradesHistory."""
    page = result(body, _Page)
    entries, unparsed = each(page.trades.items(), TradeRow, lambda txid, row: _trade(txid, row, known))
    return Listing(tuple(entries), tuple(unparsed), tuple(page.trades), times(page.trades.values()), page.count)


def told(listing: Listing) -> Listing:
    """The same trades for a history whose ledger tells what they moved, to the last digit and in the right asset.

    A trade's id is the `refid` of its rows in the ledger.
    https://support.kraken.com/articles/differences-between-ledger-and-trades-history
    """
    return replace(listing, entries=tuple(map(beside, listing.entries)))


def _trade(txid: str, row: TradeRow, known: Known) -> Entry:
    """A fill, its fee in the quote currency as an estimate of Kraken's. Raises `UnknownName`."""
    base, quote = pair(row.pair, known.markets)
    buys = row.type == "buy"
    moved = legs(
        (f"{txid}:base", SPOT, base, row.vol if buys else row.vol.copy_negate(), "principal"),
        (f"{txid}:quote", SPOT, quote, row.cost.copy_negate() if buys else row.cost, "principal"),
        (f"{txid}:fee", SPOT, quote, row.fee.copy_negate(), "fee"),
    )
    seen = facts(
        amount=text(row.vol),
        cost=text(row.cost),
        leverage=row.leverage if row.on_margin else "",
        liquidity={True: "maker", False: "taker", None: ""}[row.maker],
        market=f"{base}/{quote}",
        order=row.ordertxid,
        position=row.postxid if row.on_margin else "",
        price=text(row.price),
        side=row.type,
        type=row.ordertype,
    )
    note = f"{row.type} {row.ordertype}".strip()
    return Entry(txid, moment(row.time), "trade", () if row.on_margin else moved, note, facts=seen)
