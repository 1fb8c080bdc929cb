"""Kraken's daily candles: how they are asked for, and the closes in them.

https://docs.kraken.com/api-reference/market-data/get-ohlc-data
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.kraken.names import UnknownName, pair
from tallyglass.exchanges.kraken.rows import Rows, each, moment, result
from tallyglass.exchanges.streams import Ask, Close, Known, Market, NotReadable, Parsed, close_of, midnight
from tallyglass.money import NotMoney, amount

#: 720 bars at most, the running one among them; what is older cannot be had.
REACH: Final = 719


class _Bar(msgspec.Struct, frozen=True, array_like=True):
    """Then come VWAP, volume and the number of trades."""

    time: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


def pages(market: Market, first: date, last: date) -> Iterable[Ask]:  # noqa: ARG001 - it always tells up to now
    """One request: all days since `first` that Kraken still tells of."""
    return (Ask("candles", {"pair": market.name, "since": str(int(midnight(first).timestamp()) - 1)}),)


def closes(body: bytes, known: Known) -> Parsed:
    """The closes of the days that are over. `last` is the time of the newest bar that is."""
    market, bars, settled = _answer(body, known)

    def close(_: str, bar: _Bar) -> Close | None:
        start = moment(bar.time)
        if start != midnight(start.date()):
            raise NotMoney("a bar that does not begin with a day (UTC)")
        over = bar.time <= settled and known.ended(start.date())
        return close_of(market, start.date(), amount(bar.close)) if over else None

    rows = ((f"candle:{market.name}:{hashlib.sha256(bytes(raw)).hexdigest()[:24]}", raw) for raw in bars)
    items, unparsed = each(rows, _Bar, close)
    return Parsed(tuple(item for item in items if item), tuple(unparsed))


def _answer(body: bytes, known: Known) -> tuple[Market, list[msgspec.Raw], int]:
    """The market, its bars, and the time of the newest one that is over."""
    rows = result(body, Rows)
    names = [name for name in rows if name != "last"]
    if "last" not in rows or len(names) != 1:
        raise NotReadable("candles of Kraken are those of one market, and tell which bar is the last that is over")
    try:
        bars, settled = decode(rows[names[0]], list[msgspec.Raw]), decode(rows["last"], int)
        return Market(names[0], *pair(names[0], known.markets)), bars, settled
    except (msgspec.DecodeError, UnknownName) as error:
        raise NotReadable(f"not candles of Kraken: {error}") from error
