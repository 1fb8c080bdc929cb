"""Binance's own SDKs against the fake Binance: a job as JSON on stdin, what they saw as JSON on stdout."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import json
import logging
import sys
import time

from binance_common.configuration import ConfigurationRestAPI
from binance_common.errors import Error
from binance_sdk_spot.spot import Spot
from binance_sdk_wallet.wallet import Wallet

DAY = 86_400_000


class Warnings(logging.Handler):
    """What the SDK complains about: an answer that is not as its models say."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


def _plain(answer) -> object:  # noqa: ANN001
    data = answer.data()
    return [each.to_dict() for each in data] if isinstance(data, list) else data.to_dict()


class Job:
    """One key at work."""

    def __init__(self, job: dict) -> None:
        pem = job["secret"].startswith("-----")
        access = {"private_key": job["secret"]} if pem else {"api_secret": job["secret"]}
        common = ConfigurationRestAPI(api_key=job["key"], base_path=job["url"], timeout=10_000, retries=0, **access)
        self.spot, self.wallet = Spot(common).rest_api, Wallet(common).rest_api

    def trades(self, symbol: str) -> list[dict]:
        found: list[dict] = []
        while True:
            page = _plain(self.spot.my_trades(symbol, from_id=found[-1]["id"] + 1 if found else 0, limit=20))
            found += page
            if len(page) < 20:
                return found

    def windows(self, fetch, days: int) -> list[dict]:  # noqa: ANN001
        now = int(time.time() * 1000)
        found: list[dict] = []
        for start in range(now - 1200 * DAY, now, days * DAY):
            page = fetch(start_time=start, end_time=min(start + days * DAY - 1, now)).data()
            rows = page if isinstance(page, list) else page.rows
            found += [row.to_dict() for row in rows]
        return found

    def read(self) -> dict:
        spot, wallet = self.spot, self.wallet
        symbols = [each["symbol"] for each in _plain(spot.exchange_info())["symbols"]]
        used = spot.get_account(omit_zero_balances=True)
        return {
            "account": _plain(used),
            "every coin": len(_plain(spot.get_account())["balances"]),
            "rate limits": [each.count for each in used.rate_limits or []],
            "trades": [row for symbol in symbols for row in self.trades(symbol)],
            "orders": _plain(spot.get_open_orders()),
            "past": _plain(spot.all_orders("BTCUSDT")),
            "one": [_plain(spot.get_order(row["symbol"], row["orderId"])) for row in _plain(spot.get_open_orders())],
            "prices": spot.ticker_price(symbols=["BTCUSDT", "ETHBTC"]).data().to_dict(),
            "day": spot.ticker24hr(symbol="BTCUSDT").data().to_dict(),
            "candles": len(spot.klines("BTCUSDT", "1d", limit=7).data()),
            "time": _plain(spot.time()),
            "commission": _plain(spot.account_commission("BTCUSDT")),
            "permission": _plain(wallet.get_api_key_permission()),
            "status": [_plain(each()) for each in (wallet.account_status, wallet.account_info, wallet.system_status)],
            "coins": _plain(wallet.all_coins_information()),
            "deposits": self.windows(wallet.deposit_history, 90),
            "withdrawals": self.windows(wallet.withdraw_history, 90),
            "dividends": self.windows(lambda **w: wallet.asset_dividend_record(limit=500, **w), 180),
            "dust": _plain(wallet.dustlog()),
            "funding": _plain(wallet.funding_wallet(need_btc_valuation=True)),
            "assets": _plain(wallet.user_asset(need_btc_valuation=True)),
            "wallets": _plain(wallet.query_user_wallet_balance()),
            "snapshot": _plain(wallet.daily_account_snapshot("SPOT")),
            "transfers": _plain(wallet.query_user_universal_transfer_history("MAIN_FUNDING")),
            "fees": len(_plain(wallet.trade_fee())),
        }

    def permission(self) -> dict:
        return _plain(self.wallet.get_api_key_permission())

    def trade(self) -> dict:
        price = float(self.spot.ticker_price(symbol="BTCUSDT").data().to_dict()["price"])
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
        placed = _plain(self.spot.new_order(quantity=0.002, price=round(price / 2), **order))
        seen = _plain(self.spot.get_open_orders("BTCUSDT"))
        cancelled = _plain(self.spot.delete_order("BTCUSDT", order_id=placed["orderId"]))
        bought = _plain(self.spot.new_order("BTCUSDT", "BUY", "MARKET", quote_order_qty=50))
        return {"placed": placed, "seen": seen, "cancelled": cancelled, "bought": bought}

    def send(self) -> dict:
        return _plain(self.wallet.withdraw("USDT", "TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE", 20.5))

    def move(self) -> dict:
        return _plain(self.wallet.user_universal_transfer("MAIN_FUNDING", "USDT", 2.5))


def main(job: dict) -> dict:
    """Do what the job says."""
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    try:
        done = getattr(Job(job), job["do"])()
    except Error as no:
        return {"class": type(no).__name__, "text": str(no), "code": getattr(no, "status_code", None)}
    return {**done, "warnings": warnings.told}


sys.stdout.write(json.dumps(main(json.load(sys.stdin)), default=str))
