"""CoinGecko's answers, as its documentation shows them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tallyglass.exchanges import registry
from tallyglass.exchanges.coingecko.candles import REACH, pages
from tallyglass.exchanges.coingecko.parse import parse
from tallyglass.exchanges.streams import Close, Coin, Known, Market, NotReadable, Ticker
from tallyglass.money import Asset

BTC, USD = Asset("BTC"), Asset("USD")
MARKET = Market("bitcoin", BTC, USD)
KNOWN = Known(markets={"bitcoin": MARKET}, asked={"coin": "bitcoin"})
#: 21 November 2026 in milliseconds: the end of the 20th.
MIDNIGHT = 1795219200000
DAY = 86_400_000


def chart(*points: object) -> bytes:
    return json.dumps({"prices": list(points), "market_caps": [], "total_volumes": []}).encode()


def test_two_coins_of_one_symbol_stay_two() -> None:
    body = b"""[{"id": "polkadot", "symbol": "dot", "name": "Polkadot"},
        {"id": "polkadot-2", "symbol": "DOT", "name": "Dot by somebody else"}, {"id": "", "symbol": "x", "name": ""}]"""
    found = parse("markets", body, Known())
    assert found.items == (
        Coin("polkadot", "DOT", "Polkadot"),
        Coin("polkadot-2", "DOT", "Dot by somebody else"),
    )
    assert len(found.unparsed) == 1


def test_a_price_of_now_keeps_every_digit_and_says_when_it_was() -> None:
    body = b'{"bitcoin": {"usd": 86412.31000000000017, "last_updated_at": 1795219187}, "ethereum": {"usd": 2911.4}}'
    found = parse("tickers", body, KNOWN)
    at = datetime(2026, 11, 20, 23, 59, 47, tzinfo=UTC)
    assert found.items == (Ticker(BTC, USD, Decimal("86412.31000000000017"), at),)
    assert ["ethereum" in each.reason for each in found.unparsed] == [True]


def test_a_coin_that_trades_nowhere_has_no_price() -> None:
    found = parse("tickers", b'{"bitcoin": {}}', KNOWN)
    assert (found.items, len(found.unparsed)) == ((), 1)


def test_the_price_of_midnight_is_the_close_of_the_day_before_and_the_running_one_is_none() -> None:
    body = chart([MIDNIGHT, 86000.25], [MIDNIGHT + DAY, 87000], [MIDNIGHT + DAY + 40_000_000, 88000])
    found = parse("candles", body, KNOWN)
    assert found.items == (
        Close(BTC, USD, date(2026, 11, 20), Decimal("86000.25")),
        Close(BTC, USD, date(2026, 11, 21), Decimal(87000)),
    )
    assert found.unparsed == ()


@pytest.mark.parametrize("price", [0, -1, "NaN", None, True, 1e300, [], "12,5"])
def test_a_price_that_is_none_is_kept_apart(price: object) -> None:
    found = parse("candles", chart([MIDNIGHT, price], [MIDNIGHT + DAY, 87000]), KNOWN)
    assert [each.day.day for each in found.items if isinstance(each, Close)] == [21]
    assert len(found.unparsed) == 1
    now = parse("tickers", json.dumps({"bitcoin": {"usd": price}}).encode(), KNOWN)
    assert (now.items, len(now.unparsed)) == ((), 1)


@pytest.mark.parametrize("odd", [[], [1], [-1, 5], ["x", 5], [1e40, 5], {}, None, 7])
def test_a_point_of_no_time_is_kept_apart(odd: object) -> None:
    found = parse("candles", chart(odd, [MIDNIGHT + DAY, 87000]), KNOWN)
    assert len(found.items) == len(found.unparsed) == 1


@pytest.mark.parametrize("read", ["tickers", "candles", "markets", "rates"])
@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b'"no"', b"\xff", b"[" * 9])
def test_another_answer_is_refused(read: str, body: bytes) -> None:
    with pytest.raises(NotReadable):
        parse(read, body, KNOWN)


def test_without_the_coin_nobody_knows_whose_prices_they_are() -> None:
    with pytest.raises(NotReadable, match="names no coin"):
        parse("candles", chart([MIDNIGHT, 1]), Known(markets={"bitcoin": MARKET}))


def test_a_range_is_one_request_and_reaches_back_a_year() -> None:
    [ask] = pages(MARKET, date(2026, 11, 20), date(2026, 11, 26))
    manifest = registry.manifest("coingecko")
    call = manifest.read(ask.read).call(ask.params)
    assert (call.host, call.path) == ("api.coingecko.com", "/api/v3/coins/bitcoin/market_chart/range")
    begin, end = MIDNIGHT // 1000, (MIDNIGHT + 6 * DAY) // 1000
    assert call.query == f"vs_currency=usd&interval=daily&precision=full&from={begin}&to={end}"
    assert REACH == 365
    assert "365" in manifest.history["candles"]
