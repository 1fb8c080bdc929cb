"""Coinbase: the ledger of every wallet, oldest row first, so that a sync may stop and go on anywhere.

Rows are asked for after a row that is already known (`order=asc&starting_after=ID`): rows that arrive in between stand
further on and are never skipped, whatever their time. There is no filter by date. The next sync asks for the last page
again, which costs no request more, and begins further back where a row there is still pending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from tallyglass.exchanges.coinbase.ledger import STATUSES, VAULT, VAULT_MARK, LedgerPage, entry
from tallyglass.exchanges.coinbase.wire import answer, last_id, rows, time_of
from tallyglass.exchanges.streams import Ask, Cursor, Known, NotReadable, Page
from tallyglass.ledger.entries import SPOT

#: A row that is still pending when rows so much younger have come is waited for no longer (`sync --full` asks again).
PATIENCE = timedelta(days=90)
_NONE = timedelta(0)


class Mark(msgspec.Struct):
    """What paging needs to know of a row."""

    id: str = ""
    status: str = ""
    created_at: str = ""

    def pending(self, waived: str) -> bool:
        """Whether the exchange may still change the row, and we still wait for it."""
        return STATUSES.get(self.status) == "pending" and not (waived and _apart(self.created_at, waived) >= _NONE)


@dataclass(frozen=True, slots=True)
class Transactions:
    """The ledger of one wallet.

    The cursor: `after`, the row behind which the next page begins ('' = the first); while a walk goes on, `open`, the
    row behind which the first pending row of the walk stands, and `open_at`, that row's time; and `waived`, the time
    up to which pending rows are waited for no longer.
    """

    wallet: str
    account: str

    @property
    def name(self) -> str:
        """`transactions:{wallet id}`."""
        return f"transactions:{self.wallet}"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 -- there is no asking by date here
        """The page behind the cursor."""
        after = cursor.get("after", "")
        return Ask("ledger", {"account": self.wallet, **({"starting_after": after} if after else {})})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        """The rows of the page, and where to go on."""
        page = answer(body, LedgerPage)
        if page.pagination.order == "desc":
            raise NotReadable("the rows come newest first, though the oldest were asked for first")
        entries, unparsed = rows(page.data, "id", lambda raw: (entry(raw, known, self.account),))
        asked = ask.params.get("starting_after", "")
        marks = _marks(page.data)
        walk, settled = _walk(marks, asked, cursor)
        following = page.pagination.following(last_id(page.data) or asked)
        # Go on behind a settled row where there is one: a pending row may vanish, and its id with it.
        after = (settled or following) if following else ""
        if after and after != asked:
            return Page(entries, {**walk, "after": after}, done=False, unparsed=unparsed)
        return Page(entries, _rest(walk, asked, marks), done=True, unparsed=unparsed)


def streams(known: Known) -> Iterator[Transactions]:
    """One stream per wallet that `balances.wallets` has told of."""
    for mark in sorted(known.wallets):
        vault = mark.startswith(VAULT_MARK)
        yield Transactions(mark.removeprefix(VAULT_MARK), VAULT if vault else SPOT)


def _walk(marks: Sequence[Mark], asked: str, cursor: Cursor) -> tuple[dict[str, str], str]:
    """The first pending row of the walk so far, and the last settled row of this page ('' for none)."""
    walk = {name: cursor[name] for name in ("open", "open_at", "waived") if name in cursor}
    settled = ""
    for mark in marks:
        if not mark.pending(walk.get("waived", "")):
            settled = mark.id or settled
        elif "open" not in walk:
            walk |= {"open": settled or asked, "open_at": mark.created_at}
    return walk, settled


def _rest(walk: Cursor, asked: str, marks: Sequence[Mark]) -> dict[str, str]:
    """Where the next sync begins: before the first pending row, or else with the last page again.

    A row that has been pending for too long is waived: the next sync looks once more from there for younger ones.
    """
    kept = {"waived": walk["waived"]} if "waived" in walk else {}
    if "open" not in walk:
        return {"after": asked, **kept}
    late = marks and _apart(walk["open_at"], marks[-1].created_at) > PATIENCE
    return {"after": walk["open"], **({"waived": walk["open_at"]} if late else kept)}


def _apart(earlier: str, later: str) -> timedelta:
    """The time between two rows; less than none when either has no readable time."""
    try:
        return time_of(later) - time_of(earlier)
    except (ValueError, OverflowError):
        return -timedelta.resolution


def _marks(data: Sequence[msgspec.Raw]) -> list[Mark]:
    marks = []
    for raw in data:
        try:
            marks.append(msgspec.json.decode(raw, type=Mark))
        except msgspec.MsgspecError:
            marks.append(Mark())
    return marks
