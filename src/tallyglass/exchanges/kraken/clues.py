"""What rows of Kraken's ledger that are not understood seem to have moved."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.kraken.ledger import LedgerRow
from tallyglass.exchanges.kraken.names import place
from tallyglass.exchanges.kraken.rows import STRANGE, moment
from tallyglass.exchanges.streams import Clue, Known, Unparsed
from tallyglass.money import amount, subtract


def clues(piece: Unparsed, known: Known) -> Iterator[Clue]:  # noqa: ARG001 - a row of the ledger tells all by itself
    """A row of an unknown type still has its asset, and amount less fee is what it moved."""
    try:
        row = decode(piece.raw, LedgerRow)
        wallet, coin = place(row.asset)
        yield Clue(moment(row.time), wallet, coin, subtract(amount(row.amount), amount(row.fee)))
    except (*STRANGE, msgspec.DecodeError):
        return
