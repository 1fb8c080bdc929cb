"""How things look in a terminal: tables of 80 columns, colour only where there is a terminal, JSON exact."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from tallyglass.app import plot
from tallyglass.app.visible import escaped, visible

#: Columns of words may be folded to this.
SHORTEST = 6


class Terminal(Console):
    """What others wrote is text here: no markup, and nothing that orders the terminal about."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The same, made harmless; what Rich itself orders (colours, a moving line) is no text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


out = Terminal(highlight=False, soft_wrap=False, markup=False, emoji=False)
err = Terminal(stderr=True, highlight=False, markup=False, emoji=False)


def styled(text: str, style: str = "bold") -> Text:
    """Words within a line or a cell that stand out."""
    return Text(text, style=style)


def as_json(value: Any) -> None:
    """Print JSON, money as text, for programs."""
    sys.stdout.write(escaped(json.dumps(value, ensure_ascii=False, indent=2)) + "\n")


def table(*columns: str | tuple[str, str], title: str = "") -> Table:
    """A table without lines; a column given as (name, "right") is for figures, as (name, "whole") for times."""
    made = Table(box=None, pad_edge=False, title=title or None, title_justify="left", header_style="dim")
    for column in columns:
        name, justify = column if isinstance(column, tuple) else (column, "left")
        whole = justify in ("right", "whole")
        made.add_column(name, justify="right" if justify == "right" else "left", overflow="fold", no_wrap=whole)
    return made


def too_wide(made: Table) -> bool:
    """Whether the figures of a table, each on one line, leave its words no room."""
    return _width(made, SHORTEST) > out.width


def print_table(made: Table) -> None:
    """Print a table; no figure is ever broken or cut, whatever the width."""
    if _width(made) + len(made.columns) > out.width:
        made.padding = (0, 1, 0, 0)  # closer together
    if too_wide(made):
        made.width = _width(made, SHORTEST)
    out.print(made, crop=False)


def _width(made: Table, words: int = 1_000) -> int:
    """How wide a table is, a space between columns: figures whole, words folded to so many letters."""
    widths = []
    for column in made.columns:
        lines = [line for cell in (column.header, *column.cells) for line in str(cell).split("\n")]
        widest = max(cell_len(line) for line in lines)
        widths.append(widest if column.no_wrap else min(widest, words))
    return sum(widths) + len(widths) - 1


def problem(text: str, fix: str = "") -> None:
    """Say what went wrong, and the next step. A path longer than a line stays whole."""
    for words, style in ((text, "bold red"), (fix, "")):
        for line in words.splitlines():
            whole = textwrap.fill(line, err.width, break_long_words=False, break_on_hyphens=False)
            err.print(Text(whole, style=style), soft_wrap=True)


def doubt(text: str) -> None:
    """One reason why what is shown may not be the whole."""
    out.print(f"! {text}", style="yellow", markup=False)


def chart(values: Sequence[Decimal], days: tuple[str, str], height: int, label: Callable[[Decimal], str]) -> None:
    """A line from the first day to the last, as wide as the terminal."""
    for line in plot.lines(values, out.width - 14, height):
        out.print(f"{label(line.label):>12}  {line.dots}", markup=False)
    out.print(f"{days[0]:>24}{days[1]:>{out.width - 26}}", style="dim")


def sandbox_notice(address: str | None) -> None:
    """Every command says so when nothing of it is real."""
    if address:
        err.print(Text(f"SANDBOX: made-up exchanges at {address}, made-up money.", style="yellow"))
