"""The histories of the fake Binance: every page of them, and no wider window than its documentation allows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from support.binance import DAY, Bench, busiest, grown, pages, trades, truth, windows

TRADES = "GET /api/v3/myTrades"
DEPOSITS = "GET /sapi/v1/capital/deposit/hisrec"
WITHDRAWALS = "GET /sapi/v1/capital/withdraw/history"
DIVIDENDS = "GET /sapi/v1/asset/assetDividend"
EARN = "GET /sapi/v1/simple-earn/flexible/history/"


@pytest.fixture(scope="module")
def bench() -> Bench:
    return grown()


def test_every_page_of_every_market_makes_the_true_trades(bench: Bench) -> None:
    found = trades(bench, limit=3)

    assert {f"trade:{each['symbol']}:{each['id']}" for each in found} == truth(bench, "trade")
    for row in found:
        legs = bench.venue.books["main"].postings[f"trade:{row['symbol']}:{row['id']}"].legs
        sign = 1 if row["isBuyer"] else -1
        assert [abs(leg[2]) for leg in legs[:2]] == [Decimal(row["qty"]), Decimal(row["quoteQty"])]
        assert legs[0][2] * sign > 0
        assert legs[2:] == [("spot", row["commissionAsset"], -Decimal(row["commission"]), "fee")]


def test_fees_are_taken_from_what_is_received_or_in_bnb(bench: Bench) -> None:
    received, in_bnb = 0, 0
    for row in trades(bench):
        base_bought = row["isBuyer"] and row["symbol"].startswith(row["commissionAsset"])
        quote_got = not row["isBuyer"] and row["symbol"].endswith(row["commissionAsset"])
        received += base_bought or quote_got
        in_bnb += row["commissionAsset"] == "BNB"
        assert base_bought or quote_got or row["commissionAsset"] == "BNB"
    assert received > in_bnb > 3


def test_a_start_gives_the_oldest_and_no_start_the_newest(bench: Bench) -> None:
    symbol, rows = busiest(bench)
    middle = rows[len(rows) // 2]["time"]

    assert bench.ask(TRADES, symbol=symbol, limit=2) == rows[-2:]
    assert bench.ask(TRADES, symbol=symbol, startTime=0, limit=2) == rows[:2]
    assert bench.ask(TRADES, symbol=symbol, startTime=middle, limit=1)[0]["time"] == middle
    assert bench.ask(TRADES, symbol=symbol, endTime=middle, limit=1)[0]["time"] == middle
    assert bench.ask(TRADES, symbol=symbol, endTime=rows[0]["time"] - 1) == []
    orders = bench.ask("GET /api/v3/allOrders", symbol=symbol, orderId=0, limit=5)
    assert [order["orderId"] for order in orders] == sorted(order["orderId"] for order in orders)


@pytest.mark.parametrize(
    ("line", "params", "code"),
    [
        (TRADES, {"startTime": 0, "endTime": DAY + 1}, -1127),
        ("GET /api/v3/allOrders", {"startTime": 0, "endTime": DAY + 1}, -1127),
        (TRADES, {"orderId": 1, "startTime": 0}, -1128),
        (TRADES, {"fromId": 0, "startTime": 0}, -1128),
        (TRADES, {"symbol": "NOSUCH"}, -1121),
        (TRADES, {"limit": "1e3"}, -1100),
        (TRADES, {"colour": "red"}, -1104),
        (TRADES, {"fromId": ""}, -1105),
        ("GET /api/v3/order", {}, -1102),
        ("GET /api/v3/order", {"orderId": 1}, -2013),
        (DEPOSITS, {"startTime": 0, "endTime": 90 * DAY + 1}, -4047),
        (DEPOSITS, {"startTime": 0}, -4047),
        (WITHDRAWALS, {"startTime": 0, "endTime": 90 * DAY + 1}, -4047),
        (WITHDRAWALS, {"withdrawOrderId": "x", "startTime": 0, "endTime": 7 * DAY + 1}, -4047),
        (DIVIDENDS, {"startTime": 0, "endTime": 180 * DAY + 1}, -1127),
        ("GET /sapi/v1/convert/tradeFlow", {}, -1102),
        ("GET /sapi/v1/convert/tradeFlow", {"startTime": 0, "endTime": 30 * DAY + 1}, -1127),
        (EARN + "subscriptionRecord", {"startTime": 0, "endTime": 30 * DAY + 1}, -6021),
        (EARN + "rewardsRecord", {"startTime": 0, "endTime": 30 * DAY + 1}, -6021),
        ("GET /sapi/v1/asset/transfer", {}, -1102),
        ("GET /sapi/v1/asset/transfer", {"type": "MAIN_MOON"}, -1130),
        ("GET /sapi/v1/fiat/orders", {}, -1102),
    ],
)
def test_what_is_asked_wrongly_is_refused(bench: Bench, line: str, params: dict[str, Any], code: int) -> None:
    bench.now += 30
    needs_symbol = line.startswith("GET /api/")

    assert bench.denied(line, **({"symbol": "BTCUSDT"} if needs_symbol else {}) | params) == (400, code)


def test_a_window_that_is_not_asked_for_is_the_documented_one(bench: Bench) -> None:
    def ids(line: str, name: str, **params: Any) -> list[Any]:
        answer = bench.ask(line, **params)
        return [row[name] for row in (answer if isinstance(answer, list) else answer["rows"])]

    now = bench.ms
    assert ids(DEPOSITS, "id") == ids(DEPOSITS, "id", startTime=now - 90 * DAY, endTime=now)
    month = {"startTime": now - 30 * DAY, "endTime": now}
    assert ids(EARN + "subscriptionRecord", "purchaseId") == ids(EARN + "subscriptionRecord", "purchaseId", **month)
    assert len(ids(DIVIDENDS, "id", limit=3)) == 3
    assert len(ids(DIVIDENDS, "id")) < len(truth(bench, "reward")) + 1
    older = next(row for row in pages(bench, EARN + "subscriptionRecord", 30) if row["time"] < now - 31 * DAY)
    assert older["purchaseId"] not in ids(EARN + "subscriptionRecord", "purchaseId")
    from_there = ids(EARN + "subscriptionRecord", "purchaseId", startTime=older["time"])
    assert older["purchaseId"] in from_there


def test_dividends_have_no_pages_so_a_full_one_is_narrowed_by_time(bench: Bench) -> None:
    found: dict[int, str] = {}
    for window in windows(bench, 180):
        end = window["endTime"]
        while True:
            rows = bench.ask(DIVIDENDS, startTime=window["startTime"], endTime=end, limit=2)["rows"]
            found |= {row["id"]: row["asset"] for row in rows}
            if len(rows) < 2:
                break
            end = rows[-1]["divTime"] - (rows[0]["divTime"] == rows[-1]["divTime"])

    assert {f"reward:{number}" for number in found} == truth(bench, "reward")


def test_deposits_say_one_for_done_and_withdrawals_for_cancelled() -> None:
    bench = grown(3)
    before = bench.venue.books["main"].balances()
    bench.venue.specials["rejected_deposit"]("main", bench.now - 3)
    bench.venue.specials["cancelled_withdrawal"]("main", bench.now - 3)
    deposits = [row for window in windows(bench, 90) for row in bench.ask(DEPOSITS, **window)]
    withdrawals = [row for window in windows(bench, 90) for row in bench.ask(WITHDRAWALS, **window)]

    counted = {f"deposit:{row['id']}" for row in deposits if row["status"] in {1, 6}}
    counted |= {f"withdrawal:{row['id']}" for row in withdrawals if row["status"] == 6}
    assert counted == truth(bench, "deposit", "withdrawal")
    assert {row["status"] for row in deposits} == {1, 2, 6}
    assert {row["status"] for row in withdrawals} == {1, 6}
    assert bench.venue.books["main"].balances() == before
    for row in withdrawals:
        applied = datetime.strptime(f"{row['applyTime']}+0000", "%Y-%m-%d %H:%M:%S%z")  # UTC, and does not say so
        assert applied.timestamp() <= bench.now


def test_offset_and_limit_page_deposits(bench: Bench) -> None:
    window = next(w for w in windows(bench, 90) if len(bench.ask(DEPOSITS, **w)) > 2)
    whole = bench.ask(DEPOSITS, **window)

    paged = [bench.ask(DEPOSITS, limit=1, offset=at, **window) for at in range(len(whole) + 1)]

    assert paged == [[row] for row in whole] + [[]]
    assert [row["insertTime"] for row in whole] == sorted((row["insertTime"] for row in whole), reverse=True)


def test_ids_go_beyond_what_a_double_can_hold(bench: Bench) -> None:
    rows = [
        row for window in windows(bench, 30) for row in bench.ask("GET /sapi/v1/convert/tradeFlow", **window)["list"]
    ]

    assert all(row["orderId"] > 2**53 for row in rows)
    assert {f"convert:{row['orderId']}" for row in rows} == truth(bench, "convert")


def test_empty_answers_have_the_shapes_that_were_seen(bench: Bench) -> None:
    assert bench.ask("GET /sapi/v1/fiat/payments", transactionType="0") == {
        "code": "000000",
        "message": "success",
        "success": True,
        "total": 0,
    }
    assert bench.ask("GET /sapi/v1/asset/transfer", type="MAIN_MARGIN") == {"total": 0}
    assert bench.ask(EARN + "redemptionRecord", "wrong_account") == {"rows": [], "total": 0}


def test_earn_rewards_are_told_twice_with_different_words(bench: Bench) -> None:
    twice = {
        (row["time"], row["asset"], row["rewards"]) for row in pages(bench, EARN + "rewardsRecord", 30, type="BONUS")
    }
    once = {
        (row["divTime"], row["asset"], row["amount"])
        for window in windows(bench, 180)
        for row in bench.ask(DIVIDENDS, limit=500, **window)["rows"]
        if row["enInfo"] == "Flexible"
    }

    assert twice == once != set()
