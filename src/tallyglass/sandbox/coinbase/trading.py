"""The v3 writes that trade: place, preview, cancel and edit orders. They need the box "Trade", and really act."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any, Literal

from tallyglass.money import ROUNDED, ZERO, Amount, add, divide, multiply, text
from tallyglass.sandbox.coinbase.account import Account, Fill, Order
from tallyglass.sandbox.coinbase.answers import Call, Refused, Route, figure_of, micros, v3_error
from tallyglass.sandbox.coinbase.catalog import CURRENCIES, TAKER
from tallyglass.sandbox.coinbase.events import close_order, fill, keep_order
from tallyglass.sandbox.coinbase.public import market_of, step
from tallyglass.sandbox.model import MarketFact, Outgoing

_LIMITS = ("limit_limit_gtc", "limit_limit_gtd", "limit_limit_fok", "sor_limit_ioc")
_STOPS = ("stop_limit_stop_limit_gtc", "stop_limit_stop_limit_gtd")
_AT_ONCE = ("limit_limit_fok", "sor_limit_ioc", "market_market_ioc")
_MOST_CANCELS = 100
_UNKNOWN = "UNKNOWN_FAILURE_REASON"


class Rejected(Exception):
    """The order cannot be: told with status 200 and `success: false`."""

    def __init__(self, reason: str, words: str = "") -> None:
        super().__init__(words)
        self.reason = reason


@dataclass(slots=True)
class Plan:
    """An order as it was asked for, understood."""

    market: MarketFact
    base: str
    quote: str
    side: Literal["buy", "sell"]
    style: str
    config: dict[str, Any]
    size: Amount
    price: Amount
    #: What is traded at once: cost and commission; nothing for an order that waits.
    cost: Amount = ZERO
    fee: Amount = ZERO
    waits: bool = field(default=False)


def _figure(config: dict[str, Any], name: str) -> Amount:
    return figure_of(config.get(name), 30, v3_error(400, "INVALID_ARGUMENT", f"invalid {name}"))


def _exact(config: dict[str, Any], name: str, decimals: int, reason: str) -> Amount:
    return figure_of(text(_figure(config, name)), decimals, Rejected(reason))


def plan(call: Call, body: dict[str, Any]) -> Plan:
    """What the body of an order asks for. Raises `Rejected`, or `Refused` for what is not even an order."""
    given = body.get("order_configuration")
    if not isinstance(given, dict) or len(given) != 1 or not isinstance(next(iter(given.values())), dict):
        raise v3_error(400, "INVALID_ARGUMENT", "order_configuration is required")
    style, config = next(iter(given.items()))
    side = str(body.get("side", "")).lower()
    if side not in ("buy", "sell"):
        raise Rejected("INVALID_SIDE")
    try:
        market = market_of(str(body.get("product_id", "")))
    except Refused as error:
        raise Rejected("INVALID_PRODUCT_ID") from error
    base, quote = str(body["product_id"]).split("-")
    last = call.prices.last(market.base, market.quote)
    made = Plan(market, base, quote, "buy" if side == "buy" else "sell", style, config, ZERO, last)
    if style == "market_market_ioc":
        made.size = _market_size(made)
    elif style in (*_LIMITS, *_STOPS):
        _limit(made, last)
    else:
        raise Rejected("UNSUPPORTED_ORDER_CONFIGURATION", "order configuration is not supported")
    made.cost = multiply(made.size, made.price).quantize(
        step(CURRENCIES[quote].exponent), ROUND_HALF_UP, context=ROUNDED
    )
    made.fee = multiply(made.cost, TAKER).quantize(step(CURRENCIES[quote].exponent), ROUND_DOWN, context=ROUNDED)
    return made


def _market_size(made: Plan) -> Amount:
    if "base_size" in made.config:
        return _exact(made.config, "base_size", made.market.amount_decimals, "INVALID_SIZE_PRECISION")
    if made.side == "sell":
        raise Rejected(
            "UNSUPPORTED_ORDER_CONFIGURATION",
            "rpc error: code = InvalidArgument desc = Market sells must be parameterized in base currency",
        )
    # at most the amount of money given is spent, commission included
    money = divide(_figure(made.config, "quote_size"), add(Decimal(1), TAKER))
    size = divide(money, made.price).quantize(step(made.market.amount_decimals), ROUND_DOWN, context=ROUNDED)
    if size == ZERO:
        raise Rejected("PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL")
    return size


def _limit(made: Plan, last: Amount) -> None:
    made.size = _exact(made.config, "base_size", made.market.amount_decimals, "INVALID_SIZE_PRECISION")
    limit = _exact(made.config, "limit_price", made.market.price_decimals, "INVALID_PRICE_PRECISION")
    bid = last - step(made.market.price_decimals)
    crosses = (limit >= last if made.side == "buy" else limit <= bid) and made.style not in _STOPS
    if crosses and made.config.get("post_only") is True:
        raise Rejected("INVALID_LIMIT_PRICE_POST_ONLY")
    made.waits = not crosses
    made.price = limit if made.waits else (last if made.side == "buy" else bid)


def _affordable(call: Call, made: Plan) -> Plan:
    if not _covered(call.mine, made):
        raise Rejected("INSUFFICIENT_FUND", "Insufficient balance in source account")
    return made


def _covered(account: Account, made: Plan) -> bool:
    if made.waits and made.style in _AT_ONCE:
        return True
    if made.side == "sell":
        return account.available(made.base) >= made.size
    return account.available(made.quote) >= add(made.cost, made.fee)


def execute(call: Call, made: Plan, client_id: str) -> Order:
    """Trade at once what can be, let the rest wait."""
    account = call.mine
    number = account.number()
    order = Order(
        account.ids.uuid("placed", account.name, number),
        number,
        call.now,
        made.base,
        made.quote,
        made.side,
        made.style,
        made.config,
        made.size,
        made.price,
        client_id=client_id,
    )
    account.placed[client_id] = order
    if made.waits:
        order.status = "CANCELLED" if made.style in _AT_ONCE else "OPEN"
        keep_order(account, order)
        return order
    order.status = "FILLED"
    keep_order(account, order)
    part = Fill(account.number(), call.now, order, made.price, made.size, made.cost, made.fee)
    fill(account, order, part, "")
    return order


def place(call: Call) -> Outgoing:
    """POST orders."""
    body = call.body()
    client_id = str(body.get("client_order_id", ""))
    if not client_id or len(client_id) > 128:
        raise v3_error(400, "INVALID_ARGUMENT", "client_order_id is required, at most 128 characters")
    try:
        # the same client id again is the same order again
        order = call.mine.placed.get(client_id) or execute(call, _affordable(call, plan(call, body)), client_id)
    except Rejected as no:
        return Outgoing.json(
            {
                "success": False,
                "failure_reason": _UNKNOWN,
                "order_id": "",
                "error_response": {
                    "error": no.reason,
                    "message": str(no),
                    "error_details": "",
                    "preview_failure_reason": _preview(no.reason),
                    "new_order_failure_reason": no.reason,
                },
                "order_configuration": body["order_configuration"],
            }
        )
    return Outgoing.json(
        {
            "success": True,
            "failure_reason": _UNKNOWN,
            "order_id": order.id,
            "success_response": {
                "order_id": order.id,
                "product_id": order.product,
                "side": order.side.upper(),
                "client_order_id": client_id,
                "attached_order_id": "",
            },
            "order_configuration": {order.style: order.config},
        }
    )


def _preview(reason: str) -> str:
    return reason if reason.startswith("PREVIEW_") else f"PREVIEW_{reason}"


def preview(call: Call) -> Outgoing:
    """POST orders/preview: what an order would cost; nothing happens."""
    body = call.body()
    problems: list[str] = []
    made: Plan | None = None
    try:
        made = plan(call, body)
        _affordable(call, made)
    except Rejected as no:
        problems = [_preview(no.reason)]
    cost, fee, size, price = (made.cost, made.fee, made.size, made.price) if made else (ZERO, ZERO, ZERO, ZERO)
    return Outgoing.json(
        {
            "order_total": text(add(cost, fee) if made is None or made.side == "buy" else cost - fee),
            "commission_total": text(fee),
            "errs": problems,
            "warning": [],
            "quote_size": text(cost),
            "base_size": text(size),
            "best_bid": text(price),
            "best_ask": text(price),
            "is_max": False,
            "order_margin_total": "",
            "leverage": "",
            "long_leverage": "",
            "short_leverage": "",
            "slippage": "0",
            "preview_id": call.mine.ids.uuid("preview", call.request.now),
            "current_liquidation_buffer": "",
            "projected_liquidation_buffer": "",
            "max_leverage": "",
            "average_filled_price": text(price),
        }
    )


def cancel(call: Call) -> Outgoing:
    """POST orders/batch_cancel: each order is answered for."""
    ids = call.body().get("order_ids")
    if not isinstance(ids, list) or not ids:
        raise v3_error(400, "INVALID_ARGUMENT", "order_ids is required")
    if len(ids) > _MOST_CANCELS:
        raise v3_error(400, "INVALID_ARGUMENT", f"Too many orderIDs entered, limit is {_MOST_CANCELS}")
    results = []
    for order_id in map(str, ids):
        order = call.mine.open.get(order_id)
        if order is not None:
            close_order(call.mine, order, "CANCELLED")
        reason = "UNKNOWN_CANCEL_FAILURE_REASON" if order else "UNKNOWN_CANCEL_ORDER"
        results.append({"success": order is not None, "failure_reason": reason, "order_id": order_id})
    return Outgoing.json({"results": results})


def _edited(call: Call) -> tuple[Order, Amount, Amount] | str:
    """The order with its new price and size, or the reason why not."""
    body = call.body()
    order = call.mine.open.get(str(body.get("order_id", "")))
    if order is None:
        return "ORDER_NOT_FOUND"
    if order.style != "limit_limit_gtc":
        return "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"
    decimals = market_of(order.product)
    reason = v3_error(400, "INVALID_ARGUMENT", "invalid price or size")
    price = figure_of(body.get("price"), decimals.price_decimals, reason)
    size = figure_of(body.get("size"), decimals.amount_decimals, reason)
    return (order, price, size) if size > order.filled else "BELOW_FILLED_SIZE"


def _edit_failed(reason: str) -> Outgoing:
    return Outgoing.json({"success": False, "errors": [{"edit_failure_reason": reason}]})


def edit(call: Call) -> Outgoing:
    """POST orders/edit: limit orders that wait, no others."""
    found = _edited(call)
    if isinstance(found, str):
        return _edit_failed(found)
    order, price, size = found
    was = order.price, order.size
    order.price, order.size = price, size
    account = call.mine
    if account.wallet(order.hold[0]).balance < account.holds()[order.hold[0]]:
        order.price, order.size = was
        return _edit_failed("INSUFFICIENT_FUND")
    order.config |= {"limit_price": text(price), "base_size": text(size)}
    order.edits.append({"price": text(price), "size": text(size), "replace_accept_timestamp": micros(call.now)})
    return Outgoing.json({"success": True, "success_response": {"order_id": order.id}, "errors": []})


def edit_preview(call: Call) -> Outgoing:
    """POST orders/edit_preview: what an edit would mean; nothing happens."""
    found = _edited(call)
    if isinstance(found, str):
        return Outgoing.json({"errors": [{"edit_failure_reason": found}]})
    _, price, size = found
    cost = multiply(price, size)
    fee = multiply(cost, TAKER)
    return Outgoing.json(
        {
            "errors": [],
            "slippage": "0",
            "order_total": text(add(cost, fee)),
            "commission_total": text(fee),
            "quote_size": text(cost),
            "base_size": text(size),
            "best_bid": text(price),
            "best_ask": text(price),
            "average_filled_price": text(price),
        }
    )


_BASE = "/api/v3/brokerage/orders"
ROUTES = [
    Route("POST", _BASE, "trade", place),
    Route("POST", f"{_BASE}/preview", "read", preview),
    Route("POST", f"{_BASE}/batch_cancel", "trade", cancel),
    Route("POST", f"{_BASE}/edit", "trade", edit),
    Route("POST", f"{_BASE}/edit_preview", "trade", edit_preview),
]
