"""Locked Simple Earn: coins tied for a time, paid for daily, and back at the end or, at a loss, before it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tallyglass.money import EXACT, ZERO, Amount, add, divide, multiply, subtract, text
from tallyglass.sandbox.binance.account import Account, moment
from tallyglass.sandbox.binance.happen import dividend
from tallyglass.sandbox.binance.markets import eight, rounded
from tallyglass.sandbox.binance.products import EARN, LOCKED, Position

DAY: Final = 86_400_000_000
_A_YEAR: Final = Decimal("0.05")


def subscribe(account: Account, us: int, asset: str, spot: Amount, funding: Amount, days: int) -> int:
    """Out of spot and the funding wallet; the position's id."""
    number, purchase = account.number("positions"), account.number("locked_purchases")
    position = Position(number, asset, add(spot, funding), days, us)
    account.locked_earn[number] = position
    account.histories["locked_subscriptions"].add(
        us // 1000,
        {
            "positionId": number,
            "purchaseId": str(purchase),
            "projectId": position.project,
            "time": us // 1000,
            "asset": asset,
            "amount": text(position.amount),
            "lockPeriod": str(days),
            "type": "NORMAL",
            "sourceAccount": "SPOTANDFUNDING" if spot and funding else "FUNDING" if funding else "SPOT",
            "amtFromSpot": text(spot),
            "amtFromFunding": text(funding),
            "status": "SUCCESS",
        },
    )
    account.books.post(
        f"locked-subscribe:{purchase}",
        "transfer",
        moment(us),
        [
            ("spot", asset, EXACT.minus(spot), "principal"),
            ("funding", asset, EXACT.minus(funding), "principal"),
            (LOCKED, asset, position.amount, "principal"),
        ],
    )
    account.updated = max(account.updated, us)
    return number


def yielded(position: Position, days: int) -> Amount:
    """What so many days bring."""
    return rounded(divide(multiply(multiply(position.amount, _A_YEAR), Decimal(days)), Decimal(365)))


def reward(account: Account, us: int, number: int, days: int) -> None:
    """The interest of some days: paid to spot, and shown among the distributions too."""
    position = account.locked_earn[number]
    amount = yielded(position, days)
    position.rewards.append(amount)
    account.histories["locked_earnings"].add(
        us // 1000,
        {
            "positionId": number,
            "time": us // 1000,
            "asset": position.asset,
            "lockPeriod": str(position.days),
            "amount": eight(amount),
            "type": "Locked Rewards",
        },
    )
    dividend(account, us, position.asset, amount, "Locked")


def redeem(account: Account, us: int, number: int, *, early: bool = False) -> None:
    """Back to spot. Who leaves early gives back what was paid."""
    position = account.locked_earn.pop(number)
    loss = position.rewarded if early else ZERO
    redemption = account.number("locked_redemptions")
    account.histories["locked_redemptions"].add(
        us // 1000,
        {
            "positionId": number,
            "redeemId": redemption,
            "time": us // 1000,
            "asset": position.asset,
            "lockPeriod": str(position.days),
            "amount": text(position.less(loss)),
            "originalAmount": text(position.amount),
            "type": "REDEEM_EARLY" if early else "MATURE",
            "deliverDate": us // 1000,
            "lossAmount": text(loss),
            "isComplete": True,
            "rewardAsset": position.asset,
            "rewardAmt": text(ZERO if early else position.rewarded),
            "extraRewardAsset": "",
            "estExtraRewardAmt": "0",
            "status": "PAID",
        },
    )
    account.books.post(
        f"locked-redeem:{redemption}",
        "transfer",
        moment(us),
        [
            (LOCKED, position.asset, subtract(loss, position.amount), "principal"),
            (LOCKED, position.asset, EXACT.minus(loss), "fee"),
            ("spot", position.asset, position.less(loss), "principal"),
        ],
    )
    account.updated = max(account.updated, us)


def realtime(account: Account, us: int, asset: str, amount: Amount) -> None:
    """Flexible earn's own interest: it stays there, and no distribution tells of it."""
    ms, product = us // 1000, f"{asset}001"
    account.histories["earnings"].add(
        ms, {"asset": asset, "rewards": eight(amount), "projectId": product, "type": "REALTIME", "time": ms}
    )
    entry = f"earn-reward:{asset}:{product}:{ms}"
    account.books.post(entry, "reward", moment(us), [(EARN, asset, amount, "principal")])
