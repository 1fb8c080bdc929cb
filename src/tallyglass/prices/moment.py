"""A moment: what every asset is worth at one time, from what each source says then, step by step. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from tallyglass.money import EXACT, ROUNDED, Amount, Asset, amount
from tallyglass.prices.choose import NEAR, NEAR_STEADY, Rank, choose
from tallyglass.prices.routes import Route, Routes

ONE: Final = amount(1)
#: Of two sources of one market the fresher is taken when the other lags by this much.
OLDER: Final = timedelta(minutes=30)
#: A price that one source alone tells, and that is so many times what it was, is doubted.
JUMP: Final = amount(3)
#: Prices of one symbol at two exchanges that are so many times apart may be those of two coins.
TWO_COINS: Final = amount(2)
#: What is made to be worth one unit of a currency: no source that is right is far from another. That they are worth
#: that is never assumed.
STEADY: Final = frozenset(("USDT", "USDC", "DAI", "EURC", "EURT", "PYUSD", "FDUSD", "TUSD", "USDP", "GUSD", "USDE"))

OLD, ENDED, DISAGREE, JUMPED, SAME_SYMBOL = "old_price", "ended", "disagree", "price_jumped", "same_symbol"


class Said(NamedTuple):
    """What a source says of one step."""

    price: Amount
    #: None for the price of a whole day.
    at: datetime | None
    day: date | None
    #: It is of an earlier day than the one asked for.
    old: bool = False


class Book(Protocol):
    """All that the sources say at one time."""

    def said(self, asset: Asset, route: Route) -> Said | None:
        """What the source of a route says; None when that is no price."""

    def jumped(self, asset: Asset, route: Route) -> bool:
        """Whether that is beyond `JUMP` of what it said before."""


@dataclass(slots=True)
class Candidate:
    """What one source says of an asset, in the user's currency."""

    source: str
    rank: Rank
    value: Amount
    route: Route
    said: Said
    #: How the quote is worth what it is; None when that is the user's currency.
    then: Found | None


@dataclass(slots=True)
class Found:
    """What an asset is worth: the candidate that is taken, and all others."""

    value: Amount
    marks: tuple[str, ...]
    taken: Candidate
    others: Sequence[Candidate]
    #: Those of them that are far from what most say.
    outliers: Sequence[Candidate] = ()


@dataclass(slots=True)
class Moment:
    """What every asset is worth at one time, counted when it is first asked for."""

    routes: Routes
    currency: Asset
    book: Book
    #: Assets whose symbol is known to stand for one coin at all exchanges.
    sure: frozenset[Asset]
    _known: dict[tuple[Asset, bool], Found | None] = field(default_factory=dict)

    def find(self, asset: Asset) -> Found | None:
        """What one unit is worth; None when nothing that is known leads to the currency."""
        return self.step(asset, nearer=False)

    def step(self, asset: Asset, *, nearer: bool) -> Found | None:
        """The same on the way from another asset.

        `nearer`: by the routes alone that lead nearer to the currency, so that none leads in a circle.
        """
        key = asset, nearer
        if key not in self._known:
            routes = self.routes.get(asset, ())
            self._known[key] = self._weigh(asset, [each for each in routes if each.nearer] if nearer else routes)
        return self._known[key]

    def _weigh(self, asset: Asset, routes: Sequence[Route]) -> Found | None:
        found: list[Candidate] = []
        for route in routes:
            said = self.book.said(asset, route)
            if said is None:
                continue
            value, then = said.price, None
            if route.quote != self.currency:
                then = self.step(route.quote, nearer=not route.nearer)
                if then is None:
                    continue
                value = EXACT.multiply(value, then.value)
            found.append(Candidate(route.source, route.rank, ROUNDED.plus(value), route, said, then))
        if not found:
            return None
        if len(found) == 1:
            taken, disagree = found[0], False
            outliers: Sequence[Candidate] = ()
        else:
            found = _fresh(found)
            choice = choose(found, NEAR_STEADY if asset in STEADY or found[0].route.link is None else NEAR)
            taken, disagree = found[choice.place], choice.disagree
            outliers = [found[place] for place in choice.outliers]
        marks = self._marks(asset, taken, found, disagree=disagree)
        return Found(taken.value, marks, taken, [each for each in found if each is not taken], outliers)

    def _marks(self, asset: Asset, taken: Candidate, found: Sequence[Candidate], *, disagree: bool) -> tuple[str, ...]:
        marks = taken.then.marks if taken.then is not None else ()
        if taken.said.old:
            marks = _with(marks, OLD)
        if disagree:
            marks = _with(marks, DISAGREE)
        if len(found) == 1 and taken.route.link is not None and self.book.jumped(asset, taken.route):
            marks = _with(marks, JUMPED)
        if len(found) > 1 and asset not in self.sure and two_coins(found):
            marks = _with(marks, SAME_SYMBOL)
        return marks


def two_coins(found: Sequence[Candidate]) -> bool:
    """Whether the exchanges' own prices are so far apart that they may be those of two coins."""
    own = [each.value for each in found if each.rank[0] == 0 and each.route.link is not None]
    return len(own) > 1 and max(own) > EXACT.multiply(TWO_COINS, min(own))


def _with(marks: tuple[str, ...], mark: str) -> tuple[str, ...]:
    return marks if mark in marks else (*marks, mark)


def _fresh(found: list[Candidate]) -> list[Candidate]:
    """Without those that lag behind one over the same markets, or behind a better source."""
    timed = [(each.rank, each.said.at) for each in found if each.said.at is not None]
    if not timed:
        return found
    return [each for each in found if not (each.said.at and any(_lags(each, *other) for other in timed))]


def _lags(one: Candidate, rank: Rank, at: datetime) -> bool:
    return (rank == one.rank or rank[0] < one.rank[0]) and one.said.at is not None and at - one.said.at > OLDER


in_order = attrgetter("rank", "source")
"""The order in which candidates are shown."""
