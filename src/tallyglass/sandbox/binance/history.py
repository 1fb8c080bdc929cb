"""Histories under /sapi: deposits, withdrawals, dividends, dust, transfers, conversions, money of banks and people."""

from __future__ import annotations

from typing import Any, Final

from tallyglass.sandbox.binance import windows
from tallyglass.sandbox.binance.account import Row
from tallyglass.sandbox.binance.errors import invalid
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
TRANSFER_TYPES: Final = frozenset(_TYPES.split())


def chosen(call: Call, rows: list[Row], **fields: str) -> list[Row]:
    """The rows whose fields are as the named parameters say, where these were sent."""
    asked = {name: call.params.text(param) for name, param in fields.items() if call.params.has(param)}
    return [row for row in rows if all(str(row.get(name, "")) == value for name, value in asked.items())]


def _slice(call: Call, rows: list[Row]) -> list[Row]:
    offset = call.params.whole("offset") or 0
    return rows[offset : offset + call.params.size("limit", 1000, 1000)]


def paged(call: Call, rows: list[Row]) -> dict[str, Any]:
    """`current` and `size`."""
    size = call.params.size("size", 10, 100)
    start = (call.params.size("current", 1, 10**9) - 1) * size
    return {"rows": rows[start : start + size], "total": len(rows)}


@routes.add("GET /sapi/v1/capital/deposit/hisrec", pool=SAPI_IP, right="read")
def _deposits(call: Call) -> Any:
    rows = call.account.histories["deposits"].back(*windows.capital(call))
    rows = _slice(call, chosen(call, rows, coin="coin", status="status", txId="txId"))
    if call.params.flag("includeSource"):
        return [{**row, "sourceAddress": ""} for row in rows]
    return rows


@routes.add("GET /sapi/v1/capital/withdraw/history", weight=18000, pool=SAPI_UID_SECOND, right="read")
def _withdrawals(call: Call) -> Any:
    window = windows.capital(call, 7 if call.params.has("withdrawOrderId") else 90)
    rows = call.account.histories["withdrawals"].back(*window)
    rows = chosen(call, rows, coin="coin", status="status", withdrawOrderId="withdrawOrderId")
    ids = call.params.many("idList")
    if len(ids) > 45:
        raise invalid("idList")
    return _slice(call, [row for row in rows if not ids or row["id"] in ids])


@routes.add("GET /sapi/v1/asset/assetDividend", weight=10, pool=SAPI_IP, right="read")
def _dividends(call: Call) -> Any:
    """No cursor: whoever gets a full page must ask again for less time."""
    rows = chosen(call, call.account.histories["dividends"].back(*windows.at_most(call, 180)), asset="asset")
    return {"rows": rows[: call.params.size("limit", 20, 500)], "total": len(rows)}


@routes.add("GET /sapi/v1/asset/dribblet", pool=SAPI_IP, right="read")
def _dribblet(call: Call) -> Any:
    if call.params.text("accountType", "SPOT") != "SPOT":
        return {"total": 0, "userAssetDribblets": []}
    rows = call.account.histories["dust"].back(*windows.sent(call, windows.TIMES))[:100]
    return {"total": len(rows), "userAssetDribblets": rows}


@routes.add("GET /sapi/v1/asset/transfer", pool=SAPI_IP, right="read")
def _transfers(call: Call) -> Any:
    """One type per call; of the isolated margin accounts one pair."""
    kind = call.params.need("type")
    if kind not in TRANSFER_TYPES:
        raise invalid("type")
    pairs = pairs_of(call, kind)
    window = windows.recent(call, windows.TIMES, 7, reach=182)
    rows = call.account.histories["transfers"].back(*window)
    rows = [shown(row) for row in rows if row["type"] == kind and (row["_from"], row["_to"]) == pairs]
    # nothing found: the rows are left out altogether
    return paged(call, rows) if rows else {"total": 0}


def pairs_of(call: Call, kind: str) -> tuple[str, str]:
    """The isolated pairs that a transfer of that type names: mandatory then."""
    source, _, target = kind.partition("_")
    isolated = "ISOLATEDMARGIN"
    return (
        call.params.need("fromSymbol") if source == isolated else "",
        call.params.need("toSymbol") if target == isolated else "",
    )


def shown(row: Row) -> Row:
    """Without what is for the sandbox alone."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


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
    rows, total = _fiat(call, "fiat")
    return {"code": "000000", "message": "success", "data": rows, "total": total, "success": True}


def _fiat(call: Call, history: str) -> tuple[list[Row], int]:
    """A page of the rows of the type that is asked for, and how many there are."""
    kind = _fiat_kind(call)
    window = windows.recent(call, ("beginTime", "endTime"), 30)
    rows = [shown(row) for row in call.account.histories[history].back(*window) if row["_kind"] == kind]
    size = call.params.size("rows", 100, 500)
    start = (call.params.size("page", 1, 10**9) - 1) * size
    return rows[start : start + size], len(rows)


@routes.add("GET /sapi/v1/fiat/payments", pool=SAPI_IP, right="read")
def _fiat_payments(call: Call) -> Any:
    """Bought by card, or sold. When there is nothing, `data` is not there either."""
    rows, total = _fiat(call, "payments")
    data = {"data": rows} if rows else {}
    return {"code": "000000", "message": "success", **data, "success": True, "total": total}


@routes.add("GET /sapi/v1/c2c/orderMatch/listUserOrderHistory", pool=SAPI_IP, right="read")
def _c2c(call: Call) -> Any:
    """Trades between persons: at most thirty days, of the last six months."""
    names = ("startTimestamp", "endTimestamp")
    first, last = windows.within(call, names, 30, reach=182)
    rows = chosen(call, call.account.histories["c2c"].back(first, last), tradeType="tradeType")
    size = call.params.size("rows", 100, 100)
    start = (call.params.size("page", 1, 10**9) - 1) * size
    page = rows[start : start + size]
    return {"code": "000000", "message": "success", "data": page, "total": len(rows), "success": True}


@routes.add("GET /sapi/v1/pay/transactions", weight=3000, pool=SAPI_UID, right="read")
def _pay(call: Call) -> Any:
    """At most ninety days, of the last eighteen months; no cursor: a full page means to ask for less time."""
    rows = call.account.histories["pay"].back(*windows.within(call, windows.TIMES, 90, reach=548))
    page = rows[: call.params.size("limit", 100, 100)]
    return {"code": "000000", "message": "success", "data": page, "success": True}


@routes.add("GET /sapi/v1/rebate/taxQuery", weight=12000, pool=SAPI_UID, right="read")
def _rebates(call: Call) -> Any:
    """Nobody here brought a friend."""
    windows.within(call, windows.TIMES, 30)
    data = {"page": call.params.size("page", 1, 10**9), "totalRecords": 0, "totalPageNum": 0, "data": []}
    return {"status": "OK", "type": "GENERAL", "code": "000000000", "data": data}
