"""A bench for the fake Binance: a grown account, a clock in the test's hand, and a client that signs by itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, cast
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tallyglass.sandbox.binance import Binance, create
from tallyglass.sandbox.model import Incoming, Outgoing
from tallyglass.sandbox.run import build
from tallyglass.sandbox.world import WorldPrices

NOW = 1_795_305_600.0
DAY = 86_400_000
REACH = 1200
"""Days that the grown accounts go back, and some."""

Sign = Callable[[bytes], str]


def hmac_sign(secret: str) -> Sign:
    """As a system-generated key signs."""
    return lambda payload: hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def ed25519_sign(pem: str) -> Sign:
    """As a self-generated key signs."""
    private = cast(Ed25519PrivateKey, load_pem_private_key(pem.encode(), None))
    return lambda payload: quote(base64.b64encode(private.sign(payload)).decode(), safe="")


class Denied(Exception):
    """The exchange said no."""

    def __init__(self, status: int, code: int, msg: str) -> None:
        super().__init__(f"{status} {code} {msg}")
        self.status, self.code, self.msg = status, code, msg


@dataclass
class Bench:
    """A fake Binance and where and when it is asked from."""

    venue: Binance
    now: float = NOW
    ip: str = "127.0.0.1"
    host: str = "api.binance.com"
    #: Headers of the last answer.
    headers: dict[str, str] = field(default_factory=dict)
    #: Headers to send besides the key.
    more: dict[str, str] = field(default_factory=dict)

    @property
    def ms(self) -> int:
        return int(self.now * 1000)

    def send(self, line: str, query: str = "", body: bytes = b"", headers: dict[str, str] | None = None) -> Outgoing:
        """One request as it is: `GET /path`."""
        method, path = line.split()
        host = {"/fapi": "fapi.binance.com", "/dapi": "dapi.binance.com"}.get(path[:5], self.host)
        sent = (headers or {}) | self.more
        answer = self.venue.handle(Incoming(method, host, path, query, sent, body, self.ip, self.now))
        self.headers = dict(answer.headers)
        return answer

    def public(self, line: str, **params: Any) -> Any:
        """An unsigned request."""
        return _told(self.send(line, urlencode(params)))

    def key_header(self, kind: str = "read_only") -> dict[str, str]:
        return {"x-mbx-apikey": self.venue.keys[kind].fields["key"]}

    def query(self, kind: str, params: dict[str, Any], sign: Sign | None = None) -> str:
        """A signed query string."""
        secret = self.venue.keys[kind].fields["secret"]
        plain = urlencode({"timestamp": self.ms, **params})
        return f"{plain}&signature={(sign or hmac_sign(secret))(plain.encode())}"

    def ask(self, line: str, kind: str = "read_only", sign: Sign | None = None, **params: Any) -> Any:
        """A signed request; `Denied` for a no."""
        return _told(self.send(line, self.query(kind, params, sign), headers=self.key_header(kind)))

    def denied(self, line: str, kind: str = "read_only", **params: Any) -> tuple[int, int]:
        """Status and code of the refusal; fails if there is none."""
        try:
            answer = self.ask(line, kind, **params)
        except Denied as no:
            return no.status, no.code
        raise AssertionError(f"{line} was allowed: {str(answer)[:200]}")


def _told(answer: Outgoing) -> Any:
    value = json.loads(answer.body, parse_float=Decimal)
    if answer.status != 200:
        raise Denied(answer.status, value["code"], value["msg"])
    return value


def empty() -> Bench:
    """Accounts that hold nothing."""
    return Bench(create(7, WorldPrices(7, NOW), NOW))


def grown(seed: int = 1) -> Bench:
    """Accounts of some years."""
    control, _ = build(seed, "small", NOW)
    return Bench(cast(Binance, control.venues["binance"]))


def windows(bench: Bench, days: int) -> Iterator[dict[str, Any]]:
    """From the oldest on, without gap or overlap. Time passes, so that no limit is met."""
    start, end = bench.ms - REACH * DAY, bench.ms
    for first in range(start, end + 1, days * DAY):
        bench.now += 0.2
        yield {"startTime": first, "endTime": min(first + days * DAY - 1, end)}


def trades(bench: Bench, limit: int = 1000) -> list[dict[str, Any]]:
    """Every trade of every market, page by page."""
    found: list[dict[str, Any]] = []
    for symbol in [each["symbol"] for each in bench.public("GET /api/v3/exchangeInfo")["symbols"]]:
        bench.now += 5
        next_id = 0
        while True:
            page = bench.ask("GET /api/v3/myTrades", symbol=symbol, fromId=next_id, limit=limit)
            found += page
            if len(page) < limit:
                break
            next_id = page[-1]["id"] + 1
    return found


def pages(bench: Bench, line: str, days: int, size: int = 2, **params: Any) -> list[dict[str, Any]]:
    """All rows of a history that is paged by `current` and `size` in windows of so many days."""
    found: list[dict[str, Any]] = []
    for window in windows(bench, days):
        for current in count(1):
            rows = bench.ask(line, current=current, size=size, **window, **params)["rows"]
            found += rows
            if len(rows) < size:
                break
    return found


def truth(bench: Bench, *kinds: str) -> set[str]:
    """The ids in the true books whose first part is one of these."""
    return {each for each in bench.venue.books["main"].postings if each.split(":")[0] in kinds}


def busiest(bench: Bench) -> tuple[str, list[dict[str, Any]]]:
    """The market with most trades, and these."""
    by_symbol: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in trades(bench):
        by_symbol[row["symbol"]].append(row)
    return max(by_symbol.items(), key=lambda item: len(item[1]))
