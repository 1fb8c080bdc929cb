"""Was it me: whether a moment and an address from an exchange's mail are a use of ours, by the journal. Pure.

A moment that can be read in several ways has an answer only if all of them have the same. Where the journal does not
tell for certain, the answer is that it cannot be told, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from tallyglass.hygiene.addresses import Address, address
from tallyglass.hygiene.moments import Span
from tallyglass.keeper.client import Gap
from tallyglass.store.egress import Seen

Verdict = Literal["yes", "no", "cannot_tell"]

#: A use so near to the moment is the one that is meant: clocks differ, and a read takes a while.
WINDOW: Final = timedelta(minutes=2)
#: A use so near beyond the window might be.
NEAR: Final = timedelta(minutes=5)
#: In a longer time than this every tracker reads something: alone it says nothing.
LONG: Final = timedelta(minutes=10)
#: Nothing on record says that the exchange has seen such a use.
UNSEEN: Final = frozenset(("none", "failed", "down"))
#: How much of the journal around a moment is looked at.
AROUND: Final = timedelta(hours=1)
_JUMP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a key, as the journal has it."""

    time: datetime
    connection: str
    read: str
    status: str
    egress_ip: str | None

    @property
    def address(self) -> Address | None:
        """The address that the exchange saw, when known."""
        return address(self.egress_ip) if self.egress_ip else None

    @property
    def seen(self) -> bool:
        """Whether the exchange has certainly seen it."""
        return self.status not in UNSEEN


@dataclass(frozen=True, slots=True)
class Record:
    """The journal around the moments in question."""

    #: In the order in which they were written.
    uses: tuple[Use, ...]
    intact: bool = True
    #: What the keeper says of the journal as a whole.
    text: str = ""
    #: Set where an earlier journal was put aside: when this one began.
    restarted: datetime | None = None
    #: Times of which it tells nothing: from a backup to its restoring.
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What a mail, or its reader, tells."""

    spans: tuple[Span, ...]
    #: What may be its address; none of them, or None among them: it may name no address.
    addresses: tuple[Address | None, ...] = ()
    #: Others that it names beside them.
    beside: tuple[Address, ...] = ()
    #: It names one in part, or so that it cannot be read for certain.
    hides_address: bool = False
    window: timedelta = WINDOW
    #: Those beside that may be the one that is meant after all.
    perhaps: tuple[Address, ...] = ()

    @property
    def reach(self) -> tuple[datetime, datetime]:
        """The part of the journal that it is about."""
        around = self.window + AROUND
        return min(each.begin for each in self.spans) - around, max(each.end for each in self.spans) + around


@dataclass(frozen=True, slots=True)
class Ours:
    """What is known of our addresses where the journal has none: behind a router that gives us another (NAT)."""

    #: What the operator says that the exchange sees.
    said: tuple[Address, ...] = ()
    #: What services saw, by every way out.
    seen: tuple[Seen, ...] = ()

    def at(self, moment: datetime, version: int) -> Address | None:
        """The address of a family at a moment, where that is certain: two services told it before and after."""
        there = [each for each in self.seen if each.since <= moment <= each.last_at and each.version == version]
        found = {each.address for each in there}
        return address(found.pop()) if len(found) == 1 and all(each.sure for each in there) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes, no, or that it cannot be told; and why."""

    verdict: Verdict
    why: str
    uses: tuple[Use, ...] = ()


def answer(asked: Question, record: Record, now: datetime, ours: Ours | None = None) -> Answer:
    """Whether a key was used by us at that moment, from there."""
    if not record.intact:
        return Answer("cannot_tell", f"The journal does not prove anything: {record.text}")
    for earlier, later in pairwise(record.uses):
        if later.time < earlier.time - _JUMP:
            text = (
                f"This computer's clock was set back from {_at(earlier.time)} to {_at(later.time)}: which of the times"
            )
            return Answer("cannot_tell", f"{text} in the journal are right cannot be told.")
    readings = [_Reading(asked, span, record, now, ours or Ours()) for span in asked.spans]
    told = asked.addresses if asked.addresses and not asked.hides_address else (None,)
    found = [each.answer(one) for each in readings for one in told]
    if all(each.verdict == "yes" for each in found):  # then whatever else it names must be ours too
        found += [each.answer(one) for each in readings for one in asked.beside]
    elif all(each.verdict == "no" for each in found):
        found += [each.answer(one) for each in readings for one in asked.perhaps]
    verdicts = {each.verdict for each in found}
    if len(verdicts) == 1:
        return max(found, key=lambda each: len(each.uses))
    uses = tuple(dict.fromkeys(use for each in found for use in each.uses))
    what = "address" if len(asked.spans) == 1 else "time"
    return Answer("cannot_tell", f"The {what} can be read in more than one way, and the answer depends on it.", uses)


class _Reading:
    """One moment that can be meant, before the journal."""

    def __init__(self, asked: Question, span: Span, record: Record, now: datetime, ours: Ours) -> None:
        self._asked, self._span, self._record, self._now, self._ours = asked, span, record, now, ours
        self._begin, self._end = span.begin - asked.window, span.end + asked.window
        self._then = [each for each in record.uses if self._begin <= each.time < self._end]

    def answer(self, told: Address | None) -> Answer:
        """For one address, or for none."""
        if self._span.begin > self._now + self._asked.window:
            return Answer("cannot_tell", f"{_at(self._span.begin)} has not come yet: its time zone may be another.")
        found = self._found(told)
        restarted = self._record.restarted
        if restarted is not None and (
            self._span.begin < restarted or (self._begin < restarted and found.verdict == "no")
        ):
            text = f"The journal begins anew at {_at(restarted)}: the one before was broken, and proves nothing."
            return Answer("cannot_tell", text, found.uses)
        for gap in self._record.gaps:
            within = self._span.begin <= gap.until and gap.since <= self._span.end
            if within or (found.verdict == "no" and self._begin <= gap.until and gap.since <= self._end):
                text = (
                    f"This home was restored at {_at(gap.until)} from a backup of {_at(gap.since)}: what was done "
                    "between them is not in its journal."
                )
                return Answer("cannot_tell", text, found.uses)
        return found

    def _found(self, told: Address | None) -> Answer:
        if not self._then:
            return self._nothing(told)
        return self._by_time() if told is None else self._by_address(told)

    def _nothing(self, told: Address | None) -> Answer:
        near = [
            each
            for each in self._record.uses
            if self._begin - NEAR <= each.time < self._end + NEAR
            and (told is None or self._place(each, told) in (told, None))
        ]
        if near:
            text = f"No key was used at {_at(self._span.begin)}, but a few minutes away: {listed(near)}."
            return Answer("cannot_tell", text, tuple(near))
        nearest = min(self._record.uses, key=lambda each: abs(each.time - self._span.begin), default=None)
        known = f" The nearest in time: {listed([nearest])}." if nearest else ""
        return Answer("no", f"Tallyglass used no key there at {_at(self._span.begin)}.{known}")

    def _by_time(self) -> Answer:
        seen = tuple(each for each in self._then if each.seen)
        if not seen:
            return self._unseen(self._then)
        if self._asked.hides_address:
            text = f"Tallyglass used a key then ({listed(seen)}), but no address in the mail can be read for certain."
            return Answer("cannot_tell", text, seen)
        if self._span.end - self._span.begin > LONG:
            text = f"The mail names neither a time nor an address. Before it was sent there were {listed(seen)}."
            return Answer("cannot_tell", text, seen)
        return Answer("yes", f"Tallyglass used its key then: {listed(seen)}.", seen)

    def _place(self, use: Use, told: Address) -> Address | None:
        """From where a use came, as the journal has it; else from where it must have come, if by such an address."""
        if use.address is not None:
            return use.address
        return told if told in self._ours.said else self._ours.at(use.time, told.version)

    def _by_address(self, told: Address) -> Answer:
        places = {each: self._place(each, told) for each in self._then}
        same = [each for each, place in places.items() if place == told]
        unknown = [each for each, place in places.items() if place is None]
        seen = tuple(each for each in same if each.seen)
        if seen:
            known = "" if seen[0].address else f" {told} was your address then, as it was seen from outside."
            return Answer("yes", f"Tallyglass used its key then: {listed(seen)}.{known}", seen)
        if same:
            return self._unseen(same)
        if unknown:
            text = (
                f"Tallyglass used its key then ({listed(unknown)}), but from which address is not on record, and which "
                "one you had then is not certain: no two services told the same of it, shortly before and after."
            )
            return Answer("cannot_tell", text, tuple(unknown))
        outside = ", ".join(sorted({str(place) for each, place in places.items() if place and not each.address}))
        known = f" From outside your address was {outside}." if outside else ""
        text = f"Tallyglass used its key then, but not from {told}: {listed(self._then)}.{known}"
        return Answer("no", text, tuple(self._then))

    def _unseen(self, uses: Sequence[Use]) -> Answer:
        text = f"Tallyglass meant to use its key then ({listed(uses)}), but no answer of the exchange is on record."
        return Answer("cannot_tell", text, tuple(uses))


def listed(uses: Iterable[Use]) -> str:
    """`3 reads, 2026-11-27 09:12:01 to 09:14:10 UTC, from 203.0.113.7`."""
    found = sorted(uses, key=lambda each: each.time)
    first, last = found[0].time.astimezone(UTC), found[-1].time.astimezone(UTC)
    end = "" if len(found) == 1 else f" to {last:%H:%M:%S}" if first.date() == last.date() else f" to {last:%F %T}"
    places = ", ".join(dict.fromkeys(str(each.address) for each in found if each.address))
    names = ", ".join(dict.fromkeys(each.connection for each in found if each.connection))
    parts = [f"{len(found)} {'read' if len(found) == 1 else 'reads'}", f"{first:%Y-%m-%d %H:%M:%S}{end} UTC"]
    return ", ".join([*parts, *([f"from {places}"] if places else []), *([f"with {names}"] if names else [])])


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
