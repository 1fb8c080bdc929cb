"""What a caller sends: form or JSON, read into texts; and the errors that go back."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from tallyglass.money import ZERO, Amount, NotMoney, amount
from tallyglass.sandbox.kraken.names import commas
from tallyglass.sandbox.model import Incoming

_WHOLE = re.compile(r"[0-9]{1,18}")
_TIME = re.compile(r"-?[0-9]{1,18}(\.[0-9]{0,12})?")
_MOST, _FINEST = Decimal(10) ** 15, 18


class Refused(Exception):
    """An error of the exchange's: its string goes into the `error` array."""


class Params:
    """The parameters of one call, all as texts. What does not parse is `EGeneral:Invalid arguments`."""

    def __init__(self, values: dict[str, str], rows: list[dict[str, str]] | None = None) -> None:
        self.values = values
        #: The `orders` of a batch.
        self.rows = rows or []

    def text(self, name: str, default: str = "") -> str:
        """As sent, or the default."""
        return self.values.get(name) or default

    def needed(self, name: str) -> str:
        """As sent; refused when missing."""
        if not (value := self.text(name)):
            raise Refused(f"EGeneral:Invalid arguments:{name}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false`, in any case: the clients in Python send `True`."""
        value = self.text(name).lower()
        if value not in ("", "true", "false"):
            raise Refused(f"EGeneral:Invalid arguments:{name}")
        return value == "true" if value else default

    def whole(self, name: str, default: int = 0) -> int:
        """A whole number, not negative."""
        value = self.text(name)
        if not value:
            return default
        if not _WHOLE.fullmatch(value):
            raise Refused(f"EGeneral:Invalid arguments:{name}")
        return int(value)

    def amount(self, name: str) -> Amount:
        """A positive decimal number of a human size; refused when missing."""
        try:
            value = amount(self.needed(name))
        except NotMoney:
            raise Refused(f"EGeneral:Invalid arguments:{name}") from None
        if not ZERO < value < _MOST or int(value.as_tuple().exponent) < -_FINEST:
            raise Refused(f"EGeneral:Invalid arguments:{name}")
        return value

    def items(self, name: str, most: int) -> list[str]:
        """A comma list of at most so many; refused when missing or longer."""
        found = list(commas(self.needed(name)))
        if not found or len(found) > most:
            raise Refused(f"EGeneral:Invalid arguments:{name}")
        return found

    def bound(self, name: str) -> float | str | None:
        """A time, or the id of a row. `0` counts as not sent."""
        value = self.text(name)
        if not value:
            return None
        return (float(value) or None) if _TIME.fullmatch(value) else value


def read(request: Incoming) -> Params:
    """The parameters of a private call. Raises `Refused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return _from_json(request.body.decode())
        return Params(dict(parse_qsl(request.body.decode(), keep_blank_values=True)))
    except (UnicodeDecodeError, ValueError):
        raise Refused("EAPI:Bad request") from None


def query(request: Incoming) -> Params:
    """The parameters of a public call."""
    return Params(dict(parse_qsl(request.query, keep_blank_values=True)))


def _from_json(body: str) -> Params:
    whole = json.loads(body or "{}", parse_int=str, parse_float=str)
    if not isinstance(whole, dict):
        raise Refused("EAPI:Bad request")
    rows = [_flat(row) for row in whole.get("orders") or () if isinstance(row, dict)]
    return Params(_flat(whole), rows)


def _flat(whole: dict[str, Any]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in whole.items():
        if isinstance(value, bool):
            values[name] = str(value).lower()
        elif isinstance(value, list):
            values[name] = ",".join(each for each in value if isinstance(each, str))
        elif isinstance(value, dict):
            values |= {f"{name}[{inner}]": text for inner, text in _flat(value).items()}
        elif value is not None:
            values[name] = str(value)
    return values
