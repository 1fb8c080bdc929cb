"""Fills, one market at a time: the newest first and back to the first one, then upwards by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from tallyglass.exchanges.binance.rows import moment
from tallyglass.exchanges.binance.sheet import sheet
from tallyglass.exchanges.binance.windows import START, milliseconds
from tallyglass.exchanges.streams import Ask, Cursor, Known, NotReadable, Page

FULL: Final = 1000
#: Markets looked into at each sync though nothing points to them, as long as all adds up.
ASIDE: Final = 10
#: The same while it is not known whether all adds up.
UNSURE: Final = 25
#: While something does not add up, all markets of an asset are looked into again after this time.
LAP: Final = timedelta(days=1)


class _Numbered(msgspec.Struct):
    id: int
    time: int = 0


_NUMBERED: Final = msgspec.json.Decoder(list[_Numbered])


@dataclass(frozen=True, slots=True)
class Trades:
    """The fills of one spot market. The stream stands in one of four places.

    - nothing is known (an empty cursor): the newest fills are asked for;
    - `from`, the next id above all that is known, and `low` and `since`, id and time of the oldest known fill: those
      up to that time are asked for, itself among them, which proves that none is left out;
    - `up` beside them: from there up to `low` by ids, which leaves none out whatever the times are. Begun at 0 when
      no older fill comes (answers that are short though there is more were seen), when the oldest known one does not
      come again, and when a thousand fills of one millisecond fill the answer;
    - `from` alone: the past is read, and what is new is asked for by ids.
    """

    symbol: str

    @property
    def name(self) -> str:
        return f"trades:{self.symbol}"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 - ids and times of fills need no clock
        params = {"symbol": self.symbol, "limit": str(FULL)}
        if "up" in cursor:
            return Ask("trades", {**params, "fromId": cursor["up"]})
        if "low" in cursor:
            return Ask("trades", {**params, "endTime": cursor["since"]})
        return Ask("trades", {**params, **({"fromId": cursor["from"]} if "from" in cursor else {})})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        found = sheet(ask.read, body, known)
        rows = _numbered(body)
        if "up" in cursor:
            following, done = _checked(cursor, rows)
        elif "low" in cursor:
            following, done = _older(cursor, rows), False
        elif "from" in cursor:
            following, done = _newer(cursor, rows)
        else:
            following, done = _newest(rows), not rows
        since = following.get("since")
        reached = moment(int(since)) if since else START if done else None
        left = 0 if done else None if "up" not in following and since else 1
        return Page(found.entries, following, done, found.unparsed, reached, left)


def _newest(rows: Sequence[_Numbered]) -> Cursor:
    if not rows:
        return {"from": "0"}
    top = max(row.id for row in rows)
    return _below({"from": str(top + 1)}, rows)


def _older(cursor: Cursor, rows: Sequence[_Numbered]) -> Cursor:
    low = int(cursor["low"])
    joined = any(row.id == low for row in rows)
    if not joined or all(row.id >= low for row in rows):
        return {**cursor, "up": "0"}
    return _below(cursor, rows)


def _below(cursor: Cursor, rows: Sequence[_Numbered]) -> Cursor:
    """Where to go on below these fills, the oldest that are known."""
    oldest = min(rows, key=lambda row: row.id)
    following = {"from": cursor["from"], "low": str(oldest.id), "since": str(oldest.time)}
    return following if len(rows) >= FULL and oldest.time else {**following, "up": "0"}


def _checked(cursor: Cursor, rows: Sequence[_Numbered]) -> tuple[Cursor, bool]:
    """Up to the oldest fill that is known: the past is read. All is, when a short answer told the newest one too."""
    above = max((row.id + 1 for row in rows), default=0)
    if rows and above <= int(cursor["low"]):
        return {**cursor, "up": str(above)}, False
    top = int(cursor["from"])
    return {"from": str(max(top, above))}, top <= above and len(rows) < FULL


def _newer(cursor: Cursor, rows: Sequence[_Numbered]) -> tuple[Cursor, bool]:
    """Read to the end only when an answer brings no new id: short answers with more behind them were seen."""
    top = int(cursor.get("from", 0))
    above = max((row.id + 1 for row in rows), default=0)
    return {"from": str(max(top, above))}, above <= top


@dataclass(frozen=True, slots=True)
class Climb:
    """The fills of one market on margin, from the first one up: Binance gives no others without their ids."""

    #: `trades.margin` or `trades.isolated`.
    read: str
    symbol: str

    @property
    def name(self) -> str:
        return f"{self.read}:{self.symbol}"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 - ids need no clock
        return Ask(self.read, {"symbol": self.symbol, "fromId": cursor.get("from", "0"), "limit": str(FULL)})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        found = sheet(ask.read, body, known)
        following, done = _newer(cursor, _numbered(body))
        return Page(found.entries, following, done, found.unparsed, left=0 if done else 1)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Markets that nothing points to, looked into one after the other: is there any fill?

    One fill found there makes both its assets known, and then the market has a stream of its own. A sweep for an
    asset that does not add up (`most` is 0) asks all its markets at once, and again a day later; else some at each
    sync, for ever. The cursor: `at`, the market asked last; `count`, how many in this sync; `lapped`, when all had been
    asked.
    """

    name: str
    symbols: tuple[str, ...]
    most: int = 0

    def ask(self, cursor: Cursor, now: datetime) -> Ask:
        last = cursor.get("at", "")
        symbol = next((each for each in self.symbols if each > last), self.symbols[0])
        return Ask("trades.others", {"symbol": symbol, "endTime": str(milliseconds(now)), "limit": "1"})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        found = sheet(ask.read, body, known)
        return replace(self.passed(cursor, ask), entries=found.entries, unparsed=found.unparsed)

    def passed(self, cursor: Cursor, ask: Ask) -> Page:
        """Where to go on behind the market that was asked, be it that Binance lists it no more."""
        symbol, now = ask.params["symbol"], int(ask.params.get("endTime", 0))  # earlier versions did not send it
        count = int(cursor.get("count", 0)) + 1
        ahead = sum(each > symbol for each in self.symbols)
        left = min(ahead, self._allowed(cursor, now) - count)
        if not ahead:
            return Page((), {"lapped": str(now)}, done=True, left=0)
        following = {"at": symbol, **({"lapped": cursor["lapped"]} if "lapped" in cursor else {})}
        if left > 0:
            following["count"] = str(count)
        return Page((), following, left <= 0, left=max(left, 0))

    def _allowed(self, cursor: Cursor, now: int) -> int:
        resting = now - int(cursor.get("lapped", 0)) < LAP // timedelta(milliseconds=1)
        return self.most or (1 if resting else len(self.symbols))


def _numbered(body: bytes) -> list[_Numbered]:
    """Ids and times of all fills, of those too that are not understood: reading goes on behind them."""
    try:
        return _NUMBERED.decode(body)
    except msgspec.DecodeError as error:
        raise NotReadable(f"trades: a fill without an id ({str(error)[:120]})") from error
