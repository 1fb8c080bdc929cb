"""A fake exchange in memory behind the door that a sync knows: signed as the keeper signs, without a wire."""

from __future__ import annotations

import importlib
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal

from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Call, Stamp
from tallyglass.keeper.client import Answer, ExchangeRefused
from tallyglass.sandbox.faults import doubled, shuffled
from tallyglass.sandbox.model import Act, Incoming, Venue
from tallyglass.sandbox.wishes import act_of
from tallyglass.sandbox.world import WorldPrices

#: When the worlds begin. Binance's history is asked for from its first day on: a young Binance has a short one.
BEGIN = {"kraken": 1_795_300_000.0, "binance": 1_517_500_000.0, "coinbase": 1_795_300_000.0}

Spoiled = Literal["", "doubled", "shuffled", "shrunk", "overlapping", "down", "limited", "html"]
SPOILED: tuple[Spoiled, ...] = ("", "doubled", "shuffled", "shrunk", "overlapping", "down", "limited", "html")


_SPOIL: Mapping[str, Callable[[bytes], bytes]] = {
    "doubled": doubled,
    "shuffled": shuffled,
    "html": lambda _: b"<html></html>",
}


class Died(BaseException):
    """The process was killed here: nothing after this happens."""


@dataclass
class Exchange:
    """A fake exchange, its clock, and its one account."""

    id: str
    seed: int = 1
    #: What becomes of the coming requests for history; '' and nothing left: nothing.
    spoiled: list[Spoiled] = field(default_factory=list)
    #: Called at each request before it is answered, with its number since this was set.
    at_request: Callable[[int], None] = lambda _number: None

    def __post_init__(self) -> None:
        self._turn = threading.Lock()
        self.now = BEGIN[self.id]
        self.prices = WorldPrices(self.seed, BEGIN["kraken"])  # of a day that has rates; they stand still anyway
        package = importlib.import_module(f"tallyglass.sandbox.{self.id}")
        self.venue: Venue = package.create(self.seed, self.prices, self.now)
        self.special("no_limits")
        signing = registry.signing(self.id)
        self._sign, self._credentials = signing.sign, signing.credentials(self.venue.keys["read_only"].fields)
        self._nonces = count(1)
        self._acts = count(1)
        self._requests = count(1)
        self._random = random.Random(self.seed).randbytes  # noqa: S311 - the same at every run

    def clock(self) -> datetime:
        """The exchange's, and ours."""
        return datetime.fromtimestamp(int(self.now * 1000) / 1000, UTC)

    # -- what happens on the account

    def happen(self, add: str, late: float = 0, **more: str) -> Act:
        """Let it happen now, or let it be known now though it happened some seconds ago. Raises `BadWish`."""
        act = act_of({"add": add, **more}, self.venue, "main", self.prices, next(self._acts))
        moment = datetime.fromtimestamp(int((self.now - late) * 1000) / 1000, UTC)
        act = replace(act, time=moment)
        self.venue.record("main", act)
        return act

    def special(self, name: str) -> None:
        """What only this exchange has. Raises `BadWish`."""
        specials: Mapping[str, Callable[[str, float], None]] = getattr(self.venue, "specials", {})
        specials[name]("main", self.now)

    def truth(self) -> dict[str, Any]:
        """Kind, time and legs of each entry, by id."""
        return {
            posting.id: (posting.kind, posting.time, sorted((w, a, n, r) for w, a, n, r in posting.legs))
            for posting in self.venue.books["main"].postings.values()
        }

    # -- the door

    def watch(self, at_request: Callable[[int], None]) -> None:
        """From now on, count from 1."""
        self._requests, self.at_request = count(1), at_request

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        """One listed read with the key: one after another, as nonces must rise."""
        self.at_request(next(self._requests))
        call = registry.manifest(self.id).read(read_id).call(params or {})
        with self._turn:
            return self._signed(read_id, call)

    def _signed(self, read_id: str, call: Call) -> Answer:
        wire = self._sign(call, self._credentials, Stamp(int(self.now * 1000), next(self._nonces), self._random(32)))
        return self._answer(read_id, wire.method, wire.host, wire.target, wire.headers, wire.body)

    def public_read(self, source: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        """One listed read without it."""
        call = registry.manifest(self.id).read(read_id).call(params or {})
        target = call.path + (f"?{call.query}" if call.query else "")
        return self._answer(read_id, call.method, call.host, target, {}, b"")

    def _answer(
        self, read: str, method: str, host: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        how = self._next(read)
        if how in ("down", "limited"):
            code = {"down": "down", "limited": "rate_limited"}[how]
            raise ExchangeRefused("exchange", "a bad day", "", {"fault_code": code, "retry": True, "retry_after": None})
        path, _, query = target.partition("?")
        incoming = Incoming(
            *(method, host, path, query, {name.lower(): value for name, value in headers.items()}, body, "127.0.0.1"),
            now=self.now,
            signed_as=(host,),
            share=0.4 if how == "shrunk" else 1.0,
            overlap=3 if how == "overlapping" else 0,
        )
        told = self.venue.handle(incoming)
        if told.status != 200:
            raise ExchangeRefused("exchange", told.body.decode()[:200], "", {"fault_code": "unknown", "retry": False})
        return Answer(_SPOIL.get(how, bytes)(told.body), self.clock(), 1)

    def _next(self, read: str) -> Spoiled:
        """Only history is spoiled: doubled balances are refused as a whole, which is another test's business."""
        if not self.spoiled or read.split(".", maxsplit=1)[0] in ("balances", "open_orders", "markets"):
            return ""
        return self.spoiled.pop(0)
