"""Kraken's deposits and withdrawals: their blockchain transactions, and those that are still on their way."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Final, Literal

import msgspec

from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.kraken.ledger import row_legs
from tallyglass.exchanges.kraken.names import place
from tallyglass.exchanges.kraken.rows import Listing, beside, each, facts, moment, result, times
from tallyglass.exchanges.streams import NotReadable
from tallyglass.ledger.entries import Entry
from tallyglass.money import ZERO

Way = Literal["deposit", "withdrawal"]

_CAME_TO_NOTHING: Final = frozenset(("canceled", "return"))


class FundingRow(msgspec.Struct, frozen=True, rename={"prop": "status-prop"}):
    """A row of DepositStatus or WithdrawStatus. A deposit that is not settled may have no fee yet.

    https://docs.kraken.com/api/docs/rest-api/get-status-recent-deposits
    """

    asset: str
    refid: str
    amount: Decimal
    time: Decimal
    status: Literal["Initial", "Pending", "Partial", "Settled", "Success", "Failure"]
    method: str = ""
    network: str = ""
    #: The address, or the party on the other side.
    info: str = ""
    #: The name that the user gave an address to withdraw to.
    key: str = ""
    txid: str | None = None
    fee: Decimal | None = None
    prop: str | None = None

    @property
    def state(self) -> Literal["done", "pending", "failed"]:
        """How far it is: `Settled` still waits for confirmations.

        https://support.kraken.com/articles/advanced-api-faq
        """
        if self.status == "Failure" or self.prop in _CAME_TO_NOTHING:
            return "failed"
        return "done" if self.status == "Success" else "pending"


class _Page(msgspec.Struct):
    """The list under the names that documentation and recorded answers give it."""

    deposit: list[msgspec.Raw] | None = None
    deposits: list[msgspec.Raw] | None = None
    withdrawal: list[msgspec.Raw] | None = None
    withdrawals: list[msgspec.Raw] | None = None
    next_cursor: str | None = None


class _Named(msgspec.Struct):
    refid: str


def fundings(way: Way, body: bytes) -> Listing:
    """A page of deposits or withdrawals. Raises `NotReadable`."""
    page = _page(body)
    names = ("deposit", "deposits") if way == "deposit" else ("withdrawals", "withdrawal")
    rows = next((found for name in names if (found := getattr(page, name)) is not None), None)
    if rows is None:
        raise NotReadable(f"Kraken's answer holds no list of {way}s")
    named = [(_name(raw), raw) for raw in rows]
    entries, unparsed = each(named, FundingRow, lambda _, row: _funding(way, row))
    return Listing(
        tuple(entries),
        tuple(unparsed),
        tuple(name for name, _ in named),
        times(rows),
        after=page.next_cursor or "",
        waiting=tuple(entry.time for entry in entries if entry.status == "pending"),
    )


def told(listing: Listing) -> Listing:
    """The same for a history whose ledger tells what they moved: only those on their way are not in it yet.

    Their `refid` is that of the row in the ledger.
    """
    known = (entry if entry.status == "pending" else beside(entry) for entry in listing.entries)
    return replace(listing, entries=tuple(known))


def _page(body: bytes) -> _Page:
    # Asked without a cursor, Kraken gives the bare list.
    if bytes(result(body, msgspec.Raw)).lstrip().startswith(b"["):
        rows = result(body, list[msgspec.Raw])
        return _Page(deposit=rows, withdrawal=rows)
    return result(body, _Page)


def _name(raw: msgspec.Raw) -> str:
    """The reference of a row, so that it is the same piece however its status changes."""
    try:
        return decode(raw, _Named).refid
    except msgspec.DecodeError:
        return sha256(bytes(raw)).hexdigest()[:32]


def _funding(way: Way, row: FundingRow) -> Entry:
    """One of them; `amount` is net of a withdrawal's fee."""
    moved = row.amount if way == "deposit" else row.amount.copy_negate()
    return Entry(
        id=row.refid,
        time=moment(row.time),
        kind=way,
        legs=row_legs(row.refid, place(row.asset), moved, row.fee or ZERO),
        note=row.method,
        status=row.state,
        txid=row.txid or "",
        facts=facts(address=row.info, label=row.key, method=row.method, network=row.network),
    )
