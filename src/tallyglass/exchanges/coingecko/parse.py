"""CoinGecko's list of coins, and their prices now and of each day.

https://docs.coingecko.com/demo/reference/endpoint-overview
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.points import answer, asked_for, closes, each, moment
from tallyglass.exchanges.streams import Coin, Known, NotReadable, Parsed, Ticker, priced
from tallyglass.money import Amount, NotMoney, amount

_SOURCE: Final = "CoinGecko"


class _Coin(msgspec.Struct):
    id: str
    symbol: str
    name: str


class _Price(msgspec.Struct):
    usd: Decimal
    last_updated_at: Decimal | None = None


class _Chart(msgspec.Struct):
    prices: list[msgspec.Raw]


class _Point(msgspec.Struct, array_like=True):
    #: In milliseconds.
    time: Decimal
    price: Decimal


def parse(read_id: str, body: bytes, known: Known) -> Parsed:
    """An answer, normalised: prices are in dollars. Raises `NotReadable`."""
    if read_id not in _READERS:
        raise NotReadable(f"CoinGecko has no read {read_id!r}; there are: {', '.join(_READERS)}")
    return _READERS[read_id](body, known)


def _coins(body: bytes, _: Known) -> Parsed:
    rows = answer(body, list[msgspec.Raw], _SOURCE)
    items, unparsed = each((("coin", raw) for raw in rows), lambda _, raw: _coin(decode(raw, _Coin)))
    return Parsed(tuple(items), tuple(unparsed))


def _coin(row: _Coin) -> Coin:
    if not row.id or not row.symbol:
        raise NotMoney("a coin without id or symbol")
    return Coin(row.id, row.symbol.upper(), row.name)


def _tickers(body: bytes, known: Known) -> Parsed:
    def ticker(coin: str, raw: msgspec.Raw) -> Ticker:
        market, row = asked_for(coin, known), decode(raw, _Price)
        at = None if row.last_updated_at is None else moment(row.last_updated_at)
        return Ticker(market.base, market.quote, priced(amount(row.usd)), at)

    items, unparsed = each(answer(body, dict[str, msgspec.Raw], _SOURCE).items(), ticker)
    return Parsed(tuple(items), tuple(unparsed))


def _candles(body: bytes, known: Known) -> Parsed:
    """The answer names no coin: it is the one that was asked for."""
    try:
        market = asked_for(known.asked.get("coin", ""), known)
    except NotMoney as error:
        raise NotReadable(f"a chart of CoinGecko names no coin: {error}") from error
    rows = ((market.name, raw) for raw in answer(body, _Chart, _SOURCE).prices)
    points, unparsed = each(rows, lambda _, raw: _point(decode(raw, _Point)))
    return Parsed(closes(market, points, known), tuple(unparsed))


def _point(point: _Point) -> tuple[datetime, Amount]:
    return moment(point.time / 1000), priced(amount(point.price))


_READERS: Final[Mapping[str, Callable[[bytes, Known], Parsed]]] = {
    "markets": _coins,
    "tickers": _tickers,
    "candles": _candles,
}
