"""Deposits and withdrawals that change after they were first told: on their way, held, arrived, sent back.

docs.kraken.com get-status-recent-deposits and get-status-recent-withdrawals (`status`, `status-prop`). A deposit is in
the ledger when it is done, a withdrawal from the start: `Balance` is net of withdrawals on their way.
"""

from __future__ import annotations

from decimal import Decimal

from tallyglass.sandbox.kraken.account import Account, Funding, Move, moment
from tallyglass.sandbox.kraken.happen import expect, method, send


def failed_withdrawal(account: Account, now: float) -> bool:
    """A withdrawal that fails: two rows under one refid, the second with signs turned round, its fee negative."""
    return _withdraw(account, now, "Initial", "") and _all_back(account, now + 0.25, "Failure", "")


def failed_deposit(account: Account, now: float) -> bool:
    """A deposit that is sent back: it is told for ever, and was never in the ledger."""
    expect(account, _deposit(now, "Failure", "return"))
    return True


def pending_deposit(account: Account, now: float) -> bool:
    """Bitcoins that wait for confirmations until `deposits_arrive` or `deposits_return`."""
    expect(account, _deposit(now, "Pending", ""))
    return True


def deposits_arrive(account: Account, now: float) -> bool:
    """All deposits on their way are done: now they are in the ledger."""
    waiting = [each for each in account.deposits if each.status in ("Initial", "Pending", "Settled")]
    for each in waiting:
        each.status, each.prop = "Success", ""
        account.write(each.id, "deposit", moment(now), [Move(each.code, each.amount, each.fee)], account.ids("arrives"))
    return bool(waiting)


def deposits_return(account: Account, now: float) -> bool:  # noqa: ARG001 -- as all of these are called
    """All deposits on their way go back to where they came from."""
    waiting = [each for each in account.deposits if each.status in ("Initial", "Pending", "Settled")]
    for each in waiting:
        each.status, each.prop = "Failure", "return"
    return bool(waiting)


def held_withdrawal(account: Account, now: float) -> bool:
    """A withdrawal on hold, its money gone from the balance, until `withdrawals_leave` or `withdrawals_return`."""
    return _withdraw(account, now, "Pending", "onhold")


def withdrawals_leave(account: Account, now: float) -> bool:  # noqa: ARG001 -- as all of these are called
    """All withdrawals on their way are done."""
    waiting = _waiting(account)
    for each in waiting:
        each.status, each.prop = "Success", ""
    return bool(waiting)


def withdrawals_return(account: Account, now: float) -> bool:
    """All withdrawals on their way are cancelled: a second row under each refid brings the money back."""
    return _all_back(account, now, "Failure", "canceled")


def _deposit(now: float, status: str, prop: str) -> Funding:
    way = method("BTC")
    return Funding("", now, "XXBT", Decimal("0.0125000000"), Decimal(0), "", status, prop, method=way)


def _withdraw(account: Account, now: float, status: str, prop: str) -> bool:
    sent = Funding("", now, "ZEUR", Decimal("2.5000"), Decimal("0.1000"), "", status, prop, method("EUR"), key="cold-1")
    if account.free("ZEUR") < Decimal("2.6000"):
        return False
    send(account, sent, moment(now), account.ids("leaving"))
    return True


def _waiting(account: Account) -> list[Funding]:
    return [each for each in account.withdrawals if each.status in ("Initial", "Pending")]


def _all_back(account: Account, now: float, status: str, prop: str) -> bool:
    waiting = _waiting(account)
    for each in waiting:
        each.status, each.prop = status, prop
        back = [Move(each.code, each.amount, -each.fee)]
        account.write(each.id, "withdrawal", moment(now), back, account.ids("back"))
    return bool(waiting)
