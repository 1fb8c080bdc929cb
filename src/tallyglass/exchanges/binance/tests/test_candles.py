"""Binance's daily klines, as its documentation shows them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tallyglass.exchanges import registry
from tallyglass.exchanges.binance.candles import REACH, pages
from tallyglass.exchanges.binance.parse import parse
from tallyglass.exchanges.streams import Close, Known, Market, NotReadable, Parsed, Ticker, midnight
from tallyglass.money import Asset

BNB, USDT = Asset("BNB"), Asset("USDT")
MARKET = Market("BNBUSDT", BNB, USDT)
DAY = 86_400_000
#: 20 November 2026 in milliseconds.
FIRST = 1795132800000


def bar(number: int, close: object, **other: object) -> list[object]:
    start = FIRST + number * DAY
    row: dict[str, object] = {
        "open_time": start, "open": "850.10000000", "high": "861.00000000", "low": "849.00000000", "close": close,
        "volume": "148976.11427815", "close_time": start + DAY - 1, "quote": "2434.19055334", "trades": 308,
        "taker_base": "1756.87402397", "taker_quote": "28.46694368", "unused": "0",
    }  # fmt: skip
    return list((row | other).values())


def read(body: bytes, **known: Any) -> Parsed:
    return parse("candles", body, Known(markets={"BNBUSDT": MARKET}, **{"asked": {"symbol": "BNBUSDT"}, **known}))


def test_days_that_are_over_have_their_closes_and_the_running_one_has_none() -> None:
    body = json.dumps([bar(0, "851.26000000"), bar(1, "849.01234567"), bar(2, "850.00000000")]).encode()
    found = read(body, begun=datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    assert found.items == (
        Close(BNB, USDT, date(2026, 11, 20), Decimal("851.26000000")),
        Close(BNB, USDT, date(2026, 11, 21), Decimal("849.01234567")),
    )
    assert found.unparsed == ()


def test_a_market_that_was_removed_is_known_by_its_name() -> None:
    found = parse("candles", json.dumps([bar(0, "1.5")]).encode(), Known(asked={"symbol": "XRPUSDT"}))
    assert found.items == (Close(Asset("XRP"), USDT, date(2026, 11, 20), Decimal("1.5")),)


@pytest.mark.parametrize("close", ["0.00000000", "-1", "NaN", "Infinity", "", None, 851.26, True])
def test_a_price_that_is_none_is_kept_apart(close: object) -> None:
    found = read(json.dumps([bar(0, close), bar(1, "849.0")]).encode())
    assert [each.day.day for each in found.items if isinstance(each, Close)] == [21]
    assert len(found.unparsed) == 1


@pytest.mark.parametrize(
    "odd",
    [
        bar(0, "1", open_time=FIRST + 60_000),
        bar(0, "1", close_time=FIRST + DAY // 2),
        bar(0, "1", open_time=10**18),
        bar(0, "1")[:5],
        {},
        None,
        "bar",
    ],
)
def test_a_bar_that_is_none_of_a_day_is_kept_apart(odd: object) -> None:
    found = read(json.dumps([odd, bar(1, "849.0")]).encode())
    assert len(found.items) == len(found.unparsed) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"code":-1121,"msg":"Invalid symbol."}', b"[", b"\xff"])
def test_another_answer_is_refused(body: bytes) -> None:
    with pytest.raises(NotReadable):
        read(body)


def test_without_the_market_nobody_knows_whose_prices_they_are() -> None:
    with pytest.raises(NotReadable, match="which one was asked for"):
        read(json.dumps([bar(0, "1")]).encode(), asked={})


def test_a_range_is_asked_for_in_thousands_of_days_the_newest_first() -> None:
    first, last = date(2020, 1, 1), date(2026, 11, 27)
    asks = list(pages(MARKET, first, last))
    ranges = [(int(ask.params["startTime"]), int(ask.params["endTime"])) for ask in asks]
    assert ranges[0][1] == midnight(last).timestamp() * 1000
    assert ranges[-1][0] == midnight(first).timestamp() * 1000
    assert all(newer[0] - older[1] == DAY for newer, older in pairwise(ranges))
    # both ends are told of; a page holds a thousand at most
    assert [(end - start) // DAY + 1 for start, end in ranges] == [1000, 1000, 523]
    call = registry.manifest("binance").read("candles").call(asks[-1].params)
    assert (call.method, call.host, call.path) == ("GET", "api.binance.com", "/api/v3/klines")
    assert call.query == f"interval=1d&limit=1000&symbol=BNBUSDT&startTime={ranges[-1][0]}&endTime={ranges[-1][1]}"
    assert (REACH, registry.manifest("binance").read("candles").cost) == (None, 2)


@pytest.mark.parametrize(("last", "kept"), [("-1.0", 1), ("NaN", 1), ("0.00000000", 0)])
def test_a_last_price_that_is_none_is_kept_apart_and_zero_says_that_nothing_was_traded(last: str, kept: int) -> None:
    body = json.dumps([{"symbol": "BNBUSDT", "price": last}, {"symbol": "ETHUSDT", "price": "2"}])
    found = parse("tickers", body.encode(), Known(markets={"BNBUSDT": MARKET}))
    assert [item.base for item in found.items if isinstance(item, Ticker)] == ["ETH"]
    assert len(found.unparsed) == kept
