"""DefiLlama's prices of coins: now, at a moment, and as a chart (api-docs.defillama.com, "coins")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from tallyglass.sandbox.coins import Coins, Quoted, numbers
from tallyglass.sandbox.model import Incoming, Outgoing
from tallyglass.sandbox.quota import Quota
from tallyglass.sandbox.world import WorldPrices

#: No number is published; so many a minute are said to pass.
MOST = 300
_LONGEST = 500
_PREFIX = "coingecko:"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FRESH = 60_000


class DefiLlama:
    """`GET /prices/current/{coins}`, `/prices/historical/{timestamp}/{coins}`, `/chart/{coins}`: without a key."""

    id = "defillama"
    hosts: tuple[str, ...] = ("coins.llama.fi",)

    def __init__(self, prices: WorldPrices, quota: Quota) -> None:
        self.coins = Coins(self.id, prices)
        self._quota = quota

    def caller(self, request: Incoming) -> str:  # noqa: ARG002
        """Nobody signs here."""
        return ""

    def handle(self, request: Incoming) -> Outgoing:
        """A coin that is not known is left out of the answer."""
        if wait := self._quota.wait(self.id, request.ip, MOST, request.now):
            return numbers({"message": "Too Many Requests"}, 429, retry_after=str(wait))
        what, _, rest = request.path.lstrip("/").partition("/")
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        try:
            if request.method == "GET" and what == "prices":
                return self._prices(rest, request.now)
            if request.method == "GET" and what == "chart" and rest:
                return self._chart(rest, query, request.now)
        except ValueError as wrong:
            return numbers({"message": str(wrong)}, 400)
        return numbers({"message": "Not Found"}, 404)

    def _prices(self, rest: str, now: float) -> Outgoing:
        kind, _, names = rest.partition("/")
        if kind == "current" and names:
            return self._each(names, lambda coin: self._row(coin, self.coins.now(coin, now)))
        moment, _, names = names.partition("/")
        if kind == "historical" and names:
            when = int(moment) * 1000
            return self._each(names, lambda coin: self._row(coin, self.coins.then(coin, when)))
        return numbers({"message": "Not Found"}, 404)

    def _chart(self, names: str, query: dict[str, str], now: float) -> Outgoing:
        if "start" in query and "end" in query:
            raise ValueError("use either start or end parameter, not both")
        span, period = int(query.get("span", "1")), _seconds(query.get("period", "24h"))
        if not 0 < span <= _LONGEST or period < 1:
            raise ValueError(f"span is a number up to {_LONGEST}, period a duration")
        start = int(query["start"]) if "start" in query else int(query.get("end", str(int(now)))) - (span - 1) * period
        moments = [1000 * (start + number * period) for number in range(span)]

        def chart(coin: str) -> dict[str, Any] | None:
            points = [self._point(coin, each) for each in moments if each <= now * 1000]
            found = [each for each in points if each is not None]
            return {"symbol": self.coins.all[coin].symbol, "confidence": 0.99, "prices": found} if found else None

        return self._each(names, chart)

    def _point(self, coin: str, when: int) -> dict[str, Any] | None:
        """What lies nearest in its own table: a few seconds off."""
        quoted = self.coins.then(coin, when)
        at = when // 1000 + when // 86_400_000 % 17
        return None if quoted is None else {"timestamp": at, "price": quoted.dollars}

    def _row(self, coin: str, quoted: Quoted | None) -> dict[str, Any] | None:
        if quoted is None:
            return None
        at = quoted.at // _FRESH * _FRESH // 1000
        symbol = self.coins.all[coin].symbol
        return {"price": quoted.dollars, "symbol": symbol, "timestamp": at, "confidence": 0.99}

    def _each(self, names: str, row: Callable[[str], dict[str, Any] | None]) -> Outgoing:
        return numbers({"coins": {name: found for name, coin in _asked(names) if (found := row(coin)) is not None}})


def _asked(names: str) -> Iterator[tuple[str, str]]:
    """As they were named, and the ids: of a contract on a chain the sandbox knows nothing."""
    for name in unquote(names).split(","):
        if name.startswith(_PREFIX):
            yield name, name.removeprefix(_PREFIX)


def _seconds(duration: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhdw]?)", duration.lower(), re.ASCII)
    if found is None:
        raise ValueError("a duration is a number of seconds, or like 4h")
    return int(found[1]) * _UNITS[found[2]]
