"""Simple Earn and its neighbours: what is held there, and how it came, paid and went (sapi simple-earn, staking)."""

from __future__ import annotations

from typing import Any

from tallyglass.money import Amount, text, total
from tallyglass.sandbox.binance import windows
from tallyglass.sandbox.binance.account import Row
from tallyglass.sandbox.binance.errors import Refusal
from tallyglass.sandbox.binance.history import chosen, paged
from tallyglass.sandbox.binance.limits import SAPI_IP
from tallyglass.sandbox.binance.locked import yielded
from tallyglass.sandbox.binance.markets import eight, rounded
from tallyglass.sandbox.binance.products import Position
from tallyglass.sandbox.binance.routes import Call, Routes

routes = Routes()

_DAY_US = windows.DAY * 1000


@routes.add("GET /sapi/v1/simple-earn/account", weight=150, pool=SAPI_IP, right="read")
def _account(call: Call) -> Any:
    sums = {wallet: _worth(call, wallet, "BTC") for wallet in ("earn", "earn-locked")}
    dollars = {wallet: _worth(call, wallet, "USDT") for wallet in sums}
    return {
        "totalAmountInBTC": eight(total(sums.values())),
        "totalAmountInUSDT": eight(total(dollars.values())),
        "totalFlexibleAmountInBTC": eight(sums["earn"]),
        "totalFlexibleAmountInUSDT": eight(dollars["earn"]),
        "totalLockedInBTC": eight(sums["earn-locked"]),
        "totalLockedInUSDT": eight(dollars["earn-locked"]),
    }


def _worth(call: Call, wallet: str, quote: str) -> Amount:
    return total(rounded(call.worth_in(held, asset, quote)) for asset, held in call.account.wallet(wallet).items())


@routes.add("GET /sapi/v1/simple-earn/flexible/position", weight=150, pool=SAPI_IP, right="read")
def _positions(call: Call) -> Any:
    rows = [
        {
            "totalAmount": text(amount),
            "tierAnnualPercentageRate": {},
            "latestAnnualPercentageRate": "0.02600000",
            "yesterdayAirdropPercentageRate": "0.00000000",
            "asset": asset,
            "airDropAsset": "",
            "canRedeem": True,
            "collateralAmount": "0",
            "productId": f"{asset}001",
            "yesterdayRealTimeRewards": "0",
            "cumulativeBonusRewards": "0",
            "cumulativeRealTimeRewards": "0",
            "cumulativeTotalRewards": "0",
            "autoSubscribe": False,
        }
        for asset, amount in call.account.wallet("earn").items()
    ]
    return paged(call, chosen(call, rows, asset="asset", productId="productId"))


@routes.add("GET /sapi/v1/simple-earn/flexible/history/subscriptionRecord", weight=150, pool=SAPI_IP, right="read")
def _subscriptions(call: Call) -> Any:
    rows = call.account.histories["subscriptions"].back(*windows.earn(call))
    return paged(call, chosen(call, rows, asset="asset", productId="productId", purchaseId="purchaseId"))


@routes.add("GET /sapi/v1/simple-earn/flexible/history/redemptionRecord", weight=150, pool=SAPI_IP, right="read")
def _redemptions(call: Call) -> Any:
    rows = call.account.histories["redemptions"].back(*windows.earn(call))
    return paged(call, chosen(call, rows, asset="asset", projectId="productId", redeemId="redeemId"))


@routes.add("GET /sapi/v1/simple-earn/flexible/history/rewardsRecord", weight=150, pool=SAPI_IP, right="read")
def _earnings(call: Call) -> Any:
    kind = call.params.text("type", "ALL")
    if kind not in {"BONUS", "REALTIME", "REWARDS", "ALL"}:
        raise Refusal(-6016, "Parameter err")
    rows = chosen(
        call, call.account.histories["earnings"].back(*windows.earn(call)), asset="asset", projectId="productId"
    )
    return paged(call, [row for row in rows if kind in {"ALL", row["type"]}])


@routes.add("GET /sapi/v1/soft-staking/list", weight=50, pool=SAPI_IP, right="read")
def _soft_staking(call: Call) -> Any:
    return {"status": call.account.soft_staking, "totalRewardsUsdt": "0", "rows": [], "total": 0}


@routes.add("GET /sapi/v1/simple-earn/locked/position", weight=150, pool=SAPI_IP, right="read")
def _locked_positions(call: Call) -> Any:
    rows = [_locked_position(call, position) for position in call.account.locked_earn.values()]
    return paged(call, chosen(call, rows, asset="asset", positionId="positionId", projectId="projectId"))


def _locked_position(call: Call, position: Position) -> Row:
    end = (position.since + position.days * _DAY_US) // 1000
    return {
        "positionId": position.id,
        "parentPositionId": position.id,
        "projectId": position.project,
        "asset": position.asset,
        "amount": text(position.amount),
        "purchaseTime": position.since // 1000,
        "duration": str(position.days),
        "accrualDays": str((call.now - position.since) // _DAY_US),
        "rewardAsset": position.asset,
        "APY": "0.05",
        "rewardAmt": text(position.rewarded),
        "extraRewardAsset": "",
        "extraRewardAPR": "0",
        "estExtraRewardAmt": "0",
        "boostRewardAsset": "",
        "boostApr": "0",
        "totalBoostRewardAmt": "0",
        "nextPay": text(yielded(position, 1)),
        "nextPayDate": call.ms // windows.DAY * windows.DAY + windows.DAY,
        "payPeriod": "1",
        "redeemAmountEarly": text(position.less(position.rewarded)),
        "rewardsEndDate": end,
        "deliverDate": end + windows.DAY,
        "redeemPeriod": "1",
        "redeemingAmt": "0",
        "redeemTo": "SPOT",
        "partialAmtDeliverDate": end + windows.DAY,
        "canRedeemEarly": True,
        "canFastRedemption": False,
        "autoSubscribe": False,
        "type": "NORMAL",
        "status": "HOLDING",
        "canReStake": False,
    }


@routes.add("GET /sapi/v1/simple-earn/locked/history/subscriptionRecord", weight=150, pool=SAPI_IP, right="read")
def _locked_subscriptions(call: Call) -> Any:
    rows = call.account.histories["locked_subscriptions"].back(*windows.earn(call))
    return paged(call, chosen(call, rows, asset="asset", purchaseId="purchaseId"))


@routes.add("GET /sapi/v1/simple-earn/locked/history/redemptionRecord", weight=150, pool=SAPI_IP, right="read")
def _locked_redemptions(call: Call) -> Any:
    rows = call.account.histories["locked_redemptions"].back(*windows.earn(call))
    return paged(call, chosen(call, rows, asset="asset", positionId="positionId", redeemId="redeemId"))


@routes.add("GET /sapi/v1/simple-earn/locked/history/rewardsRecord", weight=150, pool=SAPI_IP, right="read")
def _locked_earnings(call: Call) -> Any:
    rows = call.account.histories["locked_earnings"].back(*windows.earn(call))
    return paged(call, chosen(call, rows, asset="asset", positionId="positionId"))


@routes.add("GET /sapi/v1/simple-earn/flexible/history/collateralRecord", pool=SAPI_IP, right="read")
def _collateral(call: Call) -> Any:
    windows.earn(call)
    return {"rows": [], "total": "0"}


@routes.add("GET /sapi/v1/eth-staking/eth/history/stakingHistory", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/eth-staking/eth/history/redemptionHistory", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/eth-staking/wbeth/history/wrapHistory", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/eth-staking/wbeth/history/unwrapHistory", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/sol-staking/sol/history/stakingHistory", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/sol-staking/sol/history/redemptionHistory", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/onchain-yields/locked/history/subscriptionRecord", weight=50, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/onchain-yields/locked/history/redemptionRecord", weight=50, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/onchain-yields/locked/history/rewardsRecord", weight=50, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/soft-staking/history/rewardsRecord", weight=50, pool=SAPI_IP, right="read")
def _nothing_staked(call: Call) -> Any:
    """Nobody here stakes; the windows bite all the same."""
    windows.within(call, windows.TIMES, 92, shown=30, code=-6021)
    return {"rows": [], "total": 0}
