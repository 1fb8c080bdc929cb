"""Coinbase's daily candles, as its documentation shows them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tallyglass.exchanges import registry
from tallyglass.exchanges.coinbase.candles import REACH, pages
from tallyglass.exchanges.coinbase.parse import parse
from tallyglass.exchanges.streams import Close, Known, Market, NotReadable, Parsed, Ticker, midnight
from tallyglass.money import Asset

ETH, EUR = Asset("ETH"), Asset("EUR")
MARKET = Market("ETH-EUR", ETH, EUR)
DAY = 86_400
#: 20 November 2026 in Unix seconds.
FIRST = 1795132800


def bar(start: object, close: object) -> dict[str, object]:
    return {"start": start, "low": "2480.1", "high": "2533.9", "open": "2500", "close": close, "volume": "355.82896243"}


def candles(*bars: object) -> bytes:
    return json.dumps({"candles": list(bars)}).encode()


def read(body: bytes, **known: Any) -> Parsed:
    asked = {"product_id": "ETH-EUR", "start": str(FIRST), "end": str(FIRST + DAY)}
    return parse("candles", body, Known(markets={"ETH-EUR": MARKET}, **{"asked": asked, **known}))


def test_days_that_are_over_have_their_closes_and_the_running_one_has_none() -> None:
    body = candles(bar(str(FIRST + 2 * DAY), "2511"), bar(str(FIRST + DAY), "2509.41"), bar(str(FIRST), "2500.00"))
    found = read(body, begun=datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    assert found.items == (
        Close(ETH, EUR, date(2026, 11, 21), Decimal("2509.41")),
        Close(ETH, EUR, date(2026, 11, 20), Decimal("2500.00")),
    )
    assert found.unparsed == ()


@pytest.mark.parametrize("close", ["0", "-1", "NaN", "Infinity", "", None, 2509.41, True])
def test_a_price_that_is_none_is_kept_apart(close: object) -> None:
    found = read(candles(bar(str(FIRST + DAY), "2509"), bar(str(FIRST), close)))
    assert [each.day.day for each in found.items if isinstance(each, Close)] == [21]
    assert len(found.unparsed) == 1


@pytest.mark.parametrize("odd", [bar(str(FIRST + 60), "1"), bar("-1", "1"), bar("9" * 30, "1"), bar(FIRST, "1"), {}, 7])
def test_a_bar_that_is_none_of_a_day_is_kept_apart(odd: object) -> None:
    found = read(candles(bar(str(FIRST + DAY), "2509"), odd))
    assert len(found.items) == len(found.unparsed) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error":"NOT_FOUND"}', b'{"candles":null}', b"\xff"])
def test_another_answer_is_refused(body: bytes) -> None:
    with pytest.raises(NotReadable):
        read(body)


def test_without_the_market_nobody_knows_whose_prices_they_are() -> None:
    with pytest.raises(NotReadable, match="which one was asked for"):
        read(candles(bar(str(FIRST), "1")), asked={})


def test_a_range_is_asked_for_in_pieces_that_coinbase_gives_the_newest_first() -> None:
    first, last = date(2025, 1, 1), date(2026, 11, 27)
    asks = list(pages(MARKET, first, last))
    ranges = [(int(ask.params["start"]), int(ask.params["end"])) for ask in asks]
    assert ranges[0][1] == midnight(last).timestamp()
    assert ranges[-1][0] == midnight(first).timestamp()
    assert all(newer[0] - older[1] == DAY for newer, older in pairwise(ranges))
    assert [(end - start) // DAY + 1 for start, end in ranges] == [300, 300, 96]
    call = registry.manifest("coinbase").read("candles").call(asks[-1].params)
    assert (call.method, call.host) == ("GET", "api.coinbase.com")
    assert call.path == "/api/v3/brokerage/market/products/ETH-EUR/candles"
    assert call.query == f"granularity=ONE_DAY&start={ranges[-1][0]}&end={ranges[-1][1]}"
    assert REACH is None


@pytest.mark.parametrize(("last", "kept"), [("-1.0", 1), ("NaN", 1), ("0", 0), ("", 0)])
def test_a_last_price_that_is_none_is_kept_apart_and_zero_says_that_nothing_was_traded(last: str, kept: int) -> None:
    rows = [
        {"product_id": f"{base}-EUR", "base_currency_id": base, "quote_currency_id": "EUR", "price": price}
        for base, price in (("ETH", last), ("BTC", "2"))
    ]
    found = parse("tickers", json.dumps({"products": rows}).encode(), Known(markets={"ETH-EUR": MARKET}))
    assert [item.base for item in found.items if isinstance(item, Ticker)] == ["BTC"]
    assert len(found.unparsed) == kept
