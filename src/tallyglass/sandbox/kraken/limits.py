"""Kraken's limits: the call counter of a key, the order counter of a pair, and the lockout of a caller.

docs.kraken.com, guides: REST rate limits, spot trading rate limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tallyglass.sandbox.kraken.params import Refused

Tier = Literal["starter", "intermediate", "pro", "none"]
"""`none` is ours: no limit, for measuring."""

#: Most and decay per second, of the call counter and of the order counter.
_CALLS = {"starter": (15, 0.33), "intermediate": (20, 0.5), "pro": (20, 1.0)}
_ORDERS = {"starter": (60, 1.0), "intermediate": (125, 2.34), "pro": (180, 3.75)}

#: Cancelling costs by the age of the order: up to so many seconds, so much.
_CANCEL = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


def _counted(memory: dict[str, Any], name: str, cost: float, limit: tuple[float, float], now: float) -> bool:
    """Add to a counter that decays; whether it is still within its limit. What is refused counts too."""
    value, at = memory.get(name, (0.0, now))
    value = max(value - max(now - at, 0.0) * limit[1], 0.0) + cost
    memory[name] = (min(value, limit[0] * 1.5), now)
    return bool(value <= limit[0])


def count_call(memory: dict[str, Any], tier: Tier, cost: int, now: float) -> None:
    """Charge a call to its key."""
    if tier != "none" and not _counted(memory, "calls", cost, _CALLS[tier], now):
        raise Refused("EAPI:Rate limit exceeded")


def count_order(memory: dict[str, Any], tier: Tier, pair: str, now: float, *, age: float | None = None) -> None:
    """Charge placing an order, or cancelling one of an age, to its pair."""
    cost = 1 if age is None else next((price for most, price in _CANCEL if age < most), 0)
    if tier != "none" and not _counted(memory, f"orders:{pair}", cost, _ORDERS[tier], now):
        raise Refused("EOrder:Rate limit exceeded")


@dataclass(slots=True)
class Lockout:
    """Callers with many bad keys, signatures or nonces are locked out for a while. Kraken tells no numbers."""

    most: int = 60
    within: float = 60.0
    seconds: float = 900.0
    _bad: dict[str, list[float]] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def check(self, ip: str, now: float) -> None:
        """Refuse a caller who is locked out."""
        if now < self._until.get(ip, 0.0):
            raise Refused("EGeneral:Temporary lockout")

    def bad(self, ip: str, now: float) -> None:
        """Note a failed sign-in."""
        recent = [at for at in self._bad.get(ip, ()) if now - self.within < at <= now]
        recent.append(now)
        self._bad[ip] = recent
        if len(recent) > self.most:
            self._until[ip] = now + self.seconds
            self._bad[ip] = []
