"""What a tracker must never call, and what therefore really acts here: orders."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import ROUND_UP, Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, add, multiply, subtract
from tallyglass.sandbox.kraken import shown
from tallyglass.sandbox.kraken.account import Order, moment
from tallyglass.sandbox.kraken.happen import Figures, fill
from tallyglass.sandbox.kraken.house import Answer, Call
from tallyglass.sandbox.kraken.limits import count_order
from tallyglass.sandbox.kraken.names import PairName
from tallyglass.sandbox.kraken.params import Params, Refused

TAKER = Decimal("0.0040")
"""The fee of a taker in the lowest tier."""

_TYPES = frozenset(
    (
        *("market", "limit", "iceberg", "stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit"),
        *("trailing-stop", "trailing-stop-limit", "settle-position"),
    )
)
_REFERENCE = re.compile(r"-?[0-9]{1,10}")
_ORDER_ID = re.compile(r"O[A-Z2-7]{5}-[A-Z2-7]{5}-[A-Z2-7]{6}")


def add_order(call: Call) -> dict[str, Any]:
    """docs.kraken.com add-order. With `validate`, nothing is placed and no id is given."""
    order = _read(call)
    _check(call, order)
    if call.params.flag("validate"):
        return {"descr": {"order": shown.sentence(order)}}
    count_order(call.key.memory, call.house.tier, order.pair.key, call.now)
    last = call.house.prices.last(order.pair.base.symbol, order.pair.quote.symbol)
    if _meets(order, last):
        cost = _up(multiply(order.volume, last), order.pair.quote.decimals)
        fee = _up(multiply(cost, TAKER), order.pair.quote.decimals)
        fill(call.account, order, Figures(last, cost, fee), moment(call.now), call.account.ids("fill"))
    elif order.time_in_force in ("ioc", "fok"):
        _drop(call, order, "Order expired", "expired")
    else:
        call.account.open[order.id] = order
    return {"descr": {"order": shown.sentence(order)}, "txid": [order.id]}


def add_batch(call: Call) -> dict[str, Any]:
    """docs.kraken.com add-order-batch: up to 15 orders of one pair; each stands or fails by itself."""
    if not 2 <= len(call.params.rows) <= 15:
        raise Refused("EGeneral:Invalid arguments:orders")
    shared = {name: call.params.text(name) for name in ("pair", "validate")}
    answers: list[dict[str, Any]] = []
    for row in call.params.rows:
        try:
            made = add_order(replace(call, params=Params(row | shared)))
            answers.append({**made, "txid": made["txid"][0]} if "txid" in made else made)
        except Refused as refused:
            answers.append({"error": str(refused)})
    return {"orders": answers}


def _read(call: Call) -> Order:
    params = call.params
    pair, kind, side = params.needed("pair"), params.needed("ordertype"), params.needed("type")
    found = call.house.names.find_pair(pair)
    if found is None:
        raise Refused("EQuery:Unknown asset pair")
    if kind not in _TYPES:
        raise Refused("EGeneral:Invalid arguments:ordertype")
    if side not in ("buy", "sell"):
        raise Refused("EGeneral:Invalid arguments:type")
    userref = params.text("userref", "0")
    if not _REFERENCE.fullmatch(userref):
        raise Refused("EGeneral:Invalid arguments:userref")
    return Order(
        id=call.account.ids("placed").id("O"),
        opened=moment(call.now).timestamp(),
        pair=found,
        side=side,
        ordertype=kind,
        price=ZERO if kind == "market" else params.amount("price"),
        volume=params.amount("volume"),
        price2=params.amount("price2") if kind.endswith("-limit") else ZERO,
        userref=int(userref),
        cl_ord_id=params.text("cl_ord_id"),
        oflags=params.text("oflags", "fciq"),
        time_in_force=params.text("timeinforce", "gtc").lower(),
    )


def _check(call: Call, order: Order) -> None:
    """In the order: modes, minimum, tick, funds."""
    pair, mode = order.pair, call.house.mode
    if mode == "maintenance":
        raise Refused("EService:Unavailable")
    if mode == "cancel_only" or (mode == "post_only" and order.ordertype == "market"):
        raise Refused(f"EService:Market in {mode} mode")
    if order.volume < Decimal(pair.minimum):
        raise Refused("EOrder:Order minimum not met")
    if order.price and shown.round_to(order.price, pair) != order.price:
        raise Refused("EOrder:Tick size check failed")
    if _needed(call, order) > call.account.free((pair.base if order.side == "sell" else pair.quote).code):
        raise Refused("EOrder:Insufficient funds")


def _needed(call: Call, order: Order) -> Amount:
    if order.side == "sell":
        return order.volume
    price = order.price or call.house.prices.last(order.pair.base.symbol, order.pair.quote.symbol)
    return multiply(multiply(order.volume, price), add(Decimal(1), TAKER))


def _meets(order: Order, last: Amount) -> bool:
    """Whether the order is filled at once: a market order, or a limit that the last price satisfies."""
    if order.ordertype == "market":
        return True
    if order.ordertype != "limit" or "post" in order.oflags:
        return False
    return order.price >= last if order.side == "buy" else order.price <= last


def _up(amount: Amount, decimals: int) -> Amount:
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_UP, context=ROUNDED)


def _drop(call: Call, order: Order, reason: str, status: str = "canceled") -> None:
    order.status, order.reason, order.closed = status, reason, moment(call.now).timestamp()
    call.account.close(order)


def cancel_order(call: Call) -> dict[str, Any]:
    """docs.kraken.com cancel-order: by id, by user reference or by the client's own id."""
    named, own = call.params.text("txid"), call.params.text("cl_ord_id")
    if not named and not own:
        raise Refused("EGeneral:Invalid arguments:txid")
    if named and not _REFERENCE.fullmatch(named) and not _ORDER_ID.fullmatch(named):
        raise Refused("EOrder:Invalid order")
    found = [
        order
        for order in call.account.open.values()
        if (named and named in (order.id, str(order.userref))) or (own and own == order.cl_ord_id)
    ]
    if not found:
        raise Refused("EOrder:Unknown order")
    return _cancel(call, found)


def cancel_batch(call: Call) -> dict[str, Any]:
    """docs.kraken.com cancel-order-batch."""
    wanted = set(call.params.items("orders", 50))
    return _cancel(call, [order for order in call.account.open.values() if order.id in wanted])


def cancel_all(call: Call) -> dict[str, Any]:
    """docs.kraken.com cancel-all-orders."""
    return _cancel(call, list(call.account.open.values()))


def _cancel(call: Call, orders: list[Order]) -> dict[str, Any]:
    for order in orders:
        count_order(call.key.memory, call.house.tier, order.pair.key, call.now, age=call.now - order.opened)
        _drop(call, order, "User requested")
    return {"count": len(orders)}


def cancel_after(call: Call) -> dict[str, str]:
    """docs.kraken.com cancel-all-orders-after: only told, the timer never rings here."""
    seconds = call.params.whole("timeout")
    shown_now = moment(call.now).isoformat().replace("+00:00", "Z")
    trigger = moment(call.now + seconds).isoformat().replace("+00:00", "Z") if seconds else "0"
    return {"currentTime": shown_now, "triggerTime": trigger}


def amend_order(call: Call) -> dict[str, str]:
    """docs.kraken.com amend-order: the order keeps its id."""
    order = call.account.open.get(call.params.needed("txid"))
    if order is None:
        raise Refused("EOrder:Unknown order")
    price = call.params.amount("limit_price") if call.params.text("limit_price") else order.price
    volume = call.params.amount("order_qty") if call.params.text("order_qty") else order.volume
    _change(call, order, price, volume)
    return {"amend_id": call.account.ids("amend").id("T")}


def edit_order(call: Call) -> dict[str, Any]:
    """docs.kraken.com edit-order: the order gets a new id."""
    order = call.account.open.get(call.params.needed("txid"))
    if order is None:
        raise Refused("EOrder:Unknown order")
    price = call.params.amount("price") if call.params.text("price") else order.price
    volume = call.params.amount("volume") if call.params.text("volume") else order.volume
    new = _change(call, replace(order, id=call.account.ids("placed").id("O")), price, volume)
    old = order.id
    _drop(call, order, "Order replaced")
    call.account.open[new.id] = new
    return {"status": "ok", "txid": new.id, "originaltxid": old, "descr": {"order": shown.sentence(new)}}


def _change(call: Call, order: Order, price: Amount, volume: Amount) -> Order:
    pair: PairName = order.pair
    if shown.round_to(price, pair) != price:
        raise Refused("EOrder:Tick size check failed")
    if volume <= order.executed or volume < Decimal(pair.minimum):
        raise Refused("EOrder:Order minimum not met")
    code, before = order.hold()
    _, after = replace(order, price=price, volume=volume).hold()
    if subtract(after, before) > call.account.free(code):
        raise Refused("EOrder:Insufficient funds")
    order.price, order.volume = price, volume
    return order


WRITES: dict[str, Answer] = {
    "AddOrder": add_order,
    "AddOrderBatch": add_batch,
    "AmendOrder": amend_order,
    "EditOrder": edit_order,
    "CancelOrder": cancel_order,
    "CancelOrderBatch": cancel_batch,
    "CancelAll": cancel_all,
    "CancelAllOrdersAfter": cancel_after,
}
