"""Rate budgets: never more requests than the exchange allows, per key and per address."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from tallyglass.exchanges.grants import Fault
from tallyglass.exchanges.manifest import Bucket, Manifest, Read

#: The longest a request waits for its turn, in seconds.
PATIENCE = 20.0


class Refused(Exception):
    """No answer, but a fault: the exchange's, the way's or our own budget's. Carries no secret."""

    def __init__(
        self, fault: Fault, note: str = "", *, offset_ms: int | None = None, egress_ip: str | None = None
    ) -> None:
        super().__init__(fault.code)
        self.fault = fault
        #: What happened, where it is not the exchange that speaks.
        self.note = note
        #: How far the exchange's clock is ahead of ours, when its answer told.
        self.offset_ms = offset_ms
        self.egress_ip = egress_ip


@dataclass(slots=True)
class _Level:
    units: float
    at: float
    blocked_until: float = 0.0


class Budgets:
    """A level per bucket and key (or for all keys, where the exchange counts per address)."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, pace: float = 1.0) -> None:
        """`pace`: how many seconds of the budgets pass in one of ours. 1, but before a sandbox without limits."""
        self.pace = pace
        self._now: Callable[[], float] = lambda: now() * pace
        self._levels: dict[tuple[str, str, str], _Level] = {}
        self._banned: dict[str, float] = {}

    async def take(self, manifest: Manifest, read: Read, key: str) -> None:
        """Wait for the turn of this read. Raises `Refused` (`rate_limited`) when that would take too long."""
        waited = 0.0
        wait = self._reserve(manifest, read, key)
        while wait > 0:
            if waited + wait > PATIENCE:
                self._give_back(manifest, read, key)
                seconds = math.ceil(wait)
                fault = Fault("rate_limited", retry=True, retry_after=seconds)
                raise Refused(fault, "The keeper keeps to the exchange's limit and sent nothing.")
            await asyncio.sleep(wait / self.pace)
            waited += wait
            wait = self._blocked(manifest, read, key)  # the exchange may have said stop in the meantime

    def block(self, manifest: Manifest, read: Read, key: str, fault: Fault) -> int:
        """Stop asking for as long as the exchange said, or until its own budget would be full again; the seconds."""
        bucket = manifest.buckets[read.bucket]
        seconds = fault.retry_after or math.ceil(min(60.0, bucket.capacity / bucket.refill))
        until = self._now() + seconds
        if fault.code == "banned":
            self._banned[manifest.id] = until
        else:
            self._level(manifest, bucket, key).blocked_until = until
        return seconds

    def _reserve(self, manifest: Manifest, read: Read, key: str) -> float:
        """Take the cost at once, into debt if need be: those who wait keep their order."""
        bucket = manifest.buckets[read.bucket]
        level = self._level(manifest, bucket, key)
        now = self._now()
        level.units = min(bucket.capacity, level.units + (now - level.at) * bucket.refill) - read.cost
        level.at = now
        return max(-level.units / bucket.refill, self._blocked(manifest, read, key))

    def _give_back(self, manifest: Manifest, read: Read, key: str) -> None:
        self._level(manifest, manifest.buckets[read.bucket], key).units += read.cost

    def _blocked(self, manifest: Manifest, read: Read, key: str) -> float:
        level = self._level(manifest, manifest.buckets[read.bucket], key)
        return max(0.0, level.blocked_until - self._now(), self._banned.get(manifest.id, 0.0) - self._now())

    def _level(self, manifest: Manifest, bucket: Bucket, key: str) -> _Level:
        scope = key if bucket.scope == "key" else ""
        return self._levels.setdefault((manifest.id, bucket.id, scope), _Level(bucket.capacity, self._now()))
