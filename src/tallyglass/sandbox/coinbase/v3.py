"""The v3 (Advanced Trade) reads of an account: permissions, wallets, portfolios, orders, fills, fees, bank accounts."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tallyglass.money import ROUNDED, ZERO, Amount, divide, multiply, subtract, text, total
from tallyglass.sandbox.coinbase.account import Account, Wallet
from tallyglass.sandbox.coinbase.answers import (
    Call,
    Route,
    cursor_from,
    cursor_to,
    limit_of,
    micros,
    millis,
    moment_of,
    v3_error,
    value,
)
from tallyglass.sandbox.coinbase.catalog import LISTED, MAKER, NATIVE, TAKER, priced_as
from tallyglass.sandbox.coinbase.rows import fill_v3, order_v3
from tallyglass.sandbox.coinbase.timeline import Place, Timeline
from tallyglass.sandbox.model import Outgoing

STATUSES = frozenset(
    ("PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED")
)
SECOND_PORTFOLIO = "Bots"


def key_permissions(call: Call) -> Outgoing:
    """What the calling key may do, and its portfolio."""
    assert call.key is not None  # noqa: S101 -- the route has a scope
    rights = call.key.rights
    return Outgoing.json(
        {
            "can_view": "read" in rights,
            "can_trade": "trade" in rights,
            "can_transfer": bool(rights & {"withdraw", "transfer"}),
            "portfolio_uuid": call.mine.user_id,
            "portfolio_type": "DEFAULT",
        }
        | dict.fromkeys(call.key.memory.get("also", ()), True)
    )


def _wallet(account: Account, wallet: Wallet, held: Amount) -> dict[str, Any]:
    fiat = wallet.kind == "fiat"
    return {
        "uuid": wallet.id,
        "name": f"{wallet.currency} Wallet",
        "currency": wallet.currency,
        "available_balance": value(subtract(wallet.balance, held), wallet.currency),
        "default": True,
        "active": True,
        "created_at": millis(wallet.created),
        "updated_at": millis(wallet.updated or wallet.created),
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if fiat else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": value(held, wallet.currency),
        "retail_portfolio_id": account.user_id,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def _tradable(account: Account) -> list[Wallet]:
    # vaults and what is staked are not part of the trading view
    return [wallet for wallet in account.wallets.values() if wallet.primary]


def accounts(call: Call) -> Outgoing:
    """A page of wallets; the cursor is the id of the last one shown."""
    account = call.mine
    wallets = _tradable(account)
    limit, cursor = limit_of(call.one("limit"), 49, 250), call.one("cursor")
    ids = [wallet.id for wallet in wallets]
    if cursor and cursor not in ids:
        raise v3_error(400, "INVALID_ARGUMENT", "invalid cursor")
    start = ids.index(cursor) + 1 if cursor else 0
    limit = call.request.shrunk(limit)
    page = wallets[max(start - call.request.overlap, 0) if cursor else 0 : start + limit]
    more = start + limit < len(wallets)
    holds = account.holds()
    return Outgoing.json(
        {
            "accounts": [_wallet(account, wallet, holds.get(wallet.currency, ZERO)) for wallet in page],
            "has_next": more,
            "cursor": page[-1].id if more else "",
            "size": len(page),
        }
    )


def one_account(call: Call) -> Outgoing:
    """One wallet by its UUID."""
    for wallet in _tradable(call.mine):
        if wallet.id == call.path[0]:
            held = call.mine.holds().get(wallet.currency, ZERO)
            return Outgoing.json({"account": _wallet(call.mine, wallet, held)})
    raise v3_error(404, "NOT_FOUND", "account not found")


def portfolio_list(account: Account) -> list[dict[str, Any]]:
    """The default portfolio and a second one that this key cannot look into."""
    second = account.ids.uuid("portfolio", account.name, SECOND_PORTFOLIO)
    return [
        {"name": "Default", "uuid": account.user_id, "type": "DEFAULT", "deleted": False},
        {"name": SECOND_PORTFOLIO, "uuid": second, "type": "CONSUMER", "deleted": False},
        *({"name": n, "uuid": u, "type": "CONSUMER", "deleted": False} for u, n in account.portfolios.items()),
    ]


def portfolios(call: Call) -> Outgoing:
    """All portfolios of the user."""
    kind = call.one("portfolio_type")
    found = [each for each in portfolio_list(call.mine) if kind in ("", "UNDEFINED", each["type"])]
    return Outgoing.json({"portfolios": found})


def portfolio(call: Call) -> Outgoing:
    """What is in a portfolio, priced."""
    account = call.mine
    found = next((each for each in portfolio_list(account) if each["uuid"] == call.path[0]), None)
    if found is None:
        raise v3_error(404, "NOT_FOUND", "portfolio not found")
    if found["type"] == "DEFAULT":
        held = {wallet.currency: wallet.balance for wallet in _tradable(account) if wallet.balance != ZERO}
    else:
        held = dict(account.moved) if found["name"] == SECOND_PORTFOLIO else {}
    worth = {currency: multiply(amount, call.prices.usd(priced_as(currency))) for currency, amount in held.items()}
    everything = total(worth.values())
    cash = total(amount for currency, amount in worth.items() if LISTED[currency].fiat)
    sums = {
        "total_balance": everything,
        "total_futures_balance": ZERO,
        "total_cash_equivalent_balance": cash,
        "total_crypto_balance": subtract(everything, cash),
        "futures_unrealized_pnl": ZERO,
        "perp_unrealized_pnl": ZERO,
        "total_equities_balance": ZERO,
    }
    holds = account.holds() if found["type"] == "DEFAULT" else {}
    return Outgoing.json(
        {
            "breakdown": {
                "portfolio": found,
                "portfolio_balances": {name: value(_cents(amount), NATIVE) for name, amount in sums.items()},
                "spot_positions": [
                    _position(account, currency, held[currency], holds.get(currency, ZERO), everything)
                    for currency in held
                ],
                "perp_positions": [],
                "futures_positions": [],
                "prediction_markets_positions": [],
                "equity_positions": [],
            }
        }
    )


def _cents(amount: Amount) -> Amount:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP, context=ROUNDED)


def _position(account: Account, currency: str, amount: Amount, hold: Amount, everything: Amount) -> dict[str, Any]:
    worth = multiply(amount, account.prices.usd(priced_as(currency)))
    free = subtract(amount, hold)
    free_worth = _number(_cents(multiply(free, account.prices.usd(priced_as(currency)))))
    return {
        "asset": currency,
        "account_uuid": account.wallet(currency).id,
        "total_balance_fiat": _number(_cents(worth)),
        "total_balance_crypto": _number(amount),
        "available_to_trade_fiat": free_worth,
        "allocation": _number(divide(worth, everything).quantize(Decimal("0.0001"), context=ROUNDED))
        if everything
        else 0,
        "cost_basis": value(ZERO, NATIVE),
        "asset_img_url": "",
        "is_cash": LISTED[currency].fiat,
        "average_entry_price": value(ZERO, NATIVE),
        "asset_uuid": account.ids.uuid("asset", currency),
        "available_to_trade_crypto": _number(free),
        "unrealized_pnl": 0,
        "available_to_transfer_fiat": free_worth,
        "available_to_transfer_crypto": _number(free),
        "asset_color": LISTED[currency].color,
        "account_type": "ACCOUNT_TYPE_UNKNOWN_UNSPECIFIED",
        "funding_pnl": 0,
        "available_to_send_fiat": free_worth,
        "available_to_send_crypto": _number(free),
    }


def _number(amount: Amount) -> float:
    # this endpoint alone prints JSON numbers; nothing is ever reckoned with them
    return float(amount)


def orders(call: Call) -> Outgoing:
    """A page of orders, newest first."""
    statuses = set(call.many("order_status"))
    if not statuses <= STATUSES:
        raise v3_error(400, "INVALID_ARGUMENT", f"invalid order status: {min(statuses - STATUSES)[:40]}")
    if "OPEN" in statuses and len(statuses) > 1:
        raise v3_error(400, "INVALID_ARGUMENT", "cannot query OPEN orders together with other statuses")
    products, side = set(call.many("product_ids", "product_id")), call.one("order_side")
    wanted, types = set(call.many("order_ids", "order_id")), set(call.many("order_types", "order_type"))
    assets = set(call.many("asset_filters"))
    hidden = call.one("order_placement_source", "RETAIL_ADVANCED") == "RETAIL_SIMPLE"
    other_kind = call.one("product_type", "SPOT") not in ("SPOT", "UNKNOWN_PRODUCT_TYPE")
    account = call.mine
    if account.proof_required:
        return Outgoing.json({"orders": [], "has_next": False, "cursor": "", "proof_token_required": True})
    low, high = _bounds(call, "start_date", "end_date") if statuses != {"OPEN"} else (None, None)
    timeline = account.orders
    if statuses == {"OPEN"}:
        timeline = Timeline()
        for order in account.open.values():
            timeline.add(order)
    stop = len(timeline) if high is None else timeline.since(high)
    found, more = timeline.back(
        *_place(call, timeline, stop, limit_of(call.one("limit"), 1000, 1000)),
        0 if low is None else timeline.since(low),
        lambda order: (
            not (hidden or other_kind)
            and (not statuses or order.status in statuses)
            and (not products or order.product in products)
            and (not wanted or order.id in wanted)
            and (not types or _order_type(order.style) in types)
            and (not side or order.side.upper() == side)
            and (not assets or order.base in assets)
        ),
    )
    return Outgoing.json(
        {
            "orders": [order_v3(account, order) for order in found],
            "sequence": "0",
            "has_next": more,
            "cursor": cursor_to((found[-1].time, found[-1].n)) if more else "",
            "proof_token_required": False,
        }
    )


def _place(call: Call, timeline: Timeline[Any], newest: int, limit: int) -> tuple[int, int]:
    """Before which place a page begins, and how many rows it holds."""
    size = call.request.shrunk(limit)
    if not call.one("cursor"):
        return newest, size
    asked = min(newest, timeline.index(cursor_from(call.one("cursor"))))
    place = min(newest, asked + call.request.overlap)
    return place, size + place - asked


def _order_type(style: str) -> str:
    if style.startswith("stop_limit"):
        return "STOP_LIMIT"
    return "MARKET" if style.startswith("market") else "LIMIT"


def _bounds(call: Call, first: str, last: str) -> tuple[datetime | None, datetime | None]:
    since, until = call.one(first), call.one(last)
    return moment_of(since) if since else None, moment_of(until) if until else None


def one_order(call: Call) -> Outgoing:
    """One order by its id."""
    order = call.mine.order_of.get(call.path[0])
    if order is None:
        raise v3_error(404, "NOT_FOUND", "order with this orderID was not found")
    return Outgoing.json({"order": order_v3(call.mine, order)})


def fills(call: Call) -> Outgoing:
    """A page of fills, newest first. There is no `has_next`: an empty cursor ends the walk."""
    account = call.mine
    if call.one("sort_by", "TRADE_TIME") not in ("TRADE_TIME", "UNKNOWN_SORT_BY"):
        raise v3_error(400, "INVALID_ARGUMENT", "unsupported sort_by")
    products, wanted = set(call.many("product_ids", "product_id")), set(call.many("order_ids", "order_id"))
    trades = set(call.many("trade_ids"))
    if account.proof_required:
        return Outgoing.json({"fills": [], "cursor": "", "proof_token_required": True})
    low, high = _bounds(call, "start_sequence_timestamp", "end_sequence_timestamp")
    timeline = account.fills
    stop = len(timeline) if high is None else timeline.since(high)
    found, more = timeline.back(
        *_place(call, timeline, stop, limit_of(call.one("limit"), 100, 3000)),
        0 if low is None else timeline.since(low),
        lambda fill: (
            (not products or fill.order.product in products)
            and (not wanted or fill.order.id in wanted)
            and (not trades or account.ids.uuid("trade", account.name, fill.n) in trades)
        ),
    )
    last: Place | None = (found[-1].time, found[-1].n) if more else None
    return Outgoing.json(
        {
            "fills": [fill_v3(account, each) for each in found],
            "cursor": cursor_to(last) if last else "",
            "proof_token_required": False,
        }
    )


def transaction_summary(call: Call) -> Outgoing:
    """The fee tier, and the worth of what can be traded."""
    account = call.mine
    worth = total(multiply(w.balance, call.prices.usd(priced_as(w.currency))) for w in _tradable(account))
    return Outgoing.json(
        {
            "total_volume": 0,
            "total_fees": 0,
            "fee_tier": {
                "pricing_tier": "Advanced 1",
                "usd_from": "",
                "usd_to": "",
                "taker_fee_rate": text(TAKER),
                "maker_fee_rate": text(MAKER),
                "aop_from": "0",
                "aop_to": "1000000",
                "perps_vol_from": "",
                "perps_vol_to": "",
                "futures_vol_from": "",
                "futures_vol_to": "",
                "volume_types_and_range": [
                    {"volume_types": ["VOLUME_TYPE_SPOT"], "vol_from": "1000", "vol_to": "10000"},
                ],
            },
            "margin_rate": None,
            "goods_and_services_tax": None,
            "advanced_trade_only_volume": 0,
            "advanced_trade_only_fees": 0,
            "coinbase_pro_volume": 0,
            "coinbase_pro_fees": 0,
            "total_balance": text(_cents(worth)),
            "has_promo_fee": False,
            "volume_breakdown": [{"volume_type": "VOLUME_TYPE_SPOT", "volume": 0}],
            "has_cost_plus_commission": False,
        }
    )


def payment_method(account: Account) -> dict[str, Any]:
    """The one bank account that is linked."""
    since = micros(account.opened)
    return {
        "id": account.ids.uuid("bank", account.name),
        "type": "ACH",
        "name": "EXAMPLE BANK ******4321",
        "currency": NATIVE,
        "verified": True,
        "allow_buy": True,
        "allow_sell": True,
        "allow_deposit": True,
        "allow_withdraw": True,
        "created_at": since,
        "updated_at": since,
    }


def payment_methods(call: Call) -> Outgoing:
    """All linked bank accounts."""
    return Outgoing.json({"payment_methods": [payment_method(call.mine)]})


def one_payment_method(call: Call) -> Outgoing:
    """One linked bank account."""
    found = payment_method(call.mine)
    if found["id"] != call.path[0]:
        raise v3_error(404, "NOT_FOUND", "payment method not found")
    return Outgoing.json({"payment_method": found})


_BASE = "/api/v3/brokerage"
ROUTES = [
    Route("GET", f"{_BASE}/key_permissions", "read", key_permissions),
    Route("GET", f"{_BASE}/accounts", "read", accounts),
    Route("GET", f"{_BASE}/accounts/{{}}", "read", one_account),
    Route("GET", f"{_BASE}/portfolios", "read", portfolios),
    Route("GET", f"{_BASE}/portfolios/{{}}", "read", portfolio),
    Route("GET", f"{_BASE}/orders/historical/batch", "read", orders),
    Route("GET", f"{_BASE}/orders/historical/fills", "read", fills),
    Route("GET", f"{_BASE}/orders/historical/{{}}", "read", one_order),
    Route("GET", f"{_BASE}/transaction_summary", "read", transaction_summary),
    Route("GET", f"{_BASE}/payment_methods", "read", payment_methods),
    Route("GET", f"{_BASE}/payment_methods/{{}}", "read", one_payment_method),
]
