"""One customer's account: wallets with their rows, orders with their fills, bank transfers, conversions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from itertools import count
from typing import Any, Literal

from tallyglass.money import ROUNDED, ZERO, Amount, add, multiply, subtract, text, total
from tallyglass.sandbox.coinbase.catalog import CURRENCIES, LISTED, NATIVE, TAKER, priced_as
from tallyglass.sandbox.coinbase.ids import Ids
from tallyglass.sandbox.coinbase.timeline import Timeline
from tallyglass.sandbox.model import Books, Prices

WalletKind = Literal["wallet", "fiat", "vault", "staked"]


@dataclass(slots=True, eq=False)
class Row:
    """A v2 transaction: one change of one wallet."""

    id: str
    n: int
    time: datetime
    wallet: Wallet
    type: str
    status: str
    amount: Amount
    #: Its worth in the user's own currency, two decimals, signed.
    native: str
    #: The fill it comes from, or the members that this type adds.
    detail: Fill | dict[str, Any]


@dataclass(slots=True, eq=False)
class Wallet:
    """A wallet of one currency. Its balance is the sum of its completed rows."""

    id: str
    currency: str
    kind: WalletKind
    created: datetime
    balance: Amount = ZERO
    updated: datetime | None = None
    rows: Timeline[Row] = field(default_factory=Timeline)

    @property
    def primary(self) -> bool:
        """The one that the currency's code means, and that can be traded from."""
        return self.kind in ("wallet", "fiat")

    @property
    def place(self) -> str:
        """Which part of the account it is, in the true books."""
        return "spot" if self.primary else self.kind


@dataclass(slots=True, eq=False)
class Fill:
    """A part of an order that was traded: two rows, one in each wallet."""

    n: int
    time: datetime
    order: Order
    price: Amount
    size: Amount
    #: In quote, before the commission.
    cost: Amount
    commission: Amount


@dataclass(slots=True, eq=False)
class Order:
    """An Advanced Trade order."""

    id: str
    n: int
    time: datetime
    base: str
    quote: str
    side: Literal["buy", "sell"]
    #: Name of its `order_configuration` and the members of that.
    style: str
    config: dict[str, Any]
    #: In base; for a market buy by amount of money, what was bought.
    size: Amount
    price: Amount
    status: str = "OPEN"
    #: '' for what was not ordered by API.
    client_id: str = ""
    fills: list[Fill] = field(default_factory=list)
    edits: list[dict[str, str]] = field(default_factory=list)
    #: Filled before the account's history begins.
    filled_before: Amount = ZERO
    #: Its v2 rows lack `order_side`, as some do.
    hides_side: bool = False

    @property
    def product(self) -> str:
        return f"{self.base}-{self.quote}"

    @property
    def in_quote(self) -> bool:
        return self.style == "market_market_ioc" and "quote_size" in self.config

    @property
    def filled(self) -> Amount:
        return total([self.filled_before, *(fill.size for fill in self.fills)])

    @property
    def hold(self) -> tuple[str, Amount]:
        """Currency and amount that the rest of an open order reserves."""
        left = subtract(self.size, self.filled)
        if self.status != "OPEN" or left <= ZERO:
            return self.base if self.side == "sell" else self.quote, ZERO
        if self.side == "sell":
            return self.base, left
        cost = multiply(multiply(left, self.price), add(Decimal(1), TAKER))
        return self.quote, cost.quantize(Decimal(1).scaleb(-CURRENCIES[self.quote].exponent), ROUND_UP, context=ROUNDED)


@dataclass(slots=True, eq=False)
class Transfer:
    """A deposit from or a withdrawal to a bank, with its row."""

    id: str
    n: int
    time: datetime
    kind: Literal["deposit", "withdrawal"]
    row: Row
    amount: Amount
    fee: Amount


class Account:
    """Everything that one customer has, and how it changes."""

    def __init__(self, name: str, ids: Ids, prices: Prices, opened: datetime) -> None:
        self.name = name
        self.ids = ids
        self.prices = prices
        self.opened = opened
        #: Also the id of the default portfolio.
        self.user_id = ids.uuid("user", name)
        self.books = Books()
        self.wallets: dict[str, Wallet] = {}
        self.rows: dict[str, Row] = {}
        self.orders: Timeline[Order] = Timeline()
        self.order_of: dict[str, Order] = {}
        self.open: dict[str, Order] = {}
        self.fills: Timeline[Fill] = Timeline()
        self.transfers: Timeline[Transfer] = Timeline()
        #: Sends on their way, in or out: when they arrive, and the row.
        self.pending: list[tuple[datetime, Row]] = []
        #: Bank deposits that are not cleared yet.
        self.clearing: list[Row] = []
        #: What a caller gave its send to be recognised by.
        self.idems: dict[str, Row] = {}
        #: Orders placed by API, by the caller's own id.
        self.placed: dict[str, Order] = {}
        #: Convert quotes, open and committed.
        self.quotes: dict[str, dict[str, Any]] = {}
        #: Bank transfers that were asked for and not yet committed.
        self.drafts: dict[str, Transfer] = {}
        #: Portfolios that were made by API: id → name.
        self.portfolios: dict[str, str] = {}
        #: What has been moved to the second portfolio.
        self.moved: dict[str, Amount] = {}
        #: What stands on the futures account.
        self.futures = ZERO
        #: v2 pages hold fewer rows than asked for.
        self.short_pages = False
        #: Order and fill lists come back empty until the user proves himself anew.
        self.proof_required = False
        self._numbers = count(1)

    def forget(self, before: datetime) -> None:
        """What is older is told no more: rows, fills, done orders, bank transfers. Balances and open orders stay."""
        for wallet in self.wallets.values():
            wallet.rows.keep(lambda row: row.time >= before)
        self.rows = {row.id: row for wallet in self.wallets.values() for row in wallet.rows.items}
        self.fills.keep(lambda fill: fill.time >= before)
        self.orders.keep(lambda order: order.time >= before or order.status == "OPEN")
        self.order_of = {order.id: order for order in self.orders.items}
        self.transfers.keep(lambda transfer: transfer.time >= before)

    def number(self) -> int:
        """The next number of a row, order, fill or transfer."""
        return next(self._numbers)

    def wallet(self, currency: str, kind: WalletKind | None = None, since: datetime | None = None) -> Wallet:
        """The wallet of a currency, opened when it is first touched."""
        real = kind or ("fiat" if LISTED[currency].fiat else "wallet")
        key = f"{real}:{currency}"
        if key not in self.wallets:
            made = Wallet(self.ids.uuid(self.name, key), currency, real, since or self.opened)
            self.wallets[key] = made
        return self.wallets[key]

    def find_wallet(self, wallet_id: str) -> Wallet | None:
        """By its id, or the primary one by the currency's code."""
        for wallet in self.wallets.values():
            if wallet_id == wallet.id or (wallet_id == wallet.currency and wallet.primary):
                return wallet
        return None

    def add_row(  # noqa: PLR0913 -- the members of a row
        self,
        wallet: Wallet,
        row_type: str,
        amount: Amount,
        time: datetime,
        *,
        detail: Fill | dict[str, Any] | None = None,
        status: str = "completed",
        tag: object = "",
    ) -> Row:
        """A new row; a completed one moves the wallet's balance. `tag` makes its id."""
        number = self.number()
        row_id = self.ids.uuid("row", self.name, wallet.id, tag or number)
        native = self.native(amount, wallet.currency)
        row = Row(row_id, number, time, wallet, row_type, status, amount, native, {} if detail is None else detail)
        wallet.rows.add(row)
        wallet.created = min(wallet.created, time)
        self.rows[row_id] = row
        if status == "completed":
            self.settle(row)
        return row

    def settle(self, row: Row) -> None:
        """A completed row counts."""
        row.status = "completed"
        row.wallet.balance = add(row.wallet.balance, row.amount)
        row.wallet.updated = max(row.time, row.wallet.updated or row.time)

    def native(self, amount: Amount, currency: str) -> str:
        """What an amount is worth in the user's own currency."""
        worth = amount if currency == NATIVE else multiply(amount, self.prices.usd(priced_as(currency)))
        return format(worth.quantize(Decimal("0.01"), ROUND_HALF_UP, context=ROUNDED), "f")

    def holds(self) -> dict[str, Amount]:
        """What open orders and sends on their way reserve, per currency, never more than there is."""
        sums: dict[str, Amount] = {}
        for order in self.open.values():
            currency, amount = order.hold
            sums[currency] = add(sums.get(currency, ZERO), amount)
        for _, row in self.pending:
            if row.amount < ZERO:
                sums[row.wallet.currency] = subtract(sums.get(row.wallet.currency, ZERO), row.amount)
        return {currency: min(amount, self.wallet(currency).balance) for currency, amount in sums.items()}

    def available(self, currency: str) -> Amount:
        """What may be spent now."""
        wallet = self.find_wallet(currency)
        return subtract(wallet.balance, self.holds().get(currency, ZERO)) if wallet else ZERO


def fixed(amount: Amount, currency: str) -> str:
    """An amount as v2 prints it: the currency's decimals, and more only if there are more."""
    plain = text(amount)
    places = LISTED[currency].exponent
    whole, _, fraction = plain.partition(".")
    return plain if len(fraction) >= places else f"{whole}.{fraction.ljust(places, '0')}"
