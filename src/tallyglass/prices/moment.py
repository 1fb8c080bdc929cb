"""A moment: what every asset is worth at one time, from what each source says then, step by step. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from tallyglass.money import EXACT, ROUNDED, Amount, Asset, amount
from tallyglass.prices.choose import APART, NEAR, NEAR_STEADY, Rank, choose, differ
from tallyglass.prices.routes import Route, Routes

ONE: Final = amount(1)
#: Of two sources of one market the fresher is taken when the other lags by this much.
OLDER: Final = timedelta(minutes=30)
#: So long an older opinion still bears out a price that is near it.
WITNESS: Final = timedelta(hours=24)
#: A price that one source alone tells, and that is so many times what it was, is doubted.
JUMP: Final = amount(3)
#: An official rate that nobody else bears out, and that moved by more than this share since the last, is doubted too.
LEAP: Final = amount("0.05")
#: Prices of one symbol at two exchanges that are so many times apart may be those of two coins.
TWO_COINS: Final = amount(2)
#: What is made to be worth one unit of a currency: no source that is right is far from another. That they are worth
#: that is never assumed.
STEADY: Final = frozenset(("USDT", "USDC", "DAI", "EURC", "EURT", "PYUSD", "FDUSD", "TUSD", "USDP", "GUSD", "USDE"))

OLD, ENDED, DISAGREE, JUMPED, SAME_SYMBOL = "old_price", "ended", "disagree", "price_jumped", "same_symbol"
#: One source alone tells it, though another is to be had.
UNCONFIRMED: Final = "unconfirmed"


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
        """Whether that is beyond `JUMP` of what it said before; an official rate of a past day, beyond `LEAP`."""

    def owed(self, asset: Asset, route: Route) -> bool:
        """Whether somebody else is to be asked for it, and has not answered."""


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

    def owed(self, asset: Asset) -> bool:
        """Whether what one source alone says of an asset is to be confirmed."""
        return any(self.book.owed(asset, route) for route in self.routes.get(asset, ()))

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
        near = NEAR_STEADY if asset in STEADY or found[0].route.link is None else NEAR
        heard, stale = _fresh(found, near)
        choice = choose(heard, near, near if _one_fixing(heard) else APART)
        taken = heard[choice.place]
        others = [each for each in heard if each is not taken]
        marks = self._marks(asset, taken, heard, disagree=choice.disagree)
        if not others:
            others = [each for each in stale if _bears_out(each, taken)]
            if not others and (stale or self.book.owed(asset, taken.route)):
                marks = _with(marks, UNCONFIRMED)
        return Found(taken.value, marks, taken, others, [heard[place] for place in choice.outliers])

    def _marks(self, asset: Asset, taken: Candidate, found: Sequence[Candidate], *, disagree: bool) -> tuple[str, ...]:
        marks = taken.then.marks if taken.then is not None else ()
        if taken.said.old:
            marks = _with(marks, OLD)
        if disagree:
            marks = _with(marks, DISAGREE)
        if len(found) == 1 and self.book.jumped(asset, taken.route):
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


def _fresh(found: Sequence[Candidate], near: Amount) -> tuple[Sequence[Candidate], Sequence[Candidate]]:
    """Those that are heard, and those that are too old: they lag behind one over the same markets, or behind a better
    source, or two that are newer both say something else.
    """
    if len(found) == 1 or not any(each.said.old or each.said.at for each in found):
        return found, ()
    stale = [each for each in found if _lags(each, found, near)]
    return [each for each in found if each not in stale], stale


def _lags(one: Candidate, found: Sequence[Candidate], near: Amount) -> bool:
    newer = [each for each in found if _newer(each.said, one.said)]
    if any(each.said.at and (each.rank == one.rank or each.rank[0] < one.rank[0]) for each in newer):
        return True
    return len(newer) > 1 and all(differ(each.value, one.value, near) for each in newer)


def _newer(one: Said, other: Said) -> bool:
    if one.at is not None and other.at is not None:
        return one.at - other.at > OLDER
    return other.old and not one.old


def _bears_out(older: Candidate, one: Candidate) -> bool:
    """Whether an older opinion is still one on what is newer."""
    if older.said.at is None or one.said.at is None or one.said.at - older.said.at > WITNESS:
        return False
    return not differ(older.value, one.value, APART)


def _one_fixing(found: Sequence[Candidate]) -> bool:
    """Whether these are official rates of one day: what moved between two days is no disagreement."""
    return all(each.route.link is None and each.said.day == found[0].said.day for each in found)


in_order = attrgetter("rank", "source")
"""The order in which candidates are shown."""
