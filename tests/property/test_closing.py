"""The price of a past day: by the closes of that day, over the fewest markets; old, ended and doubtful ones marked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import localcontext

from hypothesis import given, settings
from hypothesis import strategies as st

from tallyglass.money import Amount, Asset, amount, divide
from tallyglass.prices.closing import DailyPrices, History
from tallyglass.prices.opinions import Asked, Unheard
from tallyglass.prices.paths import Price, Spoken, Word
from tallyglass.prices.routes import Link

FIRST = date(2025, 3, 3)  # a Monday
BTC, ETH, USD, USDT, EUR, GBP = (Asset(each) for each in ("BTC", "ETH", "USD", "USDT", "EUR", "GBP"))


def day(number: int) -> date:
    return FIRST + timedelta(number)


def closes(*prices: str, begin: int = 0) -> dict[date, Amount]:
    """A close a day; a hyphen for none."""
    return {day(begin + place): amount(price) for place, price in enumerate(prices) if price != "-"}


def daily(
    markets: Mapping[str, dict[date, Amount]], euro: Mapping[str, dict[date, Amount]] | None = None, **word: object
) -> DailyPrices:
    """`markets`: by `source BASE/QUOTE`."""
    found = {}
    for name, series in markets.items():
        source, _, market = name.partition(" ")
        base, _, quote = market.partition("/")
        found[Link(source, Asset(base), Asset(quote))] = series
    rates = {Asset(currency): series for currency, series in (euro or {}).items()}
    return DailyPrices(History(found, rates), Word(**word))  # type: ignore[arg-type]


def found(price: Price | None) -> Price:
    assert price is not None
    return price


def test_the_shortest_path_of_the_day_is_taken_and_every_close_is_named_with_its_day() -> None:
    prices = daily(
        {
            "binance BTC/USDT": closes("100", "110", "120"),
            "kraken USDT/USD": closes("0.5", "0.5", "0.5"),
            "kraken BTC/USD": closes("51", begin=1),
        }
    )

    detour = found(prices.price(BTC, day(0), USD))
    assert (detour.value, detour.source) == (amount(50), "binance + kraken")
    assert [(step.source, step.base, step.quote, step.day) for step in detour.steps] == [
        ("binance", "BTC", "USDT", day(0)),
        ("kraken", "USDT", "USD", day(0)),
    ]
    direct = found(prices.price(BTC, day(1), USD))
    assert (direct.value, direct.marks) == (amount(51), ("disagree",))
    assert [(each.source, each.value) for each in direct.others] == [("binance", amount(55))]


def test_a_short_gap_is_bridged_and_marked_and_what_has_no_market_any_more_ends_at_its_last_price() -> None:
    prices = daily({"kraken ABC/USD": closes("3", "4"), "kraken BTC/USD": closes(*["100"] * 60)})

    def told(number: int) -> tuple[Amount, tuple[str, ...]]:
        price = found(prices.price(Asset("ABC"), day(number), USD))
        assert price.steps[0].day == day(min(number, 1))
        quick = prices.in_currency(USD)(Asset("ABC"), day(number))
        assert quick == (price.value, price.marks)
        return price.value, price.marks

    assert told(1) == (amount(4), ())
    assert told(2) == told(8) == (amount(4), ("old_price",))
    assert told(9) == told(50) == (amount(4), ("old_price", "ended"))
    assert prices.price(Asset("ABC"), day(-1), USD) is None


def test_a_currency_goes_by_the_rate_of_the_last_working_day() -> None:
    friday, monday = day(4), day(7)
    rates = {"USD": {friday: amount("1.25"), monday: amount("1.5")}, "GBP": {friday: amount("0.8")}}
    prices = daily({"kraken EUR/USD": closes(*["9"] * 8)}, rates)

    sunday = found(prices.price(EUR, day(6), USD))
    assert (sunday.value, sunday.source, sunday.day, sunday.marks) == (amount("1.25"), "ecb", friday, ())
    assert found(prices.price(EUR, monday, USD)).value == amount("1.5")
    assert found(prices.price(GBP, day(5), USD)).value == divide(amount("1.25"), amount("0.8"))


def test_two_central_banks_are_one_opinion_each() -> None:
    rates = {"USD": closes("1.25", "1.25")}
    crowns = {"norgesbank USD/NOK": closes("10", "10"), "norgesbank EUR/NOK": closes("12.5", "15")}
    prices = daily(crowns, rates)

    same = found(prices.price(EUR, day(0), USD))
    assert (same.value, same.source, [each.source for each in same.others]) == (
        amount("1.25"),
        "ecb",
        ["norgesbank"],
    )
    assert same.marks == ()
    assert found(prices.price(EUR, day(1), USD)).marks == ("disagree",)


def test_an_official_rate_that_nobody_bears_out_and_that_leaps_is_doubted_with_all_that_is_worth_it() -> None:
    rates = {"USD": closes("1.25", "12.5", "1.26", "1.3")}
    prices = daily({"kraken BTC/EUR": closes(*["100"] * 4)}, rates)

    for asset in (EUR, Asset("BTC")):
        marks = [found(prices.price(asset, day(number), USD)).marks for number in range(4)]
        assert marks == [(), ("price_jumped",), ("price_jumped",), ()]


def test_a_lone_source_whose_price_leaps_is_doubted_on_that_day() -> None:
    prices = daily({"kraken ABC/USD": closes("3", "30", "31", "1")})

    marks = [found(prices.price(Asset("ABC"), day(number), USD)).marks for number in range(4)]
    assert marks == [(), ("price_jumped",), (), ("price_jumped",)]


def test_a_past_day_is_confirmed_by_whoever_tells_of_it_and_by_whoever_was_asked_and_tells_nothing() -> None:
    abc = Asset("ABC")
    asked = Asked(since=day(2), first=day(5), last=day(6))
    markets = {"kraken ABC/USD": closes(*["3"] * 8), "defillama ABC/USD": closes("3", begin=7)}
    prices = daily(markets, unheard=Unheard(days={abc: (asked,)}))

    marks = [found(prices.price(abc, day(number), USD)).marks for number in range(8)]
    unsure = ("unconfirmed",)
    assert marks == [(), (), unsure, unsure, unsure, (), (), ()]
    quick = prices.in_currency(USD)
    assert [quick(abc, day(number)) for number in range(8)] == [(amount(3), each) for each in marks]


def test_what_the_user_says_counts_on_its_day_and_later_only_while_nobody_knows_better() -> None:
    house, token = Asset("HOUSE"), Asset("ABC")
    spoken = [
        Spoken(house, EUR, day(1), amount("1000")),
        Spoken(token, USD, day(1), amount("7")),
        Spoken(token, USD, day(20), amount("0")),
    ]
    prices = daily({"kraken ABC/USD": closes("3", "4", "5")}, {"USD": closes(*["2"] * 40)}, prices=spoken)

    def at(asset: Asset, number: int) -> tuple[Amount, str, tuple[str, ...]]:
        price = found(prices.price(asset, day(number), USD))
        assert prices.in_currency(USD)(asset, day(number)) == (price.value, price.marks)
        return price.value, price.source, price.marks

    assert prices.price(house, day(0), USD) is None
    assert at(house, 1) == at(house, 30) == (amount(2000), "you + ecb", ())
    assert at(token, 1) == (amount(7), "you", ())
    assert found(prices.price(token, day(1), USD)).others[0].value == 4
    assert at(token, 2) == (amount(5), "kraken", ())
    assert at(token, 15) == (amount(5), "kraken", ("old_price", "ended"))
    assert at(token, 20) == at(token, 39) == (amount(0), "you", ())


def test_one_symbol_for_two_coins_is_doubted_until_the_user_says() -> None:
    markets = {"binance ABC/USD": closes("1"), "kraken ABC/USD": closes("50")}
    abc = Asset("ABC")

    assert found(daily(markets).price(abc, day(0), USD)).marks == ("disagree", "same_symbol")
    same = daily(markets, sure=frozenset((abc,)))
    assert found(same.price(abc, day(0), USD)).marks == ("disagree",)
    apart = daily(markets, apart=frozenset(((abc, "binance"), (abc, "kraken"))))
    assert [found(apart.price(abc, day(0), USD, each)).value for each in ("binance", "kraken")] == [1, 50]
    assert apart.price(abc, day(0), USD) is None


sources = st.sampled_from(["kraken", "binance", "coinbase", "defillama"])
symbols = st.sampled_from([BTC, ETH, USDT, Asset("ABC")])
quotes = st.sampled_from([USD, USDT, BTC, EUR])
series = st.dictionaries(st.integers(0, 25), st.integers(1, 60), min_size=1, max_size=26)
some_markets = st.dictionaries(st.tuples(sources, symbols, quotes), series, max_size=8)
ten = st.integers(90, 110)


@settings(max_examples=40)
@given(some_markets, st.dictionaries(st.integers(0, 20), ten, max_size=15), quotes)
def test_the_quick_way_finds_what_the_explained_one_finds(
    markets: dict[tuple[str, Asset, Asset], dict[int, int]], euro: dict[int, int], currency: Asset
) -> None:
    """And the explained one is the product of its steps."""
    known = {
        Link(*key): {day(number): amount(price) for number, price in found.items()}
        for key, found in markets.items()
        if key[1] != key[2]
    }
    rates = {USD: {day(number): divide(amount(rate), amount(100)) for number, rate in euro.items()}} if euro else {}
    prices = DailyPrices(History(known, rates))
    quick = prices.in_currency(currency)
    for number in (-1, *range(0, 44, 3)):
        for asset in (BTC, ETH, USDT, Asset("ABC"), USD, EUR):
            price, short = prices.price(asset, day(number), currency), quick(asset, day(number))
            assert (None if price is None else (price.value, price.marks)) == short
            if price is not None:
                _is_the_product(price, asset, currency)


def _is_the_product(price: Price, asset: Asset, currency: Asset) -> None:
    here, product = asset, amount(1)
    with localcontext(prec=400):
        for step in price.steps:
            assert step.base == here
            here, product = step.quote, product * step.price
        assert here == currency
        assert abs(product - price.value) <= product * amount("1e-48")
