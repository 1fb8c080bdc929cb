"""History that Binance gives window by window: from the first day to now, then only what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from tallyglass.exchanges.binance.sheet import Sheet, sheet
from tallyglass.exchanges.streams import Ask, Cursor, Known, Page, Unparsed

START: Final = datetime(2017, 7, 1, tzinfo=UTC)
"""Binance opened in this month."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
#: How long an entry may be pending and still be asked for again.
_PATIENCE: Final = 90 * 86_400_000
#: Deposits and withdrawals: shorter than 90 days (error -4047).
QUARTER: Final = timedelta(days=89)
_DEPOSITS: Final = {"offset": "0", "limit": "1000"}


@dataclass(frozen=True, slots=True)
class Paging:
    """How one window that holds more rows than an answer is read on."""

    #: The param that says how many rows an answer may have, and its highest value.
    size: tuple[str, int]
    #: The param that says which page; empty: there is none, and a full window is halved until its rows fit.
    number: str = ""
    first: int = 0
    step: int = 1


OFFSET: Final = Paging(("limit", 1000), "offset", 0, 1000)
CURRENT: Final = Paging(("size", 100), "current", 1)


@dataclass(frozen=True, slots=True)
class Windows:
    """One list of history. It is read from the past to now, so a crash at any point leaves no hole.

    The cursor: `at` where the next window starts; inside a window `end` where it ends, `page` how many answers it
    gave, `seen` how many rows, `last` the digest of the last answer; `width` of the windows after a halving; `open`
    the oldest entry still pending. Times are milliseconds since 1970.

    A dear list (`traced`) begins at the first crypto deposit, looked for with the cheap read of deposits (`trace`:
    how far that got). What lies before it, `old`, is nearly always empty: one window of it is read at each sync.
    """

    name: str
    read: str
    #: The longest window.
    span: timedelta
    #: What is asked for again at the next sync, for rows that come late or change.
    overlap: timedelta
    paging: Paging
    fixed: Mapping[str, str] = field(default_factory=dict)
    times: tuple[str, str] = ("startTime", "endTime")
    #: How far back the exchange reaches, where it forgets.
    reach: timedelta | None = None
    traced: bool = False

    def ask(self, cursor: Cursor, now: datetime) -> Ask:
        today = _ms(now)
        if self.traced and "at" not in cursor:
            begin = int(cursor.get("trace", _ms(START)))
            end = max(begin + 1, min(begin + _length(QUARTER), today))
            return Ask("deposits", {"startTime": str(begin), "endTime": str(end), **_DEPOSITS})
        begin, end = self._window(cursor, today)
        page = int(cursor.get("page", 0))
        size, rows = self.paging.size
        params = {**self.fixed, self.times[0]: str(begin), self.times[1]: str(end), size: str(rows)}
        if self.paging.number:
            params[self.paging.number] = str(self.paging.first + page * self.paging.step)
        return Ask(self.read, params)

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        found = sheet(ask.read, body, known)
        if ask.read != self.read:
            return self._trace(ask, found)
        begin, end = (int(ask.params[name]) for name in self.times)
        unparsed = found.unparsed
        state = dict(cursor)
        pending = [_ms(entry.time) for entry in found.entries if entry.status == "pending"]
        if pending:
            state["open"] = str(min(*pending, int(state.get("open", end)), end))
        following = self._within(state, found, begin, end)
        if following is None and not self.paging.number and self._full(found):
            unparsed = (*unparsed, _too_many(self.read, begin, found.count))
        if following is not None:
            return Page(found.entries, following, done=False, unparsed=unparsed)
        following, done = self._after(state, found, begin, end)
        return Page(found.entries, following, done, unparsed)

    def _window(self, cursor: Cursor, today: int) -> tuple[int, int]:
        width = int(cursor.get("width", _length(self.span)))
        if "back" in cursor:
            end = int(cursor["old"])
            return max(_ms(START), end - width), end
        begin = int(cursor.get("at", _ms(START)))
        if "end" in cursor:
            return begin, int(cursor["end"])
        if self.reach is not None:
            begin = max(begin, today - _length(self.reach))
        return begin, max(begin + 1, min(begin + width, today))

    def _trace(self, ask: Ask, found: Sheet) -> Page:
        """Deposits looked at only for when the account came to life: their own stream books them."""
        begin, end = int(ask.params["startTime"]), int(ask.params["endTime"])
        if found.count and begin > _ms(START):
            return Page((), {"at": str(begin), "old": str(begin)}, done=False)
        if found.count or end - begin < _length(QUARTER):  # in the first window, or never
            return Page((), {"at": str(_ms(START))}, done=False)
        return Page((), {"trace": str(end)}, done=False)

    def _full(self, found: Sheet) -> bool:
        return found.more or found.count >= self.paging.size[1]

    def _within(self, state: dict[str, str], found: Sheet, begin: int, end: int) -> Cursor | None:
        """Where to go on inside this window; None when it has been read."""
        if not self.paging.number:
            if not self._full(found) or end - begin <= 1:
                return None
            return {**state, "width": str((end - begin) // 2)}
        seen = int(state.get("seen", 0)) + found.count
        whole = not self._full(found) and (found.total is None or seen >= found.total)
        if whole or not found.count or found.digest == state.get("last"):
            return None
        place = {} if "back" in state else {"at": str(begin), "end": str(end)}
        page = int(state.get("page", 0)) + 1
        return {**state, **place, "page": str(page), "seen": str(seen), "last": found.digest}

    def _after(self, state: dict[str, str], found: Sheet, begin: int, end: int) -> tuple[Cursor, bool]:
        """Where to go on after this window, and whether that is all for now."""
        width = int(state.get("width", _length(self.span)))
        kept: dict[str, str] = {name: state[name] for name in ("at", "old", "open") if name in state}
        wider = width * 2 if found.count * 2 < self.paging.size[1] else width
        if wider < _length(self.span):
            kept["width"] = str(wider)
        if "back" in state:
            return self._back(kept, begin)
        if end - begin >= width:
            return {**kept, "at": str(end)}, False
        kept.pop("width", None)
        opened = int(kept.pop("open", end))
        kept["at"] = str(max(min(end - _length(self.overlap), opened), end - _PATIENCE, _ms(START)))
        if "old" in kept:
            return {**kept, "back": "1"}, False
        return kept, True

    def _back(self, kept: dict[str, str], begin: int) -> tuple[Cursor, bool]:
        # A window of the old times that had to be halved is finished at the next sync.
        kept.pop("width", None)
        kept.pop("open", None)
        kept["old"] = str(begin)
        if begin <= _ms(START):
            del kept["old"]
        return kept, True


def _too_many(read: str, moment: int, count: int) -> Unparsed:
    reason = f"Binance has {count} or more rows of one millisecond and shows no further ones"
    return Unparsed(f"{read}:full:{moment}", reason, f'{{"startTime":{moment}}}')


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _length(span: timedelta) -> int:
    return span // _MILLISECOND
