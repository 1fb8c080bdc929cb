"""Binance's answers, normalised: balances, orders, markets, prices, and every row of history.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final, Literal

import msgspec

from tallyglass.exchanges.binance.assets import FUNDING, common, held, sides
from tallyglass.exchanges.binance.candles import closes
from tallyglass.exchanges.binance.owned import OWNED
from tallyglass.exchanges.binance.products import BOOKINGS
from tallyglass.exchanges.binance.rows import Strange, moment
from tallyglass.exchanges.binance.rowwise import each
from tallyglass.exchanges.binance.sheet import sheet
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import (
    Balance,
    Known,
    Market,
    NotReadable,
    Order,
    Parsed,
    Ticker,
    priced,
    told_once,
)
from tallyglass.money import ZERO, Amount, Asset, add, amount, total

_SIDES: Final[Mapping[str, Literal["buy", "sell"]]] = {"BUY": "buy", "SELL": "sell"}


class _Account(msgspec.Struct):
    balances: list[msgspec.Raw]


class _Coin(msgspec.Struct):
    asset: str


class _Spot(msgspec.Struct):
    asset: str
    free: str
    locked: str


class _Funding(msgspec.Struct):
    asset: str
    free: str
    locked: str
    freeze: str
    withdrawing: str


class _Order(msgspec.Struct):
    symbol: str
    orderId: int  # noqa: N815 - names on the wire, here and below
    price: str
    origQty: str  # noqa: N815
    executedQty: str  # noqa: N815
    type: str
    side: str
    time: int
    stopPrice: str = "0"  # noqa: N815


class _Info(msgspec.Struct):
    symbols: list[msgspec.Raw]


class _Symbol(msgspec.Struct):
    symbol: str
    status: str
    baseAsset: str  # noqa: N815
    quoteAsset: str  # noqa: N815


class _Price(msgspec.Struct):
    symbol: str
    price: str = ""
    lastPrice: str = ""  # noqa: N815


class _Clock(msgspec.Struct):
    serverTime: int  # noqa: N815


class _Key(msgspec.Struct):
    enableReading: bool  # noqa: N815


def parse(read_id: str, body: bytes, known: Known) -> Parsed:
    """An answer, normalised. Raises `NotReadable` for what is no answer of that read."""
    if read_id in BOOKINGS:
        found = sheet(read_id, body, known)
        return Parsed(found.entries, found.unparsed)
    try:
        reader = _READERS[read_id]
    except KeyError:
        raise NotReadable(f"Binance has no read {read_id!r}") from None
    try:
        return reader(read_id, body, known)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotReadable(f"{read_id}: not what Binance answers here ({str(error)[:120]})") from error


def _balances(read_id: str, body: bytes, _: Known) -> Parsed:
    raws = decode(body, _Account).balances
    told_once(_coins(raws))
    return each(read_id, raws, _Spot, _spot)


def _spot(row: _Spot) -> Balance | None:
    wallet, coin = held(row.asset)
    locked = amount(row.locked)
    return _balance(wallet, coin, add(amount(row.free), locked), locked)


def _funding(read_id: str, body: bytes, _: Known) -> Parsed:
    raws = decode(body, list[msgspec.Raw])
    told_once(_coins(raws))

    def balance(row: _Funding) -> Balance | None:
        held_back = total(map(amount, (row.locked, row.freeze, row.withdrawing)))
        return _balance(FUNDING, common(row.asset), add(amount(row.free), held_back), held_back)

    return each(read_id, raws, _Funding, balance)


def _coins(raws: list[msgspec.Raw]) -> Iterator[str]:
    for raw in raws:
        with suppress(msgspec.ValidationError):  # a row without one goes to `unparsed`
            yield decode(raw, _Coin).asset


def _balance(wallet: str, coin: Asset, owned: Amount, locked: Amount) -> Balance | None:
    return Balance(wallet, coin, owned, locked) if owned != ZERO else None


def _open_orders(read_id: str, body: bytes, known: Known) -> Parsed:
    raws = decode(body, list[msgspec.Raw])
    return each(read_id, raws, _Order, lambda row: _order(row, known))


def _order(row: _Order, known: Known) -> Order:
    pair = sides(row.symbol, known.markets)
    if pair is None or row.side not in _SIDES:
        raise Strange(f"the market {row.symbol} or the side {row.side} is not known")
    # An order at the market has the price zero; one that waits for a trigger shows what it waits for.
    price = amount(row.price) or amount(row.stopPrice) or None
    return Order(
        id=str(row.orderId),
        market=f"{pair[0]}/{pair[1]}",
        side=_SIDES[row.side],
        type=row.type.lower().replace("_", "-"),
        price=price,
        amount=amount(row.origQty),
        filled=amount(row.executedQty),
        time=moment(row.time),
    )


def _markets(read_id: str, body: bytes, _: Known) -> Parsed:
    raws = decode(body, _Info).symbols

    def market(row: _Symbol) -> Market:
        return Market(row.symbol, common(row.baseAsset), common(row.quoteAsset), open=row.status == "TRADING")

    return each(read_id, raws, _Symbol, market)


def _tickers(read_id: str, body: bytes, known: Known) -> Parsed:
    answer = msgspec.json.decode(body, type=list[msgspec.Raw] | dict[str, msgspec.Raw])
    if isinstance(answer, dict) and "symbol" not in answer:
        raise NotReadable(f"{read_id}: an object without a market")
    raws = answer if isinstance(answer, list) else [msgspec.Raw(body)]

    def ticker(row: _Price) -> Ticker | None:
        market = known.markets.get(row.symbol)
        pair = sides(row.symbol, known.markets)
        if pair is None:
            raise Strange(f"the market {row.symbol} is not known")
        price = amount(row.price or row.lastPrice)
        # A closed market keeps its last price for years, one that never traded has zero: neither is a price of today.
        return Ticker(*pair, priced(price)) if price != ZERO and (market is None or market.open) else None

    return each(read_id, raws, _Price, ticker)


def _server_time(_: str, body: bytes, __: Known) -> Parsed:
    decode(body, _Clock)
    return Parsed(())


def _key_info(_: str, body: bytes, __: Known) -> Parsed:
    decode(body, _Key)
    return Parsed(())


_READERS: Final[Mapping[str, Callable[[str, bytes, Known], Parsed]]] = {
    "balances": _balances,
    "balances.funding": _funding,
    **OWNED,
    "open_orders": _open_orders,
    "markets": _markets,
    "tickers": _tickers,
    "candles": closes,
    "server_time": _server_time,
    "key_info": _key_info,
}
