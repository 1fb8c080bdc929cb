"""Commands about files: import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import importing
from tallyglass.app.views import ImportView
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(metavar="FORMAT", help="binance, coinbase, kraken")],
    file: Annotated[Path, typer.Argument(help="The CSV as it was downloaded.")],
    connection: Annotated[str, typer.Option(help="Where it belongs, if there is more than one.")] = "",
    utc_offset: Annotated[str, typer.Option(help="Of its times, if the file does not tell: +1")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take back what this file brought.")] = False,
) -> None:
    """Fill gaps of the history from an exchange's file. What is known already adds nothing."""
    if undo:
        _undo(name, file, connection)
        return
    with options.session() as session:
        found = importing.import_file(session, name, file, connection=connection, utc_offset=utc_offset)
    if options.json:
        show.as_json(found)
    else:
        _print(found)
    if found["unparsed"]:
        raise typer.Exit(main.PARTIAL)


def _undo(name: str, file: Path, connection: str) -> None:
    with options.session() as session:
        found = importing.undo_import(session, name, file, connection=connection)
    if options.json:
        show.as_json(found)
    else:
        text = f"{found['file']} is forgotten; {found['removed']:,} entries that nothing else tells went with it."
        show.out.print(text, markup=False)


def _print(found: ImportView) -> None:
    show.out.print(f"{found['file']}: {found['lines']:,} lines into {found['connection']}", markup=False)
    rows = show.table("", ("lines", "right"))
    rows.add_row("new", f"{found['new']:,}")
    rows.add_row("known already", f"{found['known']:,}")
    rows.add_row("moving nothing", f"{found['skipped']:,}")
    rows.add_row("not understood", f"{found['unparsed']:,}")
    show.print_table(rows)
    for odd in found["odd"]:
        show.out.print(odd["reason"], style="yellow", markup=False)
    if found["unparsed"]:
        show.out.print("They are kept. All of them: tallyglass unparsed")
