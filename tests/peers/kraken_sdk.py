"""python-kraken-sdk against the fake Kraken: a job as JSON on stdin, what it saw as JSON on stdout."""

# mypy: ignore-errors
# (what it imports is installed in .venv-peers alone)

import io
import json
import sys
import zipfile
from collections.abc import Callable

from kraken.spot import Earn, Funding, Market, Trade, User


def _pages(fetch: Callable[[int], dict], within: str) -> dict:
    found: dict[str, dict] = {}
    while page := fetch(len(found))[within]:
        found |= page
    return found


class Job:
    """One key at work. The SDK drops a path from its base address, so the host is said in a header."""

    def __init__(self, job: dict) -> None:
        self.access = {"key": job["key"], "secret": job["secret"], "url": job["base_url"]}
        User.HEADERS["X-Original-Host"] = "api.kraken.com"

    def read(self) -> dict:
        user, funding, earn = User(**self.access), Funding(**self.access), Earn(**self.access)
        return {
            "balances": user.get_account_balance(),
            "extended": user.get_balances(),
            "trade_balance": user.get_trade_balance("EUR"),
            "ledger": _pages(lambda ofs: user.get_ledgers_info(ofs=ofs), "ledger"),
            "trades": _pages(lambda ofs: user.get_trades_history(ofs=ofs, ledgers=True), "trades"),
            "closed": user.get_closed_orders(trades=True)["count"],
            "orders": user.get_open_orders(trades=True)["open"],
            "positions": user.get_open_positions(),
            "volume": user.get_trade_volume("XBTEUR")["currency"],
            "deposits": funding.get_recent_deposits_status(),
            "withdrawals": funding.get_recent_withdraw_status(cursor=True)["withdrawals"],
            "strategies": [each["asset"] for each in earn.list_earn_strategies()["items"]],
            "allocations": earn.list_earn_allocations(converted_asset="EUR")["items"],
            "pairs": list(Market(url=self.access["url"]).get_asset_pairs("XBTEUR")),
        }

    def export(self) -> dict:
        user = User(**self.access)
        report = user.request_export_report(report="ledgers", description="all", starttm="1")["id"]
        while user.get_export_report_status(report="ledgers")[0]["status"] != "Processed":
            pass
        raw = b"".join(user.retrieve_export(report).iter_content(chunk_size=65536))
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            return {"lines": len(packed.read("ledgers.csv").splitlines())}

    def trade(self) -> dict:
        trade, user = Trade(**self.access), User(**self.access)
        placed = trade.create_order(ordertype="limit", side="buy", pair="XBTEUR", volume="0.001", price="30000.0")
        [txid] = placed["txid"]
        seen = txid in user.get_open_orders()["open"]
        return {"placed": txid, "seen": seen, "cancelled": trade.cancel_order(txid)["count"]}

    def withdraw(self) -> dict:
        return {"id": Funding(**self.access).withdraw_funds(asset="ZEUR", key="cold-1", amount="50")["refid"]}


def main(job: dict) -> dict:
    try:
        return getattr(Job(job), job["do"])()
    except Exception as error:  # noqa: BLE001 what the SDK raises is what the test looks at
        return {"error": type(error).__name__, "text": str(error)}


sys.stdout.write(json.dumps(main(json.load(sys.stdin))))
