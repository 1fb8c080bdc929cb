"""The shapes of what users get, in JSON and on pages: the contract of DESIGN §9. Money is text, times RFC 3339 UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypedDict

from tallyglass.app.key_views import ReasonView
from tallyglass.exchanges.grants import Reason
from tallyglass.exchanges.streams import Order
from tallyglass.ledger.entries import Entry
from tallyglass.money import text
from tallyglass.portfolio.worth import Cause


class CauseView(TypedDict):
    """Why a total is not complete."""

    code: str
    about: str
    text: str


class SourceView(TypedDict):
    """One connection behind a total, or an account of the user's own: its status is `yours`."""

    connection: str
    status: str
    fresh_at: str | None
    text: str


class PartView(TypedDict):
    """What a wallet of a connection holds."""

    connection: str
    account: str
    amount: str


class HoldingView(TypedDict):
    """One asset over all connections."""

    asset: str
    amount: str
    price: str | None
    price_source: str | None
    price_at: str | None
    value: str | None
    by: list[PartView]


class WorthView(TypedDict):
    """`worth`."""

    total: str
    #: Of it, what rests on the user's word alone.
    stated: str
    currency: str
    complete: bool
    as_of: str
    causes: list[CauseView]
    sources: list[SourceView]
    holdings: list[HoldingView]


class LegView(TypedDict):
    """One movement of an entry."""

    asset: str
    amount: str
    role: str
    account: str


class ChangeView(TypedDict):
    """What an entry was until the exchange told otherwise."""

    at: str | None
    was: Any


class EntryView(TypedDict):
    """One event."""

    id: str
    time: str
    kind: str
    connection: str
    status: str
    note: str
    legs: list[LegView]
    #: The other side of a transfer between two connections.
    partner: str | None
    txid: str
    #: What else the exchange tells: `market`, `order`, `price` …
    facts: dict[str, str]
    #: The oldest first.
    changes: list[ChangeView]


class HistoryView(TypedDict):
    """`history`."""

    items: list[EntryView]
    next: str | None


class MovementView(TypedDict):
    """What one deposit or withdrawal moved."""

    id: str
    time: str
    connection: str
    asset: str
    #: Signed: received is positive.
    amount: str
    fee: str
    txid: str | None


class TransferView(TypedDict):
    """One move of the same coins, from both sides."""

    sent: MovementView
    received: MovementView
    #: What did not arrive, all fees included.
    lost: str
    #: user, hash, amount, order
    basis: str
    text: str


class CandidateView(MovementView):
    """What might be the other side, and what stands against it: rivals, hash, amount, apart."""

    obstacle: str
    text: str


class UnmatchedView(MovementView):
    """A deposit or withdrawal that stays open."""

    #: ambiguous, doubtful, alone
    reason: str
    text: str
    fix: str
    candidates: list[CandidateView]


class RulesView(TypedDict):
    """How far two sides of a transfer may lie apart."""

    window_hours: str
    early_hours: str
    shortfall_percent: str
    excess_percent: str


class TransfersView(TypedDict):
    """`transfers`, newest first."""

    matched: list[TransferView]
    open: list[UnmatchedView]
    rules: RulesView


class OrderView(TypedDict):
    """One row of `orders`."""

    connection: str
    id: str
    market: str
    side: str
    type: str
    price: str | None
    amount: str
    filled: str
    time: str


class UnparsedView(TypedDict):
    """A piece of an answer or a file that no parser of this version understands, kept as it came."""

    connection: str
    stream: str
    id: str
    reason: str
    raw: str
    seen_at: str


class SyncPartView(TypedDict):
    """One stream of one connection in `sync` and `replay`."""

    connection: str
    stream: str
    pages: int
    entries: int
    new: int
    unparsed: int
    requests: int
    seconds: float
    fault: str | None
    text: str
    fix: str


class OddLineView(TypedDict):
    """A line of an imported file that is not understood."""

    line: int
    reason: str


class ImportView(TypedDict):
    """`import`: every line is new, known, skipped or not understood."""

    connection: str
    format: str
    file: str
    lines: int
    #: Told by nobody before.
    new: int
    #: Told by the exchange, or by a file that was imported earlier.
    known: int
    #: Understood, and moving nothing by themselves.
    skipped: int
    unparsed: int
    #: Entries that the new lines made.
    entries: int
    #: The first of those that are not understood.
    odd: list[OddLineView]


class WalletGapView(TypedDict):
    """One wallet of an asset in `reconcile`."""

    account: str
    reported: str
    computed: str
    gap: str


class GapView(TypedDict):
    """One asset of one connection in `reconcile`. Of a connection that was never read, the figures are None."""

    connection: str
    asset: str | None
    reported: str | None
    computed: str | None
    #: Reported less computed; `0` too where one wallet has what another lacks.
    gap: str | None
    #: When the gap opened, as well as that is known.
    since: str | None
    #: The last reading at which all agreed; None if there was none.
    clean_at: str | None
    #: Of the balances.
    as_of: str | None
    #: A stable code; None where there is no gap.
    cause: str | None
    text: str
    fix: str
    #: What the user confirmed to have been there before all history.
    opening: str | None
    accounts: list[WalletGapView]


class UndoneView(TypedDict):
    """`import --undo`."""

    connection: str
    format: str
    file: str
    #: Entries that nothing else tells.
    removed: int


class ReadView(TypedDict):
    """One call that Tallyglass can make."""

    id: str
    method: str
    host: str
    path: str
    purpose: str


class ExchangeView(TypedDict):
    """One row of `exchanges`."""

    id: str
    name: str
    tier: str
    proves: list[str]
    tells: dict[str, bool]
    ip: str
    reads: list[ReadView]
    history: dict[str, str]


def moment(time: datetime | None) -> str | None:
    """RFC 3339, UTC, ending in Z."""
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def minute(time: datetime) -> str:
    """A moment in a sentence."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def cause_views(causes: Iterable[Cause]) -> list[CauseView]:
    """Why a total is not complete."""
    return [{"code": each.code, "about": each.about, "text": each.text} for each in causes]


def reasons(given: Iterable[Reason]) -> list[ReasonView]:
    """Reasons as they are shown."""
    return [{"code": reason.code, "text": reason.text, "fix": reason.fix} for reason in given]


def entry_view(
    entry: Entry, connection: str = "", partner: str | None = None, changes: Iterable[tuple[datetime, object]] = ()
) -> EntryView:
    """An entry as users see it; its id, and that of its partner in a transfer, is unique over all connections."""
    return {
        "id": f"{connection}/{entry.id}" if connection else entry.id,
        "time": moment(entry.time) or "",
        "kind": entry.kind,
        "connection": connection,
        "status": entry.status,
        "note": entry.note,
        "legs": [
            {"asset": leg.asset, "amount": text(leg.amount), "role": leg.role, "account": leg.account}
            for leg in entry.legs
        ],
        "partner": partner,
        "txid": entry.txid,
        "facts": dict(entry.facts),
        "changes": [{"at": moment(at), "was": was} for at, was in changes],
    }


def order_view(order: Order, connection: str = "") -> OrderView:
    """An open order as users see it."""
    return {
        "connection": connection,
        "id": order.id,
        "market": order.market,
        "side": order.side,
        "type": order.type,
        "price": None if order.price is None else text(order.price),
        "amount": text(order.amount),
        "filled": text(order.filled),
        "time": moment(order.time) or "",
    }
