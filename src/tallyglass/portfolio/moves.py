"""Moves: what each event changed over all own accounts together, for cost: no transfer between them is one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from msgspec import structs

from tallyglass.ledger.daily import share
from tallyglass.ledger.entries import Entry, Role
from tallyglass.ledger.pairing import Key
from tallyglass.ledger.transfers import Transfer
from tallyglass.money import ZERO, Amount, Asset, add

MoveKind = Literal["flow", "result", "swap", "renamed"]
"""From or to outside; earned, found, or paid for nothing; one thing for another; one thing under its new name.

What a future gained or lost comes for nothing: a result."""

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
    #: Paid beside it. Of a swap only in a third asset: a fee in one of the two is part of `amounts`, unless it
    #: takes more than what came.
    fees: Amounts = ()
    #: The entry that tells it.
    entry: str = ""


def moves(
    entries: Iterable[tuple[str, Entry]], transfers: Sequence[Transfer] = (), matched: Collection[Key] | None = None
) -> list[Move]:
    """What the done entries of all connections moved, in order of time.

    Of a matched transfer only the fees count, and what did not arrive. `matched`: the sides of all transfers, where
    these are but those that arrived among these entries.
    """
    if matched is None:
        matched = {side.key for transfer in transfers for side in (transfer.sent, transfer.received)}
    done = ((connection, entry) for connection, entry in entries if entry.status == "done")
    found = [_move(entry, matched=(connection, entry.id) in matched) for connection, entry in _whole(done)]
    found += [_crossing(transfer) for transfer in transfers]
    return sorted((move for move in found if move.amounts or move.fees), key=_turn)


def _whole(entries: Iterable[tuple[str, Entry]]) -> Iterator[tuple[str, Entry]]:
    """The same, where an exchange tells a conversion as two entries (what went, and what came), with these as one."""
    halves: dict[tuple[str, datetime, str], list[Entry]] = defaultdict(list)
    for connection, entry in entries:
        if entry.kind == "conversion" and len({leg.amount > ZERO for leg in entry.legs if leg.role != "fee"}) == 1:
            halves[connection, entry.time, entry.note].append(entry)
        else:
            yield connection, entry
    for (connection, _, _), parts in halves.items():
        legs = tuple(leg for part in sorted(parts, key=lambda part: part.id) for leg in part.legs)
        yield connection, structs.replace(parts[0], legs=legs)


def _turn(move: Move) -> tuple[datetime, int, str]:
    gives = any(amount < ZERO for _, amount in move.amounts)
    return move.time, 4 if move.kind == "flow" and gives else _TURN[move.kind], move.entry


def _move(entry: Entry, *, matched: bool) -> Move:
    amounts, fees = _sums(entry, "principal"), _sums(entry, "fee")
    if matched:
        return Move(entry.time, "flow", (), _told(fees), entry.id)
    if entry.kind in ("trade", "conversion") and not _is_future(entry):
        for asset in fees.keys() & amounts.keys():
            left = add(amounts[asset], fees[asset])
            # A fee that takes more than what came leaves nothing that was swapped for: it is paid beside it.
            if (left > ZERO) == (amounts[asset] > ZERO):
                amounts[asset] = left
                del fees[asset]
        return Move(entry.time, "swap", _told(amounts), _told(fees), entry.id)
    kind: MoveKind = "flow" if share(entry.kind, entry.id, matched=False) == "flow" else "result"
    return Move(entry.time, kind, _told(amounts), _told(fees), entry.id)


def _is_future(entry: Entry) -> bool:
    """Whether it tells what a position in futures gained or lost: one side alone, on a wallet for them."""
    return len({leg.asset for leg in entry.legs}) == 1 and all(leg.account.startswith("futures") for leg in entry.legs)


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
