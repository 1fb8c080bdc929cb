"""The long list of markets: made-up coins, and an account that has used a few dozen of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import cast

import pytest

from support.binance import NOW, Bench, trades, truth
from tallyglass.sandbox.bazaar import listings
from tallyglass.sandbox.binance import Binance
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.run import build
from tallyglass.sandbox.world import markets

COUNT = 2000


@pytest.fixture(scope="module")
def control() -> Control:
    return build(1, "small", NOW, COUNT)[0]


@pytest.fixture(scope="module")
def bench(control: Control) -> Bench:
    return Bench(cast(Binance, control.venues["binance"]))


def listed(bench: Bench) -> dict[str, tuple[str, str, str]]:
    rows = bench.public("GET /api/v3/exchangeInfo")["symbols"]
    return {row["symbol"]: (row["baseAsset"], row["quoteAsset"], row["status"]) for row in rows}


def traded(bench: Bench) -> set[str]:
    return {name.split(":")[1] for name in truth(bench, "trade")}


def test_so_many_markets_are_listed_each_with_a_price(bench: Bench) -> None:
    markets_, prices = listed(bench), bench.public("GET /api/v3/ticker/price")
    quotes = Counter(quote for _, quote, _ in markets_.values())

    assert len(markets_) == COUNT
    assert {row["symbol"] for row in prices} == markets_.keys()
    assert all(Decimal(row["price"]) > 0 for row in prices)
    assert {"USDT", "USDC", "BTC", "ETH", "BNB", "EUR", "TRY", "FDUSD"} <= quotes.keys()
    closed = {name for name, (_, _, status) in markets_.items() if status == "BREAK"}
    assert {
        row["symbol"] for row in bench.public("GET /api/v3/exchangeInfo", symbolStatus="BREAK")["symbols"]
    } == closed
    assert 50 < len(closed) < 300


def test_the_list_is_the_same_whatever_the_seed() -> None:
    assert listings(COUNT, len(markets("binance"))) == listings(COUNT, len(markets("binance")))
    assert listings(0, 31) == ()
    with pytest.raises(ValueError, match="too few"):
        listings(100, 31)


def test_the_account_has_traded_some_dozens_of_them_and_every_trade_is_shown(bench: Bench) -> None:
    assert 60 <= len(traded(bench)) <= 75
    assert {f"trade:{row['symbol']}:{row['id']}" for row in trades(bench)} == truth(bench, "trade")


def test_among_them_are_those_that_are_hard_to_find(bench: Bench) -> None:
    names, mine, held = listed(bench), traded(bench), bench.venue.books["main"].balances()
    used = {name: names[name] for name in mine}
    converted: dict[str, set[str]] = defaultdict(set)
    for name, posting in bench.venue.books["main"].postings.items():
        for _, asset, _, _ in posting.legs:
            converted[asset].add(name.split(":")[0])

    assert sum(base not in held for base, _, _ in used.values()) >= 20
    assert sum(status == "BREAK" for _, _, status in used.values()) >= 4
    by_conversion = [
        base for base, quote, _ in used.values() if converted[base] | converted[quote] <= {"trade", "convert"}
    ]
    assert by_conversion
    of_the_gone = [(b, q) for b, q, status in used.values() if q not in held and status == "BREAK" and b in held]
    assert of_the_gone
    assert {"BTC", "ETH", "BNB", "TRY", "FDUSD", "EUR"} <= {quote for _, quote, _ in used.values()}


def test_no_wallet_was_ever_below_zero(bench: Bench) -> None:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for posting in bench.venue.books["main"].postings.values():
        for wallet, asset, amount, _ in posting.legs:
            sums[wallet, asset] += amount
        lent = {wallet for wallet, _, _, _ in posting.legs if wallet.startswith("margin")}  # the net of a loan
        assert all(lent or sums[wallet, asset] >= 0 for wallet, asset, _, _ in posting.legs), posting


def test_what_is_held_has_a_price(control: Control, bench: Bench) -> None:
    tickers = {row["symbol"]: Decimal(row["price"]) for row in bench.public("GET /api/v3/ticker/price")}
    coins = bench.venue.books["main"].balances().keys() - {m.base for m in markets("binance")} - {"USDT"}

    assert len(coins) > 4
    for coin in coins:
        assert control.prices.usd(coin) == tickers[f"{coin}USDT"] * control.prices.usd("USDT")


def test_a_closed_market_takes_no_order_and_a_new_one_trades(control: Control, bench: Bench) -> None:
    closed = next(name for name, (_, _, status) in listed(bench).items() if status == "BREAK")
    asked = {"side": "BUY", "type": "MARKET", "quantity": "1"}
    assert bench.denied("POST /api/v3/order", "can_trade", symbol=closed, **asked) == (400, -1013)

    coin = next(base for name, (base, quote, _) in listed(bench).items() if quote == "USDT" and name in traded(bench))
    done = control.answer("POST", "/account/binance", "", f'{{"add": "trade", "market": "{coin}/USDT"}}'.encode())
    assert done.status == 200, done.body
