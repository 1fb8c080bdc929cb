"""Margin, futures, locked earn and payments of the fake Binance: what a careful client makes of them is the truth."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from support.beyond import LOCKED, WALLETS, beyond, d
from support.binance import DAY, NOW, Bench, grown, truth


@pytest.fixture(scope="module")
def bench() -> Bench:
    return grown()


def test_a_careful_client_finds_every_entry_exactly_once(bench: Bench) -> None:
    found = beyond(bench)
    kinds = {each.split(":")[0] for each in found}

    assert kinds == {
        *("transfer", "margin-interest", "margin-trade", "locked-subscribe", "locked-redeem"),
        *("pay", "c2c", "income-um", "income-cm", "fiat-buy"),
    }
    assert found.keys() == truth(bench, *kinds)
    for name, (kind, legs) in found.items():
        posting = bench.venue.books["main"].postings[name]
        assert (posting.kind, sorted(posting.legs)) == (kind, sorted(legs)), name


def test_no_wallet_but_the_net_of_a_loan_is_ever_below_zero(bench: Bench) -> None:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    postings = sorted(bench.venue.books["main"].postings.values(), key=lambda posting: posting.time)
    for posting in postings:
        for wallet, asset, amount, _ in posting.legs:
            sums[wallet, asset] += amount
        for wallet, asset, _, _ in posting.legs:
            assert sums[wallet, asset] >= 0 or wallet.startswith("margin"), posting


def test_each_wallet_is_told_as_it_is(bench: Bench) -> None:
    mine = bench.venue.accounts["main"]
    cross = bench.ask("GET /sapi/v1/margin/account")["userAssets"]
    pairs = bench.ask("GET /sapi/v1/margin/isolated/account")["assets"]
    futures = {path: bench.ask(f"GET {path}") for path in ("/fapi/v2/balance", "/fapi/v3/balance", "/dapi/v1/balance")}
    positions = bench.ask(f"{LOCKED}/position")["rows"]

    assert {row["asset"]: d(row, "netAsset") for row in cross if d(row, "netAsset")} == mine.wallet("margin")
    for row in [*cross, *(pair[side] for pair in pairs for side in ("baseAsset", "quoteAsset"))]:
        assert d(row, "netAsset") == d(row, "free") + d(row, "locked") - d(row, "borrowed") - d(row, "interest")
        assert d(row, "free") >= 0
    assert any(d(row, "netAsset") < 0 for row in cross)
    isolated = {row["asset"]: d(row, "netAsset") for pair in pairs for row in (pair["baseAsset"], pair["quoteAsset"])}
    assert isolated == mine.wallet("margin-isolated")
    for path, rows in futures.items():
        wallet = "futures-usd-m" if "fapi" in path else "futures-coin-m"
        assert {row["asset"]: d(row, "balance") for row in rows} == mine.wallet(wallet)
    assert {row["asset"]: d(row, "amount") for row in positions} == mine.wallet("earn-locked")


def test_the_products_an_account_has_are_told_and_the_others_refused(bench: Bench) -> None:
    told = bench.ask("GET /sapi/v1/account/info")
    other = bench.ask("GET /sapi/v1/account/info", "wrong_account")

    assert (told["isMarginEnabled"], told["isFutureEnabled"]) == (True, True)
    assert (other["isMarginEnabled"], other["isFutureEnabled"]) == (False, False)
    for path in ("/fapi/v3/balance", "/fapi/v1/income", "/dapi/v1/account"):
        assert bench.denied(f"GET {path}", "wrong_account") == (401, -2015)
    assert bench.denied("GET /sapi/v1/margin/account", "wrong_account") == (400, -3003)
    assert bench.ask("GET /sapi/v1/margin/isolated/account", "wrong_account") == {"assets": []}
    assert bench.ask("GET /sapi/v1/margin/interestHistory", "wrong_account") == {"rows": [], "total": 0}


def test_a_key_older_than_the_futures_account_may_not_use_it(bench: Bench) -> None:
    key = bench.venue.keys["read_only"]
    made, key.created = key.created, NOW - 87 * 86400
    try:
        assert bench.denied("GET /fapi/v3/balance") == (401, -2015)
        assert bench.ask("GET /sapi/v1/margin/account")["created"] is True
    finally:
        key.created = made


@pytest.mark.parametrize(
    "line", ["POST /fapi/v1/order", "POST /sapi/v1/margin/order", "POST /sapi/v1/margin/borrow-repay"]
)
def test_no_key_here_may_trade_there(bench: Bench, line: str) -> None:
    for kind in ("read_only", "can_trade"):
        assert bench.denied(line, kind) == (401, -2015)


@pytest.mark.parametrize(
    ("line", "params", "code"),
    [
        ("GET /sapi/v1/asset/transfer", {"type": "MARGIN_ISOLATEDMARGIN"}, -1102),
        ("GET /sapi/v1/asset/transfer", {"type": "ISOLATEDMARGIN_ISOLATEDMARGIN", "fromSymbol": "ETHUSDT"}, -1102),
        ("GET /sapi/v1/margin/interestHistory", {"startTime": 0, "endTime": 31 * DAY}, -3011),
        ("GET /sapi/v1/margin/borrow-repay", {"type": "BORROW"}, -1102),
        ("GET /sapi/v1/margin/borrow-repay", {"type": "LEND", "startTime": 0}, -3026),
        ("GET /sapi/v1/margin/transfer", {"startTime": 0, "endTime": 31 * DAY}, -3011),
        ("GET /sapi/v1/margin/capital-flow", {"startTime": 0, "endTime": 8 * DAY}, -3011),
        ("GET /sapi/v1/margin/myTrades", {"symbol": "NOSUCH"}, -1121),
        ("GET /sapi/v1/margin/myTrades", {"symbol": "BNBUSDT", "startTime": 0, "endTime": 2 * DAY}, -1127),
        ("GET /sapi/v1/margin/isolated/account", {"symbols": "A,B,C,D,E,F"}, -1130),
        ("GET /fapi/v1/userTrades", {"symbol": "BTCUSDT", "startTime": 0, "endTime": 8 * DAY}, -1127),
        ("GET /fapi/v1/userTrades", {"symbol": "BTCUSDT", "startTime": 0, "fromId": 1}, -1128),
        ("GET /fapi/v1/userTrades", {"symbol": "BTCUSD_PERP"}, -1121),
        ("GET /dapi/v1/income", {"startTime": 0, "endTime": 366 * DAY}, -1127),
        ("GET /sapi/v1/c2c/orderMatch/listUserOrderHistory", {"startTimestamp": 0, "endTimestamp": 31 * DAY}, -1127),
        ("GET /sapi/v1/pay/transactions", {"startTime": 0, "endTime": 91 * DAY}, -1127),
        (f"{LOCKED}/history/rewardsRecord", {"startTime": 0, "endTime": 31 * DAY}, -6021),
        ("GET /sapi/v1/eth-staking/eth/history/stakingHistory", {"startTime": 0, "endTime": 93 * DAY}, -6021),
    ],
)  # fmt: skip
def test_windows_and_parameters_bite(bench: Bench, line: str, params: dict[str, Any], code: int) -> None:
    assert bench.denied(line, **params) == (400, code)


def test_what_lies_too_far_back_is_not_shown(bench: Bench) -> None:
    now = bench.now
    try:
        bench.now += 50 * 86400
        start = bench.ms - 90 * DAY
        rows = bench.ask("GET /fapi/v1/income", startTime=0, limit=1000)
        assert rows
        assert all(row["time"] >= start for row in rows)
        interest = bench.ask("GET /sapi/v1/margin/interestHistory", startTime=start, endTime=start + 30 * DAY)
        assert interest["total"] < 111
        bench.now += 120 * 86400
        assert bench.ask("GET /fapi/v1/income", startTime=0) == []
        assert "rows" not in bench.ask("GET /sapi/v1/asset/transfer", type="MAIN_UMFUTURE", startTime=0)
    finally:
        bench.now = now


def test_without_a_word_only_the_last_days_are_shown(bench: Bench) -> None:
    assert bench.ask("GET /sapi/v1/margin/interestHistory")["total"] == 37
    assert all(row["time"] >= bench.ms - 7 * DAY for row in bench.ask("GET /fapi/v1/income"))
    assert bench.ask("GET /sapi/v1/margin/myTrades", symbol="BNBUSDT") == []
    assert bench.ask("GET /fapi/v1/userTrades", symbol="BTCUSDT") == []


def test_trades_of_one_market_have_ids_of_one_series(bench: Bench) -> None:
    spot = bench.ask("GET /api/v3/myTrades", symbol="BNBUSDT", fromId=0, limit=1000)
    own = bench.ask("GET /sapi/v1/margin/myTrades", symbol="BNBUSDT", fromId=0)

    assert not {row["id"] for row in spot} & {row["id"] for row in own}
    for rows in (spot, own):
        assert all(one["id"] < other["id"] for one, other in pairwise(rows))


def test_a_commission_and_its_profit_share_a_number_and_two_fills_a_moment(bench: Bench) -> None:
    rows = bench.ask("GET /fapi/v1/income", startTime=bench.ms - 89 * DAY, limit=1000)
    by_number = defaultdict(set)
    for row in rows:
        by_number[row["tranId"]].add(row["incomeType"])

    assert {"COMMISSION", "REALIZED_PNL"} in by_number.values()
    closes = [row["time"] for row in rows if row["incomeType"] == "REALIZED_PNL"]
    assert len(set(closes)) < len(closes)
    assert max(row["tranId"] for row in rows) > 2**53
    assert all(isinstance(row["tranId"], str) for row in bench.ask("GET /dapi/v1/income", startTime=0))


def test_a_transfer_moves_money_between_any_two_wallets(bench: Bench) -> None:
    key = bench.venue.keys["read_only"]
    key.rights.add("transfer")
    try:
        line, books = "POST /sapi/v1/asset/transfer", bench.venue.books["main"]
        before = {wallet: books.balance("USDT", wallet) for wallet in WALLETS.values()}
        for kind in ("FUNDING_UMFUTURE", "UMFUTURE_MARGIN", "MARGIN_FUNDING"):
            number = bench.ask(line, type=kind, asset="USDT", amount="7")["tranId"]
            source, _, target = kind.partition("_")
            [leg, other] = books.postings[f"transfer:{number}"].legs
            assert (leg[0], other[0]) == (WALLETS[source], WALLETS[target])
        assert {wallet: books.balance("USDT", wallet) for wallet in WALLETS.values()} == before
        assert bench.denied(line, type="UMFUTURE_MAIN", asset="USDT", amount="1000000") == (400, -5002)
        assert bench.denied(line, type="MAIN_OPTION", asset="USDT", amount="1") == (400, -5011)
    finally:
        key.rights.discard("transfer")
