"""The European Central Bank's reference rates: a seeded table, and the Data Portal that serves it as CSV."""

from __future__ import annotations

import csv
import io
import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

from tallyglass.money import ROUNDED, Amount, divide
from tallyglass.sandbox.lies import Lies
from tallyglass.sandbox.model import Incoming, Outgoing

FIRST_DAY = date(2019, 1, 2)
"""Where the sandbox's table begins. The real one begins in 1999."""

_PUBLISHED = timedelta(hours=15)
"""The day's rates come out at about 16:00 CET."""

_TODAY: dict[str, tuple[str, str]] = {
    "AUD": ("1.7705", "Australian dollar"),
    "BRL": ("6.1840", "Brazilian real"),
    "CAD": ("1.6215", "Canadian dollar"),
    "CHF": ("0.9312", "Swiss franc"),
    "CNY": ("8.2231", "Chinese yuan renminbi"),
    "CZK": ("24.188", "Czech koruna"),
    "DKK": ("7.4681", "Danish krone"),
    "GBP": ("0.87255", "UK pound sterling"),
    "HKD": ("9.0182", "Hong Kong dollar"),
    "HUF": ("382.15", "Hungarian forint"),
    "IDR": ("19312.40", "Indonesian rupiah"),
    "ILS": ("3.7930", "Israeli shekel"),
    "INR": ("102.8360", "Indian rupee"),
    "ISK": ("146.80", "Iceland krona"),
    "JPY": ("179.42", "Japanese yen"),
    "KRW": ("1694.25", "Korean won"),
    "MXN": ("21.3140", "Mexican peso"),
    "MYR": ("4.8015", "Malaysian ringgit"),
    "NOK": ("11.7340", "Norwegian krone"),
    "NZD": ("2.0465", "New Zealand dollar"),
    "PHP": ("68.124", "Philippine peso"),
    "PLN": ("4.2390", "Polish zloty"),
    "RON": ("5.0865", "Romanian leu"),
    "SEK": ("10.9420", "Swedish krona"),
    "SGD": ("1.5094", "Singapore dollar"),
    "THB": ("37.482", "Thai baht"),
    "TRY": ("48.9210", "Turkish lira"),
    "USD": ("1.1594", "US dollar"),
    "ZAR": ("20.0150", "South African rand"),
}

CURRENCIES = {code: name for code, (_, name) in _TODAY.items()}
"""Their names, by code."""

COLUMNS = (
    *("KEY", "FREQ", "CURRENCY", "CURRENCY_DENOM", "EXR_TYPE", "EXR_SUFFIX", "TIME_PERIOD", "OBS_VALUE", "OBS_STATUS"),
    *("OBS_CONF", "OBS_PRE_BREAK", "OBS_COM", "TIME_FORMAT", "BREAKS", "COLLECTION", "COMPILING_ORG", "DISS_ORG"),
    *("DOM_SER_IDS", "PUBL_ECB", "PUBL_MU", "PUBL_PUBLIC", "UNIT_INDEX_BASE", "COMPILATION", "COVERAGE", "DECIMALS"),
    *("NAT_TITLE", "SOURCE_AGENCY", "SOURCE_PUB", "TITLE", "TITLE_COMPL", "UNIT", "UNIT_MULT"),
)
"""As `format=csvdata` prints them for the flow EXR: https://data.ecb.europa.eu/help/api/data."""


class _Refusal(Exception):
    """What the web service says no to."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Rates:
    """Units of a currency per euro, for every TARGET working day from `FIRST_DAY` to the newest one published."""

    def __init__(self, seed: int, now: float) -> None:
        self.days = tuple(_working_days(FIRST_DAY, datetime.fromtimestamp(now, UTC) - _PUBLISHED))
        self._seed = seed
        self._walked: dict[str, list[Amount]] = {}

    def of(self, currency: str) -> list[Amount]:
        """The rates of one currency, a day each. They are made when they are asked for: most never are."""
        if currency not in self._walked:
            self._walked[currency] = self._walk(currency)
        return self._walked[currency]

    def usd(self, currency: str, at: int = -1) -> Amount:
        """The dollars that one unit of a fiat currency is worth, on the newest day or the one at a position."""
        dollar = self.of("USD")[at]
        if currency == "EUR":
            return dollar
        return Decimal(1) if currency == "USD" else divide(dollar, self.of(currency)[at])

    def place(self, when: int) -> int:
        """The position of the newest day at a moment in milliseconds; midnight ends a day."""
        day = datetime.fromtimestamp((when - 1) / 1000, UTC).date()
        return max(bisect_right(self.days, day) - 1, 0)

    def knows(self, currency: str) -> bool:
        """Whether it is a fiat currency with a reference rate."""
        return currency == "EUR" or currency in _TODAY

    def _walk(self, currency: str) -> list[Amount]:
        """From the newest day's rate, itself seeded, backwards by small steps."""
        rng = random.Random(f"{self._seed}:ecb:{currency}")
        text = _TODAY[currency][0]
        step = Decimal(1).scaleb(-len(text.partition(".")[2]))
        rate = float(text) * rng.uniform(0.97, 1.03)
        walk = []
        for _ in self.days:
            walk.append(max(Decimal(rate).quantize(step, context=ROUNDED), step))
            rate *= 1 + rng.gauss(0, 0.003)
        return walk[::-1]


class Ecb:
    """The Data Portal's web service: `GET /service/data/EXR/D..EUR.SP00.A`."""

    id = "ecb"
    hosts: tuple[str, ...] = ("data-api.ecb.europa.eu",)

    def __init__(self, rates: Rates, lies: Lies | None = None) -> None:
        self.rates = rates
        self._lies = lies or Lies()

    def caller(self, request: Incoming) -> str:  # noqa: ARG002
        """Nobody signs here."""
        return ""

    def handle(self, request: Incoming) -> Outgoing:
        """CSV for daily rates against the euro, with `startPeriod`, `endPeriod`, `lastNObservations`."""
        try:
            body = self._answer(request)
        except _Refusal as no:
            return Outgoing(no.status, {"content-type": "text/plain; charset=utf-8"}, str(no).encode())
        headers = {"content-type": "application/vnd.sdmx.data+csv;version=1.0.0;charset=UTF-8"}
        return Outgoing(200, headers, body.encode())

    def _answer(self, request: Incoming) -> str:
        prefix = "/service/data/EXR/"
        if request.method != "GET":
            raise _Refusal(405, "Method not allowed")
        if not request.path.startswith(prefix):
            raise _Refusal(404, "No such resource")
        currencies = self._currencies(request.path.removeprefix(prefix))
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if query.get("format", "csvdata" if "csv" in request.headers.get("accept", "") else "") != "csvdata":
            raise _Refusal(406, "Not acceptable: the sandbox speaks format=csvdata alone")
        try:
            days = self._span(query)
        except ValueError:
            raise _Refusal(400, "startPeriod and endPeriod are days: YYYY-MM-DD") from None
        if not currencies or not days:
            raise _Refusal(404, "No results found.")
        return self._csv(currencies, days)

    def _currencies(self, key: str) -> list[str]:
        """The currencies that a key like `D.USD+GBP.EUR.SP00.A` names, none named meaning all."""
        parts = key.split(".")
        if len(parts) != 5:
            raise _Refusal(400, "Syntax error in the series key")
        frequency, names, denominator, kind, suffix = parts
        fits = frequency in ("", "D") and denominator in ("", "EUR") and kind in ("", "SP00") and suffix in ("", "A")
        if not fits:
            return []
        return sorted(set(names.split("+")) & _TODAY.keys()) if names else sorted(_TODAY)

    def _span(self, query: dict[str, str]) -> range:
        """The positions of the days asked for."""
        days = self.rates.days
        start = bisect_left(days, date.fromisoformat(query["startPeriod"])) if "startPeriod" in query else 0
        stop = bisect_right(days, date.fromisoformat(query["endPeriod"])) if "endPeriod" in query else len(days)
        if "lastNObservations" in query:
            start = max(start, stop - int(query["lastNObservations"]))
        return range(start, stop)

    def _csv(self, currencies: list[str], span: range) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for currency in currencies:
            name = _TODAY[currency][1]
            decimals = len(_TODAY[currency][0].partition(".")[2])
            head = (f"EXR.D.{currency}.EUR.SP00.A", "D", currency, "EUR", "SP00", "A")
            tail = (
                *(
                    "A",
                    "F",
                    "",
                    "",
                    "P1D",
                    "",
                    "A",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "99Q1=100",
                    "",
                    "",
                    decimals,
                    "",
                    "4F0",
                    "",
                ),
                *(f"{name}/Euro", f"ECB reference exchange rate, {name}/Euro, 2.15 pm (C.E.T.)", currency, 0),
            )
            writer.writerows((*head, self.rates.days[at].isoformat(), self._told(currency, at), *tail) for at in span)
        return out.getvalue()

    def _told(self, currency: str, at: int) -> str:
        rate = self.rates.of(currency)[at]
        lie = self._lies.of(self.id, currency, day=self.rates.days[at])
        return str(rate if lie is None else lie.spoil(rate))


def _working_days(first: date, last: datetime) -> Iterator[date]:
    """TARGET days but for Easter: Monday to Friday without New Year, 1 May, Christmas."""
    day = first
    while day <= last.date():
        if day.weekday() < 5 and (day.month, day.day) not in {(1, 1), (5, 1), (12, 25), (12, 26)}:
            yield day
        day += timedelta(days=1)
