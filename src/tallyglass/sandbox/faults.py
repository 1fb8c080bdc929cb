"""Faults on demand: what can go wrong between a client and an exchange, ordered through `/_control/faults`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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
    "gone": 0,  # the exchange no longer has the path, and says so in its own words
    "denied": 0,  # the key may no longer use the path, and the exchange says so in its own words
    "nonce": 0,  # the request reaches the exchange twice and the second answer is given: a nonce is used up
    "maintenance": 300,  # seconds from the order on, in which the exchange is closed and says so in its own words
    "shuffle": 0,  # the rows of every page stand in another order
    "shrink": 0.5,  # the part of a page that the exchange gives; its cursor or offset goes on from there
    "overlap": 5,  # by so many rows a page begins before the place that was asked for
    "jump": 0.5,  # the part of a page that arrives while its cursor goes on as if all had: rows are passed over
    "hostile": 1_000_000,  # names, ids, notes, addresses and errors are attacks; one in each answer is so long
    "repeat": 0,  # the first answer of a list comes again and again, whatever is asked of that list
}
"""Fault → its `value` when none is given."""

Change = Callable[[list[Any]], list[Any]]

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
    #: When a maintenance is over, in Unix seconds.
    ends: float | None = None

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
        where = str(wish.get("exchange") or ""), str(wish.get("path") or "")
        fault = Fault(kind, *where, number, count, wait, time.time() + number if kind == "maintenance" else None)
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
        self._all = [each for each in self._all if each.ends is None or each.ends > time.time()]
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
    """The JSON answer with every row of every list given twice; anything else unchanged."""
    return _remade(body, lambda rows: [each for each in rows for _ in range(2)], maps=False)


def shuffled(body: bytes) -> bytes:
    """The JSON answer with the rows of every page in another order: every second one first."""
    return _remade(body, lambda rows: [*rows[1::2], *rows[::2]])


def cut(body: bytes, part: float) -> bytes:
    """The JSON answer with a part of the rows of every page, at least one; what else it tells is as it was."""
    return _remade(body, lambda rows: rows[: max(int(len(rows) * part), 1)])


def _remade(body: bytes, change: Change, *, maps: bool = True) -> bytes:
    """Every page in a JSON answer changed: a list of objects or, where `maps`, an object of several objects alone."""
    try:
        value = msgspec.json.Decoder(float_hook=Decimal).decode(body)
    except msgspec.DecodeError:
        return body
    return msgspec.json.Encoder(decimal_format="number").encode(_changed(value, change, maps=maps))


def _changed(value: Any, change: Change, *, maps: bool) -> Any:
    """What a row holds, lists among it, stays as it is: pages are spoiled, not what happened."""
    if isinstance(value, dict):
        if maps and len(value) > 1 and all(isinstance(each, dict) for each in value.values()):
            return dict(change(list(value.items())))
        return {name: _changed(each, change, maps=maps) for name, each in value.items()}
    if isinstance(value, list):
        rows = bool(value) and all(isinstance(each, dict) for each in value)
        return change(value) if rows else [_changed(each, change, maps=maps) for each in value]
    return value


def kept(size: int, value: float) -> int:
    """How many bytes of an answer of that size a `truncate` lets through: never all."""
    return min(int(size * value) if value < 1 else int(value), max(size - 1, 0))
