"""Exports: what the exchanges' CSV files have in common: a header somewhere, lines, cells, times, figures."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from tallyglass.exchanges.streams import Export, NotReadable, Piece, Unparsed
from tallyglass.ledger.imports import Row
from tallyglass.money import Amount, Asset, NotMoney, amount, asset, text

#: A header stands within this many lines: some files begin with a few lines of prose.
_TOP: Final = 30
_LONGEST_CELL: Final = 20_000
_LONGEST_FIGURE: Final = 60
_TIME: Final = re.compile(r"(\d\d)?(\d\d-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,9})?( ?UTC|Z|[+-]\d\d:?\d\d)?", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,24}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{0,80}", re.ASCII)
_FIGURE: Final = re.compile(r"(-?)[^\d\s.,-]{0,4}(-?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?", re.ASCII)


class NotUnderstood(ValueError):
    """One line is not what its kind should be. It goes to `unparsed`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, its cells by column, in lower case; what is missing at the end is empty."""

    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def lines(content: str, *headers: Sequence[str], what: str) -> list[Line]:
    """The lines below the header, which holds all columns of one of `headers`; further columns may stand between.

    Raises `NotReadable`, saying `what` was looked for. Comma, semicolon and tab, CRLF and a byte order mark are fine.
    """
    content = content.removeprefix("\ufeff")
    wanted = [frozenset(header) for header in headers]
    at = 0
    for above, line in enumerate(content.splitlines(keepends=True)[:_TOP]):
        for delimiter in ",;\t":
            columns = _columns(line, delimiter)
            if any(header <= set(columns) for header in wanted):
                return _below(content[at + len(line) :], columns, delimiter, above + 1)
        at += len(line)
    shown = " or ".join(", ".join(header) for header in headers)
    raise NotReadable(f"this is not {what}: no line of the first {_TOP} names the columns {shown}")


def _columns(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip().lower() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _below(content: str, columns: Sequence[str], delimiter: str, above: int) -> list[Line]:
    found: list[Line] = []
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    number = above + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                kept = [cell.strip()[:_LONGEST_CELL] for cell in cells]
                named = dict(zip(columns, kept, strict=False))
                extra = [cell for cell in kept[len(columns) :] if cell]
                found.append(Line(number, named | ({"": json.dumps(extra)} if extra else {})))
            number = above + reader.line_num + 1
    except csv.Error as error:
        raise NotReadable(f"line {number} is no CSV: {error}") from error
    return found


def read(found: Iterable[Line], make: Callable[[Line], Row | None]) -> Export:
    """Every line through `make`, which gives None for a line that moves nothing by itself.

    A line that it does not understand is kept as it is, with its number.
    """
    rows: list[Row] = []
    pieces: list[Piece] = []
    seen: Counter[str] = Counter()
    skipped = 0
    for line in found:
        try:
            if "" in line.cells:
                raise NotUnderstood("more cells than the header has columns")
            row = make(line)
        except (ValueError, ArithmeticError) as error:
            raw = json.dumps(dict(line.cells), ensure_ascii=True)
            digest = hashlib.sha256(raw.encode()).hexdigest()[:32]
            seen[digest] += 1
            odd = Unparsed(f"{digest}#{seen[digest]}", f"line {line.number}: {str(error)[:200]}", raw)
            pieces.append(Piece(line.number, odd, line["id"] or line["txid"]))
        else:
            rows += () if row is None else (row,)
            skipped += row is None
    return Export(tuple(rows), tuple(pieces), skipped)


def time_of(cell: str, zone: tzinfo = UTC) -> datetime:
    """`2024-01-05 14:03:21`, with or without century, fraction and zone; what names no zone is in `zone`. In UTC."""
    parts = _TIME.fullmatch(cell)
    if parts is None:
        raise NotUnderstood(f"not a time: {cell[:40]!r}")
    century, day, clock, fraction, named = parts.groups()
    moment = datetime.fromisoformat(f"{century or '20'}{day} {clock}{(fraction or '')[:7]}")
    if named is None:
        return moment.replace(tzinfo=zone).astimezone(UTC)
    offset = UTC if named in ("Z", "UTC", " UTC") else datetime.strptime(named, "%z").tzinfo
    return moment.replace(tzinfo=offset).astimezone(UTC)


def code(cell: str) -> Asset:
    """The name of an asset as the file has it; what could not be one, a formula for instance, is refused."""
    if not _CODE.fullmatch(cell):
        raise NotUnderstood(f"not the name of an asset: {cell[:40]!r}" if cell else "no asset is named")
    return asset(cell)


def figure(cell: str) -> Amount:
    """A plain quantity, exactly. An empty cell is refused, and so is what no exchange would write."""
    if not cell:
        raise NotUnderstood("no amount is told")
    value = amount(cell)
    if len(text(value)) > _LONGEST_FIGURE:
        raise NotUnderstood(f"not a sensible amount: {cell[:40]!r}")
    return value


def name(cell: str) -> str:
    """An id as the exchange gives it; empty where there is none."""
    if not _NAME.fullmatch(cell):
        raise NotUnderstood(f"not an id: {cell[:40]!r}")
    return cell


def priced(cell: str) -> Amount:
    """A figure that may carry a sign of a currency and commas between thousands: `-$1,234.50`."""
    parts = _FIGURE.fullmatch(cell.strip())
    if parts is None:
        raise NotMoney(f"not an exact amount: {cell[:40]!r}")
    before, behind, whole, decimals = parts.groups()
    return amount(f"{before or behind}{whole.replace(',', '')}{decimals or ''}")
