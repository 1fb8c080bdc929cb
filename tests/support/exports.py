"""The files that a user would download from the sandbox's exchanges, written as each exchange writes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from support.kraken import Client
from support.sandbox import Sandbox

KRAKEN = ("txid", "refid", "time", "type", "subtype", "aclass", "asset", "amount", "fee", "balance")
BINANCE = ("User_ID", "UTC_Time", "Account", "Operation", "Coin", "Change", "Remark")
COINBASE = (
    *("ID", "Timestamp", "Transaction Type", "Asset", "Quantity Transacted", "Price Currency", "Price at Transaction"),
    *("Subtotal", "Total (inclusive of fees and/or spread)", "Fees and/or Spread", "Notes"),
)
_OPERATIONS = {
    "trade": "Transaction Related",
    "deposit": "Deposit",
    "withdrawal": "Withdraw",
    "convert": "Binance Convert",
    "dust": "Small assets exchange BNB",
    "reward": "Distribution",
    "transfer": "Transfer Between Main and Funding Wallet",
    "earn-subscribe": "Simple Earn Flexible Subscription",
    "earn-redeem": "Simple Earn Flexible Redemption",
    "earn-reward": "Simple Earn Flexible Interest",
    "locked-subscribe": "Simple Earn Locked Subscription",
    "locked-redeem": "Simple Earn Locked Redemption",
    "margin-trade": "Transaction Related",
    "margin-interest": "Margin Fee",
    "fiat": "Fiat Deposit",
    "fiat-buy": "Buy Crypto With Fiat",
    "c2c": "P2P Trading",
    "pay": "Transfer",
    "REALIZED_PNL": "Realized Profit and Loss",
    "COMMISSION": "Fee",
    "INSURANCE_CLEAR": "Insurance Fund Compensation",
}
#: Of futures, what has no name of its own above.
_INCOME = {"fee": "Funding Fee", "reward": "Commission Rebate", "trade": "Realized Profit and Loss"}
_PLACES = {
    "margin": "CrossMargin",
    "margin-isolated": "Isolated Margin",
    "futures-usd-m": "USD-MFutures",
    "futures-coin-m": "Coin-MFutures",
    "earn-locked": "Earn",
}
_REMARKS = {"pay": "Binance Pay - P_A1"}
_TYPES = {"deposit": "Receive", "withdrawal": "Send", "reward": "Staking Income"}

Rows = list[tuple[str, ...]]


def text(header: Sequence[str], rows: Iterable[Sequence[str]], *, before: str = "") -> str:
    """The file as text."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([header, *rows])
    return before + out.getvalue()


def kraken(sandbox: Sandbox) -> Rows:
    """Every row of the ledger, with another key of the same account."""

    def send(path: str, headers: dict[str, str], body: bytes) -> bytes:
        return sandbox.request("POST", f"/kraken{path}", headers, body).body

    found = Client(sandbox.key("kraken", "can_trade"), send).all("Ledgers", "ledger")
    names = ("type", "subtype", "aclass", "asset", "amount", "fee", "balance")
    return [
        (row_id, row["refid"], _seconds(datetime.fromtimestamp(int(row["time"]), UTC)), *(row[name] for name in names))
        for row_id, row in found.items()
    ]


def binance(entries: Iterable[Any]) -> Rows:
    """A line per leg; a withdrawal's fee is included."""
    rows: Rows = []
    for entry in entries:
        word, operation = _operation(entry)
        legs = [(leg["account"], leg["asset"], leg["amount"], leg["role"]) for leg in entry["legs"]]
        if word == "fiat-buy":  # of a card's money the file tells nothing
            legs = [] if entry["id"].endswith(":payment") else [leg for leg in legs if not leg[2].startswith("-")]
        if word in ("withdrawal", "fiat", "c2c"):
            whole = sum((Decimal(amount) for *_, amount, _ in legs), Decimal(0))
            legs = [(*legs[0][:2], str(whole), "principal")]
        for account, asset, amount, role in legs:
            what = "Fee" if role == "fee" and word in ("trade", "margin-trade") else operation
            place = _PLACES.get(account, account.title())
            rows.append(("1", _seconds(_time(entry)), place, what, asset, amount, _REMARKS.get(word, "")))
    return rows


def _operation(entry: Any) -> tuple[str, str]:
    """The word that its id begins with, and what the file calls it."""
    word, *more = entry["id"].split(":")
    if word in ("income-um", "income-cm"):
        return word, _OPERATIONS.get(more[0]) or _INCOME.get(entry["kind"], "Asset Recovery")
    return word, _OPERATIONS[word]


def coinbase(entries: Iterable[Any]) -> Rows:
    """A line per event, as older reports had them: without the exchange's ids. What fits no simple type is left out."""
    rows: Rows = []
    for entry in entries:
        sides = [leg for leg in entry["legs"] if leg["role"] == "principal"]
        fee = sum((-Decimal(leg["amount"]) for leg in entry["legs"] if leg["role"] == "fee"), Decimal(0))
        first = sides[0]
        quantity = Decimal(first["amount"])
        word, notes = _TYPES.get(entry["kind"], ""), ""
        if entry["id"].startswith("convert:") and quantity < 0:
            word, notes = (
                "Convert",
                f"Converted {-quantity} {first['asset']} to {sides[1]['amount']} {sides[1]['asset']}",
            )
        if word == "Send":
            quantity -= fee
        if word:
            when = f"{_seconds(_time(entry))} UTC"
            rows.append(("", when, word, first["asset"], str(abs(quantity)), "EUR", "", "", "", "", notes))
    return rows


def _time(entry: Any) -> datetime:
    return datetime.fromisoformat(entry["time"])


def _seconds(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")
