"""A fake Binance whose one account made very many trades: the sandbox as it is, its rows printed before it serves.

`python bench/crowded.py --trades N --state FILE` serves until it is stopped. What an answer costs the exchange is no
business of a benchmark of those who read it: so the fills are not printed anew for each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tallyglass.money import EXACT, Amount, multiply, negate
from tallyglass.sandbox import model, run
from tallyglass.sandbox.binance import spot
from tallyglass.sandbox.binance.account import Account, Order, Trade
from tallyglass.sandbox.binance.markets import MARKETS, Market
from tallyglass.sandbox.binance.venue import Binance
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.ecb import Ecb
from tallyglass.sandbox.model import Act
from tallyglass.sandbox.world import WorldPrices

#: The quotes whose markets the account trades on.
QUOTES = ("USDT", "EUR", "BTC")
FEE = Decimal("0.00000012")
#: Trades of one market: few of many are read otherwise than many of few.
A_MARKET = 35_000
#: Milliseconds between two trades of a market.
PAUSE = 4_000


def crowd(venue: Binance, prices: WorldPrices, now: float, trades: int) -> None:
    """Let the main account have been funded, and have made that many trades on some markets in turn."""
    account, rng = venue.accounts["main"], random.Random(1)  # noqa: S311  (made-up trades)
    every = [each for each in MARKETS.values() if each.quote in QUOTES]
    markets = every[: max(3, trades // A_MARKET)]
    each = trades // len(markets)
    start = int(now * 1_000) - (each + 1_000) * PAUSE
    for coin in sorted({coin for market in every for coin in (market.base, market.quote)}):
        at = datetime.fromtimestamp(start / 1000, UTC) - timedelta(days=1)
        venue.record("main", Act("deposit", at, coin, Decimal(100_000_000), serial=len(account.desks) + 1))
    for number, market in enumerate(markets):
        more = trades - each * len(markets) if number == 0 else 0
        _trade(account, market, prices, (start, each + more, rng))


def _trade(account: Account, market: Market, prices: WorldPrices, plan: tuple[int, int, random.Random]) -> None:
    start, count, rng = plan
    desk, price = account.desk(market.symbol), prices.last(market.base, market.quote)
    moved: dict[str, Amount] = dict.fromkeys((market.base, market.quote, "BNB"), Decimal(0))
    for number in range(count):
        us = (start + number * PAUSE) * 1_000
        amount = multiply(Decimal(rng.randrange(1, 10)), market.step)
        cost = multiply(amount, price)
        side = "BUY" if number % 2 else "SELL"
        desk.next_order += 3
        desk.next_trade += 7
        order = Order(desk.next_order, market, side, "MARKET", price, amount, us, us, amount, cost, status="FILLED")  # type: ignore[arg-type]
        trade = Trade(desk.next_trade, order, price, amount, cost, FEE, "BNB", us)
        desk.trades.add(trade.id, trade)
        desk.trades_by_time.add(us, trade)
        took, gave = (amount, negate(cost)) if number % 2 else (negate(amount), cost)
        for coin, figure in ((market.base, took), (market.quote, gave), ("BNB", negate(FEE))):
            moved[coin] = EXACT.add(moved[coin], figure)
    legs = [("spot", coin, figure, "principal") for coin, figure in moved.items()]
    account.books.post(f"all trades on {market.symbol}", "trade", datetime.fromtimestamp(start / 1000, UTC), legs)


class Printed(str):
    """A row as it stands in the answer."""

    __slots__ = ()


def print_rows(account: Account) -> None:
    """Print every fill once, and let answers be made of these."""
    row_of: Any = spot._trade_row  # noqa: SLF001  (the sandbox's own printing of a fill)
    json_of = model.Outgoing.json

    class InMilliseconds:
        """The way in which all clients here ask for times."""

        @staticmethod
        def time(us: int) -> int:
            return us // 1_000

    printed = {
        (trade.order.market.symbol, trade.id): Printed(json.dumps(row_of(InMilliseconds, trade), separators=(",", ":")))
        for desk in account.desks.values()
        for trade in desk.trades.rows
    }

    def row(_call: object, trade: Trade) -> Printed:
        return printed[trade.order.market.symbol, trade.id]

    def answer(value: Any, status: int = 200, **headers: str) -> model.Outgoing:
        if not (isinstance(value, list) and value and isinstance(value[0], Printed)):
            return json_of(value, status, **headers)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return model.Outgoing(status, named, f"[{','.join(value)}]".encode())

    setattr(spot, "_trade_row", row)  # noqa: B010
    setattr(model.Outgoing, "json", staticmethod(answer))  # noqa: B010


def main() -> None:
    """Make it and serve it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    given = parser.parse_args()
    now = time.time()
    prices = WorldPrices(1, now)
    gc.disable()
    venue = run.venues(1, prices, now)["binance"]
    assert isinstance(venue, Binance)
    crowd(venue, prices, now, given.trades)
    print_rows(venue.accounts["main"])
    venue.specials["no_limits"]("main", now)
    gc.freeze()
    gc.enable()
    world = Control({"binance": venue}, prices, 1), Ecb(prices.rates)
    asyncio.run(run._serve(0, world, given.state, tls=False))  # noqa: SLF001


if __name__ == "__main__":
    main()
