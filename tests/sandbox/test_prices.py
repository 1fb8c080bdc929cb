"""Prices through time: one history for the world, told by exchanges and sources in their own words, and lied about."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.paper import PaperVenue
from tallyglass.money import divide, magnitude, subtract
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.growth import grow
from tallyglass.sandbox.model import Act, Incoming, Outgoing
from tallyglass.sandbox.run import build, price_sources
from tallyglass.sandbox.walks import DAY, FIRST
from tallyglass.sandbox.world import WorldPrices, all_markets, markets

NOW = datetime(2026, 11, 22, 9, 41, 7, tzinfo=UTC).timestamp()
YESTERDAY = date(2026, 11, 21)
THOUSANDTH = Decimal("0.001")


@cache
def world() -> Control:
    """One for the tests that only look."""
    return build(2, "small", NOW)[0]


@pytest.fixture
def spoiled() -> Iterator[Control]:
    """The same, made honest again afterwards."""
    yield world()
    world().prices.lies.clear()


class Asker:
    """Asks exchanges and sources without a network, none of which counts."""

    def __init__(self, control: Control) -> None:
        self.sites: dict[str, Any] = {**control.venues, **{each.id: each for each in price_sources(control)}}

    def send(self, site: str, target: str, now: float = NOW, ip: str = "127.0.0.1") -> Outgoing:
        path, _, query = target.partition("?")
        host = self.sites[site].hosts[0]
        answer: Outgoing = self.sites[site].handle(Incoming("GET", host, path, query, {}, b"", ip, now))
        return answer

    def ask(self, site: str, target: str, now: float = NOW) -> Any:
        answer = self.send(site, target, now)
        assert answer.status == 200, answer.body
        return json.loads(answer.body, parse_float=Decimal)


@cache
def asker_of(control: Control) -> Asker:
    control.quota.off = True
    for venue in control.venues.values():
        venue.specials["no_limits"]("main", NOW)  # type: ignore[attr-defined]
    return Asker(control)


def asker() -> Asker:
    return asker_of(world())


def truth(asset: str, first: date, last: date) -> dict[date, Decimal]:
    answer = world().answer("GET", "/truth/prices", f"asset={asset}&from={first}&to={last}", b"")
    assert answer.status == 200, answer.body
    return {date.fromisoformat(each["day"]): Decimal(each["usd"]) for each in json.loads(answer.body)["prices"]}


def off(told: Decimal, real: Decimal) -> Decimal:
    """How far apart, as a part."""
    return magnitude(subtract(divide(told, real), Decimal(1)))


def seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def day_of(timestamp: int) -> date:
    return datetime.fromtimestamp(timestamp, UTC).date()


def kraken(pair: str) -> dict[date, list[Decimal]]:
    """Open, high, low and close by day."""
    told = asker().ask("kraken", f"/0/public/OHLC?pair={pair}&interval=1440")["result"]
    return {day_of(bar[0]): [Decimal(each) for each in bar[1:5]] for bar in told[next(iter(told))]}


def binance(symbol: str, query: str = "limit=1000") -> dict[date, list[Decimal]]:
    told = asker().ask("binance", f"/api/v3/klines?symbol={symbol}&interval=1d&{query}")
    return {day_of(bar[0] // 1000): [Decimal(each) for each in bar[1:5]] for bar in told}


def coinbase(product: str, first: date, last: date) -> dict[date, list[Decimal]]:
    query = f"start={seconds(first)}&end={seconds(last)}&granularity=ONE_DAY"
    told = asker().ask("coinbase", f"/api/v3/brokerage/market/products/{product}/candles?{query}")["candles"]
    assert [int(each["start"]) for each in told] == sorted((int(each["start"]) for each in told), reverse=True)
    return {
        day_of(int(bar["start"])): [Decimal(bar[name]) for name in ("open", "high", "low", "close")] for bar in told
    }


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**31))
def test_what_was_traded_lies_within_the_candle_of_its_day(seed: int) -> None:
    prices = WorldPrices(seed, NOW)
    venues = {name: PaperVenue(name, fee_in="received") for name in ("kraken", "binance", "coinbase")}
    trades: list[Act] = []
    for venue, account, act in grow(venues, prices, seed):
        venues[venue].record(account, act)
        trades += [act] if act.kind in ("trade", "convert") else []
    walked = [each for each in trades if each.time.timestamp() * 1000 < prices.walks.span.end]
    assert len(walked) > 300
    for act in walked:
        start = int(act.time.timestamp() * 1000) // DAY * DAY
        bar = prices.bar("kraken", (act.base, act.quote), start, start + DAY)
        assert bar is not None
        assert bar.low <= act.price <= bar.high, act


def test_history_ends_at_the_price_of_today_and_begins_with_the_central_banks_table() -> None:
    prices = world().prices
    now = int(NOW * 1000)
    for base, quote in all_markets():
        bar = prices.bar("kraken", (base, quote), now // DAY * DAY, now)
        assert bar is not None
        assert bar.close == prices.last(base, quote)
        assert prices.bar("kraken", (base, quote), FIRST, FIRST + DAY) is not None
        assert prices.bar("kraken", (base, quote), FIRST - DAY, FIRST) is None
    for asset in prices.assets():
        assert prices.usd_at(asset, now) == prices.usd(asset)


def test_days_follow_each_other_and_keep_to_the_decimals_of_their_market() -> None:
    prices = world().prices
    for market in markets("kraken"):
        days = [(FIRST + number * 37 * DAY, FIRST + (number * 37 + 1) * DAY) for number in range(70)]
        for start, end in days:
            bar, after = (
                prices.bar("kraken", (market.base, market.quote), start + d, end + d) for d in (0, end - start)
            )
            assert bar is not None
            assert after is not None
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert bar.close == after.open > 0
            assert -int(bar.close.as_tuple().exponent) <= market.price_decimals


def test_prices_move_from_day_to_day() -> None:
    days = truth("BTC", YESTERDAY - timedelta(days=700), YESTERDAY)
    assert len(days) == 701
    moves = [off(after, before) for before, after in pairwise(days.values())]
    assert sum(move > THOUSANDTH for move in moves) > 600
    assert max(moves) < Decimal("0.3")


def test_the_three_exchanges_tell_the_same_closes_and_these_are_the_truth() -> None:
    first = YESTERDAY - timedelta(days=299)
    closes = {day: bar[3] for day, bar in coinbase("BTC-USD", first, YESTERDAY).items()}
    assert closes == truth("BTC", first, YESTERDAY)
    assert {day: bar[3] for day, bar in kraken("XBTUSD").items() if first <= day <= YESTERDAY} == closes
    tether = truth("USDT", first, YESTERDAY)
    rule = {day: bar[3] * tether[day] for day, bar in binance("BNBUSDT").items() if first <= day <= YESTERDAY}
    assert rule == truth("BNB", first, YESTERDAY)


def test_kraken_tells_720_bars_and_the_running_one_whatever_is_asked() -> None:
    bars = kraken("ETHEUR")
    assert len(bars) == 720
    assert list(bars)[-1] == day_of(int(NOW))
    later = asker().ask("kraken", f"/0/public/OHLC?pair=ETHEUR&interval=1440&since={int(NOW) + 10**6}")["result"]
    assert [bar[0] for bar in later["XETHZEUR"]] == [seconds(day_of(int(NOW)))]
    assert later["last"] == seconds(YESTERDAY)


def test_binance_begins_where_the_market_began_and_gives_a_thousand() -> None:
    first = binance("ETHBTC", "startTime=0&limit=1000")
    assert (len(first), min(first)) == (1000, day_of(FIRST // 1000))
    rest = binance("ETHBTC", f"startTime={seconds(max(first)) * 1000}&endTime={int(NOW * 1000)}&limit=1000")
    assert min(rest) == max(first)
    assert first[max(first)] == rest[max(first)]


def test_coinbase_refuses_more_than_it_gives() -> None:
    query = f"start={seconds(YESTERDAY) - 350 * 86_400}&end={seconds(YESTERDAY)}&granularity=ONE_DAY"
    answer = asker().send("coinbase", f"/api/v3/brokerage/market/products/BTC-USD/candles?{query}")
    assert answer.status == 400
    assert b"INVALID_ARGUMENT" in answer.body
    assert coinbase("BTC-USD", date(2018, 12, 1), date(2018, 12, 31)) == {}


def test_a_closed_market_has_no_newer_days() -> None:
    control = build(1, "small", NOW, 400)[0]
    rows = asker_of(control).ask("binance", "/api/v3/exchangeInfo")["symbols"]
    market = next((row["baseAsset"], row["quoteAsset"]) for row in rows if row["status"] == "BREAK")
    ended = next(day for day in range(int(NOW * 1000) // DAY * DAY, FIRST, -DAY) if bar_of(control, market, day))
    assert NOW * 1000 - ended > 100 * DAY
    assert bar_of(control, market, ended - DAY)


def bar_of(control: Control, market: tuple[str, str], day: int) -> object:
    return control.prices.bar("binance", market, day, day + DAY)


def chart(coin: str, first: date, days: int) -> dict[date, Decimal]:
    start = seconds(first + timedelta(days=1))
    told = asker().ask("defillama", f"/chart/coingecko:{coin}?start={start}&span={days}&period=1d&searchWidth=1h")
    prices = told["coins"][f"coingecko:{coin}"]["prices"]
    return {day_of(each["timestamp"] - 43_200): Decimal(each["price"]) for each in prices}


def test_sources_are_near_the_truth_and_not_quite_on_it() -> None:
    first = YESTERDAY - timedelta(days=199)
    real, told = truth("SOL", first, YESTERDAY), chart("solana", first, 200)
    begin, end = seconds(first + timedelta(days=1)), seconds(YESTERDAY + timedelta(days=1))
    gecko = asker().ask(
        "coingecko",
        f"/api/v3/coins/solana/market_chart/range?vs_currency=usd&from={begin}&to={end}&interval=daily",
    )
    theirs = {day_of(at // 1000 - 1): Decimal(price) for at, price in gecko["prices"]}
    for found in (told, theirs):
        assert found.keys() == real.keys()
        away = [off(found[day], real[day]) for day in real]
        assert max(away) <= THOUSANDTH
        assert max(away) > 0
    assert told != theirs


def test_the_running_day_of_a_chart_is_the_price_of_now() -> None:
    span = f"from={int(NOW) - 86_400}&to={int(NOW) + 9}&interval=daily"
    told = asker().ask("coingecko", f"/api/v3/coins/bitcoin/market_chart/range?vs_currency=usd&{span}")
    query = "ids=bitcoin,nothing&vs_currencies=usd,eur&include_last_updated_at=true"
    now = asker().ask("coingecko", f"/api/v3/simple/price?{query}")
    assert [at for at, _ in told["prices"]] == [seconds(day_of(int(NOW))) * 1000, int(NOW * 1000)]
    assert told["prices"][-1][1] == now["bitcoin"]["usd"]
    assert now["bitcoin"].keys() == {"usd", "eur", "last_updated_at"}
    assert 0 <= int(NOW) - now["bitcoin"]["last_updated_at"] < 60
    assert now.keys() == {"bitcoin"}


def test_what_is_older_than_a_year_is_refused_by_coingecko_and_told_by_defillama() -> None:
    start = seconds(YESTERDAY - timedelta(days=366))
    answer = asker().send(
        "coingecko", f"/api/v3/coins/bitcoin/market_chart/range?vs_currency=usd&from={start}&to={int(NOW)}"
    )
    assert answer.status == 401
    assert json.loads(answer.body)["error"]["status"]["error_code"] == 10012
    assert len(chart("bitcoin", YESTERDAY - timedelta(days=2000), 100)) == 100


def test_coins_of_one_symbol_have_prices_of_their_own_and_what_is_no_coin_has_none() -> None:
    listed = asker().ask("coingecko", "/api/v3/coins/list")
    assert sorted(each["id"] for each in listed if each["symbol"] == "dot") == ["polkadot", "polkadot-classic"]
    assert (
        world().venues["kraken"].books["main"].balance("DOT") > 0
        or world().venues["kraken"].books["main"].balance("PEPE") > 0
    )
    names = "coingecko:polkadot,coingecko:polkadot-classic,coingecko:x,ethereum:0x0"
    told = asker().ask("defillama", f"/prices/current/{names}")["coins"]
    assert told.keys() == {"coingecko:polkadot", "coingecko:polkadot-classic"}
    assert told["coingecko:polkadot"]["price"] > 50 * told["coingecko:polkadot-classic"]["price"]
    assert asker().send("coingecko", "/api/v3/coins/x/market_chart/range?vs_currency=usd&from=1&to=2").status == 404


def kroner(query: str) -> dict[tuple[str, str], Decimal]:
    body = asker().send("norgesbank", f"/api/data/EXR/B..NOK.SP?format=csv&locale=en&{query}").body.decode()
    rows = csv.DictReader(body.splitlines(), delimiter=";")
    return {
        (row["BASE_CUR"], row["TIME_PERIOD"]): Decimal(row["OBS_VALUE"].replace(",", "")) / 10 ** int(row["UNIT_MULT"])
        for row in rows
    }


def test_the_second_central_bank_agrees_with_the_first_within_a_thousandth() -> None:
    told = kroner("startPeriod=2026-11-16&endPeriod=2026-11-22")
    rates = world().prices.rates
    assert {day for _, day in told} == {f"2026-11-{day}" for day in (16, 17, 18, 19, 20)}
    for currency in ("USD", "GBP", "JPY", "CHF", "EUR"):
        euro = Decimal(1) if currency == "EUR" else rates.of(currency)[-1]
        mine = divide(rates.of("NOK")[-1], euro)
        assert off(told[currency, "2026-11-20"], mine) < THOUSANDTH
    assert asker().send("norgesbank", "/api/data/EXR/B..NOK.SP?startPeriod=2026-11-21&format=csv").status == 404


def lie(control: Control, status: int = 200, **given: object) -> Any:
    answer = control.answer("POST", "/prices", "", json.dumps(given).encode())
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def ticker(site: str) -> Decimal:
    """The dollar (or Tether) price of SOL as told now."""
    if site == "kraken":
        return Decimal(asker().ask("kraken", "/0/public/Ticker?pair=SOLUSD")["result"]["SOLUSD"]["c"][0])
    if site == "binance":
        return Decimal(asker().ask("binance", "/api/v3/ticker/price?symbol=SOLUSDT")["price"])
    if site == "coinbase":
        return Decimal(asker().ask("coinbase", "/api/v3/brokerage/market/products/SOL-USD")["price"])
    if site == "defillama":
        told = asker().ask("defillama", "/prices/current/coingecko:solana")["coins"]["coingecko:solana"]
        return Decimal(told["price"])
    told = asker().ask("coingecko", "/api/v3/simple/price?ids=solana&vs_currencies=usd")
    return Decimal(told["solana"]["usd"])


SITES = ("kraken", "binance", "coinbase", "defillama", "coingecko")


@pytest.mark.parametrize("site", SITES)
def test_a_source_lies_about_an_asset_until_it_is_told_not_to(spoiled: Control, site: str) -> None:
    honest, others = ticker(site), {each: ticker(each) for each in SITES if each != site}
    worth = json.loads(spoiled.answer("GET", "/truth", "", b"").body)

    lie(spoiled, source=site, asset="SOL", factor="10")
    assert ticker(site) == honest * 10
    lie(spoiled, source=site, asset="SOL", price="0")
    assert ticker(site) == 0
    [told] = lie(spoiled, source=site, asset="SOL", price="-1")
    assert told == {"source": site, "asset": "SOL", "price": "-1"}
    assert ticker(site) == -1
    lie(spoiled, source=site, asset="SOL", stale=40)
    assert ticker(site) != honest
    lie(spoiled, source=site, asset="SOL", coin="PEPE")
    assert ticker(site) < honest / 1000
    assert {each: ticker(each) for each in others} == others
    assert json.loads(spoiled.answer("GET", "/truth", "", b"").body) == worth

    assert json.loads(spoiled.answer("DELETE", "/prices", "", b"").body) == []
    assert ticker(site) == honest


def test_a_lie_reaches_the_past_as_far_as_it_says(spoiled: Control) -> None:
    honest = kraken("SOLUSD")
    days = list(honest)
    lie(spoiled, source="kraken", asset="SOL", factor="10", day=days[-3].isoformat())
    told = kraken("SOLUSD")
    assert [day for day in days if told[day] != honest[day]] == [days[-3]]
    assert told[days[-3]][3] == honest[days[-3]][3] * 10
    spoiled.answer("DELETE", "/prices", "", b"")
    lie(spoiled, source="kraken", asset="SOL", stale=5)
    assert max(kraken("SOLUSD")) == days[-6]


def test_a_stale_source_says_how_old_its_prices_are(spoiled: Control) -> None:
    lie(spoiled, source="coingecko", asset="SOL", stale=3)
    lie(spoiled, source="defillama", asset="SOL", stale=3)
    query = "ids=solana,bitcoin&vs_currencies=usd&include_last_updated_at=true"
    told = asker().ask("coingecko", f"/api/v3/simple/price?{query}")
    assert told["bitcoin"]["last_updated_at"] - told["solana"]["last_updated_at"] > 2.9 * 86_400
    now = asker().ask("defillama", "/prices/current/coingecko:solana")["coins"]["coingecko:solana"]
    assert int(NOW) - now["timestamp"] > 2.9 * 86_400
    assert max(chart("solana", YESTERDAY - timedelta(days=9), 10)) < YESTERDAY - timedelta(days=1)


def test_a_source_may_mistake_one_coin_for_another_of_its_symbol(spoiled: Control) -> None:
    def both() -> tuple[Decimal, Decimal]:
        ids = "polkadot,polkadot-classic"
        told = asker().ask("coingecko", f"/api/v3/simple/price?ids={ids}&vs_currencies=usd")
        return told["polkadot"]["usd"], told["polkadot-classic"]["usd"]

    honest = both()
    lie(spoiled, source="coingecko", asset="DOT", coin="polkadot-classic")
    assert both() == (honest[1], honest[1])


def test_central_banks_lie_too(spoiled: Control) -> None:
    honest = kroner("startPeriod=2026-11-19&endPeriod=2026-11-20")
    lie(spoiled, source="norgesbank", asset="USD", factor="0.1", day="2026-11-20")
    told = kroner("startPeriod=2026-11-19&endPeriod=2026-11-20")
    assert [key for key in told if told[key] != honest[key]] == [("USD", "2026-11-20")]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 404),
        ({"source": "kraken", "asset": "SOL"}, 400),
        ({"source": "kraken", "asset": "SOL", "factor": "10", "price": "1"}, 400),
        ({"source": "kraken", "asset": "SOL", "factor": "ten"}, 400),
        ({"source": "kraken", "asset": "SOL", "stale": "long"}, 400),
        ({"source": "kraken", "asset": "SOL", "factor": "2", "day": "soon"}, 400),
        ({"source": "kraken", "asset": "SOL", "factor": "2", "why": "so"}, 400),
        ({"source": "rumour", "asset": "SOL", "factor": "2"}, 404),
        ({"source": "kraken", "asset": "SHIB", "factor": "2"}, 404),
        ({"source": "kraken", "asset": "DOT", "coin": "polkadot-classic"}, 404),
    ],
)
def test_what_is_no_lie_is_refused(spoiled: Control, given: dict[str, Any], status: int) -> None:
    lie(spoiled, status, **given)
    assert json.loads(spoiled.answer("GET", "/prices", "", b"").body) == []


@pytest.mark.parametrize(
    ("site", "target", "most"),
    [("coingecko", "/api/v3/ping", 15), ("defillama", "/prices/current/coingecko:x", 300)],
)
def test_a_source_answers_so_many_requests_a_minute(site: str, target: str, most: int) -> None:
    fresh = Asker(Control(world().venues, world().prices, 0))
    statuses = [fresh.send(site, target).status for _ in range(most + 1)]
    assert statuses == [200] * most + [429]
    wait = fresh.send(site, target).headers["retry-after"]
    assert fresh.send(site, target, ip="127.0.0.2").status == 200
    assert fresh.send(site, target, now=NOW + int(wait)).status == 200


def test_the_worth_of_the_past_is_told_from_the_books_and_ends_at_todays() -> None:
    answer = world().answer("GET", "/truth/worth", "from=2025-01-01&to=2026-11-22", b"")
    days = {each["day"]: Decimal(each["usd"]) for each in json.loads(answer.body)["worth"]}
    now = Decimal(json.loads(world().answer("GET", "/truth", "", b"").body)["worth"])
    assert len(days) == 691
    assert days["2026-11-22"] == now
    assert min(days.values()) > 0
    assert world().answer("GET", "/truth/kraken", "from=2026-01-01", b"").status == 400
    for query in ("from=soon", "from=2026-01-02&to=2026-01-01", "from=1900-01-01"):
        assert world().answer("GET", "/truth/worth", query, b"").status == 400
    assert world().answer("GET", "/truth/prices", "asset=SHIB", b"").status == 404
