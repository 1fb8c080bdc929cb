"""Binance's lists of history: the rows inside an answer, each booked or kept as not understood."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from tallyglass.exchanges.binance.products import BOOKINGS
from tallyglass.exchanges.streams import Known, NotReadable, Unparsed
from tallyglass.ledger.entries import Entry

_Raws = list[msgspec.Raw]


class _Envelope(msgspec.Struct):
    """An object around rows: each read keeps them under one of four names, some leave the name out for none."""

    rows: _Raws | None = None
    listed: _Raws | None = msgspec.field(name="list", default=None)
    data: _Raws | None = None
    dribblets: _Raws | None = msgspec.field(name="userAssetDribblets", default=None)
    total: int | str | None = None
    success: bool = False
    more: bool = msgspec.field(name="moreData", default=False)


_LISTS: Final = frozenset(
    (
        *("trades", "trades.others", "trades.margin", "trades.isolated"),
        *("deposits", "withdrawals", "ledger.usdm", "ledger.coinm"),
    )
)
_LIST: Final = msgspec.json.Decoder(_Raws)
_OBJECT: Final = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One answer."""

    entries: tuple[Entry, ...]
    unparsed: tuple[Unparsed, ...]
    rows: _Raws
    #: How many there are in all, where the exchange says so.
    total: int | None
    #: The exchange says that it left rows out.
    more: bool

    @property
    def count(self) -> int:
        """How many rows the answer held, known or not."""
        return len(self.rows)

    @property
    def digest(self) -> str:
        """The same for the same rows: an exchange that gives one page for ever is found out by it."""
        return hashlib.sha256(b"".join(map(bytes, self.rows))).hexdigest()[:16]


def sheet(read_id: str, body: bytes, known: Known) -> Sheet:
    """The entries of an answer of that read. Raises `NotReadable` for another shape."""
    raws, total, more = _raws(read_id, body)
    booking = BOOKINGS[read_id]
    if read_id in _LISTS:
        with suppress(ValueError, ArithmeticError):  # row by row, then, to tell which it is
            return Sheet(booking.whole(body, known), (), raws, total, more)
    entries: list[Entry] = []
    unparsed: list[Unparsed] = []
    for raw in raws:
        try:
            entries += booking.entries(raw, known)
        except (ValueError, ArithmeticError) as error:
            unparsed.append(odd(read_id, bytes(raw), error))
    return Sheet(tuple(entries), tuple(unparsed), raws, total, more)


def odd(read_id: str, raw: bytes, error: Exception) -> Unparsed:
    """A row that is not understood, kept."""
    name = f"{read_id}:{hashlib.sha256(raw).hexdigest()[:24]}"
    return Unparsed(name, str(error)[:200] or type(error).__name__, raw.decode("utf-8", "replace"))


def _raws(read_id: str, body: bytes) -> tuple[_Raws, int | None, bool]:
    try:
        if read_id in _LISTS:
            return _LIST.decode(body), None, False
        told = _OBJECT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotReadable(f"{read_id}: not what Binance answers here ({str(error)[:120]})") from error
    found = [each for each in (told.rows, told.listed, told.data, told.dribblets) if each is not None]
    number = str(told.total)
    total = int(number) if number.isascii() and number.isdecimal() else None
    if not found and total is None and not told.success:
        raise NotReadable(f"{read_id}: an object without rows")
    return (found[0] if found else []), total, told.more
