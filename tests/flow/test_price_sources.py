"""Daily closes from every source, through the real keeper: what is read is what the sandbox knows to be true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from support.keeper import PASSPHRASE, running
from support.sandbox import Sandbox, running_sandbox
from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Close, Coin, Known, Market, Ticker
from tallyglass.keeper.client import Keeper
from tallyglass.money import Asset, divide, magnitude, multiply, subtract

USD = Asset("USD")
MARKETS = {
    "kraken": Market("XXBTZUSD", Asset("BTC"), USD),
    "binance": Market("BTCUSDT", Asset("BTC"), Asset("USDT")),
    "coinbase": Market("BTC-USD", Asset("BTC"), USD),
    "defillama": Market("bitcoin", Asset("BTC"), USD),
    "coingecko": Market("bitcoin", Asset("BTC"), USD),
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Keeper]:
    home: Path = tmp_path_factory.mktemp("keeper") / "home"
    with running(home, sandbox=sandbox.base_url) as process:
        process.keeper.create(PASSPHRASE)
        yield process.keeper


def truth(sandbox: Sandbox, asset: str, first: date, last: date) -> dict[date, Decimal]:
    told = sandbox.control("GET", f"truth/prices?asset={asset}&from={first}&to={last}")["prices"]
    return {date.fromisoformat(each["day"]): Decimal(each["usd"]) for each in told}


def off(told: Decimal, real: Decimal) -> Decimal:
    return magnitude(subtract(divide(told, real), Decimal(1)))


@pytest.mark.parametrize("source", MARKETS)
def test_the_closes_of_a_year_are_the_true_ones(sandbox: Sandbox, keeper: Keeper, source: str) -> None:
    market, now = MARKETS[source], datetime.now(UTC)
    last = now.date() - timedelta(days=1)
    first = last - timedelta(days=361)
    candles = registry.candles(source)
    assert candles is not None
    found: dict[date, Decimal] = {}
    for ask in candles.pages(market, first, now.date()):
        body = keeper.public_read(source, ask.read, ask.params).body
        known = Known(markets={market.name: market}, asked=ask.params, begun=now)
        parsed = registry.parsing(source).parse(ask.read, body, known)
        assert parsed.unparsed == ()
        for item in parsed.items:
            assert isinstance(item, Close)
            assert (item.base, item.quote) == (market.base, market.quote)
            found[item.day] = item.price
    real = truth(sandbox, "BTC", first, last)
    if market.quote != USD:
        tether = truth(sandbox, market.quote, first, last)
        found = {day: multiply(price, tether[day]) for day, price in found.items() if day in tether}
    last_settled = last if now.hour or now.minute >= 5 else last - timedelta(days=1)
    days = [day for day in real if day <= last_settled]
    assert set(days) <= set(found)
    assert max(found) == last_settled
    exact = registry.manifest(source).tier == "native"
    allowed = Decimal("0.003") if not exact or market.quote != USD else Decimal(0)
    assert max(off(found[day], real[day]) for day in days) <= allowed


@pytest.mark.parametrize(("source", "params"), [("defillama", {"coin": "bitcoin"}), ("coingecko", {"ids": "bitcoin"})])
def test_the_price_of_now_says_when_it_was(
    sandbox: Sandbox, keeper: Keeper, source: str, params: dict[str, str]
) -> None:
    known = Known(markets={"bitcoin": MARKETS[source]}, asked=params)
    body = keeper.public_read(source, "tickers", params).body
    [ticker] = registry.parsing(source).parse("tickers", body, known).items
    assert isinstance(ticker, Ticker)
    assert ticker.at is not None
    assert abs(datetime.now(UTC) - ticker.at) < timedelta(minutes=10)
    real = Decimal(sandbox.truth()["prices"]["BTC"])
    assert off(ticker.price, real) <= Decimal("0.001")


def test_the_list_of_coins_shows_which_symbols_are_no_names(keeper: Keeper) -> None:
    body = keeper.public_read("coingecko", "markets").body
    coins = registry.parsing("coingecko").parse("markets", body, Known()).items
    assert {each.id for each in coins if isinstance(each, Coin) and each.symbol == "DOT"} == {
        "polkadot",
        "polkadot-classic",
    }


def test_the_second_central_bank_gives_the_rates_of_working_days(keeper: Keeper) -> None:
    last = datetime.now(UTC).date()
    params = {"startPeriod": (last - timedelta(days=20)).isoformat(), "endPeriod": last.isoformat()}
    body = keeper.public_read("norgesbank", "rates", params).body
    rates = registry.parsing("norgesbank").parse("rates", body, Known()).items
    assert {each.base for each in rates if isinstance(each, Close)} >= {Asset("USD"), Asset("EUR"), Asset("JPY")}
    assert all(isinstance(each, Close) and each.day.weekday() < 5 for each in rates)
