"""Bad weather between the keeper and the exchanges: one fault, or all of them mixed, for as long as a sync runs."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from support.sandbox import Sandbox

#: Where the exchanges tell of history: faults that are meant for some requests alone are best met there.
HISTORY = {"kraken": "/0/private/Ledgers", "binance": "/sapi/v1/", "coinbase": "/v2/accounts/"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the sandbox, as a test's name says it."""

    name: str
    fault: str
    more: Mapping[str, float] = field(default_factory=dict)

    def order(self, sandbox: Sandbox, exchange: str, path: str = "", **more: float) -> None:
        """Let it be so."""
        sandbox.fault(self.fault, exchange, path, **{**self.more, **more})


#: After each of these the next sync gives what an undisturbed one gives.
FAULTS = (
    Fault("told_to_wait", "status", {"value": 429, "retry_after": 1}),
    Fault("banned", "status", {"value": 418, "retry_after": 1}),
    Fault("broken", "status", {"value": 500}),
    Fault("overloaded", "status", {"value": 503}),
    Fault("gateway", "status", {"value": 520}),
    Fault("page", "html", {"value": 200}),
    Fault("reset", "reset"),
    Fault("cut_off", "truncate"),
    Fault("doubled", "duplicate"),
    Fault("slow", "delay", {"value": 0.2}),
    Fault("clock_ahead", "clock", {"value": 3600}),
    Fault("clock_behind", "clock", {"value": -3600}),
    Fault("nonce_used", "nonce"),
    Fault("shuffled", "shuffle"),
    Fault("shrunk", "shrink"),
    Fault("overlapping", "overlap"),
    Fault("closed", "maintenance"),
)


@contextmanager
def weather(sandbox: Sandbox, seed: int, every: float, *faults: Fault) -> Iterator[None]:
    """Now this fault, now that, here and there, some requests long each; in the end the sky is clear."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    over = threading.Event()

    def blow() -> None:
        while not over.wait(chance.uniform(0, 2 * every)):
            exchange = chance.choice(tuple(HISTORY))
            path = chance.choice(("", HISTORY[exchange]))
            chance.choice(faults).order(sandbox, exchange, path, times=chance.randint(1, 3))

    thread = threading.Thread(target=blow, name="weather")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sandbox.calm()
