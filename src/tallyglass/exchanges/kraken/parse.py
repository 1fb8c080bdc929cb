"""Kraken's answers, normalised: one function per read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Final, Literal

import msgspec

from tallyglass.exchanges.kraken.names import UnknownName, pair, place, symbol
from tallyglass.exchanges.kraken.rows import (
    FundingRow,
    Rows,
    TradeRow,
    each,
    funding,
    ledger,
    members,
    moment,
    result,
    trade,
)
from tallyglass.exchanges.streams import (
    Balance,
    Known,
    Market,
    NotReadable,
    Order,
    Parsed,
    Ticker,
    told_once,
)
from tallyglass.money import ZERO, Amount, amount

_ABSOLUTE = re.compile(r"\d+(\.\d+)?")


class _Holding(msgspec.Struct, frozen=True):
    balance: Decimal
    hold_trade: Decimal | None = None


class _Descr(msgspec.Struct, frozen=True):
    pair: str
    type: Literal["buy", "sell"]
    ordertype: str
    price: str
    price2: str = ""


class _OrderRow(msgspec.Struct, frozen=True):
    descr: _Descr
    opentm: Decimal
    vol: Decimal
    vol_exec: Decimal
    stopprice: str = ""
    oflags: str = ""


class _MarketRow(msgspec.Struct, frozen=True):
    altname: str
    base: str
    quote: str
    wsname: str = ""
    status: str = "online"


class _TickerRow(msgspec.Struct, frozen=True):
    #: Price and lot of the last trade.
    c: tuple[Decimal, Decimal]


class _Open(msgspec.Struct):
    open: Rows


class _Trades(msgspec.Struct):
    trades: Rows


class _Clock(msgspec.Struct):
    unixtime: int


class _KeyInfo(msgspec.Struct):
    permissions: list[str]


class _Fundings(msgspec.Struct):
    """The list under the names that documentation and recorded answers give it."""

    deposit: list[msgspec.Raw] | None = None
    deposits: list[msgspec.Raw] | None = None
    withdrawal: list[msgspec.Raw] | None = None
    withdrawals: list[msgspec.Raw] | None = None
    next_cursor: str | None = None


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


def _open_orders(body: bytes, known: Known) -> Parsed:
    def order(txid: str, row: _OrderRow) -> Order:
        if "viqc" in row.oflags.split(","):
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


def _price(row: _OrderRow) -> Amount | None:
    """The limit if there is one, else the trigger; a relative price (`+5%`) is no price yet."""
    kind, descr = row.descr.ordertype, row.descr
    if kind == "market":
        return None
    limits = (descr.price2, descr.price) if kind.endswith("-limit") else (descr.price, row.stopprice, descr.price2)
    prices = (amount(text) for text in limits if _ABSOLUTE.fullmatch(text))
    return next((price for price in prices if price != ZERO), None)


def _trades(body: bytes, known: Known) -> Parsed:
    rows = result(body, _Trades).trades
    items, unparsed = each(rows.items(), TradeRow, lambda txid, row: trade(txid, row, known))
    return Parsed(tuple(items), tuple(unparsed))


def _ledger(body: bytes) -> Parsed:
    page = ledger(body)
    return Parsed(page.entries, page.unparsed)


def _deposits(body: bytes) -> Parsed:
    page = _cursored(body)
    return _fundings("deposit", page.deposit if page.deposit is not None else page.deposits, page.next_cursor)


def _withdrawals(body: bytes) -> Parsed:
    page = _cursored(body)
    rows = page.withdrawals if page.withdrawals is not None else page.withdrawal
    return _fundings("withdrawal", rows, page.next_cursor)


def _cursored(body: bytes) -> _Fundings:
    # Asked without a cursor, Kraken gives the bare list.
    page = result(body, msgspec.Raw)
    if bytes(page).lstrip().startswith(b"["):
        rows = result(body, list[msgspec.Raw])
        return _Fundings(deposit=rows, withdrawal=rows)
    return result(body, _Fundings)


def _fundings(kind: Literal["deposit", "withdrawal"], rows: list[msgspec.Raw] | None, after: str | None) -> Parsed:
    if rows is None:
        raise NotReadable(f"Kraken's answer holds no list of {kind}s")
    named = ((sha256(bytes(raw)).hexdigest()[:32], raw) for raw in rows)
    items, unparsed = each(named, FundingRow, lambda _, row: funding(kind, row))
    return Parsed(tuple(items), tuple(unparsed), more={"cursor": after} if after else {})


def _markets(body: bytes) -> Parsed:
    def market(name: str, row: _MarketRow) -> Market:
        base, quote = symbol(row.base), symbol(row.quote)
        aliases = {row.altname, row.wsname, f"{base}/{quote}"} - {name, ""}
        return Market(name, base, quote, tuple(sorted(aliases)), row.status == "online")

    items, unparsed = each(result(body, Rows).items(), _MarketRow, market)
    return Parsed(tuple(items), tuple(unparsed))


def _tickers(body: bytes, known: Known) -> Parsed:
    def ticker(name: str, row: _TickerRow) -> Ticker:
        base, quote = pair(name, known.markets)
        return Ticker(base, quote, amount(row.c[0]))

    # A closed market keeps the price of its last day, which is none of today.
    closed = {name for name, market in known.markets.items() if not market.open}
    rows = ((name, raw) for name, raw in result(body, Rows).items() if name not in closed)
    items, unparsed = each(rows, _TickerRow, ticker)
    return Parsed(tuple(items), tuple(unparsed))


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
    "deposits": _deposits,
    "withdrawals": _withdrawals,
    "markets": _markets,
    "markets.tokenized": _markets,
    "server_time": _server_time,
}
#: Reads that name a market, which a list of markets explains best.
_WITH_NAMES: Final[Mapping[str, Callable[[bytes, Known], Parsed]]] = {
    "open_orders": _open_orders,
    "trades": _trades,
    "tickers": _tickers,
}
