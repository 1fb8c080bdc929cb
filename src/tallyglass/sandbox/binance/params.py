"""The parameters of a request: query and form body, read once, typed on demand."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from urllib.parse import unquote_plus

from tallyglass.money import Amount
from tallyglass.sandbox.binance.errors import Refusal, illegal, invalid, missing

_WHOLE = r"^[0-9]{1,20}$"
_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_SYMBOL = r"^[\w\-\.]{1,50}$"
_MICROSECONDS_FROM = 10**14
_KEPT = 8


def _pairs(raw: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for piece in raw.encode("utf-8", "replace").decode().split("&"):
        if piece:
            name, _, value = piece.partition("=")
            found.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return found


class Params:
    """What was sent, by name. A name in both places: the query string wins (rest-api.md, "General API information")."""

    def __init__(self, query: str, body: str, *, strict: bool) -> None:
        self._all = {**_pairs(body), **_pairs(query)}
        #: `/api` minds unknown, empty and doubled parameters, and takes times in microseconds.
        self.strict = strict

    def check(self, known: frozenset[str]) -> None:
        """Refuse what a strict endpoint cannot read: doubled, empty and unknown parameters."""
        for name, values in self._all.items():
            if len(values) > 1:
                raise Refusal(-1101, "Duplicate values for a parameter detected.")
            if not values[0]:
                raise Refusal(-1105, f"Parameter '{name}' was empty.")
        read = sum(name in known for name in self._all)
        if read < len(self._all):
            raise Refusal(
                -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(self._all)}'."
            )

    def has(self, name: str) -> bool:
        """Whether it was sent with a value."""
        return bool(self._all.get(name, [""])[0])

    def text(self, name: str, default: str = "") -> str:
        """Its text, or the default."""
        return self._all.get(name, [""])[0] or default

    def need(self, name: str) -> str:
        """Its text; -1102 without it."""
        if not self.has(name):
            raise missing(name)
        return self.text(name)

    def many(self, name: str) -> list[str]:
        """All values of a name that may repeat or hold a comma-separated list."""
        return [part for value in self._all.get(name, []) for part in value.split(",") if part]

    def one_of(self, name: str, allowed: tuple[str, ...], code: int, msg: str) -> str:
        """A value of a closed list; the endpoint's own refusal otherwise."""
        value = self.need(name)
        if value not in allowed:
            raise Refusal(code, msg)
        return value

    def whole(self, name: str) -> int | None:
        """A whole number, or nothing."""
        if not self.has(name):
            return None
        value = self.text(name)
        if not re.fullmatch(_WHOLE, value, re.ASCII):
            raise illegal(name, _WHOLE)
        return int(value)

    def size(self, name: str, default: int, most: int) -> int:
        """How many rows to return: above the most it is cut to the most, below one it is refused."""
        value = self.whole(name)
        if value is None:
            return default
        if value < 1:
            raise invalid(name)
        return min(value, most)

    def decimal(self, name: str) -> Amount | None:
        """An amount in plain digits, or nothing. An exponent is refused."""
        if not self.has(name):
            return None
        value = self.text(name)
        if not re.fullmatch(_DECIMAL, value, re.ASCII):
            raise illegal(name, _DECIMAL)
        return Decimal(value)

    def figure(self, name: str) -> Amount | None:
        """An amount of no more decimals than the exchange keeps, else -1111."""
        value = self.decimal(name)
        if value is not None and int(value.as_tuple().exponent) < -_KEPT:
            raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
        return value

    def need_figure(self, name: str) -> Amount:
        """An amount as above; -1102 without it."""
        value = self.figure(name)
        if value is None:
            raise missing(name)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false, in any case."""
        if not self.has(name):
            return default
        value = self.text(name).lower()
        if value not in {"true", "false"}:
            raise illegal(name, "true|false")
        return value == "true"

    def time(self, name: str) -> int | None:
        """A moment in microseconds. Sent in milliseconds, on `/api` also in microseconds."""
        value = self.whole(name)
        if value is None:
            return None
        return value if self.strict and value >= _MICROSECONDS_FROM else value * 1000

    def symbols(self) -> list[str] | None:
        """What `symbol` or `symbols` (a JSON array) name; nothing if neither was sent."""
        if self.has("symbol"):
            if self.has("symbols"):
                raise Refusal(-1128, "Combination of optional parameters invalid.")
            return [self.text("symbol")]
        if not self.has("symbols"):
            return None
        try:
            names = json.loads(self.text("symbols"))
        except ValueError:
            names = None
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            raise illegal("symbols", _SYMBOL)
        return names
