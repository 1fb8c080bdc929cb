"""ccxt against the fake Binance: a job as JSON on stdin, what it saw as JSON on stdout."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import sys
import time

import ccxt

DAY = 86_400_000


def _connect(job: dict) -> ccxt.binance:
    exchange = ccxt.binance({"apiKey": job["key"], "secret": job["secret"], "enableRateLimit": False})
    for name, address in exchange.urls["api"].items():
        for host, stand_in in job["hosts"].items():
            if isinstance(address, str) and address.startswith(f"https://{host}/"):
                exchange.urls["api"][name] = address.replace(f"https://{host}", stand_in)
    exchange.options["fetchOpenOrders"] = {"warnWithoutSymbol": False}
    exchange.number = str  # exact figures instead of floats
    exchange.load_markets()
    return exchange


def _trades(exchange: ccxt.binance, symbol: str) -> list[dict]:
    found: list[dict] = []
    while page := exchange.fetch_my_trades(
        symbol, limit=20, params={"fromId": int(found[-1]["id"]) + 1 if found else 0}
    ):
        found += page
    return found


def _windows(fetch) -> list[dict]:  # noqa: ANN001
    now = int(time.time() * 1000)
    found = [row for start in range(now - 1200 * DAY, now, 90 * DAY) for row in fetch(start)]
    return list({row["id"]: row for row in found}.values())


def _spot(exchange: ccxt.binance) -> list[str]:
    return [symbol for symbol, market in exchange.markets.items() if market["spot"]]


def _beyond(exchange: ccxt.binance) -> dict:
    """Margin and futures."""
    since = int(time.time() * 1000) - 85 * DAY
    swaps = ("BTC/USDT:USDT", "BTC/USD:BTC")
    kinds = {
        "margin": {"type": "margin"},
        "future": {"type": "swap", "subType": "linear"},
        "delivery": {"type": "swap", "subType": "inverse"},
    }
    totals = {name: exchange.fetch_balance(asked)["total"] for name, asked in kinds.items()}
    funding = exchange.fetch_funding_history("BTC/USDT:USDT", since=since, limit=1000)
    interest = [
        exchange.fetch_borrow_interest(
            since=since + at * 30 * DAY, limit=100, params={"endTime": since + at * 30 * DAY + 30 * DAY - 1}
        )
        for at in range(3)
    ]
    return {
        "totals": {kind: {k: v for k, v in total.items() if float(v)} for kind, total in totals.items()},
        "income": [
            row["id"] for row in exchange.fetch_ledger(since=since - DAY, limit=1000, params={"type": "future"})
        ],
        "funding": [row["id"] for row in funding],
        "trades": {name: [e["id"] for e in exchange.fetch_my_trades(name, params={"fromId": 0})] for name in swaps},
        "interest": [row["info"]["txId"] for rows in interest for row in rows],
        "margin trades": [
            e["id"] for e in exchange.fetch_my_trades("SOL/USDT", params={"marginMode": "cross", "fromId": 0})
        ],
    }


def _read(exchange: ccxt.binance) -> dict:
    balance = exchange.fetch_balance()
    to_funding = {"fromAccount": "spot", "toAccount": "funding"}
    trades = [each for symbol in _spot(exchange) for each in _trades(exchange, symbol)]
    return {
        "total": {asset: amount for asset, amount in balance["total"].items() if float(amount)},
        "funding": exchange.fetch_balance({"type": "funding"})["total"],
        "trades": [
            [e["symbol"].replace("/", ""), e["id"], e["side"], e["amount"], e["cost"], e["fee"]] for e in trades
        ],
        "orders": [
            [e["id"], e["symbol"], e["side"], e["price"], e["amount"], e["filled"]]
            for e in exchange.fetch_open_orders()
        ],
        "deposits": [[e["id"], e["status"]] for e in _windows(lambda at: exchange.fetch_deposits(since=at))],
        "withdrawals": [[e["id"], e["status"]] for e in _windows(lambda at: exchange.fetch_withdrawals(since=at))],
        "last": exchange.fetch_ticker("BTC/USDT")["last"],
        "candles": len(exchange.fetch_ohlcv("BTC/USDT", "1d")),
        "currencies": sorted(exchange.currencies),
        "restrictions": exchange.sapiGetAccountApiRestrictions(),
        "transfers": [e["id"] for e in exchange.fetch_transfers(params=to_funding)],
    }


def _trade(exchange: ccxt.binance) -> dict:
    low = exchange.price_to_precision("BTC/USDT", float(exchange.fetch_ticker("BTC/USDT")["last"]) / 2)
    placed = exchange.create_order("BTC/USDT", "limit", "buy", "0.001", low)
    seen = [each["id"] for each in exchange.fetch_open_orders("BTC/USDT")]
    cancelled = exchange.cancel_order(placed["id"], "BTC/USDT")
    bought = exchange.create_order("BTC/USDT", "market", "buy", "0.001")
    return {
        "placed": placed["id"],
        "seen": seen,
        "status": cancelled["status"],
        "left": [each["id"] for each in exchange.fetch_open_orders("BTC/USDT")],
        "bought": [bought["status"], bought["filled"], bought["fee"]["currency"]],
    }


def _withdraw(exchange: ccxt.binance) -> dict:
    return {"id": exchange.withdraw("USDT", "20", "TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE")["id"]}


def _fail(exchange: ccxt.binance, call: str) -> dict:
    try:
        {"order": lambda: _trade(exchange), "withdraw": lambda: _withdraw(exchange)}[call]()
    except ccxt.BaseError as no:
        return {"class": type(no).__name__, "text": str(no)}
    return {"class": "", "text": ""}


def main(job: dict) -> dict:
    """Do what the job says."""
    try:
        exchange = _connect(job)
    except ccxt.BaseError as no:
        return {"class": type(no).__name__, "text": str(no)}
    if job["do"] in {"order", "withdraw"}:
        return _fail(exchange, job["do"])
    return {"read": _read, "trade": _trade, "send": _withdraw, "beyond": _beyond}[job["do"]](exchange)


sys.stdout.write(json.dumps(main(json.load(sys.stdin))))
