"""Kraken's ledger: every row has its kind, rows of one event are one entry, each row a leg and its fee another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from tallyglass.exchanges.kraken.names import UnknownName, place
from tallyglass.exchanges.kraken.rows import Listing, Rows, each, legs, moment, result, times
from tallyglass.ledger.entries import Entry, Kind, Leg
from tallyglass.money import Asset

#: Moves between wallets of one account: neither income nor a way out.
_MOVES: Final = frozenset(
    (
        *("allocation", "deallocation", "autoallocation", "autoallocate", "migration"),
        *("spottostaking", "stakingfromspot", "stakingtospot", "spotfromstaking", "spottofutures", "spotfromfutures"),
    )
)
_MOVED: Final = frozenset(("earn", "deposit", "withdrawal", "transfer", "staking"))
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("trade", "margin", "margin trade", "settled", "nfttrade"), "trade"),
    **dict.fromkeys(("spend", "receive", "conversion", "sale"), "conversion"),
    **dict.fromkeys(("staking", "reward", "dividend", "airdrop", "invite bonus"), "reward"),
    **dict.fromkeys(("rollover", "nftcreatorfee", "creator_fee"), "fee"),
    **dict.fromkeys(("adjustment", "credit", "nftrebate", "nft_rebate"), "adjustment"),
    **dict.fromkeys(("transfer", "custodytransfer"), "transfer"),
    "deposit": "deposit",
    "withdrawal": "withdrawal",
}
_INCOME: Final = frozenset(("", "reward", "rewardallocation", "airdrop"))
#: Rows of these types name the position that they belong to, which has many of them, hours apart.
_APART: Final = frozenset(("rollover",))


class LedgerRow(msgspec.Struct, frozen=True):
    """A row of Ledgers. The balance after it is `balance` before + `amount` − `fee`, all in `asset`.

    https://docs.kraken.com/api/docs/rest-api/get-ledgers
    """

    refid: str
    time: Decimal
    type: str
    asset: str
    amount: Decimal
    fee: Decimal
    subtype: str = ""


class _Page(msgspec.Struct):
    ledger: Rows
    count: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Part:
    time: datetime
    row_id: str
    row: LedgerRow = field(compare=False)
    kind: Kind = field(compare=False)
    legs: tuple[Leg, ...] = field(compare=False)


def ledger(body: bytes) -> Listing:
    """A page of Ledgers: rows of one event are one entry."""
    page = result(body, _Page)
    parts, unparsed = each(page.ledger.items(), LedgerRow, _part)
    events: dict[str, list[_Part]] = {}
    for part in parts:
        events.setdefault(event_id(part.row.type, part.row.refid, part.row_id), []).append(part)
    entries = tuple(_event(name, rows) for name, rows in events.items())
    return Listing(entries, tuple(unparsed), tuple(page.ledger), times(page.ledger.values()), page.count)


def kind_of(word: str, subtype: str) -> Kind:
    """What a row is, by type and subtype. Raises `UnknownName` for what this version has never seen."""
    if subtype in _MOVES and word in _MOVED:
        return "transfer"
    if subtype == "airdrop" and word in ("deposit", "transfer"):
        return "reward"
    if subtype == "delistingconversion":
        return "conversion"
    if word == "earn" and subtype in _INCOME:
        return "reward"
    if word not in _KINDS:
        raise UnknownName(f"unknown type of ledger row: {word[:40]!r} {subtype[:40]!r}")
    return _KINDS[word]


def event_id(word: str, refid: str, row_id: str) -> str:
    """What the rows of one event have in common: their reference, or the row itself where it stands alone."""
    return row_id if not refid or word in _APART else refid


def row_legs(row_id: str, where: tuple[str, Asset], moved: Decimal, fee: Decimal) -> tuple[Leg, ...]:
    """What a row moved, in that wallet and of that asset, and its fee on top."""
    return legs((row_id, *where, moved, "principal"), (f"{row_id}:fee", *where, fee.copy_negate(), "fee"))


def _part(row_id: str, row: LedgerRow) -> _Part:
    kind = kind_of(row.type, row.subtype)
    return _Part(moment(row.time), row_id, row, kind, row_legs(row_id, place(row.asset), row.amount, row.fee))


def _event(name: str, parts: list[_Part]) -> Entry:
    # The rows of one event may differ by a millisecond and stand in any order: the earliest speaks for it.
    parts.sort()
    first = parts[0]
    moved = tuple(leg for part in parts for leg in part.legs)
    return Entry(name, first.time, first.kind, moved, f"{first.row.type} {first.row.subtype}".strip())
