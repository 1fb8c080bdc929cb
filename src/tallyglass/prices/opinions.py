"""Opinions: of which prices a second one is to be had that was not heard, so that nothing bears out the first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from tallyglass.money import Asset


class Asked(NamedTuple):
    """The days of which a source tells the price of an asset, and those that it was asked for."""

    since: date
    first: date
    last: date

    def owes(self, day: date) -> bool:
        """Whether it could tell of a day and was not asked, or did not answer."""
        return day >= self.since and not self.first <= day <= self.last


#: A source that could tell of every day and has told of none.
SILENT: Final = Asked(date.min, date.max, date.min)


@dataclass(frozen=True, slots=True)
class Unheard:
    """The second opinions that are to be had and were not heard: who was asked and has none owes none."""

    #: The assets that somebody else could price now.
    now: frozenset[Asset] = frozenset()
    #: So could somebody else every official rate.
    rates: bool = False
    #: By asset, who else could price past days.
    days: Mapping[Asset, Sequence[Asked]] = field(default_factory=dict)

    def on(self, asset: Asset, day: date) -> bool:
        """Whether there is a second opinion of a past day that was not heard."""
        return any(each.owes(day) for each in self.days.get(asset, ()))
