"""What is wanted of past prices: which days of which markets, by what is owned and what was asked for already. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Market
from tallyglass.money import Asset
from tallyglass.prices.coins import DOLLAR
from tallyglass.prices.routes import PREFERRED
from tallyglass.store.closes import Series

DAY: Final = timedelta(1)
#: So long after midnight (UTC) every source knows the close of the day before.
SETTLED: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Task:
    """The days of one market that a source is to be asked for."""

    source: str
    market: Market
    first: date
    last: date
    #: What it was asked for already.
    asked: tuple[date, date] | None = None

    def pieces(self) -> Iterator[tuple[date, date, bool]]:
        """The days that were not asked for, and whether they follow those that were."""
        if self.asked is None:
            yield self.first, self.last, False
            return
        first, last = self.asked
        if self.last > last:
            yield last + DAY, self.last, True
        if self.first < first:
            yield self.first, first - DAY, False


@dataclass(frozen=True, slots=True)
class Listed:
    """Where prices can be asked for."""

    #: The markets of each exchange, by its names for them.
    markets: Mapping[str, Mapping[str, Market]]
    #: The coin that an asset is.
    coins: Mapping[Asset, str]
    #: The sources that go by coins, in the order in which they are asked.
    by_coin: tuple[str, ...]
    #: What goes by official rates.
    fiat: Collection[Asset]


def tasks(
    wanted: Mapping[Asset, date],
    listed: Listed,
    currency: Asset,
    asked: Mapping[Series, tuple[date, date]],
    now: datetime,
) -> list[Task]:
    """What is to be asked, source by source: the user's own exchanges first. `wanted`: each asset from its first day.

    Every market is one source of one price; what it is quoted in is wanted from the same day on.
    """
    last = (now - SETTLED).date() - DAY
    since = dict(wanted)
    found: dict[Series, Task] = {}
    waiting = sorted(since)
    while waiting:
        asset = waiting.pop()
        for source, market in _markets(asset, listed, currency):
            first = max(since[asset], reach(source, now))
            key = Series(source, market.base, market.quote)
            if first <= last:
                found[key] = Task(source, market, first, last, asked.get(key))
            if since.get(market.quote, date.max) > since[asset] and market.quote != currency:
                since[market.quote] = since[asset]
                waiting.append(market.quote)
    order = [*listed.markets, *listed.by_coin]
    todo = (each for each in found.values() if next(each.pieces(), None) is not None)
    return sorted(todo, key=lambda each: (order.index(each.source), each.market.base, each.market.quote))


def _markets(asset: Asset, listed: Listed, currency: Asset) -> Iterator[tuple[str, Market]]:
    if asset in listed.fiat:
        return
    for exchange, markets in listed.markets.items():
        here = {market.name: market for market in markets.values() if market.base == asset}
        best = min(here.values(), key=lambda each: _preference(each, currency), default=None)
        if best is not None:
            yield exchange, best
    coin = listed.coins.get(asset)
    if coin is not None:
        yield from ((source, Market(coin, asset, DOLLAR)) for source in listed.by_coin)


def _preference(market: Market, currency: Asset) -> tuple[bool, int, bool, str]:
    """The market that leads straight to the currency, else the most liquid quote; one that is open."""
    place = PREFERRED.index(market.quote) if market.quote in PREFERRED else len(PREFERRED)
    return market.quote != currency, place, not market.open, market.name


def reach(source: str, now: datetime) -> date:
    """The first day of which a source tells; `date.max` where it tells of none."""
    candles = registry.candles(source)
    if candles is None:
        return date.max
    return date.min if candles.REACH is None else now.date() - candles.REACH * DAY
