"""Faults on demand: what can go wrong between a client and an exchange, ordered through `/_control/faults`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import msgspec

DEFAULTS: dict[str, float] = {
    "status": 503,  # the HTTP status that is answered in place of the exchange
    "delay": 1,  # seconds before the exchange sees the request
    "reset": 0,  # the connection is reset before the exchange sees the request
    "truncate": 0.5,  # below 1: the part of the body that arrives; from 1 on: its bytes; then the line drops
    "duplicate": 0,  # every row of every list in a JSON answer comes twice
    "html": 200,  # the HTTP status of a web page that comes in place of the answer
    "clock": 3600,  # seconds by which the exchange's clock is ahead
    "nonce": 0,  # the request reaches the exchange twice and the second answer is given: a nonce is used up
}
"""Fault → its `value` when none is given."""

_MEMBERS = ("fault", "exchange", "path", "value", "times", "retry_after")
_MIXED = frozenset(("delay", "clock"))
"""These go together with one another and with any other."""

PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><title>Just a moment...</title></head>
<body><h1>We will be back soon</h1><p>The service is under maintenance.</p></body></html>
"""


class BadFault(ValueError):
    """The order names no fault that there is."""


@dataclass(slots=True)
class Fault:
    """One ordered fault."""

    fault: str
    #: Which exchange or source; empty = every one.
    exchange: str = ""
    #: How the exchange's own path (`/0/private/Balance`) begins; empty = every one.
    path: str = ""
    value: float = 0
    #: How many requests it still meets; None = until it is cleared.
    times: int | None = None
    #: Seconds in a `Retry-After` beside the status; None = no such header.
    retry_after: int | None = None

    def meets(self, exchange: str, path: str) -> bool:
        """Whether a request to that path of that exchange is met by it."""
        return self.exchange in ("", exchange) and path.startswith(self.path)


class Faults:
    """The faults in force, in the order in which they were ordered."""

    def __init__(self) -> None:
        self._all: list[Fault] = []

    def order(self, wish: Mapping[str, Any]) -> Fault:
        """Add one from `{"fault", "exchange", "path", "value", "times", "retry_after"}`. Raises `BadFault`."""
        unknown = set(wish) - set(_MEMBERS)
        kind = wish.get("fault")
        if unknown:
            raise BadFault(f"a fault has no {', '.join(sorted(unknown))}: it has {', '.join(_MEMBERS)}")
        if not isinstance(kind, str) or kind not in DEFAULTS:
            raise BadFault(f"no fault {kind!r}: there are {', '.join(DEFAULTS)}")
        value, times, after = wish.get("value"), wish.get("times"), wish.get("retry_after")
        try:
            number = DEFAULTS[kind] if value is None else float(value)
            count, wait = (None if each is None else int(each) for each in (times, after))
        except (TypeError, ValueError):
            raise BadFault("value, times and retry_after are numbers") from None
        fault = Fault(kind, str(wish.get("exchange") or ""), str(wish.get("path") or ""), number, count, wait)
        self._all.append(fault)
        return fault

    def clear(self) -> None:
        """All is well again."""
        self._all.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Those in force, as `/_control/faults` prints them."""
        return [asdict(each) for each in self._all]

    def due(self, exchange: str, path: str) -> dict[str, float]:
        """The faults that meet this request, by kind, counted down: of those that spoil the answer only the first."""
        met: dict[str, float] = {}
        for fault in self._all:
            kind = fault.fault
            taken = met.keys() - _MIXED if kind not in _MIXED else met.keys() & {kind}
            if not taken and fault.meets(exchange, path):
                met[kind] = fault.value
                if kind == "status" and fault.retry_after is not None:
                    met["retry_after"] = fault.retry_after
                if fault.times is not None:
                    fault.times -= 1
        self._all = [each for each in self._all if each.times is None or each.times > 0]
        return met


def doubled(body: bytes) -> bytes:
    """The JSON answer with every object of every list given twice; anything else unchanged."""
    try:
        value = msgspec.json.Decoder(float_hook=Decimal).decode(body)
    except msgspec.DecodeError:
        return body
    return msgspec.json.Encoder(decimal_format="number").encode(_twice(value))


def _twice(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _twice(each) for name, each in value.items()}
    if isinstance(value, list):
        times = 2 if value and all(isinstance(each, dict) for each in value) else 1
        return [_twice(each) for each in value for _ in range(times)]
    return value


def kept(size: int, value: float) -> int:
    """How many bytes of an answer of that size a `truncate` lets through: never all."""
    return min(int(size * value) if value < 1 else int(value), max(size - 1, 0))
