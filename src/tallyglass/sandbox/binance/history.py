"""Histories under /sapi: deposits, withdrawals, dividends, dust, transfers, conversions, bank money, Simple Earn."""

from __future__ import annotations

from typing import Any, Final

from tallyglass.money import text
from tallyglass.sandbox.binance import windows
from tallyglass.sandbox.binance.account import Row
from tallyglass.sandbox.binance.errors import Refusal, invalid
from tallyglass.sandbox.binance.limits import SAPI_IP, SAPI_UID, SAPI_UID_SECOND
from tallyglass.sandbox.binance.routes import Call, Routes

routes = Routes()

#: sapi "User Universal Transfer": MAIN is spot.
_TYPES: Final = (
    "MAIN_UMFUTURE MAIN_CMFUTURE MAIN_MARGIN UMFUTURE_MAIN UMFUTURE_MARGIN CMFUTURE_MAIN CMFUTURE_MARGIN MARGIN_MAIN "
    "MARGIN_UMFUTURE MARGIN_CMFUTURE ISOLATEDMARGIN_MARGIN MARGIN_ISOLATEDMARGIN ISOLATEDMARGIN_ISOLATEDMARGIN "
    "MAIN_FUNDING FUNDING_MAIN FUNDING_UMFUTURE UMFUTURE_FUNDING MARGIN_FUNDING FUNDING_MARGIN FUNDING_CMFUTURE "
    "CMFUTURE_FUNDING MAIN_OPTION OPTION_MAIN UMFUTURE_OPTION OPTION_UMFUTURE MARGIN_OPTION OPTION_MARGIN "
    "FUNDING_OPTION OPTION_FUNDING MAIN_PORTFOLIO_MARGIN PORTFOLIO_MARGIN_MAIN"
)
_TRANSFER_TYPES: Final = frozenset(_TYPES.split())


def _chosen(call: Call, rows: list[Row], **fields: str) -> list[Row]:
    """The rows whose fields are as the named parameters say, where these were sent."""
    asked = {name: call.params.text(param) for name, param in fields.items() if call.params.has(param)}
    return [row for row in rows if all(str(row.get(name, "")) == value for name, value in asked.items())]


def _slice(call: Call, rows: list[Row]) -> list[Row]:
    offset = call.params.whole("offset") or 0
    return rows[offset : offset + call.params.size("limit", 1000, 1000)]


def _paged(call: Call, rows: list[Row]) -> dict[str, Any]:
    """`current` and `size`."""
    size = call.params.size("size", 10, 100)
    start = (call.params.size("current", 1, 10**9) - 1) * size
    return {"rows": rows[start : start + size], "total": len(rows)}


@routes.add("GET /sapi/v1/capital/deposit/hisrec", pool=SAPI_IP, right="read")
def _deposits(call: Call) -> Any:
    rows = call.account.histories["deposits"].back(*windows.capital(call))
    rows = _slice(call, _chosen(call, rows, coin="coin", status="status", txId="txId"))
    if call.params.flag("includeSource"):
        return [{**row, "sourceAddress": ""} for row in rows]
    return rows


@routes.add("GET /sapi/v1/capital/withdraw/history", weight=18000, pool=SAPI_UID_SECOND, right="read")
def _withdrawals(call: Call) -> Any:
    window = windows.capital(call, 7 if call.params.has("withdrawOrderId") else 90)
    rows = call.account.histories["withdrawals"].back(*window)
    rows = _chosen(call, rows, coin="coin", status="status", withdrawOrderId="withdrawOrderId")
    ids = call.params.many("idList")
    if len(ids) > 45:
        raise invalid("idList")
    return _slice(call, [row for row in rows if not ids or row["id"] in ids])


@routes.add("GET /sapi/v1/asset/assetDividend", weight=10, pool=SAPI_IP, right="read")
def _dividends(call: Call) -> Any:
    """No cursor: whoever gets a full page must ask again for less time."""
    rows = _chosen(call, call.account.histories["dividends"].back(*windows.at_most(call, 180)), asset="asset")
    return {"rows": rows[: call.params.size("limit", 20, 500)], "total": len(rows)}


@routes.add("GET /sapi/v1/asset/dribblet", pool=SAPI_IP, right="read")
def _dribblet(call: Call) -> Any:
    if call.params.text("accountType", "SPOT") != "SPOT":
        return {"total": 0, "userAssetDribblets": []}
    rows = call.account.histories["dust"].back(*windows.sent(call, windows.TIMES))[:100]
    return {"total": len(rows), "userAssetDribblets": rows}


@routes.add("GET /sapi/v1/asset/transfer", pool=SAPI_IP, right="read")
def _transfers(call: Call) -> Any:
    kind = call.params.need("type")
    if kind not in _TRANSFER_TYPES:
        raise invalid("type")
    window = windows.recent(call, windows.TIMES, 7, reach=182)
    rows = [row for row in call.account.histories["transfers"].back(*window) if row["type"] == kind]
    # nothing found: the rows are left out altogether
    return _paged(call, rows) if rows else {"total": 0}


@routes.add("GET /sapi/v1/convert/tradeFlow", weight=3000, pool=SAPI_UID, right="read")
def _converts(call: Call) -> Any:
    start, end = windows.mandatory(call, 30)
    limit = call.params.size("limit", 100, 1000)
    rows = call.account.histories["converts"].back(start, end)
    return {
        "list": rows[:limit],
        "startTime": start,
        "endTime": end,
        "limit": limit,
        "moreData": len(rows) > limit,
    }


def _fiat_kind(call: Call) -> str:
    return call.params.one_of(
        "transactionType", ("0", "1"), -1130, "Data sent for parameter 'transactionType' is not valid."
    )


@routes.add("GET /sapi/v1/fiat/orders", weight=45000, pool=SAPI_UID, right="read")
def _fiat_orders(call: Call) -> Any:
    kind = _fiat_kind(call)
    window = windows.recent(call, ("beginTime", "endTime"), 30)
    rows = [row for row in call.account.histories["fiat"].back(*window) if row["_kind"] == kind]
    size = call.params.size("rows", 100, 500)
    start = (call.params.size("page", 1, 10**9) - 1) * size
    shown = [{name: value for name, value in row.items() if name != "_kind"} for row in rows[start : start + size]]
    return {"code": "000000", "message": "success", "data": shown, "total": len(rows), "success": True}


@routes.add("GET /sapi/v1/fiat/payments", pool=SAPI_IP, right="read")
def _fiat_payments(call: Call) -> Any:
    """Nobody here buys by card. When there is nothing, `data` is not there either."""
    _fiat_kind(call)
    return {"code": "000000", "message": "success", "success": True, "total": 0}


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
    return _paged(call, _chosen(call, rows, asset="asset", productId="productId"))


@routes.add("GET /sapi/v1/simple-earn/locked/position", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/simple-earn/locked/history/subscriptionRecord", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/simple-earn/locked/history/redemptionRecord", weight=150, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/simple-earn/locked/history/rewardsRecord", weight=150, pool=SAPI_IP, right="read")
def _nothing_locked(_: Call) -> Any:
    return {"rows": [], "total": 0}


@routes.add("GET /sapi/v1/simple-earn/flexible/history/subscriptionRecord", weight=150, pool=SAPI_IP, right="read")
def _subscriptions(call: Call) -> Any:
    rows = call.account.histories["subscriptions"].back(*windows.earn(call))
    return _paged(call, _chosen(call, rows, asset="asset", productId="productId", purchaseId="purchaseId"))


@routes.add("GET /sapi/v1/simple-earn/flexible/history/redemptionRecord", weight=150, pool=SAPI_IP, right="read")
def _redemptions(call: Call) -> Any:
    rows = call.account.histories["redemptions"].back(*windows.earn(call))
    return _paged(call, _chosen(call, rows, asset="asset", projectId="productId", redeemId="redeemId"))


@routes.add("GET /sapi/v1/simple-earn/flexible/history/rewardsRecord", weight=150, pool=SAPI_IP, right="read")
def _earnings(call: Call) -> Any:
    kind = call.params.text("type", "ALL")
    if kind not in {"BONUS", "REALTIME", "REWARDS", "ALL"}:
        raise Refusal(-6016, "Parameter err")
    rows = _chosen(
        call, call.account.histories["earnings"].back(*windows.earn(call)), asset="asset", projectId="productId"
    )
    return _paged(call, [row for row in rows if kind in {"ALL", row["type"]}])


@routes.add("GET /sapi/v1/soft-staking/list", weight=50, pool=SAPI_IP, right="read")
def _soft_staking(call: Call) -> Any:
    return {"status": call.account.soft_staking, "totalRewardsUsdt": "0", "rows": [], "total": 0}
