"""Reads of the margin accounts (developers.binance.com/docs/margin_trading)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tallyglass.money import ZERO, Amount, add, divide, text, total
from tallyglass.sandbox.binance import windows
from tallyglass.sandbox.binance.account import Row
from tallyglass.sandbox.binance.errors import Refusal, bad_symbol, invalid, neither, too_wide
from tallyglass.sandbox.binance.history import chosen, paged, shown
from tallyglass.sandbox.binance.limits import SAPI_IP, SAPI_UID
from tallyglass.sandbox.binance.margin import owed
from tallyglass.sandbox.binance.markets import COINS, FIAT, MARKETS, Market, eight, rounded
from tallyglass.sandbox.binance.products import Margin
from tallyglass.sandbox.binance.routes import KEY_ONLY, Call, Routes

routes = Routes()

_SAFE: Final = "999.00000000"
_REACH: Final = 90
_PLACES: Final = {"MAIN": "SPOT", "FUNDING": "FUND", "MARGIN": "CROSS_MARGIN", "ISOLATEDMARGIN": "ISOLATED_MARGIN"}


def _margin(call: Call) -> Margin:
    if call.account.margin is None:
        raise Refusal(-3003, "Margin account does not exist.")
    return call.account.margin


def _in_btc(call: Call, amounts: Iterable[tuple[str, Amount]]) -> Amount:
    return total(rounded(call.worth_in(amount, asset, "BTC")) for asset, amount in amounts)


def _sums(call: Call, names: Iterable[str]) -> dict[str, str]:
    """What all accounts of these names own and owe, in bitcoin."""
    margin = _margin(call)
    places = [(name, asset) for name in names for asset in margin.assets(name)]
    there = _in_btc(call, [(asset, margin.free(name, asset)) for name, asset in places])
    debts = _in_btc(call, [(asset, margin.debt(name, asset).whole) for name, asset in places])
    return {
        "totalAssetOfBtc": eight(there),
        "totalLiabilityOfBtc": eight(debts),
        "totalNetAssetOfBtc": eight(there - debts),
    }


def _level(sums: dict[str, str]) -> str:
    """Assets by debts, 999 without debts."""
    debts = Amount(sums["totalLiabilityOfBtc"])
    return eight(rounded(divide(Amount(sums["totalAssetOfBtc"]), debts))) if debts else _SAFE


@routes.add("GET /sapi/v1/margin/account", weight=10, pool=SAPI_IP, right="read")
def _cross(call: Call) -> Any:
    """Every coin that can be lent is listed, mostly in zeros."""
    margin, sums = _margin(call), _sums(call, [""])
    collateral = call.worth_in(Amount(sums["totalNetAssetOfBtc"]), "BTC", "USDT")
    names = [*margin.assets(""), *(coin for coin in COINS if coin not in {*margin.assets(""), *FIAT})]
    return {
        "created": True,
        "borrowEnabled": True,
        "marginLevel": _level(sums),
        "collateralMarginLevel": _level(sums),
        **sums,
        "TotalCollateralValueInUSDT": eight(rounded(collateral)),
        "totalOpenOrderLossInUSDT": "0",
        "tradeEnabled": True,
        "transferInEnabled": True,
        "transferOutEnabled": True,
        "accountType": "MARGIN_1",
        "userAssets": [owed(call.account, "", asset) for asset in names],
    }


@routes.add("GET /sapi/v1/margin/isolated/account", weight=10, pool=SAPI_IP, right="read")
def _isolated(call: Call) -> Any:
    """All pairs that were opened, or up to five that are named."""
    margin, wanted = call.account.margin, call.params.many("symbols")
    if len(wanted) > 5:
        raise invalid("symbols")
    names = sorted({name for name, _ in margin.net if name}) if margin else []
    assets = [_pair(call, call.listed.markets[name]) for name in names if not wanted or name in wanted]
    return {"assets": assets} if wanted or margin is None else {"assets": assets, **_sums(call, names)}


def _pair(call: Call, market: Market) -> Row:
    sums = _sums(call, [market.symbol])
    return {
        "baseAsset": _side(call, market.symbol, market.base),
        "quoteAsset": _side(call, market.symbol, market.quote),
        "symbol": market.symbol,
        "isolatedCreated": True,
        "enabled": True,
        "marginLevel": _level(sums),
        "marginLevelStatus": "EXCESSIVE",
        "marginRatio": "5.00000000",
        "indexPrice": eight(call.prices.last(market.base, market.quote)),
        "liquidatePrice": "0",
        "liquidateRate": "0",
        "tradeEnabled": True,
    }


def _side(call: Call, name: str, asset: str) -> Row:
    row, margin = owed(call.account, name, asset), _margin(call)
    net = margin.net.get((name, asset), ZERO)
    return {
        **row,
        "borrowEnabled": True,
        "netAssetOfBtc": eight(_in_btc(call, [(asset, net)])),
        "repayEnabled": True,
        "totalAsset": eight(add(net, margin.debt(name, asset).whole)),
    }


@routes.add("GET /sapi/v1/margin/myTrades", weight=10, pool=SAPI_IP, right="read")
def _trades(call: Call) -> Any:
    """From an id on, or of at most a day: the last one when nothing is said."""
    symbol = call.params.need("symbol")
    if symbol not in call.listed.markets:
        raise bad_symbol()
    margin, isolated = _margin(call), call.params.text("isIsolated", "FALSE").upper() == "TRUE"
    line = margin.trades.get((symbol if isolated else "", symbol))
    limit, from_id = call.params.size("limit", 500, 1000), call.params.whole("fromId")
    first, last = windows.sent(call, windows.TIMES)
    if first is not None and last is not None and last - first > windows.DAY:
        raise too_wide(24)
    if line is None:
        return []
    if from_id is None:
        first = (call.ms if last is None else last) - windows.DAY if first is None else first
        last = first + windows.DAY if last is None else last
    rows = [row for row in line.oldest(10**9, first, last) if row["id"] >= (from_id or 0)]
    return chosen(call, rows, orderId="orderId")[:limit]


@routes.add("GET /sapi/v1/margin/allOrders", weight=200, pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/margin/openOrders", weight=10, pool=SAPI_IP, right="read")
def _orders(call: Call) -> Any:
    """All orders here were met at once; of these only the trades are told."""
    _margin(call)
    return []


@routes.add("GET /sapi/v1/margin/interestHistory", pool=SAPI_IP, right="read")
def _interest(call: Call) -> Any:
    """At most thirty days, of the last ninety. Without `isolatedSymbol` of the cross account alone."""
    first, last = windows.sent(call, windows.TIMES)
    end = min(call.ms if last is None else last, call.ms)
    if first is None:
        first = end - 7 * windows.DAY
    elif last is None:
        first = max(first, call.ms - 30 * windows.DAY)
    if end - first > 30 * windows.DAY:
        raise Refusal(-3011, "Your input date is invalid.")
    start = max(first, call.ms - _REACH * windows.DAY)
    rows = call.account.margin.interest.back(start, end) if call.account.margin else []
    pair = call.params.text("isolatedSymbol")
    return paged(call, chosen(call, [row for row in rows if row.get("isolatedSymbol", "") == pair], asset="asset"))


@routes.add("GET /sapi/v1/margin/borrow-repay", weight=10, pool=SAPI_IP, right="read")
def _loans(call: Call) -> Any:
    """Thirty days before the end for one asset, seven for all."""
    kind = call.params.one_of("type", ("BORROW", "REPAY"), -3026, "Your input param is invalid.")
    first, last = windows.sent(call, windows.TIMES)
    if first is None and not call.params.has("txId"):
        raise neither("txId", "startTime")
    end = call.ms if last is None else last
    days = 30 if call.params.has("asset") else 7
    start = None if first is None else max(first, end - days * windows.DAY)
    rows = call.account.margin.loans.back(start, end) if call.account.margin else []
    pair = call.params.text("isolatedSymbol")
    mine = [shown(row) for row in rows if row["_kind"] == kind and row.get("isolatedSymbol", "") == pair]
    return paged(call, chosen(call, mine, asset="asset", txId="txId"))


@routes.add("GET /sapi/v1/margin/transfer", pool=SAPI_IP, right="read")
def _transfers(call: Call) -> Any:
    """The margin side of `asset/transfer`, under the same number; in (ROLL_IN) and out."""
    window = windows.within(call, windows.TIMES, 30, shown=7, reach=_REACH, code=-3011)
    pair, rows = call.params.text("isolatedSymbol"), []
    for row in call.account.histories["transfers"].back(*window):
        source, _, target = row["type"].partition("_")
        mine = "ISOLATEDMARGIN" if pair else "MARGIN"
        if mine in {source, target} and pair in {row["_from"], row["_to"]}:
            way = "ROLL_IN" if target == mine else "ROLL_OUT"
            rows.append(_transfer(row, way, (source, target)))
    return paged(call, chosen(call, rows, asset="asset", type="type"))


def _transfer(row: Row, way: str, places: tuple[str, str]) -> Row:
    source, target = (_PLACES.get(place, place) for place in places)
    pairs = {"fromSymbol": row["_from"], "toSymbol": row["_to"]}
    return {
        "amount": row["amount"],
        "asset": row["asset"],
        "status": row["status"],
        # in seconds: so says the sample of the documentation
        "timestamp": row["timestamp"] // 1000,
        "txId": row["tranId"],
        "type": way,
        "transFrom": source,
        "transTo": target,
        **{name: value for name, value in pairs.items() if value},
    }


@routes.add("GET /sapi/v1/margin/capital-flow", weight=100, pool=SAPI_IP, right="read")
def _flow(call: Call) -> Any:
    """Every movement of the last ninety days, seven at a time; `fromId` is the last one that is known."""
    limit = call.params.size("limit", 500, 1000)
    first, last = windows.within(call, windows.TIMES, 7, reach=_REACH, code=-3011)
    from_id, pair = call.params.whole("fromId"), call.params.text("symbol")
    rows = call.account.margin.flow.oldest(10**9, first, last) if call.account.margin else []
    mine = [row for row in rows if row["id"] > (from_id or 0) and row.get("symbol", "") == pair]
    return chosen(call, mine, asset="asset", type="type")[:limit]


@routes.add("GET /sapi/v1/margin/forceLiquidationRec", pool=SAPI_IP, right="read")
@routes.add("GET /sapi/v1/margin/exchange-small-liability-history", weight=100, pool=SAPI_UID, right="read")
def _none(_: Call) -> Any:
    """Nobody was liquidated, and nobody owes dust."""
    return {"rows": [], "total": 0}


@routes.add("GET /sapi/v1/margin/allPairs", pool=SAPI_IP, right=KEY_ONLY)
@routes.add("GET /sapi/v1/margin/isolated/allPairs", weight=10, pool=SAPI_IP, right=KEY_ONLY)
def _pairs(_: Call) -> Any:
    return [
        {
            "id": number,
            "symbol": market.symbol,
            "base": market.base,
            "quote": market.quote,
            "isMarginTrade": True,
            "isBuyAllowed": True,
            "isSellAllowed": True,
        }
        for number, market in enumerate(MARKETS.values(), 1)
        if market.quote not in FIAT
    ]


@routes.add("GET /sapi/v1/margin/allAssets", pool=SAPI_IP, right=KEY_ONLY)
def _assets(_: Call) -> Any:
    return [
        {
            "assetFullName": coin,
            "assetName": coin,
            "isBorrowable": True,
            "isMortgageable": True,
            "userMinBorrow": "0",
            "userMinRepay": text(ZERO),
        }
        for coin in COINS
        if coin not in FIAT
    ]


@routes.add("POST /sapi/v1/margin/order", weight=6, pool=SAPI_UID, right="margin")
@routes.add("POST /sapi/v1/margin/borrow-repay", weight=1500, pool=SAPI_UID, right="margin")
def _never(_: Call) -> Any:
    """Only a key with "Enable Margin Loan, Repay & Transfer" comes as far as this."""
    raise Refusal(-3041, "Balance is not enough")
