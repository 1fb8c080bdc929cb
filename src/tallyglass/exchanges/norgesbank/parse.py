"""Norges Bank's daily rates in its semicolon-separated CSV: what a currency costs in kroner.

https://www.norges-bank.no/en/topics/Statistics/open-data/
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from tallyglass.exchanges.streams import Close, Known, Market, NotReadable, Parsed, close_of
from tallyglass.money import EXACT, Amount, Asset, amount, asset

_COLUMNS: Final = ("BASE_CUR", "QUOTE_CUR", "UNIT_MULT", "TIME_PERIOD", "OBS_VALUE")
#: Series beside the currencies: how the krone stands against many at once.
_INDICES: Final = frozenset(("I44", "TWI"))
#: A value of four digits and more may have commas between its thousands.
_grouped: Final = re.compile(r"\d{1,3}(,\d{3})+\.\d+", re.ASCII).fullmatch


def parse(read_id: str, body: bytes, known: Known) -> Parsed:  # noqa: ARG001 - every currency is named by its code
    """Every rate of an answer. Raises `NotReadable`, also for a figure that is missing: days off are no lines."""
    if read_id != "rates":
        raise NotReadable(f"Norges Bank has no read {read_id!r}; there is: rates")
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";", strict=True)
        names = rows.fieldnames or []
        lacking = [name for name in _COLUMNS if names.count(name) != 1]
        if lacking:
            raise NotReadable(f"Norges Bank's answer has no column {', '.join(lacking)}, or has it twice")
        found = [_rate(row, rows.line_num) for row in rows if row["BASE_CUR"] not in _INDICES]
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotReadable(f"Norges Bank's answer is no CSV: {error}") from error
    if len({(rate.base, rate.day) for rate in found}) < len(found):
        raise NotReadable("Norges Bank's answer has two rates of one currency and day")
    return Parsed(tuple(found))


def _rate(row: Mapping[str, str | None], line: int) -> Close:
    base, quote, power, day, value = (row[name] or "" for name in _COLUMNS)
    try:
        market = Market(base, _currency(base), _currency(quote))
        return close_of(market, date.fromisoformat(day), _of_one(value, power))
    except (ValueError, ArithmeticError) as error:
        raise NotReadable(f"line {line} of Norges Bank's answer: {error}") from error


def _of_one(value: str, power: str) -> Amount:
    """The price of one unit, where that of a hundred is told (`UNIT_MULT` 2)."""
    if power not in tuple("0123456"):
        raise ValueError(f"not a multiplier: {power[:20]!r}")
    plain = value.replace(",", "") if _grouped(value) else value
    return EXACT.scaleb(amount(plain), Decimal(-int(power)))


def _currency(code: str) -> Asset:
    if not (len(code) == 3 and code.isascii() and code.isupper()):
        raise ValueError(f"not a currency: {code[:20]!r}")
    return asset(code)
