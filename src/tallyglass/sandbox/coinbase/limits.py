"""Rate limits: windows of one second for v3, of one hour for v2."""

from __future__ import annotations

from dataclasses import dataclass

from tallyglass.sandbox.coinbase.answers import v2_error, v3_error


@dataclass(frozen=True, slots=True)
class Rule:
    """So many requests in so many seconds."""

    most: int
    seconds: int


V3_USER = Rule(30, 1)
V3_PUBLIC = Rule(10, 1)
V2 = Rule(10_000, 3600)


class Limits:
    """Counts requests per caller in fixed windows."""

    def __init__(self) -> None:
        #: Nothing is counted: for measuring.
        self.off = False
        self._counts: dict[tuple[Rule, str], tuple[int, int]] = {}

    def take(self, rule: Rule, caller: str, now: float) -> dict[str, str]:
        """Count one request: the headers that tell what is left. Raises `Refused` with 429 when nothing is."""
        if self.off:
            return {}
        window = int(now) // rule.seconds
        began, used = self._counts.get((rule, caller), (window, 0))
        used = used + 1 if began == window else 1
        self._counts[rule, caller] = window, used
        if used > rule.most:
            if rule is V2:
                raise v2_error(429, "rate_limit_exceeded", "Too many requests")
            raise v3_error(429, "RESOURCE_EXHAUSTED", "too many requests")
        if rule is V2:
            return {}
        return {
            "x-ratelimit-limit": str(rule.most),
            "x-ratelimit-remaining": str(rule.most - used),
            "x-ratelimit-reset": str(rule.seconds),
        }
