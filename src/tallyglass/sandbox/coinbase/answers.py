"""The shapes of answers and errors that both families of endpoints share, and one request on its way."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from tallyglass.money import ZERO, Amount, NotMoney, amount, text
from tallyglass.sandbox.coinbase.account import Account
from tallyglass.sandbox.model import Incoming, Key, Outgoing, Prices

if TYPE_CHECKING:
    from tallyglass.sandbox.coinbase.timeline import Place

#: More than anyone orders, and little enough for every product to be exact.
_LARGEST = Decimal(10**12)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Refused(Exception):
    """The request gets this answer instead of what it asked for."""

    def __init__(self, answer: Outgoing) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(slots=True)
class Call:
    """A request that has passed the door. On public paths there is no account and no key."""

    request: Incoming
    prices: Prices
    #: The variable parts of the path, in order, decoded.
    path: list[str]
    account: Account | None = None
    key: Key | None = None

    @property
    def mine(self) -> Account:
        """The account of the key."""
        assert self.account is not None  # noqa: S101 -- routes with a scope have one
        return self.account

    @property
    def now(self) -> datetime:
        """The exchange's clock, to the millisecond: its rows carry no more."""
        return datetime.fromtimestamp(int(self.request.now * 1000) / 1000, UTC)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.request.query, keep_blank_values=False)

    def one(self, name: str, default: str = "") -> str:
        """A query parameter's last value."""
        return self.query.get(name, [default])[-1]

    def many(self, *names: str) -> list[str]:
        """All values of a repeated parameter under any of its names."""
        return [value for name in names for value in self.query.get(name, [])]

    def body(self) -> dict[str, Any]:
        """The JSON object in the body; none is an empty one."""
        if not self.request.body:
            return {}
        try:
            value = json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise v3_error(400, "INVALID_ARGUMENT", "invalid JSON in the request body") from error
        if not isinstance(value, dict):
            raise v3_error(400, "INVALID_ARGUMENT", "the request body must be an object")
        return value


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path with `{}` for its variable parts, the box that opens it ('' = none), and who answers."""

    method: str
    path: str
    scope: str
    answer: Callable[[Call], Outgoing]


class Router:
    """Finds the route of a request by the segments of its path."""

    def __init__(self, routes: list[Route]) -> None:
        self._by_length: dict[int, list[tuple[list[str], Route]]] = {}
        for route in routes:
            parts = route.path.split("/")
            self._by_length.setdefault(len(parts), []).append((parts, route))

    def find(self, method: str, path: str) -> tuple[Route, list[str]] | None:
        """The route and the variable parts; None where there is nothing, or nothing under that method."""
        parts = path.rstrip("/").split("/")
        for pattern, route in self._by_length.get(len(parts), []):
            pairs = list(zip(pattern, parts, strict=True))
            if route.method == method and all(want in ("{}", got) for want, got in pairs):
                return route, [unquote(got) for want, got in pairs if want == "{}"]
        return None


def v3_error(status: int, error: str, message: str) -> Refused:
    """The triple that v3 answers with."""
    return Refused(Outgoing.json({"error": error, "error_details": message, "message": message}, status))


def v2_error(status: int, error: str, message: str) -> Refused:
    """The list of one that v2 answers with."""
    return Refused(Outgoing.json({"errors": [{"id": error, "message": message}]}, status))


UNAUTHORIZED = Outgoing(401, {"content-type": "text/plain"}, b"Unauthorized")
NO_SCOPE = "Missing required scopes"


def value(money: Amount, currency: str) -> dict[str, str]:
    """Money as v3 says it."""
    return {"value": text(money), "currency": currency}


def seconds(moment: datetime) -> str:
    """Whole seconds, as v2 has them."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def millis(moment: datetime) -> str:
    """Three decimals, as v3 accounts have them."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def micros(moment: datetime) -> str:
    """Six decimals, as orders and fills have them."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def moment_of(given: str) -> datetime:
    """An RFC 3339 time from a query. Raises `Refused`."""
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise v3_error(400, "INVALID_ARGUMENT", f"invalid time: {given[:40]}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def whole(given: str, name: str) -> int:
    """A whole number from a query. Raises `Refused`."""
    if not (given.isascii() and given.isdigit() and len(given) <= 15):
        raise v3_error(400, "INVALID_ARGUMENT", f"invalid {name}: {given[:40]}")
    return int(given)


def limit_of(given: str, default: int, highest: int) -> int:
    """A page size: clamped above, refused when it is no number."""
    return min(whole(given, "limit"), highest) or default if given else default


def figure_of(given: object, decimals: int, no: Exception) -> Amount:
    """A positive amount of money or coins from a body, with so many decimals at most; else raises `no`."""
    try:
        figure = amount(given)
    except NotMoney:
        raise no from None
    if not ZERO < figure < _LARGEST or len(text(figure).partition(".")[2]) > decimals:
        raise no
    return figure


def cursor_to(place: Place) -> str:
    """An opaque cursor that stands for a place on a timeline."""
    moment, number = place
    return base64.urlsafe_b64encode(f"{(moment - _EPOCH) // timedelta(microseconds=1)}.{number}".encode()).decode()


def cursor_from(given: str) -> Place:
    """The place behind a cursor. Raises `Refused`."""
    try:
        moment, _, number = base64.urlsafe_b64decode(given).decode().partition(".")
        return _EPOCH + timedelta(microseconds=int(moment)), int(number)
    except (ValueError, binascii.Error, OverflowError) as error:
        raise v3_error(400, "INVALID_ARGUMENT", "invalid cursor") from error
