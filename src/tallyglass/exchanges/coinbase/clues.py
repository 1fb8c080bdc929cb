"""What rows of Coinbase's ledger that are not understood seem to have moved."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tallyglass.exchanges.coinbase.ledger import STATUSES, Row, account_of
from tallyglass.exchanges.coinbase.wire import time_of
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import Clue, Known, Unparsed


def clues(piece: Unparsed, known: Known) -> Iterator[Clue]:
    """A row moves its own amount, whatever its type; one that is pending or failed moves nothing."""
    try:
        row = decode(piece.raw, Row)
        coin, moved = row.amount.exact()
        if STATUSES.get(row.status, "done") == "done":
            yield Clue(time_of(row.created_at), account_of(row, known), coin, moved)
    except (msgspec.MsgspecError, ValueError, ArithmeticError):
        return
