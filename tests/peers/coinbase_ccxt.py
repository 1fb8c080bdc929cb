"""Runs ccxt's Coinbase against a host. Jobs on stdin, answers on stdout; by the Python of `.venv-peers`."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

from __future__ import annotations

import json
import sys
from typing import Any

import ccxt


def everything(exchange: Any) -> dict[str, Any]:
    """All reads that a tracker needs."""
    held = exchange.fetch_balance()
    ledger = {}
    for code in ("ETH", "USD"):
        rows: list[Any] = []
        after = None
        while True:
            page = exchange.fetch_ledger(code, limit=40, params={"starting_after": after} if after else {})
            rows += page
            after = page[-1]["info"].get("next_starting_after") if page else None
            if not after:
                break
        ledger[code] = [[e["id"], e["direction"], e["info"]["amount"]["amount"]] for e in rows]
    trades: list[Any] = []
    cursor = None
    while True:
        page = exchange.fetch_my_trades(limit=90, params={"cursor": cursor} if cursor else {})
        trades += page
        cursor = page and next((e["info"]["cursor"] for e in page if "cursor" in e["info"]), None)
        if not cursor:
            break
    return {
        "total": {code: each["total"] for code, each in held.items() if isinstance(each, dict) and "total" in each},
        "ledger": ledger,
        "trades": [[e["info"]["entry_id"], e["symbol"], e["side"], e["amount"], e["cost"]] for e in trades],
        "open": [[e["id"], e["symbol"], e["side"], e["status"]] for e in exchange.fetch_open_orders()],
        "markets": len(exchange.markets),
        "deposits": len(exchange.fetch_deposits("USD")),
        "accounts": len(exchange.fetch_accounts()),
        "time": exchange.fetch_time(),
        "ticker": exchange.fetch_ticker("BTC/USD")["bid"],
        "ohlcv": len(exchange.fetch_ohlcv("BTC/USD", "1h", limit=5)),
    }


def trade(exchange: Any) -> dict[str, Any]:
    """Place, look, cancel; one that cannot be."""
    placed = exchange.create_order("ETH/USD", "limit", "buy", 0.02, 100, {"clientOrderId": "ccxt-1"})
    shown = [e["id"] for e in exchange.fetch_open_orders("ETH/USD")]
    exchange.cancel_order(placed["id"])
    status = exchange.fetch_order(placed["id"])["status"]
    try:
        exchange.create_order("ETH/USD", "limit", "buy", 900000, 100)
        refused = ""
    except ccxt.BaseError as error:
        refused = type(error).__name__
    return {"order": placed["id"], "shown": placed["id"] in shown, "status": status, "refused": refused}


def withdraw(exchange: Any) -> dict[str, Any]:
    """Send coins away."""
    sent = exchange.withdraw("ETH", 0.002, "0x00000000000000000000000000000000000000aa")
    return {"id": sent["id"], "status": sent["status"], "amount": sent["amount"], "fee": sent["fee"]["cost"]}


def done(host: str, job: dict[str, str]) -> dict[str, Any]:
    """One job, or the error that came of it."""
    # with `requests_trust_env` it heeds REQUESTS_CA_BUNDLE
    exchange = ccxt.coinbase({"apiKey": job["key"], "secret": job["secret"], "requests_trust_env": True})
    exchange.number = str  # exact figures instead of floats
    exchange.urls["api"]["rest"] = f"https://{host}"
    try:
        return {"everything": everything, "trade": trade, "withdraw": withdraw}[job["do"]](exchange)
    except ccxt.BaseError as error:
        return {"error": type(error).__name__, "text": str(error)}


given = json.load(sys.stdin)
json.dump([done(given["host"], each) for each in given["jobs"]], sys.stdout)
