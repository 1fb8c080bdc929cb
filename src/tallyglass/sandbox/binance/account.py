"""One account of the fake Binance: its orders, trades and the rows that each history shows."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from tallyglass.money import ZERO, Amount, add, multiply, subtract
from tallyglass.sandbox.binance.line import Line
from tallyglass.sandbox.binance.markets import Listed, Market
from tallyglass.sandbox.binance.products import Futures, Margin, Position
from tallyglass.sandbox.model import Books

Row = dict[str, Any]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - EPOCH) // timedelta(microseconds=1)


def moment(us: int) -> datetime:
    """The aware time of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


@dataclass(slots=True)
class Order:
    """An order of any state. Times in microseconds."""

    id: int
    market: Market
    side: Literal["BUY", "SELL"]
    type: str
    price: Amount
    amount: Amount
    time: int
    updated: int
    filled: Amount = ZERO
    spent: Amount = ZERO
    quote_amount: Amount = ZERO
    status: str = "NEW"
    time_in_force: str = "GTC"
    #: As the client chose it; orders of the web page have one made of their id.
    given_client_id: str = ""
    trades: tuple[Trade, ...] = ()

    @property
    def client_id(self) -> str:
        return self.given_client_id or f"web_{self.id:016x}"

    @property
    def open(self) -> bool:
        return self.status in {"NEW", "PARTIALLY_FILLED"}

    def reserve(self) -> tuple[str, Amount]:
        """What a resting order holds back of the balance: (asset, amount)."""
        rest = subtract(self.amount, self.filled)
        if self.side == "BUY":
            return self.market.quote, multiply(rest, self.price)
        return self.market.base, rest


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill. Its id is unique on its market only."""

    id: int
    order: Order
    price: Amount
    amount: Amount
    cost: Amount
    fee: Amount
    fee_asset: str
    time: int
    maker: bool = False


class Desk:
    """What an account did on one market."""

    def __init__(self, first: int) -> None:
        self.next_order = first * 3
        self.next_trade = first
        self.orders: Line[Order] = Line()
        self.orders_by_time: Line[Order] = Line()
        self.trades: Line[Trade] = Line()
        self.trades_by_time: Line[Trade] = Line()

    def forget(self, before: int) -> None:
        """No row of before that moment is left, but open orders."""
        for orders in (self.orders, self.orders_by_time):
            orders.keep(lambda order: order.open or order.time >= before)
        for trades in (self.trades, self.trades_by_time):
            trades.keep(lambda trade: trade.time >= before)


#: The rows of the histories under /sapi, each as the exchange prints it, by time in milliseconds.
HISTORIES: Final = (
    "deposits",
    "withdrawals",
    "fiat",
    "converts",
    "dividends",
    "dust",
    "transfers",
    "subscriptions",
    "redemptions",
    "earnings",
    "locked_subscriptions",
    "locked_redemptions",
    "locked_earnings",
    "payments",
    "pay",
    "c2c",
)

#: About where the ids of each series begin: conversions and deposits lie beyond what a double can hold.
FIRST_NUMBERS: Final = {
    "deposits": 4_000_000_000_000_000_000,
    "converts": 1_940_000_000_000_000_000,
    "dividends": 242_000_000_000,
    "dust": 190_000_000_000,
    "transfers": 140_000_000_000,
    "subscriptions": 26_000_000,
    "redemptions": 40_000_000,
    "locked_purchases": 96_000_000,
    "locked_redemptions": 110_000_000,
    "positions": 123_000_000,
    "margin": 1_952_000_000_000_000_000,
    "pay": 70_000_000_000_000_000,
    "c2c": 22_000_000_000_000_000_000,
    "um": 8_182_000_000_000_000_000,
    "cm": 9_689_000_000,
    "futures_trades": 698_000_000,
    "futures_orders": 25_851_000_000,
}


class Account:
    """Books, orders and histories of one user."""

    def __init__(self, name: str, seed: int, books: Books, listed: Listed) -> None:
        self._seed = f"binance account {seed} {name}"
        self.rng = random.Random(self._seed)
        self.name = name
        self.uid = self.rng.randrange(100_000_000, 999_999_999)
        self.books = books
        self.listed = listed
        self.desks: dict[str, Desk] = {}
        self.open: dict[tuple[str, int], Order] = {}
        self.histories: dict[str, Line[Row]] = {name: Line() for name in HISTORIES}
        self.updated = 0
        self.soft_staking = False
        #: Offers of convert/getQuote that may still be taken.
        self.quotes: dict[str, Row] = {}
        #: Products that must be opened before they can be used; None as long as they are not.
        self.margin: Margin | None = None
        #: By the word that the exchange has for the wallet in its transfers: UMFUTURE, CMFUTURE.
        self.futures: dict[str, Futures] = {}
        #: Locked Simple Earn positions that are held, by their id.
        self.locked_earn: dict[int, Position] = {}
        self._numbers: dict[str, int] = {}

    def desk(self, symbol: str) -> Desk:
        """The market's part of the account."""
        if symbol not in self.desks:
            # not from the account's own numbers: a question must not change what comes after it
            self.desks[symbol] = Desk(random.Random(f"{self._seed} {symbol}").randrange(100_000, 9_000_000))
        return self.desks[symbol]

    def forget(self, before: int) -> None:
        """What the account did before that moment (microseconds) is in no history any more, only in the books."""
        for desk in self.desks.values():
            desk.forget(before)
        lines = [*self.histories.values()]
        lines += self.margin.lines() if self.margin else []
        lines += [line for house in self.futures.values() for line in house.lines()]
        for rows in lines:
            rows.forget(before // 1000)

    def number(self, series: str) -> int:
        """The next id of one of `FIRST_NUMBERS`."""
        if series not in self._numbers:
            self._numbers[series] = FIRST_NUMBERS[series] + self.rng.randrange(FIRST_NUMBERS[series] // 10)
        self._numbers[series] += self.rng.randrange(1, 9)
        return self._numbers[series]

    def token(self, length: int = 32) -> str:
        """A hexadecimal id."""
        return f"{self.rng.getrandbits(length * 4):0{length}x}"

    def locked(self) -> dict[str, Amount]:
        """What open orders hold back, per asset."""
        held: dict[str, Amount] = {}
        for order in self.open.values():
            asset, amount = order.reserve()
            held[asset] = add(held.get(asset, ZERO), amount)
        return held

    def free(self, asset: str) -> Amount:
        """What can be spent of the spot wallet."""
        return subtract(self.books.balance(asset), self.locked().get(asset, ZERO))

    def wallet(self, name: str) -> dict[str, Amount]:
        """The assets of one wallet that are not zero."""
        found = {asset: amount for (wallet, asset), amount in self.books.wallets().items() if wallet == name and amount}
        return dict(sorted(found.items()))
