"""DefiLlama's answers, as its documentation shows them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.defillama.candles import REACH, pages
from tallyglass.exchanges.defillama.parse import parse
from tallyglass.exchanges.manifest import NotListed
from tallyglass.exchanges.streams import Close, Known, Market, NotReadable, Ticker
from tallyglass.money import Asset

BTC, USD = Asset("BTC"), Asset("USD")
MARKET = Market("bitcoin", BTC, USD)
KNOWN = Known(markets={"bitcoin": MARKET})
#: 21 November 2026 in Unix seconds: the end of the 20th.
MIDNIGHT = 1795219200
DAY = 86_400


def chart(*points: object, coin: str = "coingecko:bitcoin") -> bytes:
    return json.dumps({"coins": {coin: {"symbol": "BTC", "confidence": 0.99, "prices": list(points)}}}).encode()


def point(timestamp: object, price: object) -> dict[str, object]:
    return {"timestamp": timestamp, "price": price}


def test_a_price_of_now_keeps_every_digit_and_says_when_it_was() -> None:
    body = b"""{"coins": {"coingecko:bitcoin": {"decimals": 0, "symbol": "BTC", "price": 86412.30000000000012,
        "timestamp": 1795219187, "confidence": 0.99}}}"""
    at = datetime(2026, 11, 20, 23, 59, 47, tzinfo=UTC)
    assert parse("tickers", body, KNOWN).items == (Ticker(BTC, USD, Decimal("86412.30000000000012"), at),)


def test_the_point_next_to_the_end_of_a_day_is_its_close() -> None:
    found = parse(
        "candles",
        chart(
            point(MIDNIGHT - 1800, 85000.5),
            point(MIDNIGHT - 12, 86000.25),
            point(MIDNIGHT + 900, 86100),
            point(MIDNIGHT + DAY + 30, 87000),
            point(MIDNIGHT + DAY + 40_000, 88000),
        ),
        KNOWN,
    )
    assert found.items == (
        Close(BTC, USD, date(2026, 11, 20), Decimal("86000.25")),
        Close(BTC, USD, date(2026, 11, 21), Decimal(87000)),
    )
    assert found.unparsed == ()


def test_a_day_without_a_point_near_its_end_has_no_close() -> None:
    assert parse("candles", chart(point(MIDNIGHT - 3700, 1), point(MIDNIGHT + 3700, 1)), KNOWN).items == ()


def test_a_day_that_is_not_over_has_no_close() -> None:
    known = Known(markets={"bitcoin": MARKET}, begun=datetime(2026, 11, 21, 12, tzinfo=UTC))
    points = chart(point(MIDNIGHT, 86000), point(MIDNIGHT + DAY - 60, 87000))
    assert [each.day.day for each in parse("candles", points, known).items if isinstance(each, Close)] == [20]


@pytest.mark.parametrize("price", [0, -1, "NaN", "Infinity", None, True, 1e300, [], "12,5"])
def test_a_price_that_is_none_is_kept_apart(price: object) -> None:
    found = parse("candles", chart(point(MIDNIGHT, price), point(MIDNIGHT + DAY, 87000)), KNOWN)
    assert [each.day.day for each in found.items if isinstance(each, Close)] == [21]
    assert len(found.unparsed) == 1
    row = {"symbol": "BTC", "price": price, "timestamp": MIDNIGHT}
    now = parse("tickers", json.dumps({"coins": {"coingecko:bitcoin": row}}).encode(), KNOWN)
    assert (now.items, len(now.unparsed)) == ((), 1)


def test_a_coin_that_nobody_asked_for_is_priced_for_nobody() -> None:
    found = parse("candles", chart(point(MIDNIGHT, 1), coin="coingecko:bitcoin-2"), KNOWN)
    assert found.items == ()
    [piece] = found.unparsed
    assert "bitcoin-2" in piece.reason


def test_a_coin_without_prices_has_none() -> None:
    assert parse("tickers", b'{"coins":{}}', KNOWN) == parse("candles", b'{"coins":{}}', KNOWN)
    assert parse("tickers", b'{"coins":{}}', KNOWN).items == ()


@pytest.mark.parametrize("read", ["tickers", "candles", "markets"])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"coins":[]}', b'{"message":"no"}', b"\xff", b"[" * 9]
)
def test_another_answer_is_refused(read: str, body: bytes) -> None:
    with pytest.raises(NotReadable):
        parse(read, body, KNOWN)


def test_a_range_is_asked_for_by_the_ends_of_its_days_the_newest_first() -> None:
    asks = list(pages(MARKET, date(2025, 11, 20), date(2026, 11, 20)))
    manifest = registry.manifest("defillama")
    calls = [manifest.read(ask.read).call(ask.params) for ask in asks]
    assert {(each.method, each.host, each.path) for each in calls} == {
        ("GET", "coins.llama.fi", "/chart/coingecko:bitcoin")
    }
    assert calls[0].query == f"period=1d&searchWidth=1h&start={MIDNIGHT - 299 * DAY}&span=300"
    assert calls[1].query == f"period=1d&searchWidth=1h&start={MIDNIGHT - 365 * DAY}&span=66"
    assert REACH is None
    assert all(manifest.lists(each.method, each.host, each.path) for each in calls)


@pytest.mark.parametrize(
    "path", ["bitcoin", "coingecko:", "coingecko:a/b", "coingecko:a,b", "ethereum:a", "coingecko:{coin}"]
)
def test_what_only_looks_like_a_coin_of_the_page_is_not_listed(path: str) -> None:
    assert not registry.manifest("defillama").lists("GET", "coins.llama.fi", f"/chart/{path}")


@pytest.mark.parametrize("coin", ["", "a/b", "a,b", "a:b", "../x", "a?b", "a%2Fb"])
def test_no_coin_leads_elsewhere(coin: str) -> None:
    with pytest.raises(NotListed):
        registry.manifest("defillama").read("candles").call({"coin": coin, "start": "1", "span": "1"})


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in ("tickers", "candles"):
        try:
            items = parse(read, body, KNOWN).items
        except NotReadable:
            items = ()
        assert all(isinstance(each, Ticker | Close) and each.price > 0 for each in items)
