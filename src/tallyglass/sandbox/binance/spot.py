"""Spot account reads: balances, open and past orders, trades (rest-api.md, "Account endpoints")."""

from __future__ import annotations

from typing import Any, Final

from tallyglass.money import ZERO, subtract
from tallyglass.sandbox.binance.account import Account, Order, Trade
from tallyglass.sandbox.binance.errors import Refusal, bad_symbol, neither, too_wide
from tallyglass.sandbox.binance.markets import IDLE, eight
from tallyglass.sandbox.binance.routes import Call, Routes

routes = Routes()

_DAY: Final = 86_400_000_000
_ARCHIVED_AFTER: Final = 90 * _DAY
#: What may be sent together beside the symbol ("Account trade list").
_TRADE_FILTERS: Final = {
    frozenset(each.split())
    for each in ("", "orderId", "startTime", "endTime", "fromId", "startTime endTime", "orderId fromId")
}


@routes.add("GET /api/v3/account", weight=20, right="read", takes="omitZeroBalances")
def _account(call: Call) -> Any:
    mine = call.account
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": "0.00100000",
            "taker": "0.00100000",
            "buyer": "0.00000000",
            "seller": "0.00000000",
        },
        # of the account, not of the key
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.time(mine.updated),
        "accountType": "SPOT",
        "balances": _balances(mine, all_coins=not call.params.flag("omitZeroBalances")),
        "permissions": ["SPOT"],
        "uid": mine.uid,
    }


def _balances(mine: Account, *, all_coins: bool) -> list[dict[str, str]]:
    held, locked = mine.wallet("spot"), mine.locked()
    receipts = {f"LD{asset}": amount for asset, amount in mine.wallet("earn").items()}
    names = [*mine.listed.coins, *IDLE] if all_coins else []
    totals = {**dict.fromkeys(names, ZERO), **held, **receipts}
    return [
        {
            "asset": asset,
            "free": eight(subtract(amount, locked.get(asset, ZERO))),
            "locked": eight(locked.get(asset, ZERO)),
        }
        for asset, amount in totals.items()
    ]


def order_row(call: Call, order: Order) -> dict[str, Any]:
    """An order as every read prints it."""
    return {
        "symbol": order.market.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": eight(order.price),
        "origQty": eight(order.amount),
        "executedQty": eight(order.filled),
        "cummulativeQuoteQty": eight(order.spent),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": eight(ZERO),
        "icebergQty": eight(ZERO),
        "time": call.time(order.time),
        "updateTime": call.time(order.updated),
        "isWorking": True,
        "workingTime": call.time(order.time),
        "origQuoteOrderQty": eight(order.quote_amount),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def _trade_row(call: Call, trade: Trade) -> dict[str, Any]:
    return {
        "symbol": trade.order.market.symbol,
        "id": trade.id,
        "orderId": trade.order.id,
        "orderListId": -1,
        "price": eight(trade.price),
        "qty": eight(trade.amount),
        "quoteQty": eight(trade.cost),
        "commission": eight(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": call.time(trade.time),
        "isBuyer": trade.order.side == "BUY",
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def archived(call: Call, order: Order) -> bool:
    """Ended without a fill more than ninety days ago: no longer shown."""
    return not order.open and order.filled == ZERO and order.updated < call.now - _ARCHIVED_AFTER


@routes.add("GET /api/v3/openOrders", weight=lambda p: 6 if p.has("symbol") else 80, right="read", takes="symbol")
def _open_orders(call: Call) -> Any:
    symbol = call.params.text("symbol")
    if symbol and symbol not in call.listed.markets:
        raise bad_symbol()
    mine = [order for order in call.account.open.values() if symbol in {"", order.market.symbol}]
    return [order_row(call, order) for order in sorted(mine, key=lambda order: (order.time, order.id))]


@routes.add("GET /api/v3/allOrders", weight=20, right="read", takes="symbol orderId startTime endTime limit")
def _all_orders(call: Call) -> Any:
    desk = call.account.desk(call.market().symbol)
    limit = call.params.size("limit", 500, 1000)
    first, last = _window(call)
    from_id = call.params.whole("orderId")
    if from_id is not None:
        rows = desk.orders.oldest(limit, from_id)
    elif first is None:
        rows = desk.orders_by_time.newest(limit, None, last)
    else:
        rows = desk.orders_by_time.oldest(limit, first, last)
    return [order_row(call, order) for order in rows if not archived(call, order)]


def _window(call: Call) -> tuple[int | None, int | None]:
    first, last = call.params.time("startTime"), call.params.time("endTime")
    if first is not None and last is not None and last - first > _DAY:
        raise too_wide(24)
    # a millisecond means all of its microseconds
    return first, None if last is None else last + 999


@routes.add("GET /api/v3/order", weight=4, right="read", takes="symbol orderId origClientOrderId")
def _one_order(call: Call) -> Any:
    order = find_order(call)
    if order is None:
        raise Refusal(-2013, "Order does not exist.")
    if archived(call, order):
        raise Refusal(
            -2026, "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
        )
    return order_row(call, order)


def find_order(call: Call) -> Order | None:
    """The order that `orderId` or `origClientOrderId` names on its market."""
    desk = call.account.desk(call.market().symbol)
    number, name = call.params.whole("orderId"), call.params.text("origClientOrderId")
    if number is None and not name:
        raise neither("origClientOrderId", "orderId")
    found = desk.orders.rows if number is None else desk.orders.oldest(1, number, number)
    return next((order for order in reversed(found) if not name or order.client_id == name), None)


def _trades_weight(params: Any) -> int:
    return 5 if params.has("orderId") else 20


@routes.add(
    "GET /api/v3/myTrades",
    weight=_trades_weight,
    right="read",
    takes="symbol orderId startTime endTime fromId limit",
)
def _my_trades(call: Call) -> Any:
    desk = call.account.desk(call.market().symbol)
    limit = call.params.size("limit", 500, 1000)
    asked = frozenset(name for name in ("orderId", "startTime", "endTime", "fromId") if call.params.has(name))
    if asked not in _TRADE_FILTERS:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    first, last = _window(call)
    order_id, from_id = call.params.whole("orderId"), call.params.whole("fromId")
    if order_id is not None:
        trades = [t for o in desk.orders.oldest(1, order_id, order_id) for t in o.trades if t.id >= (from_id or 0)]
        rows = trades[:limit]
    elif from_id is not None:
        rows = desk.trades.oldest(limit, from_id)
    elif first is None:
        rows = desk.trades_by_time.newest(limit, None, last)
    else:
        rows = desk.trades_by_time.oldest(limit, first, last)
    return [_trade_row(call, trade) for trade in rows]


@routes.add("GET /api/v3/allOrderList", weight=20, right="read", takes="fromId startTime endTime limit")
@routes.add("GET /api/v3/openOrderList", weight=6, right="read")
def _no_order_lists(_: Call) -> Any:
    return []


@routes.add("GET /api/v3/account/commission", weight=20, right="read", takes="symbol")
def _commission(call: Call) -> Any:
    rates = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000"}
    none = dict.fromkeys(rates, "0.00000000")
    return {
        "symbol": call.market().symbol,
        "standardCommission": rates,
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": True,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        },
    }
