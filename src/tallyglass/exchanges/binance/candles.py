"""Binance's daily candles: how they are asked for, and the closes in them.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from tallyglass.exchanges.binance.assets import sides
from tallyglass.exchanges.binance.rows import moment
from tallyglass.exchanges.binance.rowwise import each
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import (
    Ask,
    Close,
    Known,
    Market,
    NotReadable,
    Parsed,
    close_of,
    midnight,
    spans,
)
from tallyglass.money import NotMoney, amount

#: Since the market opened.
REACH: Final = None
_PAGE: Final = 1000


class _Bar(msgspec.Struct, frozen=True, array_like=True):
    """Then come volume in the quote, number of trades, and what takers bought."""

    opened: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    closed: int


def pages(market: Market, first: date, last: date) -> Iterable[Ask]:
    """A thousand days a request."""
    for begin, end in spans(first, last, _PAGE):
        when = {"startTime": _ms(begin), "endTime": _ms(end)}
        yield Ask("candles", {"symbol": market.name, **when})


def closes(read_id: str, body: bytes, known: Known) -> Parsed:
    """The closes of the days that are over. The answer names no market: it is the one that was asked for."""
    name = known.asked.get("symbol", "")
    pair = sides(name, known.markets)
    if pair is None:
        raise NotReadable(f"{read_id}: candles of Binance name no market, and which one was asked for is not known")
    market = Market(name, *pair)

    def close(bar: _Bar) -> Close | None:
        start = moment(bar.opened)
        day = start.date()
        if start != midnight(day) or moment(bar.closed + 1).date() <= day:
            raise NotMoney("a bar that is not of a whole day (UTC)")
        return close_of(market, day, amount(bar.close)) if known.ended(day) else None

    return each(read_id, decode(body, list[msgspec.Raw]), _Bar, close)


def _ms(day: date) -> str:
    return str(int(midnight(day).timestamp()) * 1000)
