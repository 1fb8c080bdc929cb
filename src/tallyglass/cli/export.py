"""`tallyglass export`: a table into a file, for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import export as exporting
from tallyglass.app.files import write_whole
from tallyglass.app.problems import Problem
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options


@app.command()
def export(
    what: Annotated[str, typer.Argument(help="worth, performance, prices or history.")],
    file: Annotated[Path, typer.Argument(help="It ends in .csv or .parquet; - is CSV on standard output.")],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day; else the first there is.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day; else today.")] = "",
    every: Annotated[str, typer.Option(help="worth: day, week, month, quarter or year.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a table to a file, as CSV or Parquet."""
    to_screen = str(file) == "-"
    kind = ".csv" if to_screen else _kind(file, force=force)
    with options.session() as session:
        found = exporting.table(session, what, exporting.Asked(first, last, every))
    if to_screen:
        sys.stdout.write(exporting.as_csv(found))
    else:
        write_whole(file, exporting.as_csv(found).encode() if kind == ".csv" else exporting.as_parquet(found))
        if options.json:
            told = {"file": str(file), "what": what, "rows": len(found.rows), "complete": found.complete}
            show.as_json(told)
        else:
            show.out.print(f"{len(found.rows):,} rows of {what} are in {file}.", markup=False, soft_wrap=True)
    if not found.complete:
        raise typer.Exit(main.PARTIAL)


def _kind(file: Path, *, force: bool) -> str:
    """The ending; a `Problem` before anything is counted where the file cannot be written so."""
    kind = file.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise Problem("usage", f"{file} does not say what it is to be.", "Let its name end in .csv or .parquet.")
    if kind == ".parquet":
        exporting.insist_on_parquet()
    if file.exists() and not force:
        raise Problem("usage", f"{file} is there already.", "Name another file, or add --force to replace it.")
    return kind
