"""The walk through a list of Kraken's history, newest first: resumable after any page, each row read at least once.

A sync reads the window from a little before the newest row of the sync before to the newest row that there is. Times
bound the window and never step through it, since many rows may share one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Final

from tallyglass.exchanges.kraken.rows import Listing, moment
from tallyglass.exchanges.streams import Ask, Cursor, Known, Page

#: How far a sync reads back before the newest row of the one before: for rows that were written late.
OVERLAP: Final = 1800
#: A deposit or withdrawal that is still on its way after so many seconds is not asked about any more.
GIVEN_UP: Final = 30 * 86400
_PATIENCE: Final = 2
#: Hexadecimal digits of a row's mark: so many that among millions of rows no two neighbours share one.
_MARK: Final = 12


class Walk(ABC):
    """What all lists have in common. The name of the stream is that of its read.

    The cursor, all in Unix seconds: `from` where the window starts; while a walk is under way also `end`, a second
    after the newest row that the first page told, by Kraken's clock and not by ours, and `next`, the coming `from`.
    """

    name: ClassVar[str]
    #: The ledger tells every movement; what the others tell comes beside it.
    enriches: ClassVar[bool] = True
    #: The param that tells the place in the list, absent from the first question of a walk.
    step: ClassVar[str]

    def ask(self, cursor: Cursor, now: datetime) -> Ask:
        """The next page; `now` only guards against a row from the future that would hide what comes before it."""
        params = {}
        if "from" in cursor:
            start = int(cursor["from"])
            if self.step not in cursor:
                start = min(start, int(now.timestamp()) - OVERLAP)
            if start > 0:
                params["start"] = str(start)
        return Ask(self.name, {**params, **self.place(cursor)})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        """One page of entries. An event whose rows lie on two pages comes in two parts with one id."""
        found = self.listing(body, known)
        here = dict(cursor)
        if self.step not in cursor:
            here = {"from": ask.params["start"]} if "start" in ask.params else {}
        if "end" not in here and found.times:
            newest = int(max(found.times))
            here |= {"end": str(newest + 1), "next": str(newest - OVERLAP)}
        for time in (int(each.timestamp()) for each in found.waiting):
            if time > int(here["end"]) - GIVEN_UP:
                here["next"] = str(min(int(here["next"]), time))
        onward = self.onward(here, found)
        if onward is None:
            rest = here.get("next", here.get("from"))
            return Page(found.entries, {} if rest is None else {"from": rest}, True, found.unparsed, left=0)
        reached = moment(min(found.times)) if found.times else None
        return Page(found.entries, onward, False, found.unparsed, reached, self.left(onward, found))

    @abstractmethod
    def listing(self, body: bytes, known: Known) -> Listing:
        """What an answer holds. Raises `NotReadable`."""

    @abstractmethod
    def place(self, cursor: Cursor) -> Mapping[str, str]:
        """The params that name the place in the list."""

    @abstractmethod
    def onward(self, here: Cursor, found: Listing) -> Cursor | None:
        """Where the walk goes on; None at its end."""

    @abstractmethod
    def left(self, onward: Cursor, found: Listing) -> int | None:
        """How many more pages there should be; None where that cannot be told."""


class Counted(Walk):
    """By offset from the newest row: Ledgers, TradesHistory, ClosedOrders.

    A window that is open to the present would slide under such a walk. So the first page is asked for without an end,
    and its newest row then fixes the end, rounded up to a full second: a row that still comes into that second can
    only make rows appear twice, never be skipped. What comes later belongs to the next sync.

    The cursor under way, beside those of every walk: `ofs`, `count` (the least total told so far), `told` (the last),
    `page` (a mark of each row of the page before) and `again` (how often that page came back).
    """

    step = "ofs"

    def place(self, cursor: Cursor) -> Mapping[str, str]:
        return {name: cursor[name] for name in ("end", "ofs") if name in cursor}

    def onward(self, here: Cursor, found: Listing) -> Cursor | None:
        """None when as many rows are read as Kraken counts; where it does not count, after a page without rows.

        A page that came before, or that is empty though Kraken counts more rows, is asked for again, as a slip. If it
        stays, the walk stands still, which the engine tells: what was never seen is not stepped over.
        """
        ofs, count, marks = int(here.get("ofs", "0")), found.count, _marks(found.ids)
        least, told = int(here.get("count", "-1")), int(here.get("told", "-1"))
        if not marks and (count is None or ofs >= count >= least):
            return None
        before = here.get("page", "")
        # Rows that stood on the page before count once: a page may begin before the place that was asked for. Rows that
        # have come into the window push such rows back to here, and count as many.
        pushed = max(0, count - told) if count is not None else 0
        ahead = len(marks) - max(0, len(marks & _told(before)) - pushed)
        again = 0 if ahead else int(here.get("again", "0")) + 1
        if count is not None and 0 <= count < least:
            # Rows have left the window, so those behind have moved up: step back by as many.
            ofs, again, marks, before = max(0, ofs - (told - count)), 0, set(), ""
        elif again > _PATIENCE:
            return None if count is None else here
        ofs += ahead if marks else 0
        if count is not None and ofs >= count:
            return None
        onward = {**here, "ofs": str(ofs), "page": "".join(sorted(marks)) or before, "again": str(again)}
        if count is not None:
            onward |= {"count": str(count if least < 0 else min(least, count)), "told": str(count)}
        return onward

    def left(self, onward: Cursor, found: Listing) -> int | None:
        if found.count is None or not found.ids:
            return None
        return -((int(onward["ofs"]) - found.count) // len(found.ids))


class Chained(Walk):
    """By a word that each page gives for the next: DepositStatus, WithdrawStatus. Rows that come in the meantime stand
    before the first page. The walk after reaches back to the oldest row that is still on its way.

    The cursor under way, beside those of every walk: `cursor`, that word, and `page`, a digest of the page before.
    """

    step = "cursor"

    def place(self, cursor: Cursor) -> Mapping[str, str]:
        return {"cursor": cursor.get("cursor", "true")}

    def onward(self, here: Cursor, found: Listing) -> Cursor | None:
        """None where no word is given. On the page before once more it stands still, which the engine tells."""
        if not found.ids or not found.after:
            return None
        digest = _digest(found.ids)
        return here if digest == here.get("page") else {**here, "cursor": found.after, "page": digest}

    def left(self, onward: Cursor, found: Listing) -> int | None:  # noqa: ARG002 - nothing tells
        return None


def _marks(ids: Sequence[str]) -> set[str]:
    """A short mark of each row. Should two rows share one, a row is read once more than needed, and none is skipped."""
    return {sha256(each.encode()).hexdigest()[:_MARK] for each in ids}


def _told(marks: str) -> set[str]:
    return {marks[at : at + _MARK] for at in range(0, len(marks), _MARK)}


def _digest(ids: Sequence[str]) -> str:
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]
