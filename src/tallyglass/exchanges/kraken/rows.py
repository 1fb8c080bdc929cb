"""What Kraken's answers have in common: the envelope, rows by id, times, and the list that a page of history is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from tallyglass.exchanges import decoding
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.kraken.names import UnknownName
from tallyglass.exchanges.streams import NotReadable, Unparsed
from tallyglass.ledger.entries import Entry, Leg, Role
from tallyglass.money import ROUNDED, ZERO, Amount, Asset, NotMoney, amount

T = TypeVar("T")
U = TypeVar("U")
Rows = dict[str, msgspec.Raw]

#: What a row that is not understood raises.
STRANGE: Final = (msgspec.ValidationError, UnknownName, NotMoney, ArithmeticError)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME: Final = 10**11


class _Envelope(msgspec.Struct):
    error: list[str]
    result: msgspec.Raw = msgspec.Raw()


class _Dated(msgspec.Struct):
    time: Decimal | None = None
    #: Of an order that is done.
    closetm: Decimal | None = None


_DATED: Final = msgspec.json.Decoder(_Dated)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list of history, newest first."""

    entries: tuple[Entry, ...]
    unparsed: tuple[Unparsed, ...]
    #: Every row id of the page, understood or not, in the order of the answer.
    ids: tuple[str, ...]
    #: When they were, in Unix seconds, as far as they tell.
    times: tuple[Decimal, ...]
    #: How many rows the window holds in all, as the exchange counts them; None where it does not tell.
    count: int | None = None
    #: What to ask for to get the next page, where the exchange gives a word for it.
    after: str = ""
    #: When those rows were that the exchange may still change.
    waiting: tuple[datetime, ...] = ()


def result(body: bytes, shape: type[T], empty: T | None = None) -> T:
    """What stands under `result`; `empty`, if given, for an answer without it.

    Raises `NotReadable` for anything that is no whole answer of that shape, an error message included.
    """
    try:
        envelope = decode(body, _Envelope)
        if any(not each.startswith("W") for each in envelope.error):
            raise NotReadable(f"Kraken answers with an error: {'; '.join(envelope.error)[:200]}")
        if empty is not None and bytes(envelope.result) in (b"", b"null"):
            return empty
        return decode(envelope.result, shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotReadable(f"not an answer of Kraken to this read: {error}") from error


def members(body: bytes) -> tuple[str, ...]:
    """The names under `result` as they stand there: a dict would keep but one of two that are the same."""
    told = result(body, msgspec.Raw, msgspec.Raw(b"{}"))
    try:
        pairs = json.loads(bytes(told), object_pairs_hook=tuple, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise NotReadable(f"not an answer of Kraken to this read: {str(error)[:120]}") from error
    return tuple(name for name, _ in pairs)


def moment(seconds: Decimal) -> datetime:
    """The time of Unix seconds, cut to microseconds (Kraken gives up to seven decimals)."""
    if not ZERO <= amount(seconds) < _END_OF_TIME:
        raise NotMoney("not a time in Unix seconds")
    return _EPOCH + timedelta(microseconds=int(ROUNDED.scaleb(seconds, Decimal(6))))


def times(rows: Iterable[msgspec.Raw]) -> tuple[Decimal, ...]:
    """When rows were, those that are not understood too: a walk goes by them. What is no time is left out."""
    found: list[Decimal] = []
    for raw in rows:
        try:
            row = _DATED.decode(raw)
        except msgspec.DecodeError:
            continue
        time = row.time if row.closetm is None else row.closetm
        if time is not None and time.is_finite() and ZERO <= time < _END_OF_TIME:
            found.append(time)
    return tuple(found)


def strange(row_id: str, raw: msgspec.Raw | bytes, reason: object) -> Unparsed:
    """A row that is kept as it came."""
    return Unparsed(row_id, str(reason), bytes(raw).decode("utf-8", "replace"))


def each(
    rows: Iterable[tuple[str, msgspec.Raw]], shape: type[T], make: Callable[[str, T], U]
) -> tuple[list[U], list[Unparsed]]:
    """Every row through `make(id, row)`; those that are not understood come back as they were."""
    items: list[U] = []
    unparsed: list[Unparsed] = []
    decoder = decoding.decoder(shape)
    for row_id, raw in rows:
        try:
            items.append(make(row_id, decoder.decode(raw)))
        except STRANGE as error:
            unparsed.append(strange(row_id, raw, error))
    return items, unparsed


def legs(*parts: tuple[str, str, Asset, Amount, Role]) -> tuple[Leg, ...]:
    """Legs, those of zero left out."""
    return tuple(Leg(i, wallet, coin, amount(n), role) for i, wallet, coin, n, role in parts if amount(n) != ZERO)


def facts(**told: str) -> tuple[tuple[str, str], ...]:
    """What is told, names in order; what is empty is left out."""
    return tuple(sorted((name, value) for name, value in told.items() if value))


def beside(entry: Entry) -> Entry:
    """What an entry tells beside the ledger, which tells what it moved."""
    return msgspec.structs.replace(entry, legs=(), note="")
