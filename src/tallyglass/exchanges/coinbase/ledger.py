"""Coinbase: one row of a wallet's ledger (v2 transactions) as legs of an entry.

docs.cdp.coinbase.com/coinbase-app/track-apis/transactions. The sum of the completed rows of a wallet is its balance,
so each leg, or a principal and its fee together, is exactly the row's own amount. The sign is the direction, whatever
the type is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tallyglass.exchanges.coinbase.wire import SIDES, Money, NotUnderstood, Pagination, asset_of, time_of
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import Known
from tallyglass.ledger.entries import SPOT, Entry, Kind, Leg
from tallyglass.money import ZERO, Amount, Asset, add, amount, negate, text

VAULT = "vault"
STAKED = "staked"

Status = Literal["done", "pending", "failed"]
STATUSES: Mapping[str, Status] = {
    "completed": "done",
    "pending": "pending",
    "waiting_for_clearing": "pending",
    "waiting_for_signature": "pending",
    "failed": "failed",
    "expired": "failed",
    "canceled": "failed",
}

#: What the page lists, and what it does not but real ledgers hold. `sends` go by their sign. A type that is not here
#: is kept as unparsed. `tx` is Coinbase's own word for what it has no word for.
_KINDS: Mapping[Kind | Literal["sends"], tuple[str, ...]] = {
    "trade": ("advanced_trade_fill",),
    "sends": ("send", "receive", "request", "unsupported_asset_recovery"),
    "deposit": ("fiat_deposit",),
    "withdrawal": ("fiat_withdrawal", "cardspend"),
    "conversion": (
        *("trade", "buy", "sell", "retail_simple_dust", "wrap_asset", "unwrap_asset", "asset_migration"),
        *("fcm_futures_usdc_sell", "fcm_futures_usdc_sell_additional_encumberment_rollup"),
    ),
    "reward": (
        *("earn_payout", "incentives_rewards_payout", "staking_reward", "inflation_reward", "interest"),
        *("cardbuyback", "delegation_reward", "retail_simple_price_improvement"),
    ),
    "transfer": (
        *("transfer", "vault_withdrawal", "staking_transfer", "unstaking_transfer", "intx_deposit", "intx_withdrawal"),
        *("exchange_deposit", "exchange_withdrawal", "pro_deposit", "pro_withdrawal"),
        *("derivatives_settlement", "retail_eth2_deprecation"),
    ),
    "fee": ("subscription", "subscription_rebate"),
    "adjustment": ("tx", "incentives_shared_clawback", "clawback"),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
_DOLLARS = frozenset((Asset("USD"), Asset("USDC")))  # one order book serves both: BTC-USD may settle in USDC


class Fill(msgspec.Struct):
    """The trade behind a row of type `advanced_trade_fill`."""

    order_id: str
    product_id: str
    commission: str = ""
    fill_price: str = ""
    order_side: str | None = None


class Reference(msgspec.Struct):
    """The `trade`, `buy` or `sell` that several rows may share."""

    id: str = ""
    fee: Money | None = None
    payment_method_name: str | None = None


class Network(msgspec.Struct):
    """The blockchain side of a send."""

    hash: str | None = None
    transaction_fee: Money | None = None


class Row(msgspec.Struct):
    """One transaction of one wallet."""

    id: str
    type: str
    status: str
    amount: Money
    created_at: str
    resource_path: str | None = None
    advanced_trade_fill: Fill | None = None
    trade: Reference | None = None
    buy: Reference | None = None
    sell: Reference | None = None
    network: Network | None = None
    #: Null for a move between own accounts, absent for most rows.
    to: dict[str, msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


class LedgerPage(msgspec.Struct):
    """One page of a wallet's ledger, its rows not yet read."""

    data: list[msgspec.Raw]
    pagination: Pagination


def marked(wallet: str, account: str) -> str:
    """How `Known.wallets` holds a wallet: a vault's or a staked one's id with a word before it, so that both travel."""
    return wallet if account == SPOT else f"{account}:{wallet}"


def unmarked(mark: str) -> tuple[str, str]:
    """The wallet's id and its account, by what `marked` made of them."""
    account, colon, wallet = mark.rpartition(":")
    return (wallet, account) if colon else (mark, SPOT)


def account_of(row: Row, known: Known) -> str:
    """The account, by the wallet's id in the row's path: `/v2/accounts/{wallet}/transactions/{id}`."""
    wallet = (row.resource_path or "").split("/")[3:4]
    accounts = (each for each in (VAULT, STAKED) if wallet and marked(wallet[0], each) in known.wallets)
    return next(accounts, SPOT)


def entry(raw: msgspec.Raw, known: Known, account: str | None = None) -> Entry:
    """The row as an entry with its own legs only; the store joins rows of one entry.

    Raises `NotUnderstood`, a `ValueError` or a `msgspec` error for a row that this version does not know.
    """
    row = decode(raw, Row)
    if not row.id:
        raise NotUnderstood("a row without an id")
    if row.status not in STATUSES:
        raise NotUnderstood(f"unknown status {row.status!r}")
    return Entry(
        id=_entry_id(row),
        time=time_of(row.created_at),
        kind=_kind(row),
        legs=_legs(row, account or account_of(row, known), known),
        note=row.type,
        status=STATUSES[row.status],
        txid=(row.network.hash or "") if row.network else "",
        facts=_facts(row, known),
    )


def market(product: str, known: Known) -> tuple[Asset, Asset]:
    """Base and quote of a product id such as `ETH-EUR`."""
    listed = known.markets.get(product)
    if listed:
        return listed.base, listed.quote
    base, dash, quote = product.partition("-")
    if not base or not quote or not dash or "-" in quote:
        raise NotUnderstood(f"not a spot market: {product!r}")
    return asset_of(base), asset_of(quote)


def trade_id(order: str, created_at: str) -> str:
    """The id of a trade: both wallets' rows, and the fills of one order within one second, are one entry."""
    if not order:
        raise NotUnderstood("a fill without an order id")
    return f"trade:{order}:{int(time_of(created_at).timestamp())}"


def facts(
    pair: tuple[Asset, Asset], order: str, price: str, side: str, liquidity: str = ""
) -> tuple[tuple[str, str], ...]:
    """What is told of a trade beside what it moved, names in order; what is '' is left out."""
    market = f"{pair[0]}/{pair[1]}"
    told = (("liquidity", liquidity), ("market", market), ("order", order), ("price", _price(price)), ("side", side))
    return tuple([fact for fact in told if fact[1]])


def _facts(row: Row, known: Known) -> tuple[tuple[str, str], ...]:
    fill = row.advanced_trade_fill
    if row.type != "advanced_trade_fill" or fill is None:
        return ()
    side = (fill.order_side or "").lower()
    return facts(market(fill.product_id, known), fill.order_id, fill.fill_price, side if side in SIDES else "")


def _price(told: str) -> str:
    """The price in its shortest form; '' where it is none: a fact that is amiss spoils no booking."""
    try:
        return text(amount(told))
    except ValueError:
        return ""


def _entry_id(row: Row) -> str:
    if row.type == "advanced_trade_fill":
        return trade_id(row.advanced_trade_fill.order_id if row.advanced_trade_fill else "", row.created_at)
    shared = {"trade": row.trade, "buy": row.buy, "sell": row.sell}.get(row.type)
    if shared and shared.id:
        return f"{'convert' if row.type == 'trade' else row.type}:{shared.id}"
    return f"tx:{row.id}"


def _kind(row: Row) -> Kind:
    kind = _KIND_OF.get(row.type)
    if kind is None:
        raise NotUnderstood(f"unknown type {row.type!r}")
    if kind != "sends":
        return kind
    _, moved = row.amount.exact()
    if row.type == "send" and row.to is None and row.network is None and moved < ZERO:
        return "transfer"
    return "withdrawal" if moved < ZERO else "deposit"


def _legs(row: Row, account: str, known: Known) -> tuple[Leg, ...]:
    code, moved = row.amount.exact()
    fee = _fee(row, code, moved, known)
    legs = (
        Leg(row.id, account, code, add(moved, fee)),
        Leg(f"{row.id}:fee", account, code, negate(fee), "fee"),
    )
    return tuple(leg for leg in legs if leg.amount != ZERO)


def _fee(row: Row, code: Asset, moved: Amount, known: Known) -> Amount:
    """The fee that is contained in the row's amount."""
    fill = row.advanced_trade_fill
    if row.type == "advanced_trade_fill" and fill:
        base, quote = market(fill.product_id, known)
        if code == base:
            return ZERO
        if code != quote and not {code, quote} <= _DOLLARS:
            raise NotUnderstood(f"a row in {code} for a fill on {fill.product_id}")
        return max(amount(fill.commission), ZERO) if fill.commission else ZERO
    charged = row.network.transaction_fee if row.network else None
    if charged is None or moved >= ZERO:
        return ZERO
    paid_in, paid = charged.exact()
    return paid if paid_in == code and ZERO < paid <= negate(moved) else ZERO
