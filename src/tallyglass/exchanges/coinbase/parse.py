"""Coinbase: its answers, normalised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from tallyglass.exchanges.coinbase.candles import closes
from tallyglass.exchanges.coinbase.fills import fill, fill_page, proven
from tallyglass.exchanges.coinbase.ledger import STAKED, VAULT, LedgerPage, entry, marked, market
from tallyglass.exchanges.coinbase.wire import (
    Money,
    NotUnderstood,
    Pagination,
    Value,
    answer,
    asset_of,
    ids,
    own_id,
    rows,
    side_of,
    time_of,
)
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import (
    Balance,
    Item,
    Known,
    Market,
    NotReadable,
    Order,
    Parsed,
    Ticker,
    priced,
    told_once,
)
from tallyglass.ledger.entries import SPOT
from tallyglass.money import ZERO, Amount, Asset, add, amount, divide

#: The account, and the wallet id under which both reads that may tell of it do.
FUTURES = "futures"
_V3_WALLETS = {
    "": SPOT,
    "CRYPTO": SPOT,
    "FIAT": SPOT,
    "UNSPECIFIED": SPOT,
    "VAULT": VAULT,
    "PERP_FUTURES": "perpetuals",
}
_V3_PLATFORMS = {
    "ACCOUNT_PLATFORM_CFM_CONSUMER": FUTURES,
    "ACCOUNT_PLATFORM_INTX": "perpetuals",
}
_V2_WALLETS = {"wallet": SPOT, "fiat": SPOT, "vault": VAULT}
#: The second wallet of a currency, to which `staking_transfer` moves, is told apart by its name alone.
_STAKED = "Staked "
_OPEN = frozenset(("OPEN", "PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"))
_CLOSED = frozenset(("FILLED", "CANCELLED", "EXPIRED", "FAILED"))


class Account(msgspec.Struct):
    """A wallet as v3 tells it."""

    uuid: str
    currency: str
    available_balance: Value
    hold: Value
    type: str = ""
    platform: str = ""


class Accounts(msgspec.Struct):
    """A page of v3 wallets."""

    accounts: list[msgspec.Raw]
    has_next: bool = False
    cursor: str | None = None


class Currency(msgspec.Struct):
    """A currency as v2 describes it."""

    code: str


class Wallet(msgspec.Struct):
    """A wallet as v2 tells it."""

    id: str
    type: str
    currency: Currency | str
    balance: Money
    name: str | None = None
    primary: bool = False
    created_at: str | None = None


class Wallets(msgspec.Struct):
    """A page of v2 wallets."""

    data: list[msgspec.Raw]
    pagination: Pagination


class OrderRow(msgspec.Struct):
    """An order of the order list."""

    order_id: str
    product_id: str
    status: str
    side: str
    created_time: str
    filled_size: str
    order_type: str = ""
    order_configuration: dict[str, dict[str, msgspec.Raw]] | None = None


class Orders(msgspec.Struct):
    """A page of orders."""

    orders: list[msgspec.Raw]
    has_next: bool = False
    cursor: str | None = None
    proof_token_required: bool = False


class FuturesCash(msgspec.Struct):
    """What is in the US futures account."""

    cfm_usd_balance: Value


class FuturesSummary(msgspec.Struct):
    """The futures account, not yet read; nothing, or an empty object, where there is none."""

    balance_summary: msgspec.Raw = msgspec.Raw(b"{}")


class Product(msgspec.Struct):
    """A product of the product list: at once a market and its last price."""

    product_id: str
    base_currency_id: str
    quote_currency_id: str
    price: str = ""
    product_type: str = "SPOT"
    status: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    view_only: bool = False


class ProductPages(msgspec.Struct):
    """How the product list goes on, where it is paged."""

    has_next: bool = False
    next_cursor: str | None = None


class Products(msgspec.Struct):
    """A page of products."""

    products: list[msgspec.Raw]
    pagination: ProductPages | None = None


def parse(read_id: str, body: bytes, known: Known) -> Parsed:
    """An answer, normalised. Raises `NotReadable` for what is not this read's answer at all."""
    reader = _READERS.get(read_id)
    if reader is None:
        raise NotReadable(f"Coinbase has no read {read_id!r}")
    return reader(body, known)


def _balances(body: bytes, _: Known) -> Parsed:
    """v3: what is available and what is on hold. `balances.wallets` tells the same wallets again: see `merged`."""
    page = answer(body, Accounts)
    told_once(filter(None, (own_id(raw, "uuid") for raw in page.accounts)))
    items, unparsed = rows(page.accounts, "uuid", _account)
    return Parsed(items, unparsed, more=_cursor(page.cursor, on=page.has_next))


def _account(raw: msgspec.Raw) -> Iterator[Balance]:
    row = decode(raw, Account)
    kind = row.type.removeprefix("ACCOUNT_TYPE_")
    if kind not in _V3_WALLETS:
        raise NotUnderstood(f"unknown type of account {row.type!r}")
    if not row.available_balance.currency == row.hold.currency == row.currency:
        raise NotUnderstood("an account of more than one currency")
    wallet = _V3_PLATFORMS.get(row.platform, _V3_WALLETS[kind])
    held = amount(row.hold.value)
    owned = add(amount(row.available_balance.value), held)
    yield Balance(wallet, asset_of(row.currency), owned, held, FUTURES if wallet == FUTURES else row.uuid)


def _wallets(body: bytes, _: Known) -> Parsed:
    """v2: every wallet with its total, holds included, and its id, under which its ledger is asked for."""
    page = answer(body, Wallets)
    told_once(filter(None, (own_id(raw, "id") for raw in page.data)))
    pairs, unparsed = rows(page.data, "id", _wallet)
    after = page.pagination.following(ids(page.data))
    return Parsed(
        tuple(balance for _, balance in pairs),
        unparsed,
        wallets={mark: balance.asset for mark, balance in pairs},
        more={"starting_after": after} if after else {},
    )


def _wallet(raw: msgspec.Raw) -> Iterator[tuple[str, Balance]]:
    row = decode(raw, Wallet)
    code = row.currency if isinstance(row.currency, str) else row.currency.code
    if row.type not in _V2_WALLETS:
        raise NotUnderstood(f"unknown type of wallet {row.type!r}")
    if row.balance.currency != code:
        raise NotUnderstood("a wallet of more than one currency")
    held, owned = row.balance.exact()
    if row.id == code and row.created_at is None and owned == ZERO:
        return  # a currency that the user never touched: no wallet yet, and no history
    account = _V2_WALLETS[row.type]
    if row.type == "wallet" and not row.primary and (row.name or "").startswith(_STAKED):
        account = STAKED
    yield marked(row.id, account), Balance(account, held, owned, wallet=row.id)


def _ledger(body: bytes, known: Known) -> Parsed:
    page = answer(body, LedgerPage)
    items, unparsed = rows(page.data, "id", lambda raw: (entry(raw, known),))
    after = page.pagination.following(ids(page.data))
    return Parsed(items, unparsed, more={"starting_after": after} if after else {})


def _orders(body: bytes, known: Known) -> Parsed:
    page = answer(body, Orders)
    proven(required=page.proof_token_required)
    items, unparsed = rows(page.orders, "order_id", lambda raw: _order(raw, known))
    return Parsed(items, unparsed, more=_cursor(page.cursor, on=page.has_next))


def _order(raw: msgspec.Raw, known: Known) -> Iterator[Order]:
    row = decode(raw, OrderRow)
    if row.status in _CLOSED:
        return
    if row.status not in _OPEN:
        raise NotUnderstood(f"unknown status {row.status!r}")
    base, quote = market(row.product_id, known)
    settings = next(iter((row.order_configuration or {}).values()), {})
    price = _setting(settings, "limit_price")
    yield Order(
        id=row.order_id,
        market=f"{base}/{quote}",
        side=side_of(row.side),
        type=row.order_type.lower().replace("_", "-"),
        price=price,
        amount=_ordered(settings, price),
        filled=amount(row.filled_size or "0"),
        time=time_of(row.created_time),
    )


def _ordered(settings: Mapping[str, msgspec.Raw], price: Amount | None) -> Amount:
    """How much of the base an order is for; an order by quote amount tells it only through its limit price."""
    base, quote = _setting(settings, "base_size"), _setting(settings, "quote_size")
    if base is not None:
        return base
    if quote is not None and price:
        return divide(quote, price)
    raise NotUnderstood("an order that does not tell its size")


def _setting(settings: Mapping[str, msgspec.Raw], name: str) -> Amount | None:
    told = msgspec.json.decode(settings[name], type=str | None) if name in settings else None
    return amount(told) if told else None


def _trades(body: bytes, known: Known) -> Parsed:
    """v3 fills with what they moved, for comparing: the ledger's `advanced_trade_fill` rows are the same events."""
    page = fill_page(body)
    items, unparsed = rows(page.fills, "entry_id", lambda raw: (fill(raw, known),))
    return Parsed(items, unparsed, more=_cursor(page.following, on=True))


def _futures(body: bytes, _: Known) -> Parsed:
    """The cash of the US futures account; `total_usd_balance` would count the spot dollars again.

    Told of one wallet with `balances`, should that list it too. What open positions have won or lost is no part of it.
    """
    told = answer(body, FuturesSummary).balance_summary
    if bytes(told).strip() in (b"{}", b"null"):
        return Parsed(())
    return Parsed(*rows([told], "", _cash))


def _cash(raw: msgspec.Raw) -> Iterator[Balance]:
    cash = decode(raw, FuturesCash).cfm_usd_balance
    owned = amount(cash.value)
    if owned != ZERO:
        yield Balance(FUTURES, asset_of(cash.currency), owned, wallet=FUTURES)


def _markets(body: bytes, _: Known) -> Parsed:
    return _products(body, _market)


def _market(row: Product) -> Iterator[Market]:
    base, quote = _pair(row)
    yield Market(row.product_id, base, quote, open=_open(row))


def _open(row: Product) -> bool:
    return not (row.is_disabled or row.trading_disabled or row.view_only or row.status == "delisted")


def _tickers(body: bytes, known: Known) -> Parsed:
    return _products(body, lambda row: _ticker(row, known))


def _ticker(row: Product, known: Known) -> Iterator[Ticker]:
    listed = known.markets.get(row.product_id)
    base, quote = (listed.base, listed.quote) if listed else _pair(row)
    price = amount(row.price) if row.price else ZERO
    trading = listed.open if listed else _open(row)
    if price != ZERO and trading:  # a market that never traded has no price, a closed one none of today
        yield Ticker(base, quote, priced(price))


def _pair(row: Product) -> tuple[Asset, Asset]:
    if row.product_type != "SPOT":
        raise NotUnderstood(f"not a spot market: {row.product_id!r}")
    return asset_of(row.base_currency_id), asset_of(row.quote_currency_id)


def _products(body: bytes, read: Callable[[Product], Iterator[Item]]) -> Parsed:
    page = answer(body, Products)
    items, unparsed = rows(page.products, "product_id", lambda raw: read(decode(raw, Product)))
    pages = page.pagination or ProductPages()
    return Parsed(items, unparsed, more=_cursor(pages.next_cursor, on=pages.has_next))


def _cursor(cursor: str | None, *, on: bool) -> dict[str, str]:
    return {"cursor": cursor} if on and cursor else {}


def _nothing(body: bytes, _: Known) -> Parsed:
    answer(body, dict[str, msgspec.Raw])
    return Parsed(())


_READERS: Mapping[str, Callable[[bytes, Known], Parsed]] = {
    "key_info": _nothing,
    "server_time": _nothing,
    "balances": _balances,
    "balances.wallets": _wallets,
    "open_orders": _orders,
    "balances.futures": _futures,
    "trades": _trades,
    "ledger": _ledger,
    "markets": _markets,
    "tickers": _tickers,
    "candles": closes,
}
