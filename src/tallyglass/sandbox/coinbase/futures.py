"""Balances of derivatives: the US futures account (CFM), and the international one (INTX), which this user has not.

docs.cdp.coinbase.com, advanced-trade-api: get-futures-balance-summary, list-futures-positions, list-futures-sweeps,
get-portfolio-balances (perpetuals). A user without positions gets a summary of noughts.
"""

from __future__ import annotations

from typing import Any

from tallyglass.money import ZERO, Amount, add
from tallyglass.sandbox.coinbase.answers import Call, Route, v3_error, value
from tallyglass.sandbox.coinbase.catalog import NATIVE
from tallyglass.sandbox.coinbase.v3 import portfolio_list
from tallyglass.sandbox.model import Outgoing

_NOUGHTS = (
    *("total_open_orders_hold_amount", "unrealized_pnl", "daily_realized_pnl", "initial_margin"),
    *("liquidation_threshold",),
)


def balance_summary(call: Call) -> Outgoing:
    """`cfm_usd_balance` is what the futures account holds; the total counts the dollars of the wallet too."""
    futures, wallet = call.mine.futures, call.mine.find_wallet(NATIVE)
    spot = wallet.balance if wallet else ZERO
    figures = {
        "futures_buying_power": futures,
        "total_usd_balance": add(spot, futures),
        "cbi_usd_balance": spot,
        "cfm_usd_balance": futures,
        "available_margin": futures,
        "liquidation_buffer_amount": futures,
        **dict.fromkeys(_NOUGHTS, ZERO),
    }
    summary: dict[str, Any] = {name: value(figure, NATIVE) for name, figure in figures.items()}
    summary["liquidation_buffer_percentage"] = "1000"
    for window in ("intraday", "overnight"):
        summary[f"{window}_margin_window_measure"] = _window(window, futures)
    return Outgoing.json({"balance_summary": summary})


def _window(name: str, futures: Amount) -> dict[str, str]:
    noughts = dict.fromkeys(("initial_margin", "maintenance_margin", "total_hold"), "0")
    return {
        "margin_window_type": f"FCM_MARGIN_WINDOW_TYPE_{name.upper()}",
        "margin_level": "MARGIN_LEVEL_TYPE_BASE",
        "liquidation_buffer": "1000",
        "futures_buying_power": value(futures, NATIVE)["value"],
        **noughts,
    }


def _none(name: str) -> Any:
    return lambda _: Outgoing.json({name: []})


def no_position(_: Call) -> Outgoing:
    """There is none."""
    raise v3_error(404, "NOT_FOUND", "position not found")


def international(call: Call) -> Outgoing:
    """Only a portfolio of type INTX has balances there, and none of this user's is."""
    if call.path[0] not in {each["uuid"] for each in portfolio_list(call.mine)}:
        raise v3_error(404, "NOT_FOUND", "portfolio not found")
    raise v3_error(403, "PERMISSION_DENIED", "User does not have an INTX portfolio")


_BASE = "/api/v3/brokerage"
ROUTES = [
    Route("GET", f"{_BASE}/cfm/balance_summary", "read", balance_summary),
    Route("GET", f"{_BASE}/cfm/positions", "read", _none("positions")),
    Route("GET", f"{_BASE}/cfm/positions/{{}}", "read", no_position),
    Route("GET", f"{_BASE}/cfm/sweeps", "read", _none("sweeps")),
    Route("GET", f"{_BASE}/intx/balances/{{}}", "read", international),
    Route("GET", f"{_BASE}/intx/portfolio/{{}}", "read", international),
    Route("GET", f"{_BASE}/intx/positions/{{}}", "read", international),
]
