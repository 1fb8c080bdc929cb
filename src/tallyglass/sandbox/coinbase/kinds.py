"""Every type of transaction that the v2 ledger documents or is known to hold, each once when it is called.

docs.cdp.coinbase.com/coinbase-app/track-apis/transactions; types that this page no longer lists, but ledgers still
hold, as public clients of the API know them. False where the balance forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, negate
from tallyglass.sandbox.coinbase.account import Account, Row, Wallet
from tallyglass.sandbox.coinbase.catalog import MARKETS
from tallyglass.sandbox.coinbase.events import trade
from tallyglass.sandbox.model import Act

Happening = Callable[[Account, datetime], bool]
"""Lets it happen if the balance allows, and says whether it did."""

_SINGLE: Mapping[str, tuple[str, str, str]] = {
    "earn_payout": ("ATOM", "0.75", "reward"),
    "incentives_rewards_payout": ("USDC", "3.5", "reward"),
    "incentives_shared_clawback": ("USDC", "-0.5", "adjustment"),
    "clawback": ("USDC", "-0.25", "adjustment"),
    "inflation_reward": ("ATOM", "0.031", "reward"),
    "interest": ("USDC", "0.0421", "reward"),
    "cardspend": ("USD", "-7.35", "withdrawal"),
    "cardbuyback": ("BTC", "0.00000214", "reward"),
    "subscription": ("USD", "-4.99", "fee"),
    "subscription_rebate": ("USD", "1.25", "fee"),
    "exchange_deposit": ("USD", "-12", "transfer"),
    "exchange_withdrawal": ("USD", "11.5", "transfer"),
    "pro_deposit": ("USD", "-20", "transfer"),
    "pro_withdrawal": ("USD", "20.75", "transfer"),
    "intx_deposit": ("USDC", "-1.5", "transfer"),
    "intx_withdrawal": ("USDC", "1.4", "transfer"),
    "transfer": ("USDC", "-0.3", "transfer"),
    "derivatives_settlement": ("USD", "-1.17", "transfer"),
    "unsupported_asset_recovery": ("LINK", "2.5", "deposit"),
    "request": ("USDC", "1.75", "deposit"),
    "receive": ("LTC", "0.35", "deposit"),
    "tx": ("USDC", "0.01", "adjustment"),
    "delegation_reward": ("DOT", "0.002", "reward"),
    "quarterly_surprise": ("USDC", "1.234567", "adjustment"),  # this one is in no list
}
"""Type → currency, amount, and the kind of its entry in the true books."""

_PAIRS: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "retail_simple_dust": (("DOGE", "-0.5"), ("USDC", "0.07")),
    "wrap_asset": (("ETH", "-0.001"), ("CBETH", "0.00092")),
    "unwrap_asset": (("CBETH", "-0.00092"), ("ETH", "0.0010003")),
    "asset_migration": (("USDT", "-0.25"), ("USDC", "0.25")),
    "fcm_futures_usdc_sell": (("USDC", "-0.9"), ("USD", "0.90")),
    "fcm_futures_usdc_sell_additional_encumberment_rollup": (("USDC", "-0.2"), ("USD", "0.20")),
}
"""Type → what goes out and what comes in: a row in each wallet, and nothing in common but the time."""


def _row(account: Account, kind: str, currency: str, figure: str, now: datetime, **detail: Any) -> Row:
    return account.add_row(account.wallet(currency, since=now), kind, Decimal(figure), now, detail=detail)


def book(account: Account, row: Row, kind: str) -> None:
    """A row as an entry of its own."""
    leg = (row.wallet.place, row.wallet.currency, row.amount, "principal")
    account.books.post(f"tx:{row.id}", kind, row.time, [leg])


def _lacks(account: Account, currency: str, figure: str) -> bool:
    return account.available(currency) < negate(Decimal(figure))


def _single(row_type: str) -> Happening:
    currency, figure, kind = _SINGLE[row_type]

    def happen(account: Account, now: datetime) -> bool:
        if _lacks(account, currency, figure):
            return False
        book(account, _row(account, row_type, currency, figure, now), kind)
        return True

    return happen


def _pair(row_type: str) -> Happening:
    out, comes = _PAIRS[row_type]

    def happen(account: Account, now: datetime) -> bool:
        if _lacks(account, *out):
            return False
        for currency, figure in (out, comes):
            book(account, _row(account, row_type, currency, figure, now), "conversion")
        return True

    return happen


def staking_transfer(account: Account, now: datetime) -> bool:
    """A part of the ether goes to the account of what is staked: a row in each."""
    return _moved(account, "staking_transfer", Decimal("0.004"), now)


def unstaking_transfer(account: Account, now: datetime) -> bool:
    """A part of it comes back."""
    return _moved(account, "unstaking_transfer", Decimal("-0.0015"), now)


def _moved(account: Account, row_type: str, amount: Amount, now: datetime) -> bool:
    """From the wallet to what is staked, or back."""
    held = account.available("ETH") if amount > ZERO else account.wallet("ETH", "staked", since=now).balance
    if held < abs(amount):
        return False
    for wallet, moved in ((account.wallet("ETH"), negate(amount)), (account.wallet("ETH", "staked", now), amount)):
        book(account, account.add_row(wallet, row_type, moved, now), "transfer")
    return True


def vault_withdrawal(account: Account, now: datetime) -> bool:
    """A part of the vault comes back into the wallet: one row in each."""
    vault: Wallet = account.wallet("BTC", "vault", since=now)
    if vault.balance < Decimal("0.01"):
        return False
    for wallet, moved in ((vault, Decimal("-0.01")), (account.wallet("BTC"), Decimal("0.01"))):
        book(account, account.add_row(wallet, "vault_withdrawal", moved, now), "transfer")
    return True


def lesson_send(account: Account, now: datetime) -> bool:
    """A reward for a lesson as it was told before: a send from a user of Coinbase."""
    sender = {"id": account.ids.uuid("coinbase"), "name": "Coinbase", "resource": "user"}
    network = {"status": "off_blockchain", "name": "cosmos"}
    book(account, _row(account, "send", "ATOM", "0.5", now, network=network, **{"from": sender}), "deposit")
    return True


def one_sided_trade(account: Account, now: datetime) -> bool:
    """A conversion of which only one row is there."""
    trade_id = account.ids.uuid("one-sided", account.name, account.number())
    row = _row(account, "trade", "USDC", "3.5", now, trade={"id": trade_id, "payment_method_name": "USD Wallet"})
    account.books.post(f"convert:{trade_id}", "conversion", now, [("spot", "USDC", row.amount, "principal")])
    return True


def late_trade(account: Account, now: datetime) -> bool:
    """A conversion whose two rows differ by a second."""
    if _lacks(account, "USD", "-2.00"):
        return False
    trade_id = account.ids.uuid("late", account.name, account.number())
    about = {"id": trade_id, "fee": {"amount": "0.00", "currency": "USD"}, "payment_method_name": "USD Wallet"}
    for currency, figure, late in (("USD", "-2.00", 0), ("USDC", "2", 1)):
        row = _row(account, "trade", currency, figure, now + timedelta(seconds=late), trade=about)
        account.books.post(f"convert:{trade_id}", "conversion", row.time, [("spot", currency, row.amount, "principal")])
    return True


def sideless_fill(account: Account, now: datetime) -> bool:
    """A fill whose v2 rows do not say on which side it was."""
    price = account.prices.last("ETH", "USD")
    step = Decimal(1).scaleb(-MARKETS["ETH-USD"].amount_decimals)
    size: Amount = Decimal("0.01").quantize(step, context=ROUNDED)
    cost = (price * size).quantize(Decimal("0.01"), context=ROUNDED)
    if account.available("USD") < cost + Decimal("0.05"):
        return False
    serial = -7 - 30 * account.number()  # ids of its own, and never one that is filled in two parts
    trade(account, Act("trade", now, "ETH", size, "USD", "buy", price, cost, Decimal("0.05"), "USD", serial=serial))
    account.orders.items[-1].hides_side = True
    return True


def old_row(account: Account, now: datetime) -> bool:
    """A row as it was printed before 2024: local time, `details`, `updated_at`, a description."""
    local = now.astimezone(timezone(timedelta(hours=-7))).isoformat(timespec="seconds")
    more = {
        "created_at": local,
        "updated_at": local,
        "description": None,
        "instant_exchange": False,
        "details": {"title": "Received Litecoin", "subtitle": "From Litecoin address"},
        "network": {"status": "confirmed", "hash": account.ids.hex(32, "old", account.number()), "name": "litecoin"},
        "from": {"resource": "litecoin_network"},
    }
    book(account, _row(account, "send", "LTC", "0.4", now, **more), "deposit")
    return True


KINDS: dict[str, Happening] = {
    **{row_type: _single(row_type) for row_type in _SINGLE if row_type != "quarterly_surprise"},
    **{row_type: _pair(row_type) for row_type in _PAIRS},
    **{each.__name__: each for each in (staking_transfer, unstaking_transfer, vault_withdrawal, lesson_send)},
    **{each.__name__: each for each in (one_sided_trade, late_trade, sideless_fill, old_row)},
    "unknown_type": _single("quarterly_surprise"),
}
