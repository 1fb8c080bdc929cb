"""Commands about the home as a whole: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import backup as saving
from tallyglass.app.archive import Mark
from tallyglass.cli import show
from tallyglass.cli.main import app
from tallyglass.cli.options import options


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Everything of this home as one encrypted file."""
    home, made = options.place(), []
    saving.check_target(home, file)
    options.unlock(lambda given: made.append(saving.backup(home, file, given, log_level=options.log_level)))
    [view] = made
    if options.json:
        show.as_json(view)
        return
    show.out.print(f"{view['file']}: {view['bytes']:,} bytes, {view['connections']} connections.", markup=False)
    show.out.print(f"Its number is {view['number']}: a later backup has a higher one.")
    show.out.print("It opens with the passphrase of today. Keep it on another machine.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Prove it, and change nothing.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Over a home; what lies there is kept aside.")] = False,
    older: Annotated[bool, typer.Option("--older", help="Also one older than what lies there.")] = False,
    at_least: Annotated[str, typer.Option(help="Refuse what is older than this number.")] = "",
) -> None:
    """Put a backup back. Altered, cut or older ones are refused."""
    home, made = options.place(), []
    wish = saving.Wish(check, replace, older, Mark.read(at_least) if at_least else Mark())
    saving.read_file(file)
    saving.check_place(home, wish)
    options.unlock(lambda given: made.append(saving.restore(home, file, given, wish, log_level=options.log_level)))
    [view] = made
    if options.json:
        show.as_json(view)
        return
    show.out.print(f"Made {view['made_at'][:16].replace('T', ' ')} UTC, number {view['number']}.")
    show.out.print(f"{view['connections']} connections; the journal: {view['journal']}", markup=False)
    if not view["restored"]:
        show.out.print("Every byte is as it was written. Nothing was changed.", style="green")
        return
    show.out.print(f"Restored to {view['home']}.", style="green", markup=False)
    if view["aside"]:
        show.out.print(f"What lay there is now in {view['aside']}.", markup=False)
    show.out.print("On a new machine the exchanges see another address: tallyglass egress")
