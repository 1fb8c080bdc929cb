"""Commands about transfers: list them and what is open, say what belongs together and what does not, set the rules."""

from __future__ import annotations

from typing import Annotated

import typer

from tallyglass.app import format as shown
from tallyglass.app import transfers as moves
from tallyglass.app.views import MovementView, RulesView, TransfersView, TransferView, UnmatchedView
from tallyglass.cli import show
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(rich_markup_mode=None)
app.add_typer(commands, name="transfers")
LATEST = 50

One = Annotated[str, typer.Argument(help="CONNECTION/ID of a withdrawal or deposit.", metavar="A")]
Other = Annotated[str, typer.Argument(help="CONNECTION/ID of the other side.", metavar="B")]


@commands.callback(invoke_without_command=True)
def transfers(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those without any counterpart, too.")] = False,
) -> None:
    """Coins moved between your own accounts.

    What is matched, and what is open.
    """
    if context.invoked_subcommand is not None:
        return
    with options.session() as session:
        found = moves.transfers(session)
    if options.json:
        show.as_json(found)
    else:
        _print(found, every=every)


@commands.command()
def match(one: One, other: Other) -> None:
    """Say that two entries are one transfer. Holds through every sync."""
    with options.session() as session:
        found = moves.match(session, one, other)
    if options.json:
        show.as_json(found)
    else:
        _print_matched([found])


@commands.command()
def unmatch(one: One, other: Other) -> None:
    """Say that two entries are no transfer. Holds through every sync."""
    with options.session() as session:
        found = moves.unmatch(session, one, other)
    _print_both(found)


@commands.command()
def reset(one: One, other: Other) -> None:
    """Forget what you said about two entries."""
    with options.session() as session:
        found = moves.reset(session, one, other)
    _print_both(found)


@commands.command()
def rules(
    window: Annotated[str, typer.Option(help="Hours in which a deposit may follow.")] = "",
    early: Annotated[str, typer.Option(help="Hours by which it may come before.")] = "",
    shortfall: Annotated[str, typer.Option(help="Percent that may be missing.")] = "",
    excess: Annotated[str, typer.Option(help="Percent by which it may be more.")] = "",
) -> None:
    """How far two sides may lie apart; with an option: change it."""
    given = {
        "window_hours": window,
        "early_hours": early,
        "shortfall_percent": shortfall,
        "excess_percent": excess,
    }
    changes = {name: value for name, value in given.items() if value}
    with options.session() as session:
        found = moves.set_rules(session, changes) if changes else moves.rules(session)
    if options.json:
        show.as_json(found)
    else:
        show.out.print(_rules(found), markup=False)


def _rules(found: RulesView) -> str:
    return (
        f"A deposit belongs to a withdrawal up to {found['window_hours']} h before it or {found['early_hours']} h after"
        f" it, with at most {found['shortfall_percent']} % missing or {found['excess_percent']} % more."
    )


def _print_both(found: TransfersView) -> None:
    if options.json:
        show.as_json(found)
    else:
        _print(found, every=True)


def _print(found: TransfersView, *, every: bool) -> None:
    some = found["matched"] if every else found["matched"][:LATEST]
    _print_matched(some)
    if len(some) < len(found["matched"]):
        show.out.print(f"{len(found['matched']) - len(some)} older ones: tallyglass transfers --all", style="dim")
    lone = [each for each in found["open"] if not each["candidates"]]
    for each in found["open"]:
        if every or each["candidates"]:
            _print_open(each)
    if lone and not every:
        show.out.print(f"{len(lone)} more went to or came from elsewhere: tallyglass transfers --all", style="dim")
    if not found["matched"] and not found["open"]:
        show.out.print("No deposits and no withdrawals yet.")


def _print_matched(found: list[TransferView]) -> None:
    rows = show.table(("sent", "whole"), "from", "to", ("arrived", "right"), ("lost", "right"), "because")
    for each in found:
        sent, received = each["sent"], each["received"]
        arrived, lost = f"{shown.quantity(received['amount'])} {received['asset']}", shown.quantity(each["lost"])
        rows.add_row(sent["time"][:10], sent["connection"], received["connection"], arrived, lost, each["basis"])
    if found:
        show.print_table(rows)


def _print_open(each: UnmatchedView) -> None:
    show.out.print(f"\n{each['id']}", style="bold", markup=False, soft_wrap=True)
    show.out.print(f"  {_line(each)}: {each['text']}", markup=False)
    for other in each["candidates"]:
        show.out.print(f"  - {other['id']}", markup=False, soft_wrap=True)
        show.out.print(f"    {_line(other)}: {other['text']}.", markup=False)
    if each["fix"]:
        show.out.print(f"  {each['fix']}", style="dim", markup=False, soft_wrap=True)


def _line(each: MovementView) -> str:
    return f"{_time(each)} {shown.movement(each['amount'])} {each['asset']}"


def _time(each: MovementView) -> str:
    return each["time"][:16].replace("T", " ")
