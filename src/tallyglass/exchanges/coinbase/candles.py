"""Coinbase's daily candles: how they are asked for, and the closes in them.

https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/public/get-public-product-candles
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from tallyglass.exchanges.coinbase.ledger import market as product
from tallyglass.exchanges.coinbase.wire import NotUnderstood, answer, rows
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import Ask, Close, Known, Market, NotReadable, Parsed, close_of, midnight, spans
from tallyglass.money import amount

#: Since the market opened.
REACH: Final = None
#: 350 at most, as the page says; 300, as that of its sister, the Exchange API, does: that many both give.
_PAGE: Final = 300


class Candle(msgspec.Struct):
    """A bar. `start` is in Unix seconds, and a text like the prices."""

    start: str
    close: str


class Candles(msgspec.Struct):
    """The bars, the newest first; those without a trade are left out."""

    candles: list[msgspec.Raw]


def pages(market: Market, first: date, last: date) -> Iterable[Ask]:
    """Three hundred days a request."""
    for begin, end in spans(first, last, _PAGE):
        when = {"start": _seconds(begin), "end": _seconds(end)}
        yield Ask("candles", {"product_id": market.name, **when})


def closes(body: bytes, known: Known) -> Parsed:
    """The closes of the days that are over. The answer names no market: it is the one that was asked for."""
    name = known.asked.get("product_id", "")
    try:
        market = Market(name, *product(name, known))
    except NotUnderstood as error:
        raise NotReadable(f"candles of Coinbase name no market, and which one was asked for: {error}") from error
    return Parsed(*rows(answer(body, Candles).candles, "start", lambda raw: _close(raw, market, known)))


def _close(raw: msgspec.Raw, market: Market, known: Known) -> Iterator[Close]:
    bar = decode(raw, Candle)
    if not (bar.start.isascii() and bar.start.isdigit() and len(bar.start) < 12):
        raise NotUnderstood(f"not a time in Unix seconds: {bar.start[:20]!r}")
    start = datetime.fromtimestamp(int(bar.start), UTC)
    if start != midnight(start.date()):
        raise NotUnderstood("a bar that does not begin with a day (UTC)")
    if known.ended(start.date()):
        yield close_of(market, start.date(), amount(bar.close))


def _seconds(day: date) -> str:
    return str(int(midnight(day).timestamp()))
