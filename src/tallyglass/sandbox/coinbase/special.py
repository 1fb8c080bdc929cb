"""What only Coinbase has, on demand and now and then: rows that its ledger really holds, and switches of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from tallyglass.money import add
from tallyglass.sandbox.coinbase.account import Account
from tallyglass.sandbox.coinbase.kinds import KINDS, Happening
from tallyglass.sandbox.coinbase.late import LATE
from tallyglass.sandbox.coinbase.limits import Limits
from tallyglass.sandbox.wishes import BadWish

HAPPENINGS: dict[str, Happening] = {**KINDS, **LATE}

INCIDENTS = (
    *("earn_payout", "incentives_rewards_payout", "inflation_reward", "interest", "receive", "request", "tx"),
    *("subscription", "subscription_rebate", "exchange_deposit", "exchange_withdrawal", "pro_deposit"),
    *("pro_withdrawal", "wrap_asset", "unwrap_asset", "unsupported_asset_recovery", "cardspend", "cardbuyback"),
    *("retail_simple_dust", "asset_migration", "fcm_futures_usdc_sell", "intx_deposit", "intx_withdrawal"),
    *("fcm_futures_usdc_sell_additional_encumberment_rollup", "clawback", "incentives_shared_clawback", "transfer"),
    *("vault_withdrawal", "late_trade", "sideless_fill", "failed_send", "staking_transfer", "unstaking_transfer"),
    *("derivatives_settlement", "delegation_reward", "lesson_send", "one_sided_trade", "old_row"),
)
"""What happens along the way: every account of some years has met all of it."""


def specials(accounts: Mapping[str, Account], limits: Limits) -> dict[str, Callable[[str, float], None]]:
    """Each by its name, to be called with an account's name and the time."""

    def on(name: str, happen: Happening) -> Callable[[str, float], None]:
        def order(account: str, now: float) -> None:
            if not happen(accounts[account], datetime.fromtimestamp(int(now * 1000) / 1000, UTC)):
                raise BadWish(409, f"{name}: the account has not what it takes")

        return order

    def no_limits(_account: str, _now: float) -> None:
        limits.off = True

    happenings = {**HAPPENINGS, **{each.__name__: each for each in _SWITCHES}}
    return {"no_limits": no_limits, **{name: on(name, happen) for name, happen in happenings.items()}}


def futures_funds(account: Account, now: datetime) -> bool:
    """Dollars on the futures account that no row of the ledger tells of: `cfm/balance_summary` alone does."""
    amount = Decimal("900.00")
    account.futures = add(account.futures, amount)
    entry = f"futures:{account.ids.uuid('futures', account.name, account.number())}"
    account.books.post(entry, "adjustment", now, [("futures", "USD", amount, "principal")])
    return True


def short_pages(account: Account, _now: datetime) -> bool:
    """v2 pages hold a third of what was asked for, from now on."""
    account.short_pages = True
    return True


def proof_required(account: Account, _now: datetime) -> bool:
    """Orders and fills are withheld until the user proves himself, from now on."""
    account.proof_required = True
    return True


_SWITCHES: tuple[Happening, ...] = (futures_funds, short_pages, proof_required)
