"""A careful client of the fake Binance: what margin, futures, locked earn and payments tell, made into entries."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from typing import Any

from support.binance import DAY, REACH, Bench, Denied, pages

Legs = list[tuple[str, str, Decimal, str]]
Entries = dict[str, tuple[str, Legs]]

WALLETS = {
    "MAIN": "spot",
    "FUNDING": "funding",
    "MARGIN": "margin",
    "ISOLATEDMARGIN": "margin-isolated",
    "UMFUTURE": "futures-usd-m",
    "CMFUTURE": "futures-coin-m",
}
PAID_BY = {"1": "funding", "2": "spot"}
KINDS = {
    "COMMISSION": "fee",
    "FUNDING_FEE": "fee",
    "INSURANCE_CLEAR": "fee",
    "REALIZED_PNL": "trade",
    "WELCOME_BONUS": "reward",
    "REFERRAL_KICKBACK": "reward",
}
LOCKED = "GET /sapi/v1/simple-earn/locked"
SYMBOLS = ("BNBUSDT", "ETHUSDT", "SOLUSDT")


def d(row: dict[str, Any], name: str) -> Decimal:
    return Decimal(row[name])


def back(bench: Bench, reach: int, days: int) -> Iterator[dict[str, Any]]:
    """Windows of so many days over the last `reach` days, from the oldest on."""
    for first in range(bench.ms - reach * DAY, bench.ms, days * DAY):
        bench.now += 0.5
        yield {"startTime": first, "endTime": min(first + days * DAY - 1, bench.ms)}


def transfers(bench: Bench) -> Entries:
    found: Entries = {}
    for source, target in product(WALLETS.items(), repeat=2):
        sides = {"fromSymbol": source[0], "toSymbol": target[0]}
        asked: dict[str, Any] = {name: "ETHUSDT" for name, word in sides.items() if word == "ISOLATEDMARGIN"}
        asked |= {"type": f"{source[0]}_{target[0]}", "startTime": bench.ms - 182 * DAY, "size": 100}
        try:
            rows = bench.ask("GET /sapi/v1/asset/transfer", **asked).get("rows", [])
        except Denied as no:
            assert no.code == -1130  # no such type  # noqa: PT017
            continue
        for row in rows:
            amount = d(row, "amount")
            legs = [(source[1], row["asset"], -amount, "principal"), (target[1], row["asset"], amount, "principal")]
            found[f"transfer:{row['tranId']}"] = ("transfer", legs)
    return found


def incomes(bench: Bench, path: str, house: str, wallet: str, size: int) -> Entries:
    """Page by page on time alone: the next page begins with the last millisecond seen."""
    found: Entries = {}
    start = bench.ms - 90 * DAY
    while True:
        bench.now += 1
        rows = bench.ask(f"GET {path}/v1/income", startTime=start, limit=size)
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
        for row in rows:
            kind = KINDS.get(row["incomeType"])
            if kind:
                leg = (wallet, row["asset"], d(row, "income"), "fee" if kind == "fee" else "principal")
                found[f"income-{house}:{row['incomeType']}:{row['tranId']}"] = (kind, [leg])
        if len(rows) < size:
            return found
        start = rows[-1]["time"]


def margin(bench: Bench) -> Entries:
    found: Entries = {}
    for pair in ("", "ETHUSDT"):
        wallet = "margin-isolated" if pair else "margin"
        asked: dict[str, Any] = {"isolatedSymbol": pair} if pair else {}
        for window in back(bench, 90, 30):
            rows = []
            for current in range(1, 5):
                rows += bench.ask("GET /sapi/v1/margin/interestHistory", size=50, current=current, **window, **asked)[
                    "rows"
                ]
            for row in rows:
                legs = [(wallet, row["asset"], -d(row, "interest"), "fee")]
                found[f"margin-interest:{row['txId']}"] = ("fee", legs)
        for symbol in SYMBOLS:
            for row in bench.ask(
                "GET /sapi/v1/margin/myTrades", symbol=symbol, fromId=0, isIsolated=str(bool(pair)).upper()
            ):
                sign = 1 if row["isBuyer"] else -1
                base, cost = sign * d(row, "qty"), -sign * d(row, "qty") * d(row, "price")
                legs = [(wallet, symbol[:3], base, "principal"), (wallet, "USDT", cost, "principal")]
                legs.append((wallet, row["commissionAsset"], -d(row, "commission"), "fee"))
                found[f"margin-trade:{symbol}:{row['id']}"] = ("trade", legs)
    return found


def locked(bench: Bench) -> Entries:
    found: Entries = {}
    for row in pages(bench, f"{LOCKED}/history/subscriptionRecord", 30):
        legs = [
            ("spot", row["asset"], -d(row, "amtFromSpot"), "principal"),
            ("funding", row["asset"], -d(row, "amtFromFunding"), "principal"),
            ("earn-locked", row["asset"], d(row, "amount"), "principal"),
        ]
        found[f"locked-subscribe:{row['purchaseId']}"] = ("transfer", [leg for leg in legs if leg[2]])
    for row in pages(bench, f"{LOCKED}/history/redemptionRecord", 30):
        loss = d(row, "originalAmount") - d(row, "amount")
        legs = [
            ("earn-locked", row["asset"], -d(row, "amount"), "principal"),
            ("earn-locked", row["asset"], -loss, "fee"),
            ("spot", row["asset"], d(row, "amount"), "principal"),
        ]
        found[f"locked-redeem:{row['redeemId']}"] = ("transfer", [leg for leg in legs if leg[2]])
    return found


def people(bench: Bench) -> Entries:
    found: Entries = {}
    for window in back(bench, 180, 30):
        asked = {"startTimestamp": window["startTime"], "endTimestamp": window["endTime"]}
        for row in bench.ask("GET /sapi/v1/c2c/orderMatch/listUserOrderHistory", **asked)["data"]:
            if row["orderStatus"] == "COMPLETED":
                sign = 1 if row["tradeType"] == "BUY" else -1
                fee = d(row, "takerCommission" if row["advertisementRole"] == "TAKER" else "commission")
                legs = [("funding", row["asset"], sign * d(row, "amount"), "principal")]
                legs += [("funding", row["asset"], -fee, "fee")] if fee else []
                found[f"c2c:{row['orderNumber']}"] = ("deposit" if sign > 0 else "withdrawal", legs)
    for window in back(bench, 180, 90):
        for row in bench.ask("GET /sapi/v1/pay/transactions", **window)["data"]:
            out = d(row, "amount") < 0
            [detail] = row["fundsDetail"]
            parts = detail["walletAssetCost"].items() if out else [(str(row["walletType"]), row["amount"])]
            legs = [
                (PAID_BY[code], row["currency"], -Decimal(p) if out else Decimal(p), "principal") for code, p in parts
            ]
            found[f"pay:{row['transactionId']}"] = ("withdrawal" if out else "deposit", legs)
    return found


def cards(bench: Bench) -> Entries:
    """Coins bought by card: the money comes in and is spent."""
    found: Entries = {}
    asked: dict[str, Any] = {"transactionType": "0", "beginTime": bench.ms - REACH * DAY, "rows": 500}
    for row in bench.ask("GET /sapi/v1/fiat/payments", **asked).get("data", []):
        if row["status"] == "Completed":
            name, money = f"fiat-buy:{row['orderNo']}", row["fiatCurrency"]
            paid, fee, got = (d(row, each) for each in ("sourceAmount", "totalFee", "obtainAmount"))
            legs = [("spot", money, fee - paid, "principal"), ("spot", row["cryptoCurrency"], got, "principal")]
            found[f"{name}:payment"] = ("deposit", [("spot", money, paid, "principal")])
            found[name] = ("conversion", [*legs, ("spot", money, -fee, "fee")])
    return found


def beyond(bench: Bench) -> Entries:
    """All of it."""
    found = transfers(bench) | margin(bench) | locked(bench) | people(bench) | cards(bench)
    found |= incomes(bench, "/fapi", "um", "futures-usd-m", 7) | incomes(bench, "/dapi", "cm", "futures-coin-m", 5)
    return found
