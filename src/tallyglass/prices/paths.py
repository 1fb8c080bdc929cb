"""Paths: the price of an asset in a currency, over as few markets as there are, each named. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from tallyglass.exchanges.streams import Ticker
from tallyglass.money import EXACT, ROUNDED, Amount, Asset, divide
from tallyglass.prices.moment import JUMP, ONE, Found, Moment, Said, in_order
from tallyglass.prices.opinions import Unheard
from tallyglass.prices.routes import ECB, NORGES_BANK, Link, Route, Routes, routes_to

EURO: Final = Asset("EUR")
CROWN: Final = Asset("NOK")
#: The source of what the user says.
YOU: Final = "you"


@dataclass(frozen=True, slots=True)
class Step:
    """One market, or one official rate, on the way."""

    base: Asset
    quote: Asset
    source: str
    price: Amount
    #: None for a daily price.
    at: datetime | None
    #: The day of a daily price.
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """What another source says of the same price."""

    source: str
    value: Amount
    #: It is far from what most say.
    outlier: bool = False


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of an asset is worth in a currency, and how that is known."""

    value: Amount
    steps: tuple[Step, ...]
    others: tuple[Other, ...] = ()
    #: Why it may not be right: see `moment`.
    marks: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The sources on the way, for the reader: `kraken`, `binance + kraken`, `ecb`."""
        return " + ".join(dict.fromkeys(step.source for step in self.steps)) or "same"

    @property
    def at(self) -> datetime | None:
        """The age of the oldest market price on the way; None when only daily prices were used."""
        moments = [step.at for step in self.steps if step.at is not None]
        return min(moments) if moments else None

    @property
    def day(self) -> date | None:
        """The day of the first daily price on the way: a close, an official rate, the user's word; None without one."""
        return next((step.day for step in self.steps if step.day is not None), None)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A price that the user has given."""

    asset: Asset
    currency: Asset
    day: date
    price: Amount


@dataclass(frozen=True, slots=True)
class Word:
    """What is known or was said of assets, beyond what sources tell."""

    #: The prices that the user has given.
    prices: Sequence[Spoken] = ()
    #: Assets whose symbol stands for one coin at all exchanges.
    sure: frozenset[Asset] = frozenset()
    #: Where a symbol stands for a coin of its own: (asset, exchange).
    apart: frozenset[tuple[Asset, str]] = frozenset()
    #: The second opinions that were not heard.
    unheard: Unheard = field(default_factory=Unheard)

    def named(self, asset: Asset, exchange: str) -> Asset:
        """What an exchange means by an asset: the asset, or a coin of its own."""
        return Asset(f"{asset}@{exchange}") if (asset, exchange) in self.apart else asset


@dataclass(frozen=True, slots=True)
class Yesterday:
    """What daily sources told last: it is compared with, and gives a second opinion on currencies."""

    closes: Mapping[Link, Amount] = field(default_factory=dict)
    #: Norwegian crowns for one unit of each currency, and their day.
    crowns: Mapping[Asset, Amount] = field(default_factory=dict)
    day: date | None = None


class Quotes:
    """The last prices of all sources, ready to be asked."""

    def __init__(
        self,
        tickers: Iterable[tuple[str, Ticker, datetime]],
        rates: Mapping[str, Amount],
        day: date | None = None,
        word: Word | None = None,
        yesterday: Yesterday | None = None,
    ) -> None:
        """`rates`: units of each currency per euro, of one `day`, as the ECB publishes them."""
        self._word, self._before = word or Word(), yesterday or Yesterday()
        per_euro = {EURO: ONE, **{Asset(code): rate for code, rate in rates.items()}} if rates else {}
        per_crown = {CROWN: ONE, **{code: divide(ONE, price) for code, price in self._before.crowns.items()}}
        self._official = {ECB: (per_euro, day), NORGES_BANK: (per_crown, self._before.day)}
        self._markets = {
            Link(source, self._word.named(ticker.base, source), ticker.quote): Said(ticker.price, ticker.at or at, None)
            for source, ticker, at in tickers
            if ticker.price > 0
        }
        self._moments: dict[Asset, Moment] = {}

    def price(self, asset: Asset, currency: Asset, exchange: str = "") -> Price | None:
        """The price over the fewest markets; None when no path leads there. Never a guess.

        `exchange`: where the asset is held, for a symbol that does not stand for one coin everywhere.
        """
        named = self._word.named(asset, exchange)
        if named == currency:
            return Price(ONE, ())
        moment = self._moment(currency)
        found = moment.find(named)
        spoken = newest_word(self._word.prices, named)
        if spoken is not None and (found is None or self._is_of_today(spoken)):
            told = by_word(spoken, moment)
            if told is not None:
                return told
        return None if found is None else priced(named, found)

    def _moment(self, currency: Asset) -> Moment:
        if currency not in self._moments:
            known = {source: frozenset(rates) for source, (rates, _) in self._official.items() if len(rates) > 1}
            routes: Routes = routes_to(currency, self._markets, known)
            self._moments[currency] = Moment(routes, currency, self, self._word.sure)
        return self._moments[currency]

    def _is_of_today(self, spoken: Spoken) -> bool:
        newest = max((each.at.date() for each in self._markets.values() if each.at is not None), default=None)
        return newest is not None and spoken.day >= newest

    def said(self, asset: Asset, route: Route) -> Said | None:
        """What the source of a route said last."""
        if route.link is None:
            rates, day = self._official[route.source]
            return Said(divide(rates[route.quote], rates[asset]), None, day)
        found = self._markets[route.link]
        return found._replace(price=divide(ONE, found.price)) if route.turned else found

    def jumped(self, asset: Asset, route: Route) -> bool:  # noqa: ARG002  (as others need it)
        """Whether that is far from the last close of the same market."""
        before = None if route.link is None else self._before.closes.get(route.link)
        return before is not None and route.link is not None and far(before, self._markets[route.link].price)

    def owed(self, asset: Asset, route: Route) -> bool:
        """Whether somebody else is to be asked for it, and has not answered."""
        return self._word.unheard.rates if route.link is None else asset in self._word.unheard.now


def far(one: Amount, other: Amount) -> bool:
    """Whether one price is a multiple of the other."""
    return max(one, other) > EXACT.multiply(JUMP, min(one, other))


def newest_word(prices: Iterable[Spoken], asset: Asset) -> Spoken | None:
    """What the user said last of an asset."""
    return max((each for each in prices if each.asset == asset), key=lambda each: each.day, default=None)


def by_word(spoken: Spoken, moment: Moment) -> Price | None:
    """A price that the user has given, in the currency of a moment."""
    said = Step(spoken.asset, spoken.currency, YOU, spoken.price, None, spoken.day)
    others: tuple[Other, ...] = ()
    asked = moment.find(spoken.asset)
    if asked is not None:
        others = tuple(Other(each.source, each.value) for each in (asked.taken, *asked.others))
    if spoken.currency == moment.currency:
        return Price(spoken.price, (said,), others)
    then = moment.find(spoken.currency)
    if then is None:
        return None
    value = ROUNDED.plus(EXACT.multiply(spoken.price, then.value))
    return Price(value, (said, *_steps(spoken.currency, then)), others, then.marks)


def priced(asset: Asset, found: Found, *more: str) -> Price:
    """What was found, as it is shown; `more`: marks beside those that it has."""
    others = (Other(each.source, each.value, each in found.outliers) for each in sorted(found.others, key=in_order))
    return Price(found.value, tuple(_steps(asset, found)), tuple(others), (*found.marks, *more))


def _steps(asset: Asset, found: Found) -> Iterator[Step]:
    taken = found.taken
    yield Step(asset, taken.route.quote, taken.source, taken.said.price, taken.said.at, taken.said.day)
    if taken.then is not None:
        yield from _steps(taken.route.quote, taken.then)
