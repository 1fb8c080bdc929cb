"""How things look in a terminal: tables of 80 columns, colour only where there is a terminal, JSON exact."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def as_json(value: Any) -> None:
    """Print JSON, money as text, for programs."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def money(value: str | None, currency: str) -> str:
    """A value for people: two decimals, thousands apart; the exact one is in `--json`."""
    if value is None:
        return "unknown"
    number = Decimal(value)
    shown = f"{abs(number):,.2f}"
    sign = SIGNS.get(currency)
    minus = "−" if number < 0 else ""
    return f"{minus}{sign}{shown}" if sign else f"{minus}{shown} {currency}"


def price(value: str | None, currency: str) -> str:
    """A price for people: at least two decimals, six significant digits for small ones."""
    if value is None:
        return "unknown"
    number = Decimal(value)
    if number >= 1 or number == 0:
        return money(value, currency)
    places = min(-number.adjusted() + 5, 18)
    shown = f"{number:.{places}f}".rstrip("0")
    sign = SIGNS.get(currency)
    return f"{sign}{shown}" if sign else f"{shown} {currency}"


def quantity(value: str) -> str:
    """A quantity in full: every digit, thousands apart."""
    whole, _, fraction = value.partition(".")
    sign = "-" if whole.startswith("-") else ""
    grouped = f"{int(whole.lstrip('-')):,}"
    return f"{sign}{grouped}.{fraction}" if fraction else f"{sign}{grouped}"


def age(time: str | None, now: datetime | None = None) -> str:
    """How long ago: `12 s`, `3 min`, `5 h`, `9 d`."""
    if time is None:
        return "never"
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def table(*columns: str | tuple[str, str], title: str = "") -> Table:
    """A table without lines; a column given as (name, "right") is for figures."""
    made = Table(box=None, pad_edge=False, title=title or None, title_justify="left", header_style="dim")
    for column in columns:
        name, justify = column if isinstance(column, tuple) else (column, "left")
        made.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    return made


def problem(text: str, fix: str = "") -> None:
    """Say what went wrong, and the next step."""
    err.print(Text(text, style="bold red"))
    if fix:
        err.print(Text(fix))


def sandbox_notice(address: str | None) -> None:
    """Every command says so when nothing of it is real."""
    if address:
        err.print(Text(f"SANDBOX: made-up exchanges at {address}, made-up money.", style="yellow"))
