"""How orders, fills and transactions are printed."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, add, divide, multiply, subtract, text, total
from tallyglass.sandbox.coinbase.account import Account, Fill, Order, Row, Transfer, Wallet, fixed
from tallyglass.sandbox.coinbase.answers import micros, seconds, value
from tallyglass.sandbox.coinbase.catalog import NATIVE

_IN_FORCE = {
    "market_market_ioc": "IMMEDIATE_OR_CANCEL",
    "sor_limit_ioc": "IMMEDIATE_OR_CANCEL",
    "limit_limit_fok": "FILL_OR_KILL",
    "limit_limit_gtd": "GOOD_UNTIL_DATE_TIME",
    "stop_limit_stop_limit_gtd": "GOOD_UNTIL_DATE_TIME",
}
#: What all orders here have in common. `fee` is dead: `total_fees` counts.
_PLAIN: dict[str, Any] = {
    "fee": "",
    "pending_cancel": False,
    "reject_reason": "REJECT_REASON_UNSPECIFIED",
    "product_type": "SPOT",
    "reject_message": "",
    "order_placement_source": "RETAIL_ADVANCED",
    "is_liquidation": False,
    "leverage": "",
    "margin_type": "UNKNOWN_MARGIN_TYPE",
    "originating_order_id": "",
    "attached_order_id": "",
    "attached_order_configuration": None,
}
#: A fill is in the ledger so long after it happened.
_SEQUENCED = timedelta(milliseconds=4)


def _percent(done: Amount, whole: Amount) -> str:
    if whole == ZERO:
        return "0"
    return text(multiply(divide(done, whole), Decimal(100)).quantize(Decimal("0.01"), ROUND_HALF_UP, context=ROUNDED))


def _kind(order: Order) -> str:
    if order.style.startswith("stop_limit"):
        return "STOP_LIMIT"
    return "MARKET" if order.style.startswith("market") else "LIMIT"


def order_v3(account: Account, order: Order) -> dict[str, Any]:
    """An order as `orders/historical` prints it."""
    filled = order.filled
    worth = add(total(fill.cost for fill in order.fills), multiply(order.filled_before, order.price))
    fees = total(fill.commission for fill in order.fills)
    after = add(worth, fees) if order.side == "buy" else subtract(worth, fees)
    average = divide(worth, filled).quantize(Decimal("1e-12"), ROUND_HALF_UP, context=ROUNDED) if filled else ZERO
    last = order.fills[-1].time if order.fills else None
    earlier = 1 if order.filled_before else 0
    dollars = multiply(after, account.prices.usd(order.quote)).quantize(Decimal("0.01"), ROUND_HALF_UP, context=ROUNDED)
    fee_dollars = multiply(fees, account.prices.usd(order.quote)).quantize(
        Decimal("0.01"), ROUND_HALF_UP, context=ROUNDED
    )
    return _PLAIN | {
        "order_id": order.id,
        "product_id": order.product,
        "user_id": account.user_id,
        "order_configuration": {order.style: order.config},
        "side": order.side.upper(),
        "client_order_id": order.client_id or account.ids.uuid("client", order.id),
        "status": order.status,
        "time_in_force": _IN_FORCE.get(order.style, "GOOD_UNTIL_CANCELLED"),
        "created_time": micros(order.time),
        "completion_percentage": _percent(filled, order.size),
        "filled_size": text(filled),
        "average_filled_price": text(average),
        "number_of_fills": str(len(order.fills) + earlier),
        "filled_value": text(worth),
        "size_in_quote": order.in_quote,
        "total_fees": text(fees),
        "size_inclusive_of_fees": order.in_quote,
        "total_value_after_fees": text(after),
        "trigger_status": "STOP_PENDING" if order.style.startswith("stop") else "INVALID_ORDER_TYPE",
        "order_type": _kind(order),
        "settled": order.status == "FILLED",
        "cancel_message": "User requested cancel" if order.status == "CANCELLED" else "",
        "outstanding_hold_amount": text(order.hold[1]),
        "last_fill_time": micros(last) if last else None,
        "edit_history": order.edits,
        "retail_portfolio_id": account.user_id,
        "last_update_time": micros(last or order.time),
        "total_fees_native": value(fee_dollars, NATIVE),
        "total_value_after_fees_native": value(dollars, NATIVE),
    }


def fill_v3(account: Account, fill: Fill) -> dict[str, Any]:
    """A fill as `orders/historical/fills` prints it."""
    order = fill.order
    commission = text(fill.commission)
    # bought by an amount of money: the size is in quote, and size / price is the exact base
    size = multiply(fill.size, fill.price) if order.in_quote else fill.size
    return {
        "entry_id": account.ids.hex(32, "fill", account.name, fill.n),
        "trade_id": account.ids.uuid("trade", account.name, fill.n),
        "order_id": order.id,
        # some of these times have nine decimals
        "trade_time": micros(fill.time) if fill.n % 4 else f"{micros(fill.time)[:-1]}090Z",
        "trade_type": "FILL",
        "price": text(fill.price),
        "size": text(size),
        "commission": commission,
        "product_id": order.product,
        "sequence_timestamp": micros(fill.time + _SEQUENCED),
        "liquidity_indicator": "MAKER" if order.style == "limit_limit_gtc" else "TAKER",
        "size_in_quote": order.in_quote,
        "user_id": account.user_id,
        "side": order.side.upper(),
        "retail_portfolio_id": account.user_id,
        "fillSource": "FILL_SOURCE_CLOB",
        "commission_detail_total": {
            "total_commission": commission,
            "gst_commission": "0",
            "withholding_commission": "0",
            "client_commission": commission,
            "venue_commission": "0",
            "regulatory_commission": "0",
            "clearing_commission": "0",
        },
    }


def money(amount: Amount, currency: str) -> dict[str, str]:
    """Money as v2 says it."""
    return {"amount": fixed(amount, currency), "currency": currency}


def path_of(wallet: Wallet) -> str:
    """Where v2 has a wallet."""
    return f"/v2/accounts/{wallet.id}"


def row_v2(row: Row) -> dict[str, Any]:
    """A transaction as v2 prints it: the schema since 2024, without `updated_at` and `details`."""
    currency = row.wallet.currency
    printed: dict[str, Any] = {
        "id": row.id,
        "type": row.type,
        "status": row.status,
        "amount": money(row.amount, currency),
        "native_amount": {"amount": row.native, "currency": NATIVE},
        "created_at": seconds(row.time),
        "resource": "transaction",
        "resource_path": f"{path_of(row.wallet)}/transactions/{row.id}",
    }
    if isinstance(row.detail, Fill):
        order = row.detail.order
        printed["advanced_trade_fill"] = {
            "commission": text(row.detail.commission),
            "fill_price": text(row.detail.price),
            "order_id": order.id,
            "product_id": order.product,
        }
        if not order.hides_side:
            printed["advanced_trade_fill"]["order_side"] = order.side
        return printed
    return printed | row.detail


def transfer_v2(account: Account, transfer: Transfer) -> dict[str, Any]:
    """A deposit from or withdrawal to the bank. A deposit's fee comes on top, a withdrawal's subtotal includes it."""
    wallet = transfer.row.wallet
    bank = account.ids.uuid("bank", account.name)
    subtotal = add(transfer.amount, transfer.fee) if transfer.kind == "withdrawal" else transfer.amount
    return {
        "id": transfer.id,
        "status": "completed" if transfer.row.status == "completed" else "created",
        "payment_method": {
            "id": bank,
            "resource": "payment_method",
            "resource_path": f"/v2/payment-methods/{bank}",
        },
        "transaction": {
            "id": transfer.row.id,
            "resource": "transaction",
            "resource_path": f"{path_of(wallet)}/transactions/{transfer.row.id}",
        },
        "amount": money(transfer.amount, wallet.currency),
        "subtotal": money(subtotal, wallet.currency),
        "fee": money(transfer.fee, wallet.currency),
        "created_at": seconds(transfer.time),
        "updated_at": seconds(transfer.time),
        "resource": transfer.kind,
        "resource_path": f"{path_of(wallet)}/{transfer.kind}s/{transfer.id}",
        "committed": transfer.row.status == "completed",
        "payout_at": seconds(transfer.time),
    }
