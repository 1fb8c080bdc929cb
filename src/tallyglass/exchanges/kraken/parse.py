"""Kraken's answers, normalised: one function per read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from tallyglass.exchanges.kraken.candles import closes
from tallyglass.exchanges.kraken.fundings import Way, fundings
from tallyglass.exchanges.kraken.ledger import ledger
from tallyglass.exchanges.kraken.names import pair, place, symbol
from tallyglass.exchanges.kraken.orders import closed_orders, open_orders
from tallyglass.exchanges.kraken.rows import Listing, Rows, each, members, result
from tallyglass.exchanges.kraken.trades import trades
from tallyglass.exchanges.streams import Balance, Known, Market, NotReadable, Parsed, Ticker, priced, told_once
from tallyglass.money import ZERO, amount


class _Holding(msgspec.Struct, frozen=True):
    balance: Decimal
    hold_trade: Decimal | None = None


class _MarketRow(msgspec.Struct, frozen=True):
    altname: str
    base: str
    quote: str
    wsname: str = ""
    status: str = "online"


class _TickerRow(msgspec.Struct, frozen=True):
    #: Price and lot of the last trade.
    c: tuple[Decimal, Decimal]


class _Clock(msgspec.Struct):
    unixtime: int


class _KeyInfo(msgspec.Struct):
    permissions: list[str]


def parse(read_id: str, body: bytes, known: Known) -> Parsed:
    """An answer of one of the manifest's reads. Raises `NotReadable`."""
    if read_id in _WITH_NAMES:
        return _WITH_NAMES[read_id](body, known)
    if read_id in _PLAIN:
        return _PLAIN[read_id](body)
    raise NotReadable(f"Kraken has no read {read_id!r}; there are: {', '.join([*_PLAIN, *_WITH_NAMES])}")


def _balances(body: bytes) -> Parsed:
    # Plain Balance gives a text per code, BalanceEx an object; an account that never held anything gives no result.
    def balance(code: str, row: _Holding) -> Balance:
        wallet, coin = place(code)
        return Balance(wallet, coin, amount(row.balance), None if row.hold_trade is None else amount(row.hold_trade))

    rows = {code: _extended(raw) for code, raw in result(body, Rows, {}).items()}
    told_once(members(body))
    items, unparsed = each(rows.items(), _Holding, balance)
    return Parsed(tuple(items), tuple(unparsed))


def _extended(raw: msgspec.Raw) -> msgspec.Raw:
    text = bytes(raw).strip()
    return raw if text.startswith(b"{") else msgspec.Raw(b'{"balance":' + text + b"}")


def _trades(body: bytes, known: Known) -> Parsed:
    return _listed(trades(body, known))


def _closed_orders(body: bytes) -> Parsed:
    return _listed(closed_orders(body))


def _ledger(body: bytes) -> Parsed:
    return _listed(ledger(body))


def _deposits(body: bytes) -> Parsed:
    return _fundings("deposit", body)


def _withdrawals(body: bytes) -> Parsed:
    return _fundings("withdrawal", body)


def _fundings(way: Way, body: bytes) -> Parsed:
    page = fundings(way, body)
    return Parsed(page.entries, page.unparsed, more={"cursor": page.after} if page.after else {})


def _listed(page: Listing) -> Parsed:
    return Parsed(page.entries, page.unparsed)


def _markets(body: bytes) -> Parsed:
    def market(name: str, row: _MarketRow) -> Market:
        base, quote = symbol(row.base), symbol(row.quote)
        aliases = {row.altname, row.wsname, f"{base}/{quote}"} - {name, ""}
        return Market(name, base, quote, tuple(sorted(aliases)), row.status == "online")

    items, unparsed = each(result(body, Rows).items(), _MarketRow, market)
    return Parsed(tuple(items), tuple(unparsed))


def _tickers(body: bytes, known: Known) -> Parsed:
    def ticker(name: str, row: _TickerRow) -> Ticker | None:
        base, quote = pair(name, known.markets)
        price = amount(row.c[0])
        return Ticker(base, quote, priced(price)) if price != ZERO else None

    # A closed market keeps the price of its last day, which is none of today; one that never traded has zero.
    closed = {name for name, market in known.markets.items() if not market.open}
    rows = ((name, raw) for name, raw in result(body, Rows).items() if name not in closed)
    items, unparsed = each(rows, _TickerRow, ticker)
    return Parsed(tuple(item for item in items if item), tuple(unparsed))


def _key_info(body: bytes) -> Parsed:
    result(body, _KeyInfo)
    return Parsed(())


def _server_time(body: bytes) -> Parsed:
    result(body, _Clock)
    return Parsed(())


_PLAIN: Final[Mapping[str, Callable[[bytes], Parsed]]] = {
    "key_info": _key_info,
    "balances": _balances,
    "ledger": _ledger,
    "trades.orders": _closed_orders,
    "deposits": _deposits,
    "withdrawals": _withdrawals,
    "markets": _markets,
    "markets.tokenized": _markets,
    "server_time": _server_time,
}
#: Reads that name a market, which a list of markets explains best.
_WITH_NAMES: Final[Mapping[str, Callable[[bytes, Known], Parsed]]] = {
    "open_orders": open_orders,
    "trades": _trades,
    "tickers": _tickers,
    "candles": closes,
}
