"""How things look in a terminal: tables of 80 columns, colour only where there is a terminal, JSON exact."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def as_json(value: Any) -> None:
    """Print JSON, money as text, for programs."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


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
