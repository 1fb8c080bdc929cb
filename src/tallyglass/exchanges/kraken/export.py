"""Kraken's ledgers export in the headers of its ages; `refid` and `txid` are the API's.

support.kraken.com/hc/en-us/articles/360001169383 (how to interpret ledger history fields).
Times are UTC, cut to the second.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Final

from tallyglass.exchanges.exports import Line, NotUnderstood, code, figure, lines, name, read, time_of
from tallyglass.exchanges.kraken.ledger import event_id, kind_of, row_legs
from tallyglass.exchanges.kraken.names import place
from tallyglass.exchanges.streams import Export
from tallyglass.ledger.entries import SPOT, Entry
from tallyglass.ledger.imports import Row
from tallyglass.money import Asset

#: What every age of the file has; `subtype`, `subclass`, `wallet` and values in dollars came later.
_HEADER: Final = ("txid", "refid", "time", "type", "asset", "amount", "fee")
_WHAT: Final = "a ledgers export of Kraken (an export of trades does not tell everything: choose Ledgers)"

#: The words of newer files for what older ones, and the API, say by a suffix of the asset.
_WALLETS: Final = {
    "": SPOT,
    "spot / main": SPOT,
    "earn / flexible": "earn",
    "earn / liquid": "earn",
    "earn / bonded": "staked",
    "earn / locked": "staked",
}


def rows(text: str, zone: tzinfo | None) -> Export:  # noqa: ARG001 - times are UTC, always
    """The lines of a file, each a part of the entry that its refid names. Raises `NotReadable`."""
    found = lines(text, _HEADER, what=_WHAT)
    booked = {line["refid"] for line in found if line["txid"]}
    return read(found, lambda line: _row(line, booked))


def _row(line: Line, booked: set[str]) -> Row | None:
    own, refid = name(line["txid"]), name(line["refid"])
    if not own:
        # A deposit or withdrawal as it was asked for; the line that moved the money follows, with a txid.
        if refid in booked:
            return None
        raise NotUnderstood("a deposit or withdrawal that Kraken has not booked")
    moved = row_legs(own, _place(line), figure(line["amount"]), figure(line["fee"] or "0"))
    kind = kind_of(line["type"], line["subtype"])
    event = event_id(line["type"], refid, own)
    entry = Entry(event, time_of(line["time"]), kind, moved, f"{line['type']} {line['subtype']}".strip())
    return Row(line.number, entry, frozenset((entry.id, own, f"{own}:fee")), certain=True)


def _place(line: Line) -> tuple[str, Asset]:
    code(line["asset"])
    wallet, coin = place(line["asset"])
    words = line["wallet"].lower()
    if words not in _WALLETS:
        raise NotUnderstood(f"unknown wallet: {words[:40]!r}")
    return (wallet if wallet != SPOT else _WALLETS[words]), coin
