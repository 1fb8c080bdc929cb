"""A total is complete, or says why it is not; and it is the sum of its parts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.streams import Balance, Ticker
from tallyglass.money import Asset, amount, multiply, total
from tallyglass.portfolio.worth import Cause, Source, worth
from tallyglass.prices.paths import Quotes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
USD = Asset("USD")
QUOTES = Quotes([("kraken", Ticker(Asset("BTC"), USD, amount("86412.3")), NOW)], {"USD": amount("1.1172")})


def source(name: str, *balances: tuple[str, str], **more: object) -> Source:
    held = [Balance("spot", Asset(symbol), amount(figure)) for symbol, figure in balances]
    return Source(name, held, NOW, **more)  # type: ignore[arg-type]


def test_holdings_are_summed_over_connections_and_valued() -> None:
    found = worth(
        [source("kraken", ("BTC", "1.5")), source("coinbase", ("BTC", "0.25"), ("EUR", "100"))], QUOTES.price, USD, NOW
    )

    assert found.complete
    assert [(h.asset, h.amount, h.value) for h in found.holdings] == [
        ("BTC", amount("1.75"), amount("151221.525")),
        ("EUR", amount("100"), amount("111.72")),
    ]
    assert found.total == amount("151333.245")
    assert [part.connection for part in found.holdings[0].by] == ["kraken", "coinbase"]


def test_a_failed_source_keeps_its_last_number_and_the_total_says_partial() -> None:
    found = worth(
        [source("kraken", ("BTC", "1")), source("binance", ("BTC", "2"), fault="down", text="no answer")],
        QUOTES.price,
        USD,
        NOW,
    )

    assert found.total == amount("259236.9")
    assert not found.complete
    assert [(cause.code, cause.about) for cause in found.causes] == [("source_failed", "binance")]
    assert "no answer" in found.causes[0].text
    assert "2026-11-22 12:00 UTC" in found.causes[0].text


def test_a_balance_that_its_history_does_not_bear_out_is_counted_and_the_total_says_partial() -> None:
    gap = Cause("gap", "kraken/BTC", "kraken reports 0.5 BTC more than its history comes to")
    found = worth([source("kraken", ("BTC", "1"), doubts=(gap,)), source("binance")], QUOTES.price, USD, NOW)

    assert found.total == amount("86412.3")
    assert not found.complete
    assert found.causes == (gap,)


def test_an_asset_without_a_price_is_unknown_and_not_worth_zero() -> None:
    found = worth([source("kraken", ("BTC", "1"), ("MOON", "5"))], QUOTES.price, USD, NOW)

    assert [(h.asset, h.value) for h in found.holdings] == [("BTC", amount("86412.3")), ("MOON", None)]
    assert [(cause.code, cause.about) for cause in found.causes] == [("price_missing", "MOON")]


def test_fee_credits_that_cannot_be_sold_make_nothing_partial() -> None:
    assert worth([source("kraken", ("BTC", "1"), ("KFEE", "120.5"))], QUOTES.price, USD, NOW).complete


def test_old_numbers_frozen_keys_and_unread_connections_are_named() -> None:
    old = Source("kraken", [], NOW - timedelta(days=3))
    frozen = source("binance", ("BTC", "1"), frozen=True)
    unread = Source("coinbase", [], None)
    found = worth([old, frozen, unread], QUOTES.price, USD, NOW)

    assert [cause.code for cause in found.causes] == ["source_stale", "source_frozen", "source_never"]


def test_an_old_price_is_named() -> None:
    found = worth([source("kraken", ("BTC", "1"))], QUOTES.price, USD, NOW)
    later = worth(
        [Source("kraken", [Balance("spot", Asset("BTC"), amount(1))], NOW + timedelta(days=2))],
        QUOTES.price,
        USD,
        NOW + timedelta(days=2),
    )

    assert found.complete
    assert [cause.code for cause in later.causes] == ["price_stale"]


def test_balances_that_could_not_be_read_are_missed() -> None:
    found = worth([source("kraken", ("BTC", "1"), unparsed=2)], QUOTES.price, USD, NOW)

    assert [(cause.code, cause.about) for cause in found.causes] == [("balance_unparsed", "kraken")]
    assert "2 pieces" in found.causes[0].text


def test_prices_that_could_not_be_refreshed_make_the_total_partial_where_they_are_used() -> None:
    held = [source("kraken", ("BTC", "1"))]
    failed = {"kraken": "it is down", "binance": "it is down too"}
    found = worth(held, QUOTES.price, USD, NOW, failed)

    assert [(cause.code, cause.about) for cause in found.causes] == [("price_source_failed", "kraken")]


def test_an_official_rate_of_years_ago_is_named_and_one_of_last_week_s_end_is_not() -> None:
    def causes(day: date) -> list[str]:
        rates = Quotes([], {"USD": amount("1.1172")}, day)
        return [cause.code for cause in worth([source("kraken", ("EUR", "5"))], rates.price, USD, NOW).causes]

    assert causes(date(2023, 1, 10)) == ["price_stale"]
    assert causes(date(2026, 11, 18)) == []


figures = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**12, places=18)


@given(
    st.lists(
        st.tuples(st.sampled_from(["kraken", "binance"]), st.sampled_from(["BTC", "EUR", "USD"]), figures), max_size=20
    )
)
def test_the_total_is_the_sum_of_every_part(parts: list[tuple[str, str, Decimal]]) -> None:
    sources = [
        source(name, *[(symbol, str(f)) for n, symbol, f in parts if n == name]) for name in ("kraken", "binance")
    ]
    found = worth(sources, QUOTES.price, USD, NOW)

    by_part = total(
        multiply(part.amount, holding.price.value) for holding in found.holdings if holding.price for part in holding.by
    )
    assert found.total == by_part
