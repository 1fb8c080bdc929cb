"""DefiLlama's daily prices: how they are asked for.

https://api-docs.defillama.com/
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from tallyglass.exchanges.streams import Ask, Market, midnight, spans

#: Since the coin has been known.
REACH: Final = None
#: The page names no limit.
_PAGE: Final = 300


def pages(market: Market, first: date, last: date) -> Iterable[Ask]:
    """Three hundred days a request: the price at the end of each. The market's name is the coin's id at CoinGecko."""
    for begin, end in spans(first, last, _PAGE):
        start = int(midnight(begin + timedelta(days=1)).timestamp())
        yield Ask("candles", {"coin": market.name, "start": str(start), "span": str((end - begin).days + 1)})
