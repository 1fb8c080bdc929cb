"""History that Binance gives window by window: the newest first, then back to the first day, then what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tallyglass.exchanges.binance.rows import moment
from tallyglass.exchanges.binance.sheet import Sheet, sheet
from tallyglass.exchanges.streams import Ask, Cursor, Known, Page, Unparsed

START: Final = datetime(2017, 7, 1, tzinfo=UTC)
"""Binance opened in this month."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_HOUR: Final = 3_600_000
#: How long an entry may be pending and still be asked for again.
_PATIENCE: Final = 90 * 86_400_000
#: How often a page that leaves out rows is asked for again.
_AGAIN: Final = 2
#: Deposits and withdrawals: shorter than 90 days (error -4047).
QUARTER: Final = timedelta(days=89)

Hole = tuple[int, int]
"""A stretch of time that has not been read yet: from, to, in milliseconds since 1970."""


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
    """One list of history, read window by window from now back to its first day.

    The cursor holds what is still to be read, so that a crash at any point leaves no hole: `top`, up to where the list
    has been taken up; `holes`, the stretches below it that have not been read, the newest first; `open`, the oldest
    entry still pending; `width` of the windows after a halving. Inside a window of several pages: `begin` and `end`,
    `page` how many answers it gave, `seen` how many rows, `last` the digest of the last answer, `again` how often the
    next one was asked for in vain. Times are milliseconds since 1970. Each sync adds the stretch from `top` (and an
    overlap, for rows that come late or change) to now.

    A dear list is at first read back to `since` only. What lies before it, `old`, is nearly always empty: one window
    of it is read at each sync (`back`: that is next), or all of it when the balances do not add up without it.
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
    #: Before the account was alive, as far as is known; None: it may always have been.
    since: datetime | None = None

    def ask(self, cursor: Cursor, now: datetime) -> Ask:
        cursor, today = _carried(cursor), milliseconds(now)
        begin, end = self._window(cursor, today)
        size, rows = self.paging.size
        params = {**self.fixed, self.times[0]: str(begin), self.times[1]: str(end), size: str(rows)}
        if self.paging.number:
            params[self.paging.number] = str(self.paging.first + int(cursor.get("page", 0)) * self.paging.step)
        return Ask(self.read, params)

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        if ask.read != self.read:  # deposits that an earlier version looked at to find where a dear list begins
            return Page((), cursor, done=False)
        cursor, found = _carried(cursor), sheet(ask.read, body, known)
        begin, end = (int(ask.params[name]) for name in self.times)
        state = self._taken_up(cursor, end)
        pending = [milliseconds(entry.time) for entry in found.entries if entry.status == "pending"]
        if pending:
            state["open"] = str(min(*pending, int(state.get("open", end)), end))
        following = self._within(state, found, begin, end)
        if following is None:
            following = self._after(state, found, begin, known)
            if not self.paging.number and self._full(found):
                odd = _too_many(self.read, begin, found.count)
                found = replace(found, unparsed=(*found.unparsed, odd))
        return self._told(found, following, known)

    def _window(self, cursor: Cursor, today: int) -> Hole:
        if "page" in cursor:
            return int(cursor["begin"]), int(cursor["end"])
        width = int(cursor.get("width", _length(self.span)))
        if "back" in cursor:
            end = int(cursor["old"])
            return max(milliseconds(START), end - width), end
        holes = _holes(cursor)
        if not holes or today - _top(cursor, today) > _HOUR:
            holes = (self._news(cursor, today),)
        bottom, end = holes[0]
        begin = max(bottom, end - width)
        if self.reach is not None:
            begin = max(begin, today - _length(self.reach))
        return begin, max(end, begin + 1)

    def _news(self, cursor: Cursor, today: int) -> Hole:
        """What this sync reads beyond the holes that earlier ones have left."""
        if "top" not in cursor:
            begin = milliseconds(self.since or START)
            return (max(begin, milliseconds(START)) if self.reach is None else today - _length(self.reach)), today
        top = _top(cursor, today)
        opened = max(int(cursor.get("open", top)), top - _PATIENCE)
        return max(milliseconds(START), min(top - _length(self.overlap), opened, today - 1)), today

    def _taken_up(self, cursor: Cursor, end: int) -> dict[str, str]:
        """The cursor, with the news among its holes when the window that ends there began them."""
        state = dict(cursor)
        holes = _holes(cursor)
        if "page" in cursor or "back" in cursor or (holes and end <= _top(cursor, end)):
            return state
        news = self._news(cursor, end)
        if "top" not in cursor and self.since is not None and news[0] > milliseconds(START):
            state["old"] = str(news[0])
        state |= {"top": str(end), "holes": _written((news, *holes))}
        state.pop("open", None)
        return state

    def _full(self, found: Sheet) -> bool:
        return found.more or found.count >= self.paging.size[1]

    def _within(self, state: dict[str, str], found: Sheet, begin: int, end: int) -> dict[str, str] | None:
        """Where to go on inside this window; None when it has been read.

        A page that is empty, short or the one before once more, though there are further rows, is asked for again, as
        a slip. If nothing new comes, the stream stands still, which the engine tells: no row is stepped over.
        """
        if not self.paging.number:
            if not self._full(found) or end - begin <= 1:
                return None
            return {**state, "width": str((end - begin) // 2)}
        before, full = int(state.get("seen", 0)), self._full(found)
        seen = before + min(found.count, self.paging.size[1])  # a page whose rows all come twice holds no more
        nothing = not found.count or found.digest == state.get("last")
        had = before if nothing else seen
        if (nothing or not full) and (had >= found.total if found.total is not None else not full):
            return None
        page, again = int(state.get("page", 0)), int(state.get("again", 0))
        here = {**state, "begin": str(begin), "end": str(end), "page": str(page)}
        if (nothing or not full) and again < _AGAIN:
            return {**here, "again": str(again + 1)}
        if nothing:
            return here
        here.pop("again", None)
        return {**here, "page": str(page + 1), "seen": str(seen), "last": found.digest}

    def _after(self, state: dict[str, str], found: Sheet, begin: int, known: Known) -> dict[str, str]:
        """Where to go on after the window that began there; nothing left to do: neither `holes` nor `back`."""
        width = int(state.get("width", _length(self.span)))
        kept: dict[str, str] = {
            name: state[name] for name in ("top", "open", "born", "trace", "old", "rested") if name in state
        }
        wider = width * 2 if found.count * 2 < self.paging.size[1] else width
        if "back" in state:
            return self._back(kept, begin, wider, known)
        bottom, end = _holes(state)[0]
        rest = _holes(state)[1:]
        if begin > bottom and end - begin >= width:
            rest = ((bottom, begin), *rest)
        elif begin > bottom:  # the exchange reaches no further back
            rest = ()
        if rest:
            kept["holes"] = _written(rest)
            if wider < _length(self.span):
                kept["width"] = str(wider)
        elif "old" in kept:
            kept["back"] = "1"
        return kept

    def _back(self, kept: dict[str, str], begin: int, wider: int, known: Known) -> dict[str, str]:
        kept["old"] = str(begin)
        if begin <= milliseconds(START):
            return {name: value for name, value in kept.items() if name not in ("old", "rested")}
        if known.gaps and "rested" in kept:
            return {**kept, "back": "1", **({"width": str(wider)} if wider < _length(self.span) else {})}
        return {**kept, "rested": "1"}

    def _told(self, found: Sheet, state: Cursor, known: Known) -> Page:
        """The page, with how far back the list has been read and what is left of it.

        Where an earlier sync left holes, these are filled first: what is new since it began is still to be read then.
        """
        holes, width = _holes(state), int(state.get("width", _length(self.span)))
        stale = known.begun is not None and int(state["top"]) < milliseconds(known.begun)
        done = not holes and "back" not in state and not stale
        at = holes[0][1] if holes else int(state.get("old", milliseconds(START)))
        left = sum(-((low - high) // width) for low, high in holes) + ("back" in state)
        return Page(found.entries, state, done, found.unparsed, moment(at), 0 if done else max(left, 1))


def _holes(cursor: Cursor) -> tuple[Hole, ...]:
    pairs = (each.split("-") for each in cursor.get("holes", "").split())
    return tuple((int(low), int(high)) for low, high in pairs)


def _written(holes: tuple[Hole, ...]) -> str:
    return " ".join(f"{low}-{high}" for low, high in holes)


def _top(cursor: Cursor, today: int) -> int:
    return int(cursor.get("top", today))


def _carried(cursor: Cursor) -> Cursor:
    """A cursor of the time when lists were read from the past to now: all before `at` has been read."""
    if "at" not in cursor:
        return cursor
    kept = {name: cursor[name] for name in ("old", "open") if name in cursor}
    return {"top": cursor["at"], **kept}


def _too_many(read: str, moment: int, count: int) -> Unparsed:
    reason = f"Binance has {count} or more rows of one millisecond and shows no further ones"
    return Unparsed(f"{read}:full:{moment}", reason, f'{{"startTime":{moment}}}')


def milliseconds(at: datetime) -> int:
    """The count of milliseconds since 1970 that a time stands for."""
    return (at - _EPOCH) // _MILLISECOND


def _length(span: timedelta) -> int:
    return span // _MILLISECOND
