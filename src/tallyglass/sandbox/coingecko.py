"""CoinGecko's API without a key: the list of coins, last prices, charts of the last year (docs.coingecko.com)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from tallyglass.money import Amount
from tallyglass.sandbox.coins import TWELVE, Coins, numbers
from tallyglass.sandbox.model import Incoming, Outgoing
from tallyglass.sandbox.quota import Quota
from tallyglass.sandbox.walks import DAY, HOUR
from tallyglass.sandbox.world import WorldPrices

#: Keyless: the documentation tells no number, only that it hangs on the address.
MOST = 15
_REACH = 365 * DAY
_MINUTES = HOUR // 12
_LIMIT = (
    "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing "
    "to subscribe to our API plans for higher rate limits."
)
_TOO_FAR = (
    "Your request exceeds the allowed time range. Public API users are limited to querying historical data within the "
    "past 365 days. Upgrade to a paid plan to enjoy full historical data access: "
    "https://www.coingecko.com/en/api/pricing. "
)
_CURRENCIES = ("usd", "eur", "gbp", "btc")


class CoinGecko:
    """`/coins/list`, `/simple/price`, `/coins/{id}/market_chart/range`."""

    id = "coingecko"
    hosts: tuple[str, ...] = ("api.coingecko.com",)

    def __init__(self, prices: WorldPrices, quota: Quota) -> None:
        self.coins = Coins(self.id, prices)
        self._prices, self._quota = prices, quota

    def caller(self, request: Incoming) -> str:  # noqa: ARG002
        """Nobody signs here."""
        return ""

    def handle(self, request: Incoming) -> Outgoing:
        """429 beyond the limit, 401 with 10012 for what is older than a year, 404 for a coin that is none."""
        if wait := self._quota.wait(self.id, request.ip, MOST, request.now):
            told = {"status": {"error_code": 429, "error_message": _LIMIT}}
            return numbers(told, 429, retry_after=str(wait))
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        match request.path.removeprefix("/api/v3").strip("/").split("/"):
            case ["ping"] if request.method == "GET":
                return numbers({"gecko_says": "(V3) To the Moon!"})
            case ["coins", "list"] if request.method == "GET":
                return numbers([{"id": c.id, "symbol": c.symbol.lower(), "name": c.name} for c in self._listed()])
            case ["simple", "price"] if request.method == "GET":
                return self._simple(query, request.now)
            case ["coins", coin, "market_chart", "range"] if request.method == "GET":
                return self._range(coin, query, request.now)
        return numbers({"error": "Incorrect path. Please check https://docs.coingecko.com/"}, 404)

    def _listed(self) -> list[Any]:
        return sorted(self.coins.all.values(), key=lambda each: each.id)

    def _simple(self, query: Mapping[str, str], now: float) -> Outgoing:
        """A coin that is not known is left out."""
        for name in ("ids", "vs_currencies"):
            if not query.get(name):
                return numbers({"error": f"Missing parameter {name}"}, 422)
        found: dict[str, Any] = {}
        for coin in query["ids"].lower().split(","):
            quoted = self.coins.now(coin, now)
            if quoted is not None:
                currencies = [each for each in query["vs_currencies"].lower().split(",") if each in _CURRENCIES]
                found[coin] = {each: self._in(each, quoted.dollars, quoted.at) for each in currencies}
                if query.get("include_last_updated_at") == "true":
                    found[coin]["last_updated_at"] = quoted.at // 1000 - 13
        return numbers(found)

    def _range(self, coin: str, query: Mapping[str, str], now: float) -> Outgoing:
        if coin not in self.coins.all:
            return numbers({"error": "coin not found"}, 404)
        currency = query.get("vs_currency", "").lower()
        start, end = _moment(query.get("from", "")), _moment(query.get("to", ""))
        if currency not in _CURRENCIES:
            return numbers({"error": "invalid vs_currency"}, 400)
        if start is None or end is None or start > end:
            return numbers({"error": "from and to are dates or UNIX timestamps"}, 400)
        present = int(now * 1000)
        if start < present - _REACH:
            stamp = datetime.fromtimestamp(int(now), UTC).isoformat(timespec="milliseconds")
            told = {"timestamp": stamp, "error_code": 10012, "error_message": _TOO_FAR}
            return numbers({"error": {"status": told}}, 401)
        every = DAY if query.get("interval") == "daily" else _granularity(start, end, present)
        moments = [*range(-(-start // every) * every, min(end, present) + 1, every)]
        if end >= present:
            moments.append(present)  # the running day's, as it stands
        return numbers(self._series(coin, moments, lambda dollars, at: self._in(currency, dollars, at)))

    def _series(self, coin: str, moments: list[int], money: Callable[[Amount, int], Amount]) -> dict[str, Any]:
        quoted = [(each, self.coins.then(coin, each)) for each in moments]
        prices = [(at, money(found.dollars, at)) for at, found in quoted if found is not None]
        return {
            "prices": prices,
            "market_caps": [(at, price * 19_000_000) for at, price in prices],
            "total_volumes": [(at, price * 41_000) for at, price in prices],
        }

    def _in(self, currency: str, dollars: Amount, when: int) -> Amount:
        return dollars if currency == "usd" else TWELVE.divide(dollars, self._prices.usd_at(currency.upper(), when))


def _granularity(start: int, end: int, present: int) -> int:
    """A day up to now in pieces of five minutes, any other and up to 90 days by the hour, more by the day."""
    if end - start > 90 * DAY:
        return DAY
    return _MINUTES if end - start <= DAY and end >= present else HOUR


def _moment(value: str) -> int | None:
    """Milliseconds of a UNIX timestamp or a date."""
    if value.isascii() and value.isdigit() and len(value) < 12:
        return int(value) * 1000
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000)
