"""What only Kraken has, on demand and now and then: odd rows that its ledgers really hold, and switches of its own."""

from __future__ import annotations

from collections.abc import Callable

from tallyglass.sandbox.kraken import late, margin, odd
from tallyglass.sandbox.kraken.account import Account
from tallyglass.sandbox.kraken.house import House
from tallyglass.sandbox.wishes import BadWish

Happening = Callable[[House, Account, float], bool]
"""Lets it happen at a time (Unix seconds) if the balance allows, and says whether it did."""


def _alone(happen: Callable[[Account, float], bool]) -> Happening:
    return lambda _, account, now: happen(account, now)


_ODD = (
    *(odd.dust, odd.fee_credits, odd.airdrop, odd.named_airdrop, odd.opt_in, odd.opt_out, odd.migration),
    *(odd.earn_reward, odd.split_fill, odd.credited_fill, odd.to_futures, odd.from_futures, odd.to_custody),
    *(odd.adjustment, odd.delisting, odd.conversion, odd.sale, odd.credit, odd.bonus, odd.plain_reward, odd.dividend),
    *(odd.picture, odd.unknown_type, odd.unknown_subtype, odd.unknown_asset),
    *(late.failed_withdrawal, late.failed_deposit, late.pending_deposit, late.deposits_arrive, late.deposits_return),
    *(late.held_withdrawal, late.withdrawals_leave, late.withdrawals_return),
    *(margin.rollover, margin.close_position, margin.settle_position),
)
HAPPENINGS: dict[str, Happening] = {
    **{each.__name__: _alone(each) for each in _ODD},
    "open_position": lambda house, account, now: margin.open_position(account, house.prices, now),
}

INCIDENTS = (
    *("failed_withdrawal", "dust", "opt_in", "earn_reward", "open_position", "rollover", "airdrop", "rollover"),
    *(
        "named_airdrop",
        "close_position",
        "to_futures",
        "migration",
        "from_futures",
        "opt_out",
        "fee_credits",
        "adjustment",
    ),
    *(
        "credited_fill",
        "delisting",
        "conversion",
        "credit",
        "bonus",
        "plain_reward",
        "dividend",
        "split_fill",
        "picture",
    ),
    *("open_position", "to_custody", "rollover", "settle_position", "sale", "failed_deposit"),
)
"""What happens along the way: every account of some years has met all of it."""


def casing(house: House, _account: str, _now: float) -> None:
    """GetApiKeyInfo changes between camelCase and snake_case."""
    house.casing = "camel" if house.casing == "snake" else "snake"


def no_limits(house: House, _account: str, _now: float) -> None:
    """Call counters count nothing any more: for measuring."""
    house.tier = "none"


def export_data(house: House, _account: str, _now: float) -> None:
    """Every key gets the box for reports too."""
    for key in house.keys.values():
        key.memory["also"] = ["export-data"]


def no_closed_trades(house: House, _account: str, _now: float) -> None:
    """On every key the box "Query closed orders & trades" is empty now."""
    for key in house.keys.values():
        key.memory["without"] = ["query-closed-trades"]


def strict_transfers(house: House, _account: str, _now: float) -> None:
    """WalletTransfer asks for withdraw-funds, as a client's documentation has it."""
    house.wallet_transfer_needs = "withdraw-funds"


def _ordered(name: str) -> Callable[[House, str, float], None]:
    def order(house: House, account: str, now: float) -> None:
        if not HAPPENINGS[name](house, house.accounts[account], now):
            raise BadWish(409, f"{name}: the account has not what it takes")

    return order


SPECIAL: dict[str, Callable[[House, str, float], None]] = {
    **{each.__name__: each for each in (casing, no_limits, export_data, no_closed_trades, strict_transfers)},
    **{name: _ordered(name) for name in HAPPENINGS},
}
