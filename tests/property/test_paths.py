"""The price of an asset comes over the fewest markets, names them, and is never a guess."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import localcontext

from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.streams import Ticker
from tallyglass.money import Amount, Asset, amount, divide
from tallyglass.prices.opinions import Unheard
from tallyglass.prices.paths import Price, Quotes, Word, Yesterday

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RATES = {"USD": amount("1.1172"), "GBP": amount("0.8338")}


def quotes(*markets: tuple[str, str, str], rates: dict[str, Amount] | None = None) -> Quotes:
    tickers = [("kraken", Ticker(Asset(base), Asset(quote), amount(price)), NOW) for base, quote, price in markets]
    return Quotes(tickers, RATES if rates is None else rates)


def found(price: Price | None) -> Price:
    assert price is not None
    return price


def test_a_direct_market_is_taken_before_any_detour() -> None:
    price = found(
        quotes(("BTC", "USDT", "90000"), ("USDT", "USD", "0.5"), ("BTC", "USD", "86000")).price(
            Asset("BTC"), Asset("USD")
        )
    )

    assert price.value == 86000
    assert [step.quote for step in price.steps] == ["USD"]


def test_two_markets_multiply_exactly_and_both_are_named() -> None:
    price = found(quotes(("BNB", "USDT", "851.26"), ("USDT", "USD", "0.9994")).price(Asset("BNB"), Asset("USD")))

    assert price.value == amount("850.749244")
    assert [(step.base, step.quote, step.source) for step in price.steps] == [
        ("BNB", "USDT", "kraken"),
        ("USDT", "USD", "kraken"),
    ]


def test_a_stable_coin_is_not_a_dollar() -> None:
    assert found(quotes(("USDT", "USD", "0.9994")).price(Asset("USDT"), Asset("USD"))).value == amount("0.9994")
    assert quotes(("BNB", "USDT", "851")).price(Asset("BNB"), Asset("USD")) is None


def test_currencies_go_by_the_central_bank_even_where_a_market_trades_them() -> None:
    price = found(quotes(("EUR", "USD", "2")).price(Asset("EUR"), Asset("USD")))

    assert price.value == amount("1.1172")
    assert price.source == "ecb"
    assert price.at is None
    cross = found(quotes().price(Asset("GBP"), Asset("USD")))
    assert cross.value == divide(amount("1.1172"), amount("0.8338"))


def test_of_two_equally_short_ways_the_more_liquid_quote_is_taken() -> None:
    price = found(
        quotes(
            ("PEPE", "BTC", "0.0000000001"), ("PEPE", "USDT", "0.00001"), ("USDT", "USD", "1"), ("BTC", "USD", "1")
        ).price(Asset("PEPE"), Asset("USD"))
    )

    assert [step.quote for step in price.steps] == ["USDT", "USD"]


def test_without_a_way_there_is_no_price() -> None:
    assert quotes(("BTC", "USD", "86000")).price(Asset("MOON"), Asset("USD")) is None
    assert quotes(("MOON", "SUN", "1")).price(Asset("MOON"), Asset("USD")) is None
    assert Quotes([], {}).price(Asset("EUR"), Asset("USD")) is None


def test_a_price_of_zero_or_less_is_no_price() -> None:
    assert quotes(("DEAD", "USD", "0")).price(Asset("DEAD"), Asset("USD")) is None
    assert quotes(("ODD", "USD", "-3")).price(Asset("ODD"), Asset("USD")) is None


def test_the_age_of_a_price_is_that_of_its_oldest_step() -> None:
    old = NOW - timedelta(hours=3)
    price = found(
        Quotes(
            [
                ("binance", Ticker(Asset("BNB"), Asset("USDT"), amount(800)), NOW),
                ("kraken", Ticker(Asset("USDT"), Asset("USD"), amount(1)), old),
            ],
            {},
        ).price(Asset("BNB"), Asset("USD"))
    )

    assert price.at == old
    assert price.source == "binance + kraken"


def test_from_a_currency_to_a_coin_the_market_is_turned_round() -> None:
    known = quotes(("BTC", "USD", "80000"), ("ATOM", "USD", "2"))

    assert found(known.price(Asset("USD"), Asset("BTC"))).value == amount("0.0000125")
    assert found(known.price(Asset("ATOM"), Asset("BTC"))).value == amount("0.000025")
    assert [step.quote for step in found(known.price(Asset("EUR"), Asset("BTC"))).steps] == ["USD", "BTC"]


def test_an_old_price_gives_way_to_a_fresh_one_of_another_source_but_a_little_lag_does_not() -> None:
    def chosen(lag: timedelta) -> str:
        btc = Ticker(Asset("BTC"), Asset("USD"), amount(80000))
        both = [("binance", btc, NOW - lag), ("kraken", btc, NOW)]
        return found(Quotes(both, {}).price(Asset("BTC"), Asset("USD"))).source

    assert chosen(timedelta(minutes=5)) == "binance"
    assert chosen(timedelta(hours=5)) == "kraken"


def test_a_price_by_official_rates_tells_their_day() -> None:
    day = date(2026, 11, 20)
    price = found(Quotes([], RATES, day).price(Asset("EUR"), Asset("USD")))

    assert (price.day, price.at) == (day, None)


symbols = st.sampled_from(["BTC", "ETH", "SOL", "USDT", "USD", "EUR", "XYZ"])
some_markets = st.lists(st.tuples(symbols, symbols, st.integers(1, 10**6)), max_size=15)


@given(some_markets, symbols, symbols)
def test_a_price_is_the_product_of_its_steps_and_its_steps_join(
    markets: list[tuple[str, str, int]], base: str, currency: str
) -> None:
    tickers = [("x", Ticker(Asset(b), Asset(q), amount(p)), NOW) for b, q, p in markets if b != q]
    price = Quotes(tickers, RATES).price(Asset(base), Asset(currency))
    if price is None or not price.steps:
        return
    here, product = base, amount(1)
    with localcontext(prec=400):
        for step in price.steps:
            assert step.base == here
            here, product = step.quote, product * step.price
        assert here == currency
        assert abs(product - price.value) <= abs(product) * amount("1e-49")


ABC, USD = Asset("ABC"), Asset("USD")


def told(*said: tuple[str, str, int], owed: bool = True) -> Price:
    """What is taken of ABC in USD when each source said a price so many minutes ago."""
    tickers = [(source, Ticker(ABC, USD, amount(price)), NOW - timedelta(minutes=ago)) for source, price, ago in said]
    unheard = Unheard(now=frozenset((ABC,) if owed else ()))
    return found(Quotes(tickers, {}, word=Word(unheard=unheard)).price(ABC, USD))


def test_exchanges_that_agree_on_an_old_price_do_not_outvote_two_newer_opinions() -> None:
    old = (("kraken", "100", 3000), ("binance", "100", 3000), ("coinbase", "100", 3000))

    newer = told(*old, ("coingecko", "130", 5), ("defillama", "130.5", 0))
    assert (newer.source, newer.value, newer.marks) == ("coingecko", amount(130), ())
    assert told(*old, ("coingecko", "130", 5), ("defillama", "150", 0)).marks == ("disagree",)
    assert told(*old, ("coingecko", "100.5", 5), ("defillama", "101", 0)).source == "coinbase"


def test_what_one_source_alone_tells_is_not_confirmed_while_a_second_opinion_is_to_be_had() -> None:
    assert told(("kraken", "100", 0)).marks == ("unconfirmed",)
    assert told(("kraken", "100", 0), owed=False).marks == ()
    assert told(("kraken", "100", 0), ("coingecko", "101", 10)).marks == ()


def test_an_opinion_of_today_still_bears_out_a_newer_price_that_is_near_it() -> None:
    borne_out = told(("kraken", "100", 0), ("coingecko", "104", 600))
    assert (borne_out.marks, [each.source for each in borne_out.others]) == ((), ["coingecko"])
    assert told(("kraken", "100", 0), ("coingecko", "110", 600)).marks == ("unconfirmed",)
    assert told(("kraken", "100", 0), ("coingecko", "104", 1500)).marks == ("unconfirmed",)


def test_a_path_over_a_price_that_nobody_confirms_is_not_confirmed() -> None:
    tickers = [
        ("kraken", Ticker(Asset("BNB"), ABC, amount(8)), NOW),
        ("binance", Ticker(Asset("BNB"), ABC, amount(8)), NOW),
        ("kraken", Ticker(ABC, USD, amount(1)), NOW),
    ]
    known = Quotes(tickers, {}, word=Word(unheard=Unheard(now=frozenset((ABC,)))))
    assert found(known.price(Asset("BNB"), USD)).marks == ("unconfirmed",)


def test_two_official_rates_of_one_day_are_nearer_than_markets_are() -> None:
    day, euro = date(2026, 11, 20), Asset("EUR")

    def rate(crowns: str, of: date, *, owed: bool = False) -> Price:
        told = {USD: amount(10), euro: amount(crowns)} if crowns else {}
        word = Word(unheard=Unheard(rates=owed))
        return found(Quotes([], {"USD": amount("1.25")}, day, word, Yesterday(crowns=told, day=of)).price(euro, USD))

    assert rate("12.6", day).marks == ()
    assert rate("12.7", day).marks == ("disagree",)
    assert rate("12.7", day - timedelta(days=1)).marks == ()
    assert (rate("", day, owed=True).marks, rate("", day).marks) == (("unconfirmed",), ())
