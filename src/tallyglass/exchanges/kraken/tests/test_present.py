"""What Kraken says is so now: no balance counts twice, and no price is older than its market."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tallyglass.exchanges.kraken.parse import parse
from tallyglass.exchanges.streams import Balance, Known, Market, NotReadable, Parsed, Ticker
from tallyglass.money import asset

PAYLOADS = Path(__file__).parent / "payloads"
EMPTY = Known()


def tickers(market: Market) -> Parsed:
    return parse("tickers", (PAYLOADS / "tickers.json").read_bytes(), Known(markets={market.name: market}))


def test_a_closed_market_has_no_price_of_today() -> None:
    btc, eur = asset("BTC"), asset("EUR")
    shut = Market("XXBTZEUR", btc, eur, open=False)
    assert list(tickers(shut).items) == [Ticker(asset("USDT"), asset("USD"), Decimal("1.00005000"))]
    trading = Market("XXBTZEUR", btc, eur)
    assert len(tickers(trading).items) == 2


@pytest.mark.parametrize("row", ["{}", '"1.5"', '{"balance":"1","hold_trade":"0"}'])
def test_a_code_that_stands_twice_in_the_balances_is_not_counted_at_all(row: str) -> None:
    body = '{"error":[],"result":{"XXBT":"2.0","ZEUR":"1","XXBT":' + row + "}}"
    with pytest.raises(NotReadable, match="'XXBT' stands twice"):
        parse("balances", body.encode(), EMPTY)


def test_two_codes_of_one_asset_are_two_balances() -> None:
    found = parse("balances", b'{"error":[],"result":{"XXBT":"2.0","XBT":"1"}}', EMPTY)
    assert [item.total for item in found.items if isinstance(item, Balance)] == [Decimal("2.0"), Decimal(1)]
