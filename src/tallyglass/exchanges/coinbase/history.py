"""Coinbase: the ledger of every wallet, newest row first, and what the fills of Advanced add to its trades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from tallyglass.exchanges.coinbase.fills import Fills
from tallyglass.exchanges.coinbase.ledger import STATUSES, LedgerPage, entry, unmarked
from tallyglass.exchanges.coinbase.wire import answer, rows, time_of
from tallyglass.exchanges.streams import Ask, Cursor, Known, Page, Stream
from tallyglass.ledger.entries import Entry

#: So many rows that are known already are read again, as far as one page holds them: for what was written late.
OVERLAP: Final = 25
#: A row that is still pending so long before the newest is waited for no longer (`sync --full` asks again).
PATIENCE: Final = timedelta(days=90)
#: Pending rows of one wallet whose vanishing is looked out for.
_MOST_PENDING: Final = 50


def streams(known: Known) -> Iterator[Stream]:
    """One stream per wallet that `balances.wallets` has told of, and the fills."""
    for mark in sorted(known.wallets):
        yield Transactions(*unmarked(mark))
    yield Fills()


class Mark(msgspec.Struct):
    """What paging needs to know of a row."""

    id: str = ""
    status: str = ""
    created_at: str = ""

    @property
    def time(self) -> datetime | None:
        """When the row was made; None where that cannot be read."""
        try:
            return time_of(self.created_at)
        except (ValueError, OverflowError):
            return None

    @property
    def pending(self) -> bool:
        """Whether the exchange may still change the row, or take it back."""
        return STATUSES.get(self.status) == "pending"

    @property
    def place(self) -> str:
        """The row as a text of the cursor: time and id; '' for one that is no place to rely on."""
        return f"{self.time.isoformat()} {self.id}" if self.id and self.time and not self.pending else ""


@dataclass(frozen=True, slots=True)
class Transactions:
    """The ledger of one wallet: from the newest row down to what an earlier walk has read.

    Rows are asked for behind a row that is known (`starting_after=ID`; there is no asking by date), so what arrives
    meanwhile stands above and moves nothing. It is found by looking at the top once more after a walk of several
    pages, and by the next sync. A row that is named is a settled one where the page has any: a pending one may vanish.

    The cursor, a place being the time and id of a settled row:

    - `floor`: the place down to which the next walk reads. No row above it is new, none below it is waited for.
    - while a walk is under way: `behind`, the row to go on behind, and `again`, how often that brought the same page;
      `top`, the place of the newest row; `newest`, the time of it; `low`, the coming `floor`.
    - while the top is looked at once more: `rest`, the coming `floor` in the place of `low`.
    - `pending`: the entries of pending rows; `unseen`: those of the walk before that this one has not met again.

    coinbase-app/api-architecture/pagination, coinbase-app/track-apis/transactions
    """

    wallet: str
    account: str

    @property
    def name(self) -> str:
        """`transactions:{wallet id}`."""
        return f"transactions:{self.wallet}"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 -- there is no asking by date here
        """The page behind the cursor; the newest one where no walk is under way."""
        behind = cursor.get("behind", "")
        return Ask("ledger", {"account": self.wallet, **({"starting_after": behind} if behind else {})})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        """The rows of the page, and where to go on."""
        sheet = answer(body, LedgerPage)
        entries, unparsed = rows(sheet.data, "id", lambda raw: (entry(raw, known, self.account),))
        marks = _marks(sheet.data)
        asked = ask.params.get("starting_after", "")
        walk = _looked_out(_noted(cursor, marks, begins=not asked), marks, entries, begins=not asked)
        reached = next((mark.time for mark in reversed(marks) if mark.time), None)
        following = sheet.pagination.following([mark.id for mark in marks]) if marks else ""
        if following and not _met(cursor.get("floor", ""), marks):
            onward = _onward(walk, asked, _settled(marks, following))
            return Page(entries, onward, done=False, unparsed=unparsed, reached=reached)
        rest, vanished = _rest(walk, begun=not asked)
        done = "rest" not in rest
        return Page((*entries, *vanished), rest, done, unparsed, reached, left=0 if done else 1)

    def restart(self, cursor: Cursor) -> Cursor:
        """Where to begin anew when Coinbase no longer knows the row that the cursor names (404 `not_found`)."""
        kept = {name: cursor[name] for name in ("floor", "rest") if name in cursor}
        return _kept(kept, pending={**_waiting(cursor, "pending"), **_waiting(cursor, "unseen")})


def _noted(cursor: Cursor, marks: Sequence[Mark], *, begins: bool) -> dict[str, str]:
    """The walk so far with this page in it: its top, and how far down the next one must come."""
    walk = dict(cursor)
    if begins:
        for name in ("top", "newest", "low"):
            walk.pop(name, None)
        top = next((mark.place for mark in marks if mark.place), "")
        newest = next((mark.time for mark in marks if mark.time), None)
        walk |= {"top": top} if top else {}
        walk |= {"newest": newest.isoformat()} if newest else {}
    for number, mark in enumerate(marks):
        if _waited(mark, walk):
            walk.pop("low", None)
        elif ("low" not in walk or (begins and number < OVERLAP)) and mark.place:
            walk["low"] = mark.place
    return walk


def _waited(mark: Mark, walk: Cursor) -> bool:
    """Whether the row is pending, and young enough beside the newest to be asked for until it is settled."""
    if not mark.pending or not mark.time or "newest" not in walk:
        return mark.pending
    return datetime.fromisoformat(walk["newest"]) - mark.time <= PATIENCE


def _looked_out(
    walk: dict[str, str], marks: Sequence[Mark], entries: Sequence[Entry], *, begins: bool
) -> dict[str, str]:
    """Note the pending rows of the page, and which of those of the walk before have been met again.

    Only of entries that are one row: what becomes of a row of several says nothing of the others. The last look at
    the top meets no more than what is new, so it only adds.
    """
    anew = begins and "rest" not in walk
    pending = {} if anew else _waiting(walk, "pending")
    unseen = _waiting(walk, "pending" if anew else "unseen")
    waited = {f"tx:{mark.id}" for mark in marks if _waited(mark, walk)}
    for each in entries:
        if each.status == "pending" and each.id in waited and len(pending) < _MOST_PENDING:
            pending[each.id] = each
    met = {f"tx:{mark.id}" for mark in marks}
    return _kept(walk, pending=pending, unseen={name: each for name, each in unseen.items() if name not in met})


def _waiting(walk: Cursor, name: str) -> dict[str, Entry]:
    return msgspec.json.decode(walk.get(name, "{}"), type=dict[str, Entry])


def _kept(walk: Cursor, **waiting: Mapping[str, Entry]) -> dict[str, str]:
    told = {name: msgspec.json.encode(each).decode() for name, each in waiting.items() if each}
    return {**{name: text for name, text in walk.items() if name not in waiting}, **told}


def _met(floor: str, marks: Sequence[Mark]) -> bool:
    """Whether the page has come down to the floor: its row, or, should that have vanished, only older rows."""
    if not floor:
        return False
    time, _, own = floor.partition(" ")
    times = [mark.time for mark in marks if mark.time]
    older = bool(times) and max(times) < datetime.fromisoformat(time)
    return older or any(mark.id == own for mark in marks)


def _settled(marks: Sequence[Mark], following: str) -> str:
    """The row to go on behind: the one that was told, unless it is pending and another on the page is not."""
    settled = [mark.id for mark in marks if mark.id and not mark.pending]
    return following if following in settled or not settled else settled[-1]


def _onward(walk: dict[str, str], asked: str, behind: str) -> dict[str, str]:
    """Further down. A page that came before is asked for again: each time is another cursor, so repeating is seen."""
    again = int(walk.pop("again", "0")) + 1 if behind == asked else 0
    return {**walk, "behind": behind, **({"again": str(again)} if again else {})}


def _rest(walk: dict[str, str], *, begun: bool) -> tuple[dict[str, str], tuple[Entry, ...]]:
    """Where the next sync begins, or the last look of this one; and the pending entries that have vanished."""
    gone = tuple(msgspec.structs.replace(each, status="failed") for each in _waiting(walk, "unseen").values())
    kept = {"pending": walk["pending"]} if "pending" in walk else {}
    low = walk.get("low", "")
    if "rest" not in walk and not begun:
        return {**kept, "floor": walk.get("top", low), "rest": low}, gone
    floor = walk.get("rest", low)
    return {**kept, **({"floor": floor} if floor else {})}, gone


def _marks(data: Sequence[msgspec.Raw]) -> list[Mark]:
    marks = []
    for raw in data:
        try:
            marks.append(msgspec.json.decode(raw, type=Mark))
        except msgspec.MsgspecError:
            marks.append(Mark())
    return marks
