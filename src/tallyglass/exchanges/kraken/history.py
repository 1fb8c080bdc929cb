"""Kraken's history: one stream, the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from tallyglass.exchanges.kraken.rows import Ledger, ledger
from tallyglass.exchanges.streams import Ask, Cursor, Known, Page, Stream

#: How far a sync reads back before the newest row of the one before: for rows that were written late.
OVERLAP: Final = 1800
_PATIENCE: Final = 2


def streams(known: Known) -> Iterable[Stream]:  # noqa: ARG001 - the ledger needs to know nothing
    """The one stream. Deposits, trades and rewards are all in it; the reads of their own would tell them twice."""
    return (LedgerStream(),)


@dataclass(frozen=True, slots=True)
class LedgerStream:
    """All rows of all types, newest first, by offset inside a window that does not move.

    Kraken counts `ofs` from the newest row, so a window open to the present would slide under the walk. The first
    page is asked for without an end; its newest row then fixes the end, by Kraken's clock and not by ours, rounded up
    to a full second: a row that still comes into that second can only make rows appear twice, never be skipped. What
    comes later belongs to the next sync, which starts `OVERLAP` before that newest row. Times bound the window and
    never step through it, since many rows may share one.

    The cursor, all in Unix seconds or rows: `from` where the window starts; while a walk is under way also `end`,
    `ofs`, `next` (the coming `from`), `count` (the least total told so far), `told` (the last), `page` (a digest of
    the page before) and `again` (how often that page came back).

    https://docs.kraken.com/api/docs/rest-api/get-ledgers
    """

    name: str = "ledger"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:
        """The next page; `now` only guards against a row from the future that would hide what comes before it."""
        params = {}
        if "from" in cursor:
            start = int(cursor["from"])
            if "ofs" not in cursor:
                start = min(start, int(now.timestamp()) - OVERLAP)
            if start > 0:
                params["start"] = str(start)
        return Ask("ledger", params | {name: cursor[name] for name in ("end", "ofs") if name in cursor})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:  # noqa: ARG002 - as above
        """One page of entries. An event whose rows lie on two pages comes in two parts with one id."""
        found = ledger(body)
        here = dict(cursor)
        if "ofs" not in cursor:
            here = {"from": ask.params["start"]} if "start" in ask.params else {}
        if "end" not in here and found.newest is not None:
            second = int(found.newest)
            here |= {"end": str(second + 1), "next": str(second - OVERLAP)}
        onward = _onward(here, found)
        if onward is None:
            rest = here.get("next", here.get("from"))
            return Page(found.entries, {} if rest is None else {"from": rest}, True, found.unparsed)
        return Page(found.entries, onward, False, found.unparsed)


def _onward(here: Cursor, found: Ledger) -> Cursor | None:
    """Where the walk goes on; None at its end: a page without rows, or as many rows read as Kraken counts."""
    if not found.ids:
        return None
    ofs, count, digest = int(here.get("ofs", "0")), found.count, _digest(found.ids)
    least, told = int(here.get("count", "-1")), int(here.get("told", "-1"))
    again = int(here.get("again", "0")) + 1 if digest == here.get("page") else 0
    if again > _PATIENCE and count is None:
        return None
    if count is not None and 0 <= count < least:
        # Rows have left the window, so those behind have moved up: step back by as many.
        ofs = max(0, ofs - (told - count))
    elif again == 0 or again > _PATIENCE:
        # A page that came before is asked for again, as a slip; if it stays, the walk goes on to where the count ends.
        ofs, again = ofs + len(found.ids), 0
    if count is not None and ofs >= count:
        return None
    onward = {**here, "ofs": str(ofs), "page": digest, "again": str(again)}
    if count is not None:
        onward |= {"count": str(count if least < 0 else min(least, count)), "told": str(count)}
    return onward


def _digest(ids: Sequence[str]) -> str:
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]
