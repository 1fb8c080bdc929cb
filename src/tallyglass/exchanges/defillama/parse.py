"""DefiLlama's prices, now and of each day.

https://api-docs.defillama.com/
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.points import STRANGE, answer, asked_for, closes, each, moment, strange
from tallyglass.exchanges.streams import Item, Known, NotReadable, Parsed, Ticker, Unparsed, priced
from tallyglass.money import Amount, amount

_PREFIX: Final = "coingecko:"


class _Coins(msgspec.Struct):
    coins: dict[str, msgspec.Raw]


class _Point(msgspec.Struct):
    timestamp: Decimal
    price: Decimal


class _Chart(msgspec.Struct):
    prices: list[msgspec.Raw]


def parse(read_id: str, body: bytes, known: Known) -> Parsed:
    """Prices in dollars of the coins that `known` has by their ids. Raises `NotReadable`."""
    if read_id not in ("tickers", "candles"):
        raise NotReadable(f"DefiLlama has no read {read_id!r}; there are: tickers, candles")
    items: list[Item] = []
    unparsed: list[Unparsed] = []
    for name, raw in answer(body, _Coins, "DefiLlama").coins.items():
        try:
            market = asked_for(name.removeprefix(_PREFIX), known)
            if read_id == "tickers":
                at, price = _point(raw)
                items.append(Ticker(market.base, market.quote, price, at))
            else:
                rows = ((name, point) for point in decode(raw, _Chart).prices)
                points, odd = each(rows, lambda _, point: _point(point))
                items += closes(market, points, known)
                unparsed += odd
        except STRANGE as error:
            unparsed.append(strange(name, raw, error))
    return Parsed(tuple(items), tuple(unparsed))


def _point(raw: msgspec.Raw) -> tuple[datetime, Amount]:
    point = decode(raw, _Point)
    return moment(point.timestamp), priced(amount(point.price))
