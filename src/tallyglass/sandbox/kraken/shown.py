"""How rows, trades, orders and transfers look on the wire: money as texts with fixed decimals, times as numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, divide, text, total
from tallyglass.sandbox.kraken.account import Funding, Order, Position, Row, Trade
from tallyglass.sandbox.kraken.names import Names, PairName, digits

#: Every spot fill carries this position id, on every account.
_NO_POSITION = "TKH2SE-M7IF5-CFI7LT"


def ledger_row(row: Row, names: Names) -> dict[str, Any]:
    """docs.kraken.com get-ledgers."""
    decimals = names.decimals(row.code)
    return {
        "refid": row.refid,
        "time": row.time,
        "type": row.type,
        "subtype": row.subtype,
        "aclass": "currency",
        "asset": row.code,
        "amount": digits(row.amount, decimals),
        "fee": digits(row.fee, decimals),
        "balance": digits(row.balance, decimals),
    }


def trade(one: Trade, *, ledgers: bool = False) -> dict[str, Any]:
    """docs.kraken.com get-trade-history."""
    shown: dict[str, Any] = {
        "ordertxid": one.order_id,
        "postxid": _NO_POSITION,
        "pair": one.pair.key,
        "aclass": "forex",
        "time": one.time,
        "type": one.side,
        "ordertype": one.ordertype,
        "tradeordertype": one.ordertype,
        "price": digits(one.price, max(5, one.pair.price_decimals)),
        "cost": digits(one.cost, one.pair.cost_decimals),
        "fee": digits(one.fee, one.pair.cost_decimals),
        "vol": digits(one.volume, one.pair.lot_decimals),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": one.number,
        "maker": one.maker,
    }
    if one.position is not None:
        shown |= _on_margin(one, one.position)
    if ledgers:
        shown["ledgers"] = list(one.ledgers)
    return shown


def _on_margin(one: Trade, position: Position) -> dict[str, Any]:
    """What a fill on margin has besides; the one that opened the position tells how that stands."""
    decimals = one.pair.cost_decimals
    shown: dict[str, Any] = {
        "postxid": position.id,
        "margin": digits(one.margin, decimals),
        "leverage": str(position.leverage),
        "misc": "" if one.opens else "closing",
    }
    if not one.opens:
        return shown
    closings = position.closings
    shown["posstatus"] = "closed" if closings else "open"
    if closings:
        volume, cost = position.closed, total(each.cost for each in closings)
        shown |= {
            "cprice": digits(round_to(divide(cost, volume), one.pair), max(5, one.pair.price_decimals)),
            "ccost": digits(cost, decimals),
            "cfee": digits(total(each.fee for each in closings), decimals),
            "cvol": digits(volume, one.pair.lot_decimals),
            "cmargin": digits(one.margin, decimals),
            "net": digits(position.net, decimals),
            "trades": [each.id for each in closings],
        }
    return shown


def order(one: Order, *, trades: bool = False) -> dict[str, Any]:
    """docs.kraken.com get-open-orders, get-closed-orders."""
    cost_decimals, price_decimals = one.pair.cost_decimals, one.pair.price_decimals
    average = _average(one)
    shown: dict[str, Any] = {
        "refid": None,
        "userref": one.userref,
        **({"cl_ord_id": one.cl_ord_id} if one.cl_ord_id else {}),
        "status": one.status,
        "opentm": one.opened,
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": one.pair.altname,
            "aclass": "forex",
            "type": one.side,
            "ordertype": one.ordertype,
            "price": digits(one.price, price_decimals) if one.price else "0",
            "price2": digits(one.price2, price_decimals) if one.price2 else "0",
            "leverage": f"{one.leverage}:1" if one.leverage else "none",
            "order": sentence(one),
            "close": "",
        },
        "vol": digits(one.volume, one.pair.lot_decimals),
        "vol_exec": digits(one.executed, one.pair.lot_decimals),
        "cost": digits(one.cost, cost_decimals),
        "fee": digits(one.fee, cost_decimals),
        "price": digits(average, price_decimals if average else 5),
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": one.oflags,
        "time_in_force": one.time_in_force,
    }
    if trades and one.trades:
        shown["trades"] = list(one.trades)
    if one.status not in ("open", "pending"):
        shown |= {"reason": one.reason, "closetm": one.closed}
    return shown


def sentence(one: Order) -> str:
    """The order in words: `buy 0.01250000 XBTEUR @ limit 52000.0`."""
    words = one.ordertype.replace("-limit", "").replace("-", " ")
    price = f" {digits(one.price, one.pair.price_decimals)}" if one.price else ""
    then = f" -> limit {digits(one.price2, one.pair.price_decimals)}" if one.price2 else ""
    borrowed = f" with {one.leverage}:1 leverage" if one.leverage else ""
    return f"{one.side} {digits(one.volume, one.pair.lot_decimals)} {one.pair.altname} @ {words}{price}{then}{borrowed}"


def deposit(one: Funding, names: Names) -> dict[str, Any]:
    """docs.kraken.com get-status-recent-deposits."""
    asset = names.find_asset(names.split(one.code)[0])
    shown = {
        "method": one.method,
        "aclass": "currency",
        "asset": one.code,
        "refid": one.id,
        "txid": one.txid,
        "info": one.info,
        "amount": digits(one.amount, min(asset.decimals if asset else 8, 8)),
        "fee": digits(one.fee, asset.decimals if asset else 8),
        "time": int(one.time),
        "status": one.status,
    }
    return shown | ({"status-prop": one.prop} if one.prop else {})


def withdrawal(one: Funding, names: Names) -> dict[str, Any]:
    """docs.kraken.com get-status-recent-withdrawals: `amount` is what is sent, the fee stands beside it."""
    return {**deposit(one, names), "network": one.method, "key": one.key}


def open_order(one: Order) -> dict[str, str]:
    """For the sandbox's truth, in common symbols."""
    return {
        "id": one.id,
        "market": f"{one.pair.base.symbol}/{one.pair.quote.symbol}",
        "side": one.side,
        "type": one.ordertype,
        "price": text(one.price),
        "amount": text(one.volume),
        "filled": text(one.executed),
        "time": datetime.fromtimestamp(one.opened, tz=UTC).isoformat().replace("+00:00", "Z"),
    }


def _average(one: Order) -> Amount:
    if not one.executed:
        return ZERO
    return round_to(divide(one.cost, one.executed), one.pair)


def round_to(price: Amount, pair: PairName) -> Amount:
    """A price cut to a pair's decimals."""
    return price.quantize(Decimal(1).scaleb(-pair.price_decimals), context=ROUNDED)
