"""ccxt against the fake Kraken: a job as JSON on stdin, what it saw as JSON on stdout."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import sys
from collections.abc import Callable

import ccxt


def _connect(job: dict) -> ccxt.kraken:
    exchange = ccxt.kraken({"apiKey": job["key"], "secret": job["secret"], "enableRateLimit": False})
    exchange.urls["api"] |= {"public": job["url"], "private": job["url"]}
    exchange.number = str  # exact figures instead of floats
    exchange.load_markets()
    return exchange


def _pages(fetch: Callable[[dict], list]) -> list[dict]:
    found: dict[str, dict] = {}
    while page := fetch({"ofs": len(found)}):
        found |= {each["id"]: each for each in page}
    return list(found.values())


def _read(exchange: ccxt.kraken) -> dict:
    balance = exchange.fetch_balance()
    return {
        "balances": balance["total"],
        "free": balance["free"],
        "ledger": [
            [row["referenceId"], row["currency"], row["direction"], row["amount"], row["fee"]["cost"], row["type"]]
            for row in _pages(lambda more: exchange.fetch_ledger(params=more))
        ],
        "trades": [
            [each["id"], each["symbol"], each["side"], each["amount"], each["price"], each["cost"]]
            for each in _pages(lambda more: exchange.fetch_my_trades(params=more))
        ],
        "orders": [
            [each["id"], each["symbol"], each["side"], each["price"], each["amount"], each["filled"]]
            for each in exchange.fetch_open_orders()
        ],
        "closed": len(exchange.fetch_closed_orders()),
        "deposits": [each["txid"] for each in exchange.fetch_deposits(params={"start": "0"})],
        "withdrawals": [each["txid"] for each in exchange.fetch_withdrawals()],
        "last": exchange.fetch_ticker("BTC/EUR")["last"],
        "candles": len(exchange.fetch_ohlcv("BTC/EUR", "1d")),
        "status": exchange.fetch_status()["status"],
        "key_info": exchange.private_post_getapikeyinfo()["result"],
    }


def _trade(exchange: ccxt.kraken) -> dict:
    placed = exchange.create_order("ETH/EUR", "limit", "buy", "0.01", "1000")
    seen = [each["id"] for each in exchange.fetch_open_orders()]
    bought = exchange.create_order("BTC/EUR", "market", "buy", "0.001")
    return {"placed": placed["id"], "seen": seen, "bought": bought["id"]}


def main(job: dict) -> dict:
    try:
        exchange = _connect(job)
        return {"read": _read, "trade": _trade, "withdraw": _withdraw}[job["do"]](exchange)
    except ccxt.BaseError as error:
        return {"error": type(error).__name__, "text": str(error)}


def _withdraw(exchange: ccxt.kraken) -> dict:
    return {"id": exchange.withdraw("EUR", "50", "", params={"key": "cold-1"})["id"]}


sys.stdout.write(json.dumps(main(json.load(sys.stdin))))
