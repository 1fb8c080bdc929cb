"""What the fake Binance tells of an account: balances, orders, trades, histories that explain each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.beyond import beyond
from support.binance import DAY, NOW, REACH, Bench, busiest, empty, grown, pages, trades, windows
from tallyglass.money import ZERO
from tallyglass.sandbox.binance.line import Line

TRADES = "GET /api/v3/myTrades"
DEPOSITS = "GET /sapi/v1/capital/deposit/hisrec"
WITHDRAWALS = "GET /sapi/v1/capital/withdraw/history"
DIVIDENDS = "GET /sapi/v1/asset/assetDividend"
EARN = "GET /sapi/v1/simple-earn/flexible/history/"

Sums = dict[tuple[str, str], Decimal]

Move = tuple[str, str, Decimal]
"""Wallet, asset, signed amount."""


@pytest.fixture(scope="module")
def bench() -> Bench:
    return grown()


def traded(bench: Bench) -> Iterator[Move]:
    markets = {each.base + each.quote: each for each in bench.venue.facts.markets}
    for row in trades(bench):
        market, sign = markets[row["symbol"]], 1 if row["isBuyer"] else -1
        yield "spot", market.base, sign * Decimal(row["qty"])
        yield "spot", market.quote, -sign * Decimal(row["quoteQty"])
        yield "spot", row["commissionAsset"], -Decimal(row["commission"])


def came_and_went(bench: Bench) -> Iterator[Move]:
    for window in windows(bench, 90):
        for row in bench.ask(DEPOSITS, **window):
            if row["status"] in {1, 6}:
                yield "spot", row["coin"], Decimal(row["amount"])
        for row in bench.ask(WITHDRAWALS, **window):
            if row["status"] == 6:
                yield "spot", row["coin"], -Decimal(row["amount"]) - Decimal(row["transactionFee"])
    for window in windows(bench, 180):
        for row in bench.ask(DIVIDENDS, limit=500, **window)["rows"]:
            yield "spot", row["asset"], Decimal(row["amount"])
    orders = bench.ask("GET /sapi/v1/fiat/orders", transactionType="0", beginTime=bench.ms - REACH * DAY)
    for row in orders["data"]:
        yield "spot", row["fiatCurrency"], Decimal(row["amount"])


def converted(bench: Bench) -> Iterator[Move]:
    for window in windows(bench, 30):
        for row in bench.ask("GET /sapi/v1/convert/tradeFlow", **window)["list"]:
            yield "spot", row["fromAsset"], -Decimal(row["fromAmount"])
            yield "spot", row["toAsset"], Decimal(row["toAmount"])
    for group in bench.ask("GET /sapi/v1/asset/dribblet")["userAssetDribblets"]:
        for row in group["userAssetDribbletDetails"]:
            yield "spot", row["fromAsset"], -Decimal(row["amount"])
            yield "spot", row["targetAsset"], Decimal(row["transferedAmount"])


def moved_within(bench: Bench) -> Iterator[Move]:
    for _, legs in beyond(bench).values():
        yield from (leg[:3] for leg in legs)
    for name, wallets in {"subscriptionRecord": ("spot", "earn"), "redemptionRecord": ("earn", "spot")}.items():
        for row in pages(bench, EARN + name, 30):
            yield wallets[0], row["asset"], -Decimal(row["amount"])
            yield wallets[1], row["asset"], Decimal(row["amount"])
    for row in pages(bench, EARN + "rewardsRecord", 30, type="REALTIME"):
        yield "earn", row["asset"], Decimal(row["rewards"])


def test_the_histories_together_explain_the_balances_to_the_last_digit(bench: Bench) -> None:
    sums: Sums = defaultdict(lambda: ZERO)
    for history in (traded, came_and_went, converted, moved_within):
        for wallet, asset, amount in history(bench):
            sums[wallet, asset] += amount

    assert {key: amount for key, amount in sums.items() if amount} == told_balances(bench)


def told_balances(bench: Bench) -> Sums:
    """What the account reads say, per wallet."""
    told: Sums = {}
    for row in bench.ask("GET /api/v3/account", omitZeroBalances="true")["balances"]:
        wallet = "earn" if row["asset"].startswith("LD") else "spot"
        told[wallet, row["asset"].removeprefix("LD")] = Decimal(row["free"]) + Decimal(row["locked"])
    for row in bench.ask("POST /sapi/v1/asset/get-funding-asset"):
        told["funding", row["asset"]] = Decimal(row["free"])
    for row in bench.ask("GET /sapi/v1/margin/account")["userAssets"]:
        told["margin", row["asset"]] = Decimal(row["netAsset"])
    for pair in bench.ask("GET /sapi/v1/margin/isolated/account")["assets"]:
        for row in (pair["baseAsset"], pair["quoteAsset"]):
            told["margin-isolated", row["asset"]] = Decimal(row["netAsset"])
    for path, wallet in (("/fapi/v3", "futures-usd-m"), ("/dapi/v1", "futures-coin-m")):
        for row in bench.ask(f"GET {path}/balance"):
            told[wallet, row["asset"]] = Decimal(row["balance"])
    for row in bench.ask("GET /sapi/v1/simple-earn/locked/position", size=100)["rows"]:
        told["earn-locked", row["asset"]] = Decimal(row["amount"])
    return {place: amount for place, amount in told.items() if amount}


def test_the_reads_of_balances_agree_with_the_true_books(bench: Bench) -> None:
    books = {key: amount for key, amount in bench.venue.books["main"].wallets().items() if amount}

    assert told_balances(bench) == books
    positions = bench.ask("GET /sapi/v1/simple-earn/flexible/position", size=100)["rows"]
    assert {("earn", row["asset"]): Decimal(row["totalAmount"]) for row in positions} == {
        key: amount for key, amount in books.items() if key[0] == "earn"
    }
    spot = {("spot", row["asset"]): row for row in bench.ask("POST /sapi/v3/asset/getUserAsset")}
    assert {key: Decimal(row["free"]) + Decimal(row["locked"]) for key, row in spot.items()} == {
        key: amount for key, amount in books.items() if key[0] == "spot"
    }


def test_without_asking_otherwise_every_coin_is_listed(bench: Bench) -> None:
    rows = {row["asset"]: row for row in bench.ask("GET /api/v3/account")["balances"]}

    assert len(rows) > 80
    assert rows["LDO"]["free"] == "0.00000000"  # a coin of its own, no receipt of earn


def test_open_orders_hold_back_what_they_need(bench: Bench) -> None:
    orders = bench.ask("GET /api/v3/openOrders")
    locked: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in orders:
        market = next(m for m in bench.venue.facts.markets if m.base + m.quote == row["symbol"])
        rest = Decimal(row["origQty"]) - Decimal(row["executedQty"])
        buys = row["side"] == "BUY"
        locked[market.quote if buys else market.base] += rest * Decimal(row["price"]) if buys else rest

    balances = bench.ask("GET /api/v3/account", omitZeroBalances="true")["balances"]
    assert {row["asset"]: Decimal(row["locked"]) for row in balances if Decimal(row["locked"])} == locked
    assert {str(row["orderId"]) for row in orders} == {order["id"] for order in bench.venue.open_orders()}
    assert {row["status"] for row in orders} == {"NEW", "PARTIALLY_FILLED"}
    one = orders[0]["symbol"]
    assert bench.ask("GET /api/v3/openOrders", symbol=one) == [row for row in orders if row["symbol"] == one]


def test_trades_belong_to_orders_that_are_filled_by_them(bench: Bench) -> None:
    by_order: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in trades(bench):
        by_order[row["symbol"], row["orderId"]].append(row)
    assert max(len(rows) for rows in by_order.values()) > 1

    for (symbol, number), rows in list(by_order.items())[:40]:
        order = bench.ask("GET /api/v3/order", symbol=symbol, orderId=number)
        assert order["status"] == "FILLED"
        assert Decimal(order["executedQty"]) == sum(Decimal(row["qty"]) for row in rows)
        assert Decimal(order["cummulativeQuoteQty"]) == sum(Decimal(row["quoteQty"]) for row in rows)
        assert bench.ask(TRADES, symbol=symbol, orderId=number) == rows


def test_microseconds_on_demand_but_only_under_api(bench: Bench) -> None:
    symbol, rows = busiest(bench)
    bench.more = {"x-mbx-time-unit": "MICROSECOND"}
    try:
        fine = bench.ask(TRADES, symbol=symbol, startTime=rows[0]["time"] * 1000, limit=1)[0]
        deposit = bench.ask(EARN + "subscriptionRecord")["rows"]
    finally:
        bench.more = {}

    assert fine == rows[0] | {"time": rows[0]["time"] * 1000}
    assert all(row["time"] < 10**13 for row in deposit)
    bench.more = {"x-mbx-time-unit": "FORTNIGHT"}
    try:
        assert bench.denied("GET /api/v3/account") == (400, -1194)
    finally:
        bench.more = {}


def test_snapshots_are_the_balances_at_the_end_of_each_day(bench: Bench) -> None:
    bench.now += 60
    days = bench.ask("GET /sapi/v1/accountSnapshot", type="SPOT", limit=30, startTime=bench.ms - 29 * DAY)[
        "snapshotVos"
    ]

    assert len(days) == 29
    for day in days:
        assert day["updateTime"] % DAY == DAY - 1000
        at: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for posting in bench.venue.books["main"].postings.values():
            if posting.time.timestamp() * 1000 <= day["updateTime"]:
                for wallet, asset, amount, _ in posting.legs:
                    at[asset] += amount if wallet == "spot" else ZERO
        told = {row["asset"]: Decimal(row["free"]) for row in day["data"]["balances"]}
        assert told == {asset: amount for asset, amount in at.items() if amount}


def test_markets_and_prices_are_the_worlds() -> None:
    bench = empty()
    symbols = bench.public("GET /api/v3/exchangeInfo")["symbols"]
    listed = {(row["baseAsset"], row["quoteAsset"]): row for row in symbols}

    assert set(listed) == {(each.base, each.quote) for each in bench.venue.facts.markets}
    prices = {row["symbol"]: row["price"] for row in bench.public("GET /api/v3/ticker/price")}
    days = {row["symbol"]: row["lastPrice"] for row in bench.public("GET /api/v3/ticker/24hr")}
    assert prices == days
    for row in listed.values():
        tick = Decimal(row["filters"][0]["tickSize"])
        assert Decimal(prices[row["symbol"]]) % tick == ZERO
    assert bench.public("GET /api/v3/ticker/price", symbols='["BTCUSDT","ETHBTC"]') == [
        {"symbol": name, "price": prices[name]} for name in ("BTCUSDT", "ETHBTC")
    ]


@pytest.mark.parametrize("interval", ["1m", "1h", "1d", "1w"])
def test_candles_follow_each_other_and_are_the_same_when_asked_again(interval: str) -> None:
    bench = empty()
    rows = bench.public("GET /api/v3/klines", symbol="BTCUSDT", interval=interval, limit=50)

    assert len(rows) == 50
    for row, after in pairwise(rows):
        assert after[0] == row[6] + 1
        assert after[1] == row[4]
        assert Decimal(row[3]) <= min(Decimal(row[1]), Decimal(row[4]))
        assert Decimal(row[2]) >= max(Decimal(row[1]), Decimal(row[4]))
    some = bench.public("GET /api/v3/klines", symbol="BTCUSDT", interval=interval, startTime=rows[10][0], limit=5)
    assert some == rows[10:15]
    assert rows[-1][0] <= NOW * 1000 <= rows[-1][6]


@given(
    st.lists(st.integers(-50, 50)),
    st.none() | st.integers(-60, 60),
    st.none() | st.integers(-60, 60),
    st.integers(0, 20),
    st.integers(1, 20),
)
def test_a_line_finds_what_a_sorted_list_would(
    marks: list[int], first: int | None, last: int | None, skip: int, size: int
) -> None:
    line: Line[tuple[int, int]] = Line()
    for number, mark in enumerate(marks):
        line.add(mark, (mark, number))
    inside = [
        (mark, number)
        for mark, number in sorted((mark, number) for number, mark in enumerate(marks))
        if (first is None or mark >= first) and (last is None or mark <= last)
    ]

    assert line.oldest(size, first, last) == inside[:size]
    assert line.newest(size, first, last) == inside[-size:]
    assert line.back(first, last) == inside[::-1]
    assert line.page(first, last, skip, size) == (inside[::-1][skip : skip + size], len(inside))
