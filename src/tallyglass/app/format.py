"""How numbers and times read for people, on the command line and on pages: exact text in, text out. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from tallyglass.ledger import own
from tallyglass.money import ROUNDED, divide, magnitude, subtract, text

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
UNKNOWN = "unknown"
#: Decimals where a hundredth is much.
PLACES = {"BTC": 8, "ETH": 6}
_UNITS = ((Decimal(10**9), "G"), (Decimal(10**6), "M"), (Decimal(10**3), "k"))


def money(value: str | None, currency: str) -> str:
    """A value for people: two decimals, more of coins, thousands apart; the exact one is in `--json`."""
    if value is None:
        return UNKNOWN
    number = Decimal(value)
    shown = f"{number.copy_abs():,.{PLACES.get(currency, 2)}f}"
    sign = SIGNS.get(currency)
    minus = "−" if number < 0 else ""
    return f"{minus}{sign}{shown}" if sign else f"{minus}{shown} {currency}"


def hero(value: str, currency: str) -> tuple[str, str, str]:
    """The same for the one great number: sign and whole part, the decimals, and the currency where it has no sign."""
    number = Decimal(value)
    whole, decimals = f"{number.copy_abs():,.{PLACES.get(currency, 2)}f}".split(".")
    minus = "−" if number < 0 else ""
    sign = SIGNS.get(currency, "")
    return f"{minus}{sign}{whole}", f".{decimals}", "" if sign else currency


def price(value: str | None, currency: str) -> str:
    """A price for people: two decimals, four below ten, six significant digits below one."""
    if value is None:
        return UNKNOWN
    number = Decimal(value)
    if number >= 10 or number == 0:
        return money(value, currency)
    places = 4 if number >= 1 else min(-number.adjusted() + 5, 18)
    whole, _, decimals = f"{number:.{places}f}".partition(".")
    shown = f"{whole}.{decimals.rstrip('0'):0<2}"
    sign = SIGNS.get(currency)
    return f"{sign}{shown}" if sign else f"{shown} {currency}"


def change(before: str, after: str, currency: str) -> str:
    """By how much a value changed, with its sign."""
    value = money(text(subtract(Decimal(after), Decimal(before))), currency)
    return value if value.startswith("−") else f"+{value}"


def flow(value: str, currency: str) -> str:
    """What came from outside, or went there; nothing for nothing."""
    return "" if value == "0" else change("0", value, currency)


def short(value: Decimal, currency: str) -> str:
    """A value beside a chart: three digits and how many zeros: `$12.3k`, `€4.56M`."""
    size, unit = next((each for each in _UNITS if magnitude(value) >= each[0]), (Decimal(1), ""))
    number = divide(value, size)
    places = max(2 - max(number.adjusted(), 0), 0) if number else 0
    digits = f"{number.copy_abs():.{places}f}"
    shown = f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}{unit}"
    sign = SIGNS.get(currency, "")
    return f"{'−' if value < 0 else ''}{sign}{shown}"


def quantity(value: str) -> str:
    """A quantity in full: every digit, thousands apart."""
    whole, _, fraction = value.partition(".")
    sign = "-" if whole.startswith("-") else ""
    grouped = f"{int(whole.lstrip('-')):,}"
    return f"{sign}{grouped}.{fraction}" if fraction else f"{sign}{grouped}"


def rounded(value: str) -> str:
    """A quantity that was divided, to eight digits: more would only seem exact."""
    return text(Context(prec=8).plus(Decimal(value).copy_abs()))


def movement(value: str) -> str:
    """A quantity that came or went: every digit, and always its sign."""
    shown = quantity(value)
    return f"−{shown[1:]}" if shown.startswith("-") else f"+{shown}"


def percent(share: Decimal | None) -> str:
    """A share of one, to a tenth of a percent; a little of something is never nothing."""
    if share is None:
        return ""
    tenths = ROUNDED.multiply(share, Decimal(100)).quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN, context=ROUNDED)
    return "< 0.1 %" if tenths == 0 < share else f"{tenths} %"


def signed(rate: Decimal | None) -> str:
    """A rate of return with its sign, to a hundredth of a percent."""
    if rate is None:
        return UNKNOWN
    cents = ROUNDED.multiply(rate, Decimal(100)).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN, context=ROUNDED)
    return f"{'−' if cents < 0 else '+'}{cents.copy_abs():,} %"


def age(time: str | None, now: datetime | None = None) -> str:
    """How long ago: `12 s`, `3 min`, `5 h`, `9 d`."""
    if time is None:
        return "never"
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def named(name: str, otherwise: str) -> str:
    """A name as somebody typed it: one line, not endless; `otherwise` for none."""
    return " ".join(name.split())[:60].strip() or otherwise


def place(connection: str) -> str:
    """A connection by its id, an account of the user's own by its name."""
    return own.label(connection)


def month(time: str) -> str:
    """The month of a moment: `March 2027`."""
    return f"{datetime.fromisoformat(time):%B %Y}"


def day(time: str) -> str:
    """The day of a moment: `4 March 2027`."""
    moment = datetime.fromisoformat(time)
    return f"{moment.day} {moment:%B %Y}"


def clock(time: str) -> str:
    """The time of day, UTC, to the second."""
    return f"{datetime.fromisoformat(time).astimezone(UTC):%H:%M:%S}"
