"""Placing and cancelling orders (rest-api.md, "Trading endpoints").

The sandbox obeys, so that a test can show that it is never asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN
from typing import Any, Final, Literal, cast

from tallyglass.money import EXACT, ROUNDED, ZERO, Amount, divide, multiply
from tallyglass.sandbox.binance.account import Order, Trade
from tallyglass.sandbox.binance.errors import Refusal, missing, neither
from tallyglass.sandbox.binance.happen import cancel, fill, new_order, next_trade_id
from tallyglass.sandbox.binance.markets import FEE_RATE, LEAST, Market, eight
from tallyglass.sandbox.binance.routes import Call, Routes
from tallyglass.sandbox.binance.spot import find_order, order_row

routes = Routes()

_TAKES: Final = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)
_TYPES: Final = ("LIMIT", "MARKET", "LIMIT_MAKER")


@dataclass(frozen=True, slots=True)
class _Wish:
    """An order as asked for, sound in itself."""

    market: Market
    side: Literal["BUY", "SELL"]
    type: str
    amount: Amount
    price: Amount
    quote_amount: Amount
    time_in_force: str
    #: What the market pays now.
    last: Amount

    @property
    def matches(self) -> bool:
        """Whether it meets the book at once."""
        if self.type == "MARKET":
            return True
        return self.price >= self.last if self.side == "BUY" else self.price <= self.last

    @property
    def needs(self) -> tuple[str, Amount]:
        """What must be free for it."""
        if self.side == "SELL":
            return self.market.base, self.amount
        return self.market.quote, multiply(self.amount, self.last if self.matches else self.price)


def _wish(call: Call) -> _Wish:
    market = call.market()
    if market.status != "TRADING":
        raise Refusal(-1013, "Market is closed.")
    side = call.params.one_of("side", ("BUY", "SELL"), -1117, "Invalid side.")
    kind = call.params.one_of("type", _TYPES, -1116, "Invalid orderType.")
    last = call.prices.last(market.base, market.quote)
    amount, price, quote_amount = call.params.figure("quantity"), ZERO, ZERO
    time_in_force = "GTC"
    if kind == "MARKET":
        if amount is None:
            whole = call.params.figure("quoteOrderQty")
            if whole is None:
                raise neither("quantity", "quoteOrderQty")
            quote_amount = whole
            amount = divide(whole, last).quantize(market.step, ROUND_DOWN, context=ROUNDED)
    else:
        if amount is None:
            raise missing("quantity")
        price = call.params.figure("price") or ZERO
        if not price:
            raise missing("price")
    if kind == "LIMIT":
        time_in_force = call.params.one_of("timeInForce", ("GTC", "IOC", "FOK"), -1115, "Invalid timeInForce.")
    wish = _Wish(market, cast(Literal["BUY", "SELL"], side), kind, amount, price, quote_amount, time_in_force, last)
    _filter(wish)
    return wish


def _filter(wish: _Wish) -> None:
    """The symbol's filters, as exchangeInfo prints them."""
    if wish.amount < wish.market.step or EXACT.remainder(wish.amount, wish.market.step):
        raise Refusal(-1013, "Filter failure: LOT_SIZE")
    if wish.type != "MARKET" and (wish.price < wish.market.tick or EXACT.remainder(wish.price, wish.market.tick)):
        raise Refusal(-1013, "Filter failure: PRICE_FILTER")
    if multiply(wish.amount, wish.price or wish.last) < wish.market.least_cost:
        raise Refusal(-1013, "Filter failure: NOTIONAL")
    if wish.type == "LIMIT_MAKER" and wish.matches:
        raise Refusal(-2010, "Order would immediately match and take.")


@routes.add("POST /api/v3/order/test", right="trade", takes=f"{_TAKES} computeCommissionRates")
def _test_order(call: Call) -> Any:
    _wish(call)
    return {}


@routes.add("POST /api/v3/order", right="trade", takes=_TAKES)
def _place_order(call: Call) -> Any:
    wish = _wish(call)
    asset, need = wish.needs
    if call.account.free(asset) < need:
        raise Refusal(-2010, "Account has insufficient balance for requested action.")
    now = call.ms * 1000
    order = new_order(
        call.account,
        wish.market,
        given_client_id=call.params.text("newClientOrderId") or call.account.token(22),
        side=wish.side,
        type=wish.type,
        price=wish.price,
        amount=wish.amount,
        quote_amount=wish.quote_amount,
        time_in_force=wish.time_in_force,
        time=now,
        updated=now,
        # what does not match at once and may not wait is gone
        status="NEW" if wish.matches or wish.time_in_force == "GTC" else "EXPIRED",
    )
    if wish.matches:
        _take(call, wish, order, now)
    call.account.updated = max(call.account.updated, now)
    return _answer(call, order)


def _take(call: Call, wish: _Wish, order: Order, now: int) -> None:
    cost = multiply(wish.amount, wish.last)
    fee_asset, basis = (wish.market.base, wish.amount) if wish.side == "BUY" else (wish.market.quote, cost)
    fee = multiply(basis, FEE_RATE).quantize(LEAST, ROUND_DOWN, context=ROUNDED)
    number = next_trade_id(call.account, wish.market)
    fill(call.account, order, Trade(number, order, wish.last, wish.amount, cost, fee, fee_asset, now))


def _answer(call: Call, order: Order) -> dict[str, Any]:
    default = "FULL" if order.type in {"MARKET", "LIMIT"} else "ACK"
    row = {
        "symbol": order.market.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": call.time(order.time),
    }
    detail = call.params.text("newOrderRespType", default)
    if detail == "ACK":
        return row
    printed = order_row(call, order)
    same = "price origQty executedQty origQuoteOrderQty cummulativeQuoteQty status timeInForce type side workingTime"
    row |= {name: printed[name] for name in (*same.split(), "selfTradePreventionMode")}
    if detail == "FULL":
        row["fills"] = [
            {
                "price": eight(trade.price),
                "qty": eight(trade.amount),
                "commission": eight(trade.fee),
                "commissionAsset": trade.fee_asset,
                "tradeId": trade.id,
            }
            for trade in order.trades
        ]
    return row


def _cancel(call: Call, order: Order) -> dict[str, Any]:
    cancel(call.account, order, call.ms * 1000)
    printed = order_row(call, order)
    kept = (
        "symbol orderId orderListId price origQty executedQty origQuoteOrderQty cummulativeQuoteQty status timeInForce "
        "type side selfTradePreventionMode"
    )
    return {
        **{name: printed[name] for name in kept.split()},
        "origClientOrderId": order.client_id,
        "clientOrderId": call.params.text("newClientOrderId") or f"cancel-{order.id}",
        "transactTime": call.time(order.updated),
    }


@routes.add(
    "DELETE /api/v3/order",
    right="trade",
    takes="symbol orderId origClientOrderId newClientOrderId cancelRestrictions",
)
def _cancel_order(call: Call) -> Any:
    order = find_order(call)
    if order is None or not order.open:
        raise Refusal(-2011, "Unknown order sent.")
    return _cancel(call, order)


@routes.add("DELETE /api/v3/openOrders", right="trade", takes="symbol")
def _cancel_all(call: Call) -> Any:
    market = call.market()
    mine = [order for order in call.account.open.values() if order.market is market]
    if not mine:
        raise Refusal(-2011, "Unknown order sent.")
    return [_cancel(call, order) for order in mine]
