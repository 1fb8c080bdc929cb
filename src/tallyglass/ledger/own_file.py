"""Files of own accounts: a CSV of dated balances or of entries, read whole or not at all. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from tallyglass.ledger.entries import Entry, Kind
from tallyglass.ledger.own import TYPED, Nature, Quantity, Unsound, check_balance, entry, numbered
from tallyglass.money import Amount, Asset, NotMoney, amount, asset

BALANCES: Final = ("day", "asset", "balance")
ENTRIES: Final = ("time", "kind", "asset", "amount")
_FEES: Final = ("fee", "fee_asset")
#: A year that was mistyped would make the history of all begin there.
FIRST: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Said:
    """What a file says: balances or entries, and of each asset the first line that names it."""

    balances: Mapping[Asset, Mapping[date, Amount]]
    entries: Sequence[Entry]
    lines: Mapping[Asset, int]


@dataclass(frozen=True, slots=True)
class Odd:
    """A line that is not understood."""

    line: int
    reason: str


class OddLines(ValueError):
    """The lines for which a file is refused."""

    def __init__(self, lines: Sequence[Odd]) -> None:
        super().__init__("\n".join(f"line {each.line}: {each.reason}" for each in lines))
        self.lines = tuple(lines)


def asset_of(text: str) -> Asset:
    """The asset of a symbol, however it is written."""
    try:
        return asset(text.upper())
    except ValueError as error:
        raise Unsound(str(error)) from None


def amount_of(text: str) -> Amount:
    """A figure as a program writes it: no separators of thousands, and a point before the decimals."""
    try:
        return amount(text.strip())
    except NotMoney:
        raise Unsound(f"{text[:40]!r} is no figure: write it as 1234.56") from None


def quantity(text: str, of: Asset) -> Quantity:
    """`0.5 ETH`, or `0.5` of the asset that is meant where none is named."""
    figure, _, symbol = text.strip().partition(" ")
    return Quantity(amount_of(figure), asset_of(symbol) if symbol else of)


def day_of(text: str, now: datetime) -> date:
    """A day that has begun."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Unsound(f"{text[:40]!r} is no day: write it as 2026-01-31") from None
    if not FIRST <= day <= now.date():
        raise Unsound(f"{day} is {'before 1970' if day < FIRST else 'in the future'}")
    return day


def moment_of(text: str, now: datetime) -> datetime:
    """A moment that has been; of a day its beginning, and without a zone in UTC."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Unsound(f"{text[:40]!r} is no time: write it as 2026-01-31T09:30Z") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if at.date() < FIRST or at > now:
        raise Unsound(f"{text.strip()} is {'before 1970' if at.date() < FIRST else 'in the future'}")
    return at


def read(text: str, nature: Nature, now: datetime) -> Said:
    """What a file says. Raises `OddLines`, with every line that cannot be so."""
    rows = csv.reader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    names = tuple(name.strip().lower() for name in next(rows, []))
    lines = [(rows.line_num, dict(zip(names, row, strict=False)), len(row)) for row in rows if any(map(str.strip, row))]
    if names not in (BALANCES, ENTRIES, (*ENTRIES, _FEES[0]), (*ENTRIES, *_FEES)):
        raise OddLines([Odd(1, f"the columns are {','.join(BALANCES)} or {','.join(ENTRIES)}[,{','.join(_FEES)}]")])
    odd = [Odd(line, f"{count} columns instead of {len(names)}") for line, _, count in lines if count != len(names)]
    whole = [(line, row) for line, row, count in lines if count == len(names)]
    said = _balances(whole, nature, now, odd) if names == BALANCES else _entries(whole, now, odd)
    if odd:
        raise OddLines(sorted(odd, key=lambda each: each.line))
    return said


_Lines = Sequence[tuple[int, Mapping[str, str]]]


def _balances(lines: _Lines, nature: Nature, now: datetime, odd: list[Odd]) -> Said:
    found: dict[Asset, dict[date, Amount]] = {}
    first: dict[Asset, int] = {}
    for line, row in lines:
        try:
            name, day, figure = asset_of(row["asset"]), day_of(row["day"], now), amount_of(row["balance"])
            check_balance(nature, figure)
        except Unsound as error:
            odd.append(Odd(line, str(error)))
            continue
        if found.setdefault(name, {}).setdefault(day, figure) != figure:
            odd.append(Odd(line, f"another balance of {name} on {day} stands above"))
        first.setdefault(name, line)
    return Said(found, (), first)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    at: datetime
    kind: Kind
    moved: Quantity
    fee: Quantity | None


def _entries(lines: _Lines, now: datetime, odd: list[Odd]) -> Said:
    read_: list[_Line] = []
    for number, row in lines:
        try:
            read_.append(_line(number, row, now))
        except Unsound as error:
            odd.append(Odd(number, str(error)))
    made: list[Entry] = []
    first: dict[Asset, int] = {}
    for some in _events(read_):
        try:
            made.append(_event(some))
        except Unsound as error:
            odd.append(Odd(some[0].number, str(error)))
        for each in some:
            for moved in (each.moved, *([each.fee] if each.fee else [])):
                first.setdefault(moved.asset, each.number)
    return Said({}, tuple(numbered(made)), first)


def _line(number: int, row: Mapping[str, str], now: datetime) -> _Line:
    kind = row["kind"].strip().lower()
    if kind not in TYPED:
        raise Unsound(f"{row['kind'][:40]!r} is no kind of entry: {', '.join(TYPED)}")
    of = asset_of(row["asset"])
    paid, unit = row.get("fee", "").strip(), row.get("fee_asset", "").strip()
    fee = Quantity(amount_of(paid), asset_of(unit) if unit else of) if paid else None
    return _Line(number, moment_of(row["time"], now), kind, Quantity(amount_of(row["amount"]), of), fee)


def _events(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """The lines of each entry: one, but for trades, of which the two sides stand in two lines of one time."""
    trades: dict[datetime, list[_Line]] = {}
    for each in lines:
        if each.kind == "trade":
            trades.setdefault(each.at, []).append(each)
        else:
            yield [each]
    yield from trades.values()


def _event(lines: Sequence[_Line]) -> Entry:
    fees = [each.fee for each in lines if each.fee is not None]
    if len(fees) > 1:
        raise Unsound("the fee of a trade stands in one of its two lines")
    return entry(lines[0].kind, lines[0].at, [each.moved for each in lines], fees[0] if fees else None)
