"""The worked example of docs/performance.md, read from the page: its tables, its events as entries, its prices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from tallyglass.ledger.entries import Entry, Kind, Leg, Role
from tallyglass.money import Amount, Asset, amount, divide, multiply

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
EUR, USD, BTC, ETH = Asset("EUR"), Asset("USD"), Asset("BTC"), Asset("ETH")

Row = dict[str, str]


@cache
def page() -> str:
    """The text of the page."""
    return PAGE.read_text(encoding="utf-8")


def table(heading: str) -> list[Row]:
    """The first table below a heading, by its column titles."""
    _, found, rest = page().partition(f"\n### {heading}\n")
    assert found, heading
    section = rest.partition("\n### ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    titles, _, *rows = lines
    assert all(len(row) == len(titles) for row in rows), heading
    return [dict(zip(titles, row, strict=True)) for row in rows]


def figure(told: str) -> Amount:
    """A figure as the page writes it: `−1,760.00`, `1.6548 %`; nothing at all is zero."""
    plain = told.replace(",", "").replace("−", "-").removesuffix("%").strip()
    return amount(plain or "0")


def events() -> list[tuple[str, Entry]]:
    """The twelve events: each with its exchange."""
    return [(row["exchange"], _entry(row)) for row in table("Events")]


def days() -> list[date]:
    """The days of the example, in order."""
    return [date.fromisoformat(row["day"]) for row in table("Prices")]


def closes() -> list[tuple[Asset, Asset, date, Amount]]:
    """The market closes: base, quote, day, price."""
    return [
        (Asset(base), Asset(quote), date.fromisoformat(row["day"]), figure(row[f"{base}/{quote}"]))
        for row in table("Prices")
        for base, quote in (("BTC", "EUR"), ("ETH", "USD"))
    ]


def rates() -> dict[date, Amount]:
    """US dollars per euro."""
    return {date.fromisoformat(row["day"]): figure(row["USD per EUR"]) for row in table("Prices")}


def price(asset: Asset, day: date) -> Amount | None:
    """What one unit was worth in EUR at the end of a day."""
    if asset == EUR:
        return amount(1)
    dollar = divide(amount(1), rates()[day]) if day in rates() else None
    found = {base: close for base, _, when, close in closes() if when == day}
    if asset == USD:
        return dollar
    if asset == ETH and dollar is not None:
        return multiply(found[ETH], dollar)
    return found.get(asset)


def _entry(row: Row) -> Entry:
    kind: Kind = row["kind"]  # type: ignore[assignment]
    time = datetime.fromisoformat(row["time (UTC)"]).replace(tzinfo=UTC)
    legs = (*_legs(row["what moved"], "principal"), *_legs(row["fee"], "fee"))
    return Entry(f"{kind}:{row['#']}", time, kind, legs)


def _legs(told: str, role: Role) -> tuple[Leg, ...]:
    moved = [each.split() for each in told.split(", ")] if told else []
    return tuple(Leg(f"{role}:{symbol}", "spot", Asset(symbol), figure(quantity), role) for quantity, symbol in moved)
