"""Runs coinbase-advanced-py against a host. Jobs on stdin, answers on stdout; by the Python of `.venv-peers`."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

from __future__ import annotations

import json
import sys
from typing import Any

from coinbase.rest import RESTClient
from requests.exceptions import HTTPError


def balances(client: Any) -> dict[str, list[str]]:
    """{currency: [available, hold]}, over all pages."""
    found: dict[str, list[str]] = {}
    cursor = None
    while True:
        page = client.get_accounts(limit=3, cursor=cursor)
        for each in page.accounts:
            found[each.currency] = [each.available_balance["value"], each.hold["value"]]
        if not page.has_next:
            return found
        cursor = page.cursor


def fills(client: Any) -> list[list[str]]:
    """[entry id, order id, product, side, price, size, commission], over all pages."""
    found: list[list[str]] = []
    cursor = None
    while True:
        page = client.get_fills(limit=60, cursor=cursor)
        found += [[e.entry_id, e.order_id, e.product_id, e.side, e.price, e.size, e.commission] for e in page.fills]
        cursor = page.cursor
        if not cursor:
            return found


def wallet_rows(client: Any) -> dict[str, list[list[str]]]:
    """{currency: [[id, status, amount]]} of the v2 ledger, over all pages."""
    found: dict[str, list[list[str]]] = {}
    for account in client.get("/v2/accounts", {"limit": 100})["data"]:
        rows: list[list[str]] = []
        path, after = f"/v2/accounts/{account['id']}/transactions", None
        while True:
            page = client.get(path, {"limit": 50, "starting_after": after})
            rows += [[e["id"], e["status"], e["amount"]["amount"]] for e in page["data"]]
            after = page["pagination"]["next_starting_after"]
            if not after:
                break
        found[f"{account['type'] if account['primary'] else 'other'}:{account['currency']['code']}"] = rows
    return found


def everything(client: Any) -> dict[str, Any]:
    """All reads that a tracker needs, and some more."""
    permissions = client.get_api_key_permissions()
    first = client.get_portfolios().portfolios[0]
    open_orders = client.list_orders(order_status=["OPEN"]).orders
    return {
        "permissions": [permissions.can_view, permissions.can_trade, permissions.can_transfer],
        "portfolio": permissions.portfolio_uuid,
        "breakdown": client.get_portfolio_breakdown(first.uuid).to_dict()["breakdown"]["portfolio"]["uuid"],
        "balances": balances(client),
        "fills": fills(client),
        "rows": wallet_rows(client),
        "open": [[e.order_id, e.product_id, e.side, e.status] for e in open_orders],
        "order": client.get_order(open_orders[0].order_id).order.order_id,
        "products": len(client.get_products().products),
        "public_products": len(client.get_public_products().products),
        "fee": client.get_transaction_summary().fee_tier["taker_fee_rate"],
        "methods": len(client.list_payment_methods().payment_methods),
        "book": client.get_product_book("BTC-USD", limit=3).pricebook.product_id,
        "best": client.get_best_bid_ask(["ETH-USD"]).pricebooks[0].product_id,
        "clock": client.get_unix_time().epoch_seconds
        if hasattr(client.get_unix_time(), "epoch_seconds")
        else client.get_unix_time()["epochSeconds"],
    }


def trade(client: Any) -> dict[str, Any]:
    """Preview, place, look, edit, cancel; a market order; one that cannot be."""
    dry = client.preview_limit_order_gtc("ETH-USD", "BUY", "0.02", "100")
    placed = client.limit_order_gtc_buy("official-1", "ETH-USD", "0.02", "100")
    order_id = placed.success_response["order_id"]
    shown = [e.order_id for e in client.list_orders(order_status=["OPEN"]).orders]
    edited = client.edit_order(order_id, size="0.01", price="90")
    cancelled = client.cancel_orders([order_id]).results[0]
    bought = client.market_order_buy("official-2", "ETH-USD", quote_size="15")
    refused = client.limit_order_gtc_buy("official-3", "ETH-USD", "900000", "100")
    return {
        "errs": dry.errs,
        "placed": placed.success,
        "shown": order_id in shown,
        "edited": edited.success,
        "cancelled": cancelled.success,
        "bought": bought.success,
        "refused": [refused.success, refused.error_response["error"]],
        "order": order_id,
    }


def move(client: Any) -> dict[str, Any]:
    """Move funds between portfolios."""
    one, two = client.get_portfolios().portfolios[:2]
    moved = client.move_portfolio_funds("1.5", "USD", one.uuid, two.uuid)
    return {"moved": moved.target_portfolio_uuid == two.uuid}


def done(host: str, job: dict[str, str]) -> dict[str, Any]:
    """One job, or the error that came of it."""
    client = RESTClient(api_key=job["key"], api_secret=job["secret"], base_url=host, timeout=30)
    try:
        return {"everything": everything, "trade": trade, "move": move}[job["do"]](client)
    except HTTPError as error:
        return {"error": str(error), "status": error.response.status_code}


given = json.load(sys.stdin)
json.dump([done(given["host"], each) for each in given["jobs"]], sys.stdout)
