"""Rate limits: weights per calendar minute, 429 over the limit, 418 for who goes on (rest-api.md, "LIMITS")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallyglass.sandbox.binance.errors import Refusal

SECOND: Final = 1_000_000
_PATIENCE: Final = 20
"""How many further requests of a limited address are answered 429 before it is banned. The exchange names no number."""
_FIRST_BAN: Final = 120
_LONGEST_BAN: Final = 3 * 86400


@dataclass(frozen=True, slots=True)
class Pool:
    """One kind of budget: how much per window, who and what it is counted by, in which header it is told."""

    name: str
    limit: int
    seconds: int
    headers: tuple[str, ...]
    per_path: bool = True
    bans: bool = False
    what: str = "request weight"


API = Pool("api", 6000, 60, ("x-mbx-used-weight", "x-mbx-used-weight-1m"), per_path=False, bans=True)
FAPI = Pool("fapi", 2400, 60, ("x-mbx-used-weight-1m",), per_path=False)
DAPI = Pool("dapi", 2400, 60, ("x-mbx-used-weight-1m",), per_path=False)
SAPI_IP = Pool("sapi-ip", 12000, 60, ("x-sapi-used-ip-weight-1m",))
SAPI_UID = Pool("sapi-uid", 180000, 60, ("x-sapi-used-uid-weight-1m",))
#: Ten withdrawal histories of 18000 a second.
SAPI_UID_SECOND = Pool("sapi-uid-1s", 180000, 1, ("x-sapi-used-uid-weight-1s",))
ORDERS_10S = Pool("orders-10s", 100, 10, ("x-mbx-order-count-10s",), per_path=False)
ORDERS_DAY = Pool("orders-1d", 200000, 86400, ("x-mbx-order-count-1d",), per_path=False)


class Limits:
    """What was used, by pool, counterpart and window."""

    def __init__(self) -> None:
        #: Count, but refuse nobody.
        self.off = False
        self._used: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._refused: dict[str, int] = {}
        self._banned_until: dict[str, int] = {}
        self._bans: dict[str, int] = {}

    def charge(self, pool: Pool, who: str, path: str, weight: int, now: int) -> dict[str, str]:
        """Count a request of `weight` at `now` (microseconds): the headers that tell what is used up.

        `Refusal` 429 over the limit, 418 while banned.
        """
        if pool.bans and not self.off:
            self._refuse_banned(who, now)
        window = now // (pool.seconds * SECOND)
        slot = (pool.name, who, path if pool.per_path else "")
        then, used = self._used.get(slot, (window, 0))
        used = (used if then == window else 0) + weight
        if used > pool.limit and not self.off:
            raise self._over(pool, who, now)
        self._used[slot] = (window, used)
        self._refused.pop(who, None)
        return dict.fromkeys(pool.headers, str(used))

    def _refuse_banned(self, who: str, now: int) -> None:
        until = self._banned_until.get(who, 0)
        if now >= until:
            return
        raise Refusal(
            -1003,
            f"Way too much request weight used; IP banned until {until // 1000}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
            418,
            {"retry-after": str(-(-(until - now) // SECOND))},
        )

    def _over(self, pool: Pool, who: str, now: int) -> Refusal:
        if pool.bans:
            self._refused[who] = self._refused.get(who, 0) + 1
            if self._refused[who] > _PATIENCE:
                times = self._bans[who] = self._bans.get(who, 0) + 1
                self._banned_until[who] = now + min(_FIRST_BAN * 2 ** (times - 1), _LONGEST_BAN) * SECOND
                self._refused[who] = 0
                self._refuse_banned(who, now)
        wait = pool.seconds * SECOND - now % (pool.seconds * SECOND)
        headers = {"retry-after": str(-(-wait // SECOND)), **dict.fromkeys(pool.headers, str(pool.limit))}
        unit = f"{pool.seconds} SECOND" if pool.seconds < 60 else f"{pool.seconds // 60} MINUTE"
        if pool.name.startswith("orders"):
            return Refusal(
                -1015, f"Too many new orders; current limit is {pool.limit} orders per {unit}.", 429, headers
            )
        return Refusal(
            -1003,
            f"Too much request weight used; current limit is {pool.limit} request weight per {unit}. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
            429,
            headers,
        )
