"""Commands about whether the books are right: reconcile, reconcile open."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.table import Table

from tallyglass.app import format as shown
from tallyglass.app import reconciling
from tallyglass.app.views import GapView
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(commands, name="reconcile", help="Do balances equal what the entries add up to?")


@commands.callback()
def reconcile(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Every asset, not only the gaps.")] = False,
    recount: Annotated[bool, typer.Option(help="Count every entry anew first, and mend sums kept wrong.")] = False,
) -> None:
    """Does what the exchanges report equal what their entries add up to? Each gap: size, start, cause, what to do."""
    if context.invoked_subcommand is not None:
        return
    with options.session() as session:
        for place in reconciling.recount(session) if recount else ():
            show.problem(
                f"The sum kept of {place} was wrong and is put right.", "That is a mistake of ours: report it."
            )
        found = reconciling.reconcile(session, everything=everything)
        if not found and options.nothing_yet(session.keeper):
            return
    if options.json:
        show.as_json(found)
    else:
        _print(found, everything=everything)
    if any(row["cause"] for row in found):
        raise typer.Exit(main.PARTIAL)


@commands.command("open")
def open_(
    connection: str,
    asset: Annotated[str, typer.Argument(help="BTC, EUR …")],
    undo: Annotated[bool, typer.Option(help="Take it back.")] = False,
    anyway: Annotated[bool, typer.Option(help="Even though something else explains the gap.")] = False,
) -> None:
    """Confirm, on your word, that what an asset lacks was there before all history: its opening balance."""
    with options.session() as session:
        if undo:
            row = reconciling.undo_opening(session, connection, asset)
        else:
            row = reconciling.open_balance(session, connection, asset, anyway=anyway)
    if options.json:
        show.as_json(row)
    elif undo:
        show.out.print(f"{connection} {row['asset']}: taken back.", markup=False)
    else:
        show.out.print(f"{connection} {row['asset']}: opening balance {row['opening']}, on your word.", markup=False)
        show.out.print(f"To take it back: tallyglass reconcile open {connection} {row['asset']} --undo", markup=False)


def _print(found: list[GapView], *, everything: bool) -> None:
    if everything and any(row["asset"] for row in found):
        _table([row for row in found if row["asset"]])
    gaps = [row for row in found if row["cause"]]
    if not gaps:
        show.out.print("Everything adds up: what the exchanges report is what their entries come to.", style="green")
    elif not everything and any(row["asset"] for row in gaps):
        _table([row for row in gaps if row["asset"]])
    alike: dict[tuple[str, str], list[GapView]] = {}
    for row in gaps:
        alike.setdefault((row["connection"], row["text"]), []).append(row)
    for (connection, text), rows in alike.items():
        _explain(connection, text, rows)


def _explain(connection: str, text: str, rows: list[GapView]) -> None:
    """Why some assets of a connection do not add up, all for one cause, and what to do."""
    name = f"{connection} {', '.join(row['asset'] or '' for row in rows)}".strip()
    show.out.print(f"{name}: {text}", markup=False, style="yellow")
    for row in rows:
        for part in row["accounts"] if row["gap"] == "0" else []:
            show.out.print(f"  {row['asset']} {part['account']}: gap {shown.movement(part['gap'])}", markup=False)
    for fix in dict.fromkeys(row["fix"] for row in rows):
        show.out.print(f"  {fix}", markup=False)


def _table(rows: list[GapView]) -> None:
    table = _filled(rows, ("reported", "computed"))
    if show.too_wide(table):  # what is computed is what is reported less the gap
        table = _filled(rows, ("reported",))
    show.print_table(table)
    for row in rows:
        if row["opening"]:
            words = f"{row['connection']} {row['asset']}: {shown.quantity(row['opening'])} of it are by your word"
            show.out.print(f"{words} (opening balance).", style="dim", markup=False)


def _filled(rows: list[GapView], names: tuple[Literal["reported", "computed"], ...]) -> Table:
    table = show.table(
        "connection", "asset", *((name, "right") for name in names), ("gap", "right"), ("since", "whole")
    )
    for row in rows:
        figures = (shown.quantity(row[name] or "0") for name in names)
        gap = "" if row["gap"] in (None, "0") else shown.movement(row["gap"] or "0")
        since = (row["since"] or "")[:16].replace("T", " ")
        table.add_row(row["connection"], row["asset"], *figures, gap, since)
    return table
