"""Norges Bank's rates of the krone, as its SDMX web service gives them in CSV (norges-bank.no, "Open data")."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import parse_qs

from tallyglass.money import ROUNDED, divide
from tallyglass.sandbox.ecb import CURRENCIES
from tallyglass.sandbox.model import Incoming, Outgoing
from tallyglass.sandbox.world import WorldPrices

COLUMNS = (
    *("FREQ", "Frequency", "BASE_CUR", "Base Currency", "QUOTE_CUR", "Quote Currency", "TENOR", "Tenor", "DECIMALS"),
    *("CALCULATED", "UNIT_MULT", "Unit Multiplier", "COLLECTION", "Collection Indicator", "TIME_PERIOD", "OBS_VALUE"),
)
_BASES = {"EUR": "Euro", **{code: name for code, name in CURRENCIES.items() if code != "NOK"}}
#: Quoted by the hundred.
_HUNDREDS = frozenset(["CHF", "CZK", "DKK", "HUF", "IDR", "INR", "ISK", "JPY", "KRW", "PHP", "SEK", "THB"])


class _Refusal(Exception):
    """What the web service says no to."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class NorgesBank:
    """`GET /api/data/EXR/B..NOK.SP`: kroner for one unit, or for a hundred where `UNIT_MULT` is 2."""

    id = "norgesbank"
    hosts: tuple[str, ...] = ("data.norges-bank.no",)

    def __init__(self, prices: WorldPrices) -> None:
        self._rates, self._lies = prices.rates, prices.lies

    def caller(self, request: Incoming) -> str:  # noqa: ARG002
        """Nobody signs here."""
        return ""

    def handle(self, request: Incoming) -> Outgoing:
        """CSV with `startPeriod`, `endPeriod`, `lastNObservations`."""
        try:
            body = self._answer(request)
        except _Refusal as no:
            return Outgoing(no.status, {"content-type": "text/plain; charset=utf-8"}, str(no).encode())
        return Outgoing(200, {"content-type": "application/vnd.sdmx.data+csv; charset=utf-8"}, body.encode())

    def _answer(self, request: Incoming) -> str:
        prefix = "/api/data/EXR/"
        if request.method != "GET" or not request.path.startswith(prefix):
            raise _Refusal(404, "No such resource")
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if query.get("format") != "csv":
            raise _Refusal(406, "Not acceptable: the sandbox speaks format=csv alone")
        bases = self._bases(request.path.removeprefix(prefix))
        try:
            days = self._span(query)
        except ValueError:
            raise _Refusal(400, "startPeriod and endPeriod are days: YYYY-MM-DD") from None
        if not bases or not days:
            raise _Refusal(404, "No data for the given query")
        lines = [";".join(COLUMNS), *(self._line(base, at) for base in bases for at in days)]
        return "\r\n".join([*lines, ""])

    def _bases(self, key: str) -> list[str]:
        """The currencies that a key like `B.USD+EUR.NOK.SP` names, none named meaning all."""
        parts = key.split(".")
        if len(parts) != 4:
            raise _Refusal(400, "Syntax error in the series key")
        frequency, names, quote, tenor = parts
        if frequency not in ("", "B") or quote not in ("", "NOK") or tenor not in ("", "SP"):
            return []
        return sorted(set(names.split("+")) & _BASES.keys()) if names else sorted(_BASES)

    def _span(self, query: dict[str, str]) -> range:
        days = self._rates.days
        start = bisect_left(days, date.fromisoformat(query["startPeriod"])) if "startPeriod" in query else 0
        stop = bisect_right(days, date.fromisoformat(query["endPeriod"])) if "endPeriod" in query else len(days)
        if "lastNObservations" in query:
            start = max(start, stop - int(query["lastNObservations"]))
        return range(start, stop)

    def _line(self, base: str, at: int) -> str:
        day, power = self._rates.days[at], 2 if base in _HUNDREDS else 0
        decimals = 2 if power else 4
        kroner = self._rates.of("NOK")[at]
        one = kroner if base == "EUR" else divide(kroner, self._rates.of(base)[at])
        off = random.Random(f"norges bank {base} {day}").randint(-30, 30)
        value = ROUNDED.multiply(ROUNDED.scaleb(one, Decimal(power)), Decimal(100_000 + off).scaleb(-5))
        lie = self._lies.of(self.id, base, day=day)
        told = (value if lie is None else lie.spoil(value)).quantize(
            Decimal(1).scaleb(-decimals), ROUND_HALF_UP, context=ROUNDED
        )
        unit = ("2", "Hundreds") if power else ("0", "Units")
        return ";".join(
            (
                *("B", "Business", base, _BASES[base], "NOK", "Norwegian krone", "SP", "Spot", str(decimals), "false"),
                *(*unit, "C", "ECB concertation time 14:15 CET", day.isoformat(), f"{told:,f}"),
            )
        )
