"""The choice among what several sources say of one price: the shortest path, the median, and who is outvoted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Protocol, TypeVar

from tallyglass.money import EXACT, Amount

#: Sources that say the same differ by less than this part of the price; of what hardly moves, by less than that.
NEAR: Final = Amount("0.02")
NEAR_STEADY: Final = Amount("0.01")
#: Two sources that differ by more than this leave it open which of them is right.
APART: Final = Amount("0.05")

Rank = tuple[int, int, int, str]
"""How good a path is, the smaller the better; candidates of one rank stand for the same markets."""


class Candidate(Protocol):
    """What one source says."""

    @property
    def source(self) -> str: ...
    @property
    def rank(self) -> Rank: ...
    @property
    def value(self) -> Amount: ...


C = TypeVar("C", bound=Candidate)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken, and why it may not be right."""

    #: The place of what is taken among the candidates.
    place: int
    #: The places of those that are far from what most say.
    outliers: tuple[int, ...] = ()
    #: The best path was outvoted, or there is no majority: which is right is not certain.
    disagree: bool = False


def choose(candidates: Sequence[C], near: Amount = NEAR, apart: Amount = APART) -> Choice:
    """Of the candidates over the best path the median; where most say something else, that of those who do.

    The value is always what one source really says, never a mix. There is at least one candidate.
    Two that differ by more than `apart` leave it open.
    """
    count = len(candidates)
    if count == 1:
        return Choice(0)
    best = min(map(_rank, candidates))
    first = _median(candidates, [place for place in range(count) if candidates[place].rank == best])
    if count == 2:
        open_ = differ(candidates[0].value, candidates[1].value, apart)
        return Choice(first, (1 - first,), disagree=True) if open_ else Choice(first)
    middle = candidates[_median(candidates, range(count))].value
    far = tuple(place for place in range(count) if differ(candidates[place].value, middle, near))
    if not far:
        return Choice(first)
    if first not in far:
        return Choice(first, far, disagree=2 * len(far) >= count)
    close = [place for place in range(count) if place not in far]
    best = min(candidates[place].rank for place in close)
    return Choice(_median(candidates, [each for each in close if candidates[each].rank == best]), far, disagree=True)


_rank: Final = attrgetter("rank")


def _median(candidates: Sequence[C], places: Sequence[int]) -> int:
    """The place of the middle one by value; of two in the middle, of the better path, or the first by name."""
    if len(places) == 1:
        return places[0]
    ordered = sorted(places, key=lambda place: (candidates[place].value, candidates[place].source))
    upper = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[upper]
    return min(ordered[upper - 1 : upper + 1], key=lambda place: (candidates[place].rank, candidates[place].source))


def differ(one: Amount, other: Amount, by: Amount) -> bool:
    """Whether two prices differ by more than a part of the smaller one."""
    low, high = (one, other) if one < other else (other, one)
    return EXACT.subtract(high, low) > EXACT.multiply(low, by)
