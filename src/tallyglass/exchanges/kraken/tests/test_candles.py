"""Kraken's daily candles, as its documentation shows them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.kraken.candles import REACH, pages
from tallyglass.exchanges.kraken.parse import parse
from tallyglass.exchanges.streams import Close, Known, Market, NotReadable, Parsed, Ticker
from tallyglass.money import Asset

BTC, EUR = Asset("BTC"), Asset("EUR")
MARKET = Market("XXBTZEUR", BTC, EUR, ("XBTEUR",))
#: 20, 21 and 22 November 2026 in Unix seconds.
FIRST, SECOND, THIRD = 1795132800, 1795219200, 1795305600


def bar(time: object, close: object, count: object = 9120) -> list[object]:
    return [time, "51500.1", "52300.0", "51200.0", close, "51890.2", "412.10000000", count]


def candles(*bars: object, last: object = SECOND, name: str = "XXBTZEUR") -> bytes:
    return json.dumps({"error": [], "result": {name: list(bars), "last": last}}).encode()


def read(body: bytes, **known: Any) -> Parsed:
    return parse("candles", body, Known(markets={MARKET.name: MARKET}, **known))


def test_days_that_are_over_have_their_closes_and_the_running_one_has_none() -> None:
    found = read(candles(bar(FIRST, "52010.0"), bar(SECOND, "51875.25"), bar(THIRD, "51900.0")))
    assert found.items == (
        Close(BTC, EUR, date(2026, 11, 20), Decimal("52010.0")),
        Close(BTC, EUR, date(2026, 11, 21), Decimal("51875.25")),
    )
    assert found.unparsed == ()


def test_a_day_that_ended_this_minute_is_left_for_the_next_time() -> None:
    body = candles(bar(FIRST, "52010.0"), bar(SECOND, "51875.2"), bar(THIRD, "51900.0"))
    close, just_over = datetime(2026, 11, 22, 0, 4, tzinfo=UTC), datetime(2026, 11, 22, 0, 5, tzinfo=UTC)
    assert [each.day.day for each in read(body, begun=close).items if isinstance(each, Close)] == [20]
    assert [each.day.day for each in read(body, begun=just_over).items if isinstance(each, Close)] == [20, 21]


@pytest.mark.parametrize("close", ["0", "0.0", "-1", "NaN", "inf", "", "1e999999", None, True, [], "51 000"])
def test_a_price_that_is_none_is_kept_apart(close: object) -> None:
    found = read(candles(bar(FIRST, close), bar(SECOND, "51875.2")))
    assert [each.day.day for each in found.items if isinstance(each, Close)] == [21]
    assert len(found.unparsed) == 1


@pytest.mark.parametrize(
    "odd", [bar(FIRST + 60, "52010.0"), bar(-1, "1"), bar("x", "1"), bar(10**15, "1"), [FIRST, "1"], {}, 7, None]
)
def test_a_bar_that_is_none_of_a_day_is_kept_apart(odd: object) -> None:
    found = read(candles(odd, bar(SECOND, "51875.2")))
    assert len(found.items) == len(found.unparsed) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error":["EQuery:Unknown asset pair"]}',
        b'{"error":[],"result":{}}',
        b'{"error":[],"result":{"XXBTZEUR":[]}}',
        b'{"error":[],"result":{"last":1}}',
        b'{"error":[],"result":{"XXBTZEUR":[],"XETHZEUR":[],"last":1}}',
        candles(last="soon"),
        b'{"error":[],"result":{"XXBTZEUR":{},"last":1}}',
        candles(name="QQ"),
    ],
)
def test_another_answer_is_refused(body: bytes) -> None:
    with pytest.raises(NotReadable):
        read(body)


def test_one_request_asks_for_all_that_there_is() -> None:
    [ask] = pages(MARKET, date(2026, 11, 20), date(2026, 11, 27))
    call = registry.manifest("kraken").read(ask.read).call(ask.params)
    assert (call.method, call.host, call.path) == ("GET", "api.kraken.com", "/0/public/OHLC")
    # `since` itself is not told: https://docs.kraken.com/api-reference/market-data/get-ohlc-data
    assert call.query == f"interval=1440&pair=XXBTZEUR&since={FIRST - 1}"
    assert REACH == 720 - 1
    assert "719" in registry.manifest("kraken").history["candles"]


@given(st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists), st.integers())
def test_any_bars_are_read_or_kept_or_refused(bars: object, last: int) -> None:
    body = json.dumps({"error": [], "result": {"XXBTZEUR": bars, "last": last}}).encode()
    try:
        found = read(body)
    except NotReadable:
        return
    assert isinstance(bars, list)
    assert len(found.unparsed) == len(bars)


@pytest.mark.parametrize(("last", "kept"), [("-1.0", 1), ("NaN", 1), ("1e99", 1), ("0.0", 0)])
def test_a_last_price_that_is_none_is_kept_apart_and_zero_says_that_nothing_was_traded(last: str, kept: int) -> None:
    body = json.dumps({"error": [], "result": {"XXBTZEUR": {"c": [last, "0.1"]}, "XETHZEUR": {"c": ["2", "1"]}}})
    found = parse("tickers", body.encode(), Known(markets={MARKET.name: MARKET}))
    assert [item.base for item in found.items if isinstance(item, Ticker)] == ["ETH"]
    assert len(found.unparsed) == kept
