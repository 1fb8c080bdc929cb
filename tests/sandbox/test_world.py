"""The world's prices: one dollar price for each asset, by one rule."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyglass.money import add, divide, magnitude, multiply, subtract
from tallyglass.sandbox.world import ASSETS, FIAT, NoMarket, WorldPrices, all_markets, markets

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC).timestamp()  # a Sunday
WORLD = WorldPrices(1, NOW)


def test_an_asset_with_a_dollar_market_is_worth_what_that_market_says() -> None:
    direct = [base for base, quote in all_markets() if quote == "USD" and base not in FIAT]

    assert {"BTC", "ETH", "PEPE", "USDT", "USDC"} <= set(direct)
    for asset in direct:
        assert WORLD.usd(asset) == WORLD.last(asset, "USD")


def test_an_asset_without_one_goes_through_tether() -> None:
    for asset in ("BNB", "TRX"):
        assert (asset, "USD") not in all_markets()
        assert WORLD.usd(asset) == WORLD.last(asset, "USDT") * WORLD.last("USDT", "USD")


def test_fiat_is_priced_by_the_central_bank_alone() -> None:
    rate = WORLD.rates.of

    assert WORLD.usd("USD") == 1
    assert WORLD.usd("EUR") == rate("USD")[-1] != WORLD.last("EUR", "USD")
    assert magnitude(subtract(multiply(WORLD.usd("GBP"), rate("GBP")[-1]), rate("USD")[-1])) < Decimal("1e-45")


def test_stable_coins_are_not_exactly_a_dollar_in_every_world() -> None:
    assert any(WorldPrices(seed, NOW).usd("USDT") != 1 for seed in range(3))
    assert all(abs(WorldPrices(seed, NOW).usd("USDC") - 1) < Decimal("0.002") for seed in range(3))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_every_market_quotes_near_the_path_within_its_decimals(seed: int) -> None:
    world = WorldPrices(seed, NOW)
    for venue in ("kraken", "binance", "coinbase"):
        for market in markets(venue):
            last = world.last(market.base, market.quote)
            assert last > 0
            assert -int(last.as_tuple().exponent) <= market.price_decimals
            tick = Decimal(1).scaleb(-market.price_decimals)
            fair = divide(world.usd(market.base), world.usd(market.quote))
            assert magnitude(subtract(last, fair)) <= add(multiply(fair, Decimal("0.002")), tick)


def test_every_asset_and_every_currency_has_a_price_and_nothing_else_has() -> None:
    assert set(WORLD.assets()) == {*ASSETS, *FIAT}
    assert all(WORLD.usd(asset) > 0 for asset in WORLD.assets())
    with pytest.raises(NoMarket, match="SHIB"):
        WORLD.usd("SHIB")
    with pytest.raises(NoMarket, match="BNB/USD"):
        WORLD.last("BNB", "USD")


def test_one_seed_one_table() -> None:
    again, different = WorldPrices(1, NOW), WorldPrices(2, NOW)

    assert [again.last(*each) for each in sorted(all_markets())] == [WORLD.last(*e) for e in sorted(all_markets())]
    assert again.usd("BTC") != different.usd("BTC")


def test_the_newest_rate_is_of_the_last_working_day_that_is_published() -> None:
    def newest(moment: str) -> date:
        return WorldPrices(1, datetime.fromisoformat(moment).timestamp()).rates.days[-1]

    assert newest("2026-11-22T09:00Z") == date(2026, 11, 20)
    assert newest("2026-11-18T09:00Z") == date(2026, 11, 17)
    assert newest("2026-11-18T16:00Z") == date(2026, 11, 18)
    assert newest("2026-12-26T16:00Z") == date(2026, 12, 24)
