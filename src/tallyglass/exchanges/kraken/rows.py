"""What stands in Kraken's signed answers: the envelope, ledger rows, trades and funding rows, as entries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeVar

import msgspec

from tallyglass.exchanges.kraken.names import UnknownName, pair, place
from tallyglass.exchanges.streams import Known, NotReadable, Unparsed
from tallyglass.ledger.entries import SPOT, Entry, Kind, Leg, Role
from tallyglass.money import ROUNDED, ZERO, Amount, Asset, NotMoney, amount

T = TypeVar("T")
U = TypeVar("U")
Rows = dict[str, msgspec.Raw]

#: What a row that is not understood raises.
STRANGE: Final = (msgspec.ValidationError, UnknownName, NotMoney, ArithmeticError)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME: Final = 10**11
_MOVES: Final = frozenset(
    (
        *("allocation", "deallocation", "autoallocation", "autoallocate", "migration"),
        *("spottostaking", "stakingfromspot", "stakingtospot", "spotfromstaking", "spottofutures", "spotfromfutures"),
    )
)
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("trade", "margin", "margin trade", "settled", "nfttrade"), "trade"),
    **dict.fromkeys(("spend", "receive", "conversion", "sale"), "conversion"),
    **dict.fromkeys(("staking", "reward", "dividend", "invite bonus"), "reward"),
    **dict.fromkeys(("rollover", "nftcreatorfee"), "fee"),
    **dict.fromkeys(("adjustment", "credit", "nftrebate"), "adjustment"),
    **dict.fromkeys(("transfer", "custodytransfer"), "transfer"),
    "deposit": "deposit",
    "withdrawal": "withdrawal",
}
_INCOME: Final = frozenset(("", "reward", "rewardallocation", "airdrop"))


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


class TradeRow(msgspec.Struct, frozen=True):
    """A row of TradesHistory, money in the quote currency.

    https://docs.kraken.com/api/docs/rest-api/get-trade-history
    """

    pair: str
    time: Decimal
    type: Literal["buy", "sell"]
    cost: Decimal
    fee: Decimal
    vol: Decimal
    ordertype: str = ""
    margin: Decimal = ZERO


class FundingRow(msgspec.Struct, frozen=True, rename={"prop": "status-prop"}):
    """A row of DepositStatus or WithdrawStatus. A deposit that is not settled may have no fee yet."""

    asset: str
    refid: str
    amount: Decimal
    time: Decimal
    status: Literal["Initial", "Pending", "Partial", "Settled", "Success", "Failure"]
    method: str = ""
    txid: str | None = None
    fee: Decimal | None = None
    prop: str | None = None


class _Envelope(msgspec.Struct):
    error: list[str]
    result: msgspec.Raw = msgspec.Raw()


@dataclass(frozen=True, slots=True, order=True)
class _Part:
    time: datetime
    row_id: str
    row: LedgerRow = field(compare=False)
    legs: tuple[Leg, ...] = field(compare=False)


class _LedgerPage(msgspec.Struct):
    ledger: Rows
    count: int | None = None


_LEDGER_ROW: Final = msgspec.json.Decoder(LedgerRow)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One page of Ledgers."""

    entries: tuple[Entry, ...]
    unparsed: tuple[Unparsed, ...]
    #: Every row id of the page, understood or not, in the order of the answer.
    ids: tuple[str, ...]
    #: The time of the newest row, in Unix seconds; None for a page without rows.
    newest: Decimal | None
    #: How many rows the window holds in all, as the exchange counts them.
    count: int | None


def result(body: bytes, shape: type[T], empty: T | None = None) -> T:
    """What stands under `result`; `empty`, if given, for an answer without it.

    Raises `NotReadable` for anything that is no whole answer of that shape, an error message included.
    """
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        if any(not each.startswith("W") for each in envelope.error):
            raise NotReadable(f"Kraken answers with an error: {'; '.join(envelope.error)[:200]}")
        if empty is not None and bytes(envelope.result) in (b"", b"null"):
            return empty
        return msgspec.json.decode(envelope.result, type=shape)
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


def strange(row_id: str, raw: msgspec.Raw | bytes, reason: object) -> Unparsed:
    """A row that is kept as it came."""
    return Unparsed(row_id, str(reason), bytes(raw).decode("utf-8", "replace"))


def ledger(body: bytes) -> Ledger:
    """A page of Ledgers: rows of one refid are one entry, each row a leg, its fee another."""
    page = result(body, _LedgerPage)
    times: list[Decimal] = []
    unparsed: list[Unparsed] = []
    events: dict[str, list[_Part]] = {}
    for row_id, raw in page.ledger.items():
        try:
            row = _LEDGER_ROW.decode(raw)
            part = _Part(moment(row.time), row_id, row, _legs(row_id, row))
            times.append(row.time)
            kind_of(row.type, row.subtype)
            events.setdefault(row.refid or row_id, []).append(part)
        except STRANGE as error:
            unparsed.append(strange(row_id, raw, error))
    entries = tuple(_event(refid, parts) for refid, parts in events.items())
    return Ledger(entries, tuple(unparsed), tuple(page.ledger), max(times, default=None), page.count)


def kind_of(word: str, subtype: str) -> Kind:
    """What a row is, by type and subtype. Raises `UnknownName` for what this version has never seen."""
    if subtype in _MOVES and word in ("earn", "deposit", "withdrawal", "transfer", "staking"):
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


def _legs(row_id: str, row: LedgerRow) -> tuple[Leg, ...]:
    wallet, coin = place(row.asset)
    return legs(
        (row_id, wallet, coin, row.amount, "principal"),
        (f"{row_id}:fee", wallet, coin, row.fee.copy_negate(), "fee"),
    )


def legs(*parts: tuple[str, str, Asset, Amount, Role]) -> tuple[Leg, ...]:
    """Legs, those of zero left out."""
    return tuple(Leg(i, wallet, coin, amount(n), role) for i, wallet, coin, n, role in parts if amount(n) != ZERO)


def _event(refid: str, parts: list[_Part]) -> Entry:
    # The rows of one event may differ by a millisecond and stand in any order: the earliest speaks for it.
    parts.sort()
    first = parts[0]
    return Entry(
        id=refid,
        time=first.time,
        kind=kind_of(first.row.type, first.row.subtype),
        legs=tuple(leg for part in parts for leg in part.legs),
        note=f"{first.row.type} {first.row.subtype}".strip(),
    )


def trade(txid: str, row: TradeRow, known: Known) -> Entry:
    """A fill on the spot market, its fee in the quote currency. Raises `UnknownName`.

    The ledger tells the same event to the last digit and says which asset really paid the fee; this is for reading
    a trade by itself. A fill on margin moves neither base nor quote, so it makes no entry here.
    """
    if row.margin != ZERO:
        raise UnknownName("a fill on margin: what it moved stands in the ledger")
    base, quote = pair(row.pair, known.markets)
    buys = row.type == "buy"
    moved = legs(
        (f"{txid}:base", SPOT, base, row.vol if buys else row.vol.copy_negate(), "principal"),
        (f"{txid}:quote", SPOT, quote, row.cost.copy_negate() if buys else row.cost, "principal"),
        (f"{txid}:fee", SPOT, quote, row.fee.copy_negate(), "fee"),
    )
    return Entry(txid, moment(row.time), "trade", moved, note=f"{row.type} {row.ordertype}".strip())


def funding(kind: Literal["deposit", "withdrawal"], row: FundingRow) -> Entry:
    """A deposit or withdrawal with its blockchain transaction; `amount` is net of a withdrawal's fee."""
    wallet, coin = place(row.asset)
    status: Literal["done", "pending", "failed"] = "pending"
    if row.status == "Failure" or row.prop in ("canceled", "return"):
        status = "failed"
    elif row.status == "Success":
        status = "done"
    moved = legs(
        (row.refid, wallet, coin, row.amount if kind == "deposit" else row.amount.copy_negate(), "principal"),
        (f"{row.refid}:fee", wallet, coin, (row.fee or ZERO).copy_negate(), "fee"),
    )
    return Entry(row.refid, moment(row.time), kind, moved, row.method, status, row.txid or "")


def each(
    rows: Iterable[tuple[str, msgspec.Raw]], shape: type[T], make: Callable[[str, T], U]
) -> tuple[list[U], list[Unparsed]]:
    """Every row through `make(id, row)`; those that are not understood come back as they were."""
    items: list[U] = []
    unparsed: list[Unparsed] = []
    for row_id, raw in rows:
        try:
            items.append(make(row_id, msgspec.json.decode(raw, type=shape)))
        except STRANGE as error:
            unparsed.append(strange(row_id, raw, error))
    return items, unparsed
