"""python-binance against the fake Binance: a job as JSON on stdin, what it saw as JSON on stdout."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import sys
import time

from binance.client import Client
from binance.exceptions import BinanceAPIException

DAY = 86_400_000


def _connect(job: dict) -> Client:
    class Here(Client):
        API_URL = f"{job['url']}/api"
        MARGIN_API_URL = f"{job['url']}/sapi"
        FUTURES_URL = f"{job['hosts']['fapi.binance.com']}/fapi"
        FUTURES_COIN_URL = f"{job['hosts']['dapi.binance.com']}/dapi"

    if job["secret"].startswith("-----"):
        return Here(job["key"], private_key=job["secret"])
    return Here(job["key"], job["secret"])


def _trades(client: Client, symbol: str) -> list[dict]:
    found: list[dict] = []
    while True:
        page = client.get_my_trades(symbol=symbol, fromId=found[-1]["id"] + 1 if found else 0, limit=20)
        found += page
        if len(page) < 20:
            return found


def _windows(fetch, days: int) -> list[dict]:  # noqa: ANN001
    now = int(time.time() * 1000)
    found: list[dict] = []
    for start in range(now - 1200 * DAY, now, days * DAY):
        page = fetch(startTime=start, endTime=min(start + days * DAY - 1, now))
        found += page if isinstance(page, list) else page.get("rows", page.get("list"))
    return found


def _read(client: Client) -> dict:
    symbols = [each["symbol"] for each in client.get_exchange_info()["symbols"]]
    return {
        "balances": client.get_account(omitZeroBalances="true")["balances"],
        "trades": [row for symbol in symbols for row in _trades(client, symbol)],
        "orders": client.get_open_orders(),
        "permissions": client.get_account_api_permissions(),
        "deposits": _windows(client.get_deposit_history, 90),
        "withdrawals": _windows(client.get_withdraw_history, 90),
        "dividends": _windows(lambda **w: client.get_asset_dividend_history(limit=500, **w), 180),
        "converts": _windows(client.get_convert_trade_history, 30),
        "dust": client.get_dust_log(),
        "funding": client.funding_wallet(),
        "assets": client.get_user_asset(),
        "earn": client.get_simple_earn_flexible_product_position(),
        "fiat": client.get_fiat_deposit_withdraw_history(transactionType=0, beginTime=1),
        "cards": client.get_fiat_payments_history(transactionType=0, beginTime=1),
        "snapshot": client.get_account_snapshot(type="SPOT"),
        "candles": len(client.get_klines(symbol="BTCUSDT", interval="1h", limit=24)),
    }


def _beyond(client: Client) -> dict:
    """Margin, futures, locked earn, payments."""
    since = int(time.time() * 1000) - 89 * DAY
    return {
        "futures": client.futures_account_balance(),
        "coin futures": client.futures_coin_account_balance(),
        "income": client.futures_income_history(startTime=since, limit=1000),
        "coin income": client.futures_coin_income_history(startTime=since, limit=1000),
        "margin": client.get_margin_account()["userAssets"],
        "isolated": client.get_isolated_margin_account()["assets"],
        "locked": client.get_simple_earn_locked_product_position()["rows"],
        "pay": client.get_pay_trade_history()["data"],
        "c2c": client.get_c2c_trade_history(tradeType="BUY")["data"],
    }


def _trade(client: Client) -> dict:
    price = float(client.get_symbol_ticker(symbol="BTCUSDT")["price"])
    placed = client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price=str(round(price / 2)))
    seen = client.get_open_orders(symbol="BTCUSDT")
    cancelled = client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
    return {"placed": placed, "seen": seen, "cancelled": cancelled, "test": client.create_test_order(
        symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001"
    )}  # fmt: skip


def main(job: dict) -> dict:
    """Do what the job says."""
    client = _connect(job)
    do = {
        "read": _read,
        "beyond": _beyond,
        "trade": _trade,
        "send": lambda c: c.withdraw(coin="USDT", address="T1", amount="20"),
        "permission": lambda c: c.get_account_api_permissions(),
    }[job["do"]]
    try:
        return do(client)
    except BinanceAPIException as no:
        return {"status": no.status_code, "code": no.code, "text": no.message}


sys.stdout.write(json.dumps(main(json.load(sys.stdin))))
