"""CoinGecko's daily prices: how they are asked for.

https://docs.coingecko.com/demo/reference/coins-id-market-chart-range
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from tallyglass.exchanges.streams import Ask, Market, midnight

#: The public API refuses a request that begins earlier, whole.
REACH: Final = 365


def pages(market: Market, first: date, last: date) -> Iterable[Ask]:
    """One request; the market's name is the coin's id. A daily price is that of 00:00: of the end of the day before."""
    begin, end = (int(midnight(day + timedelta(days=1)).timestamp()) for day in (first, last))
    return (Ask("candles", {"coin": market.name, "from": str(begin), "to": str(end)}),)
