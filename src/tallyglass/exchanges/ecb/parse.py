"""The reference rates in the Data Portal's CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Final

from tallyglass.exchanges.streams import Known, NotReadable, Parsed, Ticker
from tallyglass.money import ZERO, Amount, Asset, NotMoney, amount, asset

EUR: Final = asset("EUR")
_COLUMNS: Final = ("CURRENCY", "TIME_PERIOD", "OBS_VALUE")
_STATUS: Final = "OBS_STATUS"
#: Codes of OBS_STATUS that say that there is no figure: holiday, not collected, cannot exist, missing, suppressed.
#: https://data.ecb.europa.eu/help/data-examples (code list CL_OBS_STATUS)
_MISSING: Final = frozenset("HLMOQ")


@dataclass(frozen=True, slots=True)
class Rate:
    """The reference rate of one currency on one day."""

    day: date
    currency: Asset
    #: Units of the currency for one euro.
    per_euro: Amount


def rates(body: bytes) -> list[Rate]:
    """Every rate of an answer, in its order; days that the feed itself marks as having no figure are left out.

    Raises `NotReadable` for another shape, and for a figure that is missing without a mark: a hole that nobody
    announced is no holiday.
    """
    try:
        rows = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        names = next(rows, [])
        lacking = [name for name in _COLUMNS if names.count(name) != 1]
        if lacking:
            raise NotReadable(f"the ECB's answer has no column {', '.join(lacking)}, or has it twice")
        # Not by `DictReader`: of some thirty columns in tens of thousands of lines these are wanted alone.
        wanted = itemgetter(*map(names.index, _COLUMNS), names.index(_STATUS) if _STATUS in names else len(names))
        lacked = [""] * (len(names) + 1)
        found = [_rate(wanted(row + lacked[len(row) :]), rows.line_num) for row in rows if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotReadable(f"the ECB's answer is no CSV: {error}") from error
    return [rate for rate in found if rate is not None]


def parse(read_id: str, body: bytes, known: Known) -> Parsed:  # noqa: ARG001 - every currency is named by its code
    """The rates of the newest day in an answer, as prices of one euro. Raises `NotReadable`."""
    if read_id != "rates":
        raise NotReadable(f"the ECB has no read {read_id!r}; there is: rates")
    found = rates(body)
    newest = max((rate.day for rate in found), default=None)
    return Parsed(tuple(Ticker(EUR, rate.currency, rate.per_euro) for rate in found if rate.day == newest))


def _rate(row: tuple[str, ...], line: int) -> Rate | None:
    currency, day, value, status = row
    if status in _MISSING and value.strip() in ("", "NaN"):
        return None
    try:
        rate = Rate(_day(day), _currency(currency), amount(value))
    except (NotMoney, ValueError) as error:
        raise NotReadable(f"line {line} of the ECB's answer: {error}") from error
    if rate.per_euro <= ZERO:
        raise NotReadable(f"line {line} of the ECB's answer: a rate that is not above zero")
    return rate


@lru_cache(8192)
def _day(text: str) -> date:
    return date.fromisoformat(text)


@lru_cache(256)
def _currency(code: str) -> Asset:
    if not (len(code) == 3 and code.isascii() and code.isupper()):
        raise ValueError(f"not a currency: {code[:20]!r}")
    return asset(code)
