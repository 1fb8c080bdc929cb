"""Closing prices: what every asset was worth at the end of every past day, by the closes that are known. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from tallyglass.money import Asset, divide
from tallyglass.prices.choose import differ
from tallyglass.prices.moment import ENDED, LEAP, ONE, Found, Moment, Said
from tallyglass.prices.paths import CROWN, EURO, Price, Spoken, Word, by_word, far, priced
from tallyglass.prices.quick import Closes, Plans, Priced, plans, quickly
from tallyglass.prices.routes import ECB, NORGES_BANK, Link, Route, Routes, routes_to

DAY: Final = timedelta(1)
#: So many days after its last close a market still counts as one.
GAP: Final = 7

#: The currency in which each source of official rates counts.
OWN: Final = {ECB: EURO, NORGES_BANK: CROWN}


_What = Link | tuple[str, Asset]
"""A market, or a currency at a source of official rates."""


class _Open(NamedTuple):
    """What there was between two changes."""

    links: Sequence[Link]
    official: Mapping[str, AbstractSet[Asset]]


@dataclass(frozen=True, slots=True)
class History:
    """All that the sources have told of past days."""

    closes: Mapping[Link, Closes] = field(default_factory=dict)
    #: Units of each currency per euro, as the European Central Bank publishes them.
    per_euro: Mapping[Asset, Closes] = field(default_factory=dict)


class DailyPrices:
    """The prices of past days, ready to be asked. Today has no close: it is asked of `Quotes`."""

    def __init__(self, history: History, word: Word | None = None) -> None:
        self._word = word or Word()
        self._closes, crowns = _named(history.closes, self._word)
        self._official: dict[str, Mapping[Asset, Closes]] = {ECB: history.per_euro, NORGES_BANK: crowns}
        self._spoken: dict[Asset, dict[date, Spoken]] = defaultdict(dict)
        for each in self._word.prices:
            self._spoken[each.asset][each.day] = each
        self._begins, self._open = _epochs(self._closes, self._official)
        self._currencies: dict[Asset, _Currency] = {}

    def price(self, asset: Asset, day: date, currency: Asset, exchange: str = "") -> Price | None:
        """The price at the end of a day and how it is known; None before anybody told one. Never a guess.

        `exchange`: where the asset was held, for a symbol that does not stand for one coin everywhere.
        """
        named = self._word.named(asset, exchange)
        if named == currency:
            return Price(ONE, ())
        known = self._currency(currency)
        spoken = self._spoken_of(named, day, known)
        if spoken is not None:
            told = by_word(spoken, known.moment(day))
            if told is not None:
                return told
        found = known.moment(day).find(named)
        if found is not None:
            return priced(named, found)
        end = known.end(named, day)
        found = None if end is None else known.moment(end).find(named)
        return None if found is None else priced(named, found, ENDED)

    def in_currency(self, currency: Asset) -> Callable[[Asset, date], Priced | None]:
        """The same in one currency and without its explanation: quick, for all days of all assets."""
        known = self._currency(currency)
        spoken, same = self._spoken, Priced(ONE)

        def price(asset: Asset, day: date) -> Priced | None:
            if asset == currency:
                return same
            if asset in spoken:
                told = self.price(asset, day, currency)
                return None if told is None else Priced(told.value, told.marks)
            return known.quickly(asset, day)

        return price

    def _spoken_of(self, asset: Asset, day: date, known: _Currency) -> Spoken | None:
        """What the user says: of that very day, or, when no source tells anything of it any more, later than they."""
        said = self._spoken.get(asset)
        if not said:
            return None
        if day in said:
            return said[day]
        if known.moment(day).find(asset) is not None:
            return None
        newest = max((each for each in said if each < day), default=None)
        end = known.end(asset, day)
        return None if newest is None or (end is not None and end > newest) else said[newest]

    def _currency(self, currency: Asset) -> _Currency:
        if currency not in self._currencies:
            self._currencies[currency] = _Currency(self, currency)
        return self._currencies[currency]

    def routes(self, epoch: int, currency: Asset) -> Routes:
        """The routes of all days between two changes of what markets there are."""
        links, official = self._open[epoch]
        return routes_to(currency, links, official)

    def epoch(self, day: date) -> int:
        """Between which changes of what markets there are a day lies; -1 = before all."""
        return bisect_right(self._begins, day) - 1

    def begin(self, epoch: int) -> date:
        """The first day of an epoch."""
        return self._begins[epoch]

    @property
    def sure(self) -> frozenset[Asset]:
        """Assets whose symbol stands for one coin everywhere."""
        return self._word.sure

    @property
    def closes(self) -> Mapping[Link, Closes]:
        """The closes of every market."""
        return self._closes

    def owed(self, asset: Asset, day: date) -> bool:
        """Whether there is a second opinion of a day that was not heard."""
        return self._word.unheard.on(asset, day)

    def rates(self, source: str, currency: Asset) -> Closes | None:
        """The official rates of a currency; None for the one that they are told in."""
        return None if currency == OWN[source] else self._official[source][currency]


class _Currency:
    """All days in one currency. Only the day that was asked for last is kept: days are asked for in turn."""

    def __init__(self, prices: DailyPrices, currency: Asset) -> None:
        self._prices, self._currency = prices, currency
        self._routes: dict[int, Routes] = {}
        self._plans: dict[int, Plans] = {}
        self._ended: dict[tuple[Asset, int], Priced | None] = {}
        self._day = self._before = date.min
        self._moment = self._at(date.min)
        self._plan: Plans = {}

    def moment(self, day: date) -> Moment:
        """What everything was worth at the end of a day."""
        if day != self._day:
            self._day, self._before, self._moment = day, day - DAY, self._at(day)
            epoch = self._prices.epoch(day)
            if epoch not in self._plans:
                self._plans[epoch] = plans(self._of(epoch), self._currency, self._prices.closes)
            self._plan = self._plans[epoch]
        return self._moment

    def _at(self, day: date) -> Moment:
        routes = self._of(self._prices.epoch(day))
        return Moment(routes, self._currency, _Day(self._prices, day), self._prices.sure)

    def quickly(self, asset: Asset, day: date) -> Priced | None:
        """The price of an asset and what is doubtful about it, without its explanation."""
        moment = self.moment(day)
        plan = self._plan.get(asset)
        if plan is not None:
            simple = quickly(asset, plan, moment, (day, self._before))
            if simple is not None:
                return simple
        found = moment.find(asset)
        return self.last(asset, day) if found is None else Priced(found.value, found.marks)

    def _of(self, epoch: int) -> Routes:
        if epoch < 0:
            return {}
        if epoch not in self._routes:
            self._routes[epoch] = self._prices.routes(epoch, self._currency)
        return self._routes[epoch]

    def end(self, asset: Asset, day: date) -> date | None:
        """The last day before on which a source told a price of an asset."""
        for epoch in range(self._prices.epoch(day), -1, -1):
            if asset in self._of(epoch):
                return min(day, self._prices.begin(epoch + 1) - DAY)
        return None

    def last(self, asset: Asset, day: date) -> Priced | None:
        """The last price of an asset that none is told of any more."""
        key = asset, self._prices.epoch(day)
        if key not in self._ended:
            end = self.end(asset, day)
            found = None if end is None else self._at(end).find(asset)
            self._ended[key] = None if found is None else Priced(found.value, (*_final(found), ENDED))
        return self._ended[key]


def _final(found: Found) -> tuple[str, ...]:
    return tuple(mark for mark in found.marks if mark != ENDED)


class _Day:
    """What all sources say of one day."""

    __slots__ = ("_day", "_prices")

    def __init__(self, prices: DailyPrices, day: date) -> None:
        self._prices, self._day = prices, day

    def said(self, asset: Asset, route: Route) -> Said | None:
        """The close of the day, or the last one before it."""
        if route.link is None:
            return self._official(asset, route, self._day)
        closes, day = self._prices.closes[route.link], self._day
        price = closes.get(day)
        if price is None:
            earlier = _latest(day, closes)
            if earlier is None:
                return None
            day, price = earlier, closes[earlier]
        return Said(divide(ONE, price) if route.turned else price, None, day, day != self._day)

    def _official(self, asset: Asset, route: Route, until: date) -> Said | None:
        """Rates are published on working days: those of the last one count until the next."""
        one, other = self._prices.rates(route.source, asset), self._prices.rates(route.source, route.quote)
        day = _latest(until, *(each for each in (one, other) if each is not None))
        if day is None:
            return None
        return Said(divide(ONE if other is None else other[day], ONE if one is None else one[day]), None, day)

    def jumped(self, asset: Asset, route: Route) -> bool:
        """Whether the close is far from the one before it, or an official rate further than such rates move."""
        if route.link is None:
            now = self._official(asset, route, self._day)
            was = None if now is None or now.day is None else self._official(asset, route, now.day - DAY)
            return now is not None and was is not None and differ(now.price, was.price, LEAP)
        closes = self._prices.closes[route.link]
        before = _latest(self._day - DAY, closes) if self._day in closes else None
        return before is not None and far(closes[before], closes[self._day])

    def owed(self, asset: Asset, route: Route) -> bool:
        """Whether somebody else is to be asked for it, and has not answered. Nobody else is, of a past day's rates."""
        return route.link is not None and self._prices.owed(asset, self._day)


def _latest(day: date, *closes: Closes) -> date | None:
    """The newest day up to this one, and not long before it, of which all tell."""
    for back in range(GAP + 1):
        there = day - timedelta(back)
        if all(there in each for each in closes):
            return there
    return None


def _named(closes: Mapping[Link, Closes], word: Word) -> tuple[dict[Link, Closes], dict[Asset, Closes]]:
    """The closes of markets by what their exchange means, and the rates of Norges Bank as units per crown."""
    markets: dict[Link, Closes] = {}
    crowns: dict[Asset, Closes] = {}
    for link, found in closes.items():
        if link.source == NORGES_BANK:
            crowns[link.base] = {day: divide(ONE, price) for day, price in found.items()}
        else:
            markets[link._replace(base=word.named(link.base, link.source))] = found
    return markets, crowns


def _epochs(
    closes: Mapping[Link, Closes], official: Mapping[str, Mapping[Asset, Closes]]
) -> tuple[list[date], list[_Open]]:
    """The days on which it changes what markets and rates there are, and what there is from then on."""
    there_are: list[tuple[_What, Closes]] = list(closes.items())
    there_are += [((source, each), found) for source, known in official.items() for each, found in known.items()]
    changes: dict[date, list[tuple[bool, _What]]] = defaultdict(list)
    for what, found in there_are:
        for begin, end in _spans(found):
            changes[begin].append((True, what))
            changes[end + DAY].append((False, what))
    begins, there = sorted(changes), set[_What]()
    found_open: list[_Open] = []
    for day in begins:
        there -= {what for opens, what in changes[day] if not opens}
        there |= {what for opens, what in changes[day] if opens}
        found_open.append(_opened(there))
    return begins, found_open


def _opened(there: Iterable[_What]) -> _Open:
    links: list[Link] = []
    official: dict[str, set[Asset]] = {}
    for what in there:
        if isinstance(what, Link):
            links.append(what)
        else:
            official.setdefault(what[0], {OWN[what[0]]}).add(what[1])
    return _Open(sorted(links), official)


def _spans(closes: Closes) -> Iterator[tuple[date, date]]:
    """The days on which a market is one, from its first close on, without the gaps that are too long."""
    days = sorted(closes)
    if not days:
        return
    begin = before = days[0]
    if (days[-1] - begin).days + 1 > len(days):
        for day in days:
            if (day - before).days > GAP + 1:
                yield begin, before + DAY * GAP
                begin = day
            before = day
    yield begin, days[-1] + DAY * GAP
