"""Moves: what each event changed over all own accounts together, for cost: no transfer between them is one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tallyglass.ledger.daily import share
from tallyglass.ledger.entries import Entry, Role
from tallyglass.ledger.transfers import Transfer
from tallyglass.money import ZERO, Amount, Asset, add

MoveKind = Literal["flow", "result", "swap", "renamed"]
"""From or to outside; earned, found, or paid for nothing; one thing for another; one thing under its new name."""

Amounts = tuple[tuple[Asset, Amount], ...]
"""Signed, one for each asset, none of them zero."""

#: What is noted for one moment: what came is there before it is given away.
_TURN: Final[dict[MoveKind, int]] = {"flow": 0, "result": 1, "renamed": 2, "swap": 3}


@dataclass(frozen=True, slots=True)
class Move:
    """What one event moved."""

    time: datetime
    kind: MoveKind
    amounts: Amounts
    #: Paid beside it. Of a swap only in a third asset: a fee in one of the two is part of `amounts`.
    fees: Amounts = ()
    #: The entry that tells it.
    entry: str = ""


def moves(entries: Iterable[tuple[str, Entry]], transfers: Sequence[Transfer] = ()) -> list[Move]:
    """What the done entries of all connections moved, in order of time.

    Of a matched transfer only the fees count, and what did not arrive.
    """
    matched = {side.key for transfer in transfers for side in (transfer.sent, transfer.received)}
    found = [
        _move(entry, matched=(connection, entry.id) in matched)
        for connection, entry in entries
        if entry.status == "done"
    ]
    found += [_crossing(transfer) for transfer in transfers]
    return sorted((move for move in found if move.amounts or move.fees), key=_turn)


def _turn(move: Move) -> tuple[datetime, int, str]:
    gives = any(amount < ZERO for _, amount in move.amounts)
    return move.time, 4 if move.kind == "flow" and gives else _TURN[move.kind], move.entry


def _move(entry: Entry, *, matched: bool) -> Move:
    amounts, fees = _sums(entry, "principal"), _sums(entry, "fee")
    if matched:
        return Move(entry.time, "flow", (), _told(fees), entry.id)
    if entry.kind in ("trade", "conversion"):
        for asset in fees.keys() & amounts.keys():
            amounts[asset] = add(amounts[asset], fees.pop(asset))
        return Move(entry.time, "swap", _told(amounts), _told(fees), entry.id)
    kind: MoveKind = "flow" if share(entry.kind, entry.id, matched=False) == "flow" else "result"
    return Move(entry.time, kind, _told(amounts), _told(fees), entry.id)


def _crossing(transfer: Transfer) -> Move:
    """What a transfer lost on its way, on arrival; of an asset that changed its name, the whole."""
    sent, received = transfer.sent, transfer.received
    if sent.asset == received.asset:
        lost = {sent.asset: add(sent.amount, received.amount)}
        return Move(received.time, "result", _told(lost), entry=received.id)
    both = {sent.asset: sent.amount, received.asset: received.amount}
    return Move(received.time, "renamed", _told(both), entry=received.id)


def _sums(entry: Entry, role: Role) -> dict[Asset, Amount]:
    sums: dict[Asset, Amount] = {}
    for leg in entry.legs:
        if leg.role == role:
            sums[leg.asset] = add(sums.get(leg.asset, ZERO), leg.amount)
    return sums


def _told(sums: Mapping[Asset, Amount]) -> Amounts:
    return tuple((asset, amount) for asset, amount in sorted(sums.items()) if amount)
