"""Coinbase: the ledger of every wallet, newest row first, and what the fills of Advanced add to its trades."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import msgspec

from tallyglass.exchanges.coinbase.fills import Fills
from tallyglass.exchanges.coinbase.ledger import STATUSES, LedgerPage, entry, unmarked
from tallyglass.exchanges.coinbase.wire import answer, rows, time_of
from tallyglass.exchanges.decoding import decode
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
    The second request of a first walk is for the oldest rows: only they tell how long the walk will be.

    Where nothing is new, that is one request for each wallet. `/v2/accounts` tells balances and `updated_at`, but no
    page says that every row moves the latter, and rows that are pending, or cancel out, leave the former as it was.

    The cursor, a place being the time and id of a settled row:

    - `floor`: the place down to which the next walk reads. No row above it is new, none below it is waited for.
    - while a walk is under way: `behind`, the row to go on behind; `pages`, how many there were; `newest` and `oldest`,
      the times of those rows; `top`, the place of the newest that is one; `low`, the coming `floor`.
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
        if behind and not cursor.keys() & {"floor", "oldest"}:
            return Ask("ledger", {"account": self.wallet, "order": "asc"})
        after = {"starting_after": behind} if behind else {}
        return Ask("ledger", {"account": self.wallet, "order": "desc", **after})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        """The rows of the page, and where to go on."""
        sheet = answer(body, LedgerPage)
        entries, unparsed = rows(sheet.data, "id", lambda raw: (entry(raw, known, self.account),))
        marks = _marks(sheet.data)
        times = [mark.time for mark in marks if mark.time]
        if ask.params.get("order") == "asc":
            walk = _looked_out(dict(cursor), marks, entries, begins=False)
            walk["oldest"] = min(times).isoformat() if times else ""
            return Page(entries, walk, done=False, unparsed=unparsed)
        begins = "starting_after" not in ask.params
        walk = _looked_out(_noted(cursor, marks, begins=begins), marks, entries, begins=begins)
        reached = times[-1] if times else None
        following = sheet.pagination.following([mark.id for mark in marks]) if marks else ""
        if following and not _met(cursor.get("floor", ""), marks):
            walk["behind"] = _settled(marks, following)
            return Page(entries, walk, done=False, unparsed=unparsed, reached=reached, left=_left(walk, reached))
        rest, vanished = _rest(walk, begun=begins)
        done = "rest" not in rest
        return Page((*entries, *vanished), rest, done, unparsed, reached, left=0 if done else 1)

    def restart(self, cursor: Cursor) -> Cursor:
        """Where to begin anew when Coinbase no longer knows the row that the cursor names (404 `not_found`)."""
        kept = {name: cursor[name] for name in ("floor", "rest", "oldest") if name in cursor}
        return _kept(kept, pending={**_waiting(cursor, "pending"), **_waiting(cursor, "unseen")})


def _noted(cursor: Cursor, marks: Sequence[Mark], *, begins: bool) -> dict[str, str]:
    """The walk so far with this page in it: its top, and how far down the next one must come."""
    walk = dict(cursor)
    if begins:
        for name in ("top", "newest", "low", "pages"):
            walk.pop(name, None)
        top = next((mark.place for mark in marks if mark.place), "")
        newest = next((mark.time for mark in marks if mark.time), None)
        walk |= {"top": top} if top else {}
        walk |= {"newest": newest.isoformat()} if newest else {}
    walk["pages"] = str(int(walk.get("pages", "0")) + 1)  # a page that comes again is another cursor: that is noticed
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
    met = {f"tx:{mark.id}" for mark in marks}
    waited = {f"tx:{mark.id}" for mark in marks if _waited(mark, walk)}
    pending = {} if anew else _but(_waiting(walk, "pending"), met)
    unseen = _but(_waiting(walk, "pending" if anew else "unseen"), met)
    for each in entries:
        if each.status == "pending" and each.id in waited and len(pending) < _MOST_PENDING:
            pending[each.id] = each
    return _kept(walk, pending=pending, unseen=unseen)


def _but(waiting: Mapping[str, Entry], met: Collection[str]) -> dict[str, Entry]:
    return {name: each for name, each in waiting.items() if name not in met}


def _waiting(walk: Cursor, name: str) -> dict[str, Entry]:
    return decode(walk.get(name, "{}"), dict[str, Entry])


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


def _left(walk: Cursor, reached: datetime | None) -> int | None:
    """How many requests are left if the rest of the time holds rows as what has been read does; and the last look."""
    goal = (walk.get("floor") or walk.get("oldest", "")).partition(" ")[0]
    newest = walk.get("newest")
    if not goal or not newest or reached is None:
        return None
    read = datetime.fromisoformat(newest) - reached
    if read <= timedelta(0):
        return None
    return max(1, ceil(int(walk["pages"]) * ((reached - datetime.fromisoformat(goal)) / read))) + 1


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
            marks.append(decode(raw, Mark))
        except msgspec.MsgspecError:
            marks.append(Mark())
    return marks
