"""Money: exact decimal amounts and the names of assets. No float ever holds money."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final, NewType

Asset = NewType("Asset", str)
"""The common symbol of an asset (`BTC`, `EUR`, `USDT`): never an exchange's own code."""

Amount = Decimal
"""A quantity of one asset, a price or a value: finite, signed, of any scale."""

ZERO: Final = Decimal(0)

EXACT: Final = Context(prec=100, traps=[InvalidOperation, Overflow, Inexact])
"""For sums, differences and products: a digit that would be lost is an error, not a rounding."""

ROUNDED: Final = Context(prec=50, traps=[InvalidOperation, Overflow])
"""For quotients (a price turned round, a rate), the only place where digits may end."""

_is_number: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII).fullmatch
_LONGEST = 120


def _is_plain(value: str) -> bool:
    """Digits with at most one point: nearly all there is, and known in half the time."""
    digits = value.replace(".", "", 1)
    return digits.isdecimal() and digits.isascii()


class NotMoney(ValueError):
    """The text or value is no finite decimal number."""


def amount(value: object) -> Amount:
    """The exact amount that `value` (a text, an int or a Decimal) stands for.

    Raises `NotMoney` for anything else: a float, a bool, NaN, infinity, an empty or overlong text.
    """
    if isinstance(value, str):
        if len(value) <= _LONGEST and (_is_plain(value) or _is_number(value)):
            return Decimal(value)
    elif isinstance(value, Decimal):
        if value.is_finite():
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    shown = repr(value)[:40] if isinstance(value, str | int) else type(value).__name__
    raise NotMoney(f"not an exact amount: {shown}")


def text(value: Amount) -> str:
    """The amount in plain digits, without exponent, without trailing zeros: `1500`, `0.00000001`, `0`."""
    if not value.is_finite():
        raise NotMoney("not an exact amount")
    plain = str(value)
    if "E" in plain:
        plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("", "-", "-0") else plain


def add(left: Amount, right: Amount) -> Amount:
    """The exact sum."""
    return EXACT.add(left, right)


def subtract(left: Amount, right: Amount) -> Amount:
    """The exact difference."""
    return EXACT.subtract(left, right)


def multiply(left: Amount, right: Amount) -> Amount:
    """The exact product."""
    return EXACT.multiply(left, right)


def negate(value: Amount) -> Amount:
    """The same amount the other way. `-value` is no substitute: it rounds to the 28 digits of Python's own context."""
    return value.copy_negate() if value else value


def magnitude(value: Amount) -> Amount:
    """The amount without its sign. `abs(value)` is no substitute: it rounds like `-value`."""
    return value.copy_abs()


def divide(left: Amount, right: Amount) -> Amount:
    """The quotient to 50 significant digits; `ZeroDivisionError` for a divisor of zero."""
    if right == ZERO:
        raise ZeroDivisionError("division of money by zero")
    return ROUNDED.divide(left, right)


def total(amounts: Iterable[Amount]) -> Amount:
    """The exact sum of all, zero for none."""
    result = ZERO
    for each in amounts:
        result = EXACT.add(result, each)
    return result


def asset(symbol: str) -> Asset:
    """The asset of a common symbol, in the spelling that the whole house uses."""
    trimmed = symbol.strip()
    if not trimmed or len(trimmed) > 64 or not trimmed.isprintable():
        raise ValueError(f"not the name of an asset: {symbol[:70]!r}")
    return Asset(trimmed)
