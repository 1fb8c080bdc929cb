"""Reconciling: what an exchange reports beside what the ledger computes, and since when the two differ. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from tallyglass.money import ZERO, Amount, Asset, add, subtract, total

#: How far a balance and an entry may lie apart in time and still tell of one moment: a balance is read over some
#: seconds, by our clock, while entries carry the exchange's.
SLACK = timedelta(minutes=5)

#: Wallets that may owe begin so: what they hold is what is left when the loan is paid, and may be less than nothing.
_MAY_OWE = ("margin", "futures")

Place = tuple[str, Asset]
"""A wallet and an asset in it."""


@dataclass(frozen=True, slots=True)
class Move:
    """What one event adds to one asset in one wallet, or seems to add."""

    time: datetime
    account: str
    asset: Asset
    amount: Amount


@dataclass(frozen=True, slots=True)
class Reading:
    """What the exchange reported of one asset in one wallet at one moment."""

    at: datetime
    total: Amount


class Line:
    """The computed balance of one asset in one wallet through time: `start`, then its moves in order of time."""

    def __init__(self, moves: Iterable[tuple[datetime, Amount]], start: Amount = ZERO) -> None:
        ordered = sorted(moves, key=lambda move: move[0])
        self._times = [time for time, _ in ordered]
        #: One more than there are times: the balance before the first move, and after each.
        self._balances = list(accumulate((amount for _, amount in ordered), add, initial=start))

    def at(self, moment: datetime) -> Amount:
        """The balance after everything up to and at that moment."""
        return self._balances[bisect_right(self._times, moment)]

    def gap(self, reading: Reading) -> Amount:
        """Reported less computed; zero also where the two agree at a moment within `SLACK` of the reading."""
        first = bisect_left(self._times, reading.at - SLACK)
        last = bisect_right(self._times, reading.at + SLACK)
        if reading.total in self._balances[first : last + 1]:
            return ZERO
        return subtract(reading.total, self.at(reading.at))


def may_owe(account: str) -> bool:
    """Whether a wallet may rightly hold less than nothing."""
    return account.startswith(_MAY_OWE)


def below_zero(moves: Iterable[Move]) -> datetime | None:
    """When a wallet first gives away what had never come in; `moves` of one asset in one wallet, in order of time.

    What it lacks came in before. Moves of one moment count together.
    """
    balance, now = ZERO, None
    for move in moves:
        if now is not None and move.time != now and balance < ZERO:
            return now
        balance, now = add(balance, move.amount), move.time
    return now if balance < ZERO else None


@dataclass(frozen=True, slots=True)
class Opened:
    """When a gap opened, as closely as that can be told."""

    #: The last reading that agreed with the ledger; None if none ever did.
    clean_at: datetime | None
    #: From here on the ledger is known to be wrong.
    wrong_at: datetime


def opened(line: Line, readings: Sequence[Reading]) -> Opened | None:
    """When the gap of the newest reading opened; None if there is none. `readings` come oldest first."""
    wrong: datetime | None = None
    for reading in reversed(readings):
        if line.gap(reading) == ZERO:
            return Opened(reading.at, wrong) if wrong else None
        wrong = reading.at
    return Opened(None, wrong) if wrong else None


@dataclass(frozen=True, slots=True)
class Difference:
    """One asset in one wallet: what is reported and what is computed at the moment of the reading."""

    account: str
    asset: Asset
    reported: Amount
    computed: Amount

    @property
    def gap(self) -> Amount:
        """Reported less computed."""
        return subtract(self.reported, self.computed)


def compare(
    reported: Mapping[Place, Amount], at: datetime, sums: Mapping[Place, Amount], late: Iterable[Move]
) -> list[Difference]:
    """Every asset in every wallet that is reported or computed, at the moment `at` of the reports.

    `sums` are those of all entries; `late`, the moves later than `SLACK` before that moment, are in them.
    """
    after: dict[Place, list[tuple[datetime, Amount]]] = {}
    for move in late:
        after.setdefault((move.account, move.asset), []).append((move.time, move.amount))
    found = []
    for place in sorted(reported.keys() | sums.keys()):
        moved = after.get(place, [])
        start = subtract(sums.get(place, ZERO), total(amount for _, amount in moved))
        there = reported.get(place, ZERO)
        gap = Line(moved, start).gap(Reading(at, there))
        found.append(Difference(*place, there, subtract(there, gap)))
    return found


@dataclass(frozen=True, slots=True)
class Gap:
    """One asset of one connection: what is reported, what is computed, wallet by wallet."""

    asset: Asset
    accounts: tuple[Difference, ...]
    #: None where nothing differs, and until it was looked for.
    opened: Opened | None = None

    @property
    def reported(self) -> Amount:
        """Over all wallets."""
        return total(each.reported for each in self.accounts)

    @property
    def computed(self) -> Amount:
        """Over all wallets."""
        return total(each.computed for each in self.accounts)

    @property
    def amount(self) -> Amount:
        """Reported less computed, over all wallets: zero also where one wallet has what another lacks."""
        return subtract(self.reported, self.computed)

    @property
    def open(self) -> tuple[Difference, ...]:
        """The wallets that differ."""
        return tuple(each for each in self.accounts if each.gap != ZERO)


def by_asset(differences: Iterable[Difference]) -> list[Gap]:
    """The same, asset by asset, in alphabetical order."""
    found: dict[Asset, list[Difference]] = {}
    for each in differences:
        found.setdefault(each.asset, []).append(each)
    return [Gap(asset, tuple(found[asset])) for asset in sorted(found)]
