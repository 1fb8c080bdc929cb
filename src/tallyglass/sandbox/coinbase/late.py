"""Transactions that change after they were first told: pending, completed, failed, canceled, expired.

docs.cdp.coinbase.com/coinbase-app/track-apis/transactions (`status`). Only what is completed counts in a balance.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from tallyglass.money import ZERO
from tallyglass.sandbox.coinbase.account import Account
from tallyglass.sandbox.coinbase.events import arrive, bank_transfer, post, send_detail

_FAR = timedelta(days=3650)


def failed_send(account: Account, now: datetime) -> bool:
    """A send that failed: it is shown for ever, and never counts."""
    detail = send_detail(account, "BTC", Decimal("0.0001"), account.number())
    wallet = account.wallet("BTC", since=now)
    account.add_row(wallet, "send", Decimal("-0.0021"), now, detail=detail, status="failed")
    return True


def pending_send(account: Account, now: datetime) -> bool:
    """A send that waits until `confirm_sends`, `cancel_sends` or `fail_sends`."""
    if account.available("BTC") < Decimal("0.0011"):
        return False
    detail = send_detail(account, "BTC", Decimal("0.0001"), account.number())
    wallet = account.wallet("BTC", since=now)
    row = account.add_row(wallet, "send", Decimal("-0.0011"), now, detail=detail, status="pending")
    account.pending.append((now + _FAR, row))
    return True


def confirm_sends(account: Account, now: datetime) -> bool:
    """All that is on its way arrives."""
    arrive(account, now + 2 * _FAR)
    return True


def cancel_sends(account: Account, now: datetime) -> bool:  # noqa: ARG001 -- as all of these are called
    """All that is on its way is called back: it never counts."""
    return _end(account, "canceled")


def fail_sends(account: Account, now: datetime) -> bool:  # noqa: ARG001 -- the same
    """All that is on its way fails."""
    return _end(account, "failed")


def _end(account: Account, status: str) -> bool:
    ended, account.pending = account.pending, []
    for _, row in ended:
        row.status = status
    return bool(ended)


def pending_deposit(account: Account, now: datetime) -> bool:
    """Dollars from the bank that wait until `clear_deposits`, `cancel_deposits` or `expire_deposits`."""
    wallet, amount = account.wallet("USD", since=now), Decimal("60.00")
    row = account.add_row(wallet, "fiat_deposit", amount, now, status="waiting_for_clearing")
    bank_transfer(account, row, "deposit", amount, ZERO)
    account.clearing.append(row)
    return True


def clear_deposits(account: Account, now: datetime) -> bool:  # noqa: ARG001 -- the same
    """All of them are there."""
    cleared, account.clearing = account.clearing, []
    for row in cleared:
        account.settle(row)
        post(account, row, "deposit", ZERO)
    return bool(cleared)


def cancel_deposits(account: Account, now: datetime) -> bool:  # noqa: ARG001 -- the same
    """None of them comes."""
    return _call_off(account, "canceled")


def expire_deposits(account: Account, now: datetime) -> bool:  # noqa: ARG001 -- the same
    """None of them was ever sent."""
    return _call_off(account, "expired")


def _call_off(account: Account, status: str) -> bool:
    ended, account.clearing = account.clearing, []
    for row in ended:
        row.status = status
    return bool(ended)


LATE = {
    each.__name__: each
    for each in (
        *(failed_send, pending_send, confirm_sends, cancel_sends, fail_sends),
        *(pending_deposit, clear_deposits, cancel_deposits, expire_deposits),
    )
}
