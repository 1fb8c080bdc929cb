"""Commands about own accounts: what you own where no exchange can be asked, typed in or from a file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import accounts as own
from tallyglass.app import format as shown
from tallyglass.app.accounts import AccountView, SaidView, WholeAccountView
from tallyglass.cli import show
from tallyglass.cli.flags import flags
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(rich_markup_mode=None)
app.add_typer(commands, name="accounts")

#: A figure may begin with a minus, as an option does.
FIGURES = {"ignore_unknown_options": True}

Name = Annotated[str, typer.Argument(help="What the account is called.", metavar="NAME")]


@commands.callback(invoke_without_command=True)
def accounts(context: typer.Context) -> None:
    """What you own where no exchange can be asked.

    A cold wallet, a bank account, a loan: stated by you, proven by nobody, and shown apart.
    """
    if context.invoked_subcommand is not None:
        return
    with options.session() as session:
        found = own.accounts(session)
    if options.json:
        show.as_json(found)
    elif found:
        _print(found)
    else:
        show.out.print("None yet. Make one with: tallyglass accounts add NAME")


@commands.command()
def add(
    name: Name, kind: Annotated[str, typer.Option(help="wallet, bank, loan (negative balances) or other.")] = "wallet"
) -> None:
    """Make an account."""
    with options.session() as session:
        made = own.add(session, name, kind)
    if options.json:
        show.as_json(made)
    else:
        show.out.print(f"{name} is there, and empty. What it holds: accounts balance, entry or import.", markup=False)


@commands.command("show")
def show_(name: Name) -> None:
    """All that was said of an account, with the ids to take it back."""
    with options.session() as session:
        found = own.account(session, name)
    if options.json:
        show.as_json(found)
    else:
        _print([found])
        _print_said(found)


@commands.command(context_settings=FIGURES)
def balance(
    name: Name,
    asset: Annotated[str, typer.Argument(help="BTC, EUR …")],
    amount: Annotated[str, typer.Argument(help="What is there; of a loan, negative.")],
    day: Annotated[str, typer.Option(help="At the end of this day (UTC); today when left out.")] = "",
) -> None:
    """Say what an account holds at the end of a day."""
    with options.session() as session:
        done = own.balance(session, name, asset, amount, day)
    _tell(done)


@dataclass(frozen=True, slots=True)
class Asked:
    """An entry as arguments."""

    name: Name
    kind: Annotated[str, typer.Argument(help="deposit, withdrawal, reward, fee, trade")]
    asset: Annotated[str, typer.Argument(help="BTC, EUR …")]
    amount: Annotated[str, typer.Argument(help="What came, or what went.")]
    time: Annotated[str, typer.Option(help="A day or a moment, UTC; now when left out.")] = ""
    fee: Annotated[str, typer.Option(help="Paid on top: 0.001, or '2 EUR'.")] = ""
    against: Annotated[str, typer.Option(help="The other side of a trade: '-12000 EUR'.")] = ""


@commands.command(context_settings=FIGURES)
@flags(Asked)
def entry(asked: Asked) -> None:
    """Say what came to an account, or left it."""
    typed = own.Typed(asked.kind, asked.asset, asked.amount, asked.time, asked.fee, asked.against)
    with options.session() as session:
        done = own.entry(session, asked.name, typed)
    _tell(done)


@commands.command("import")
def import_(name: Name, file: Annotated[Path, typer.Argument(help="A CSV.")]) -> None:
    """Take over a CSV, whole or not at all. A second time it changes nothing.

    Its columns: day,asset,balance, or time,kind,asset,amount and, if you like, fee,fee_asset.
    """
    with options.session() as session:
        done = own.import_file(session, name, file)
    _tell(done)


@commands.command()
def undo(name: Name, id_: Annotated[str, typer.Argument(metavar="ID", help="As `accounts show` tells it.")]) -> None:
    """Take back a balance or an entry."""
    with options.session() as session:
        done = own.undo(session, name, id_)
    if options.json:
        show.as_json(done)
    else:
        show.out.print(f"Taken back: {done['id']}", markup=False)


@commands.command()
def remove(name: Name) -> None:
    """Delete an account with all that was said of it."""
    with options.session() as session:
        known = own.known_name(session, name)
        if options.on_terminal and not options.json:
            typer.confirm(f"Delete {known} with all that was said of it?", abort=True, err=True)
        gone = own.remove(session, known)
    if options.json:
        show.as_json(gone)
    else:
        show.out.print(f"{known} is gone.", markup=False)


def _tell(done: SaidView) -> None:
    if options.json:
        show.as_json(done)
        return
    parts = ((done["new"], "new"), (done["changed"], "changed"), (done["known"], "known already"))
    words = ", ".join(f"{count:,} {what}" for count, what in parts if count)
    show.out.print(f"{done['account']}: {words or 'nothing in it'}", markup=False)
    if done["id"]:
        words = f"To take it back: tallyglass accounts undo {shlex.quote(done['account'])} {done['id']}"
        show.out.print(words, style="dim", markup=False, soft_wrap=True)


def _print(found: list[AccountView] | list[WholeAccountView]) -> None:
    rows = show.table("account", "kind", "asset", ("amount", "right"), ("last said", "whole"))
    for account in found:
        name, kind = account["account"], account["kind"]
        for held in account["assets"]:
            rows.add_row(name, kind, held["asset"], shown.quantity(held["amount"]), held["last_said"])
            name = kind = ""
        if not account["assets"]:
            rows.add_row(name, kind, "", "", "nothing yet")
    show.print_table(rows)


def _print_said(found: WholeAccountView) -> None:
    """An id is long and is copied: it has a line of its own."""
    for each in found["balances"]:
        show.out.print(each["id"], style="bold", markup=False, soft_wrap=True)
        show.out.print(f"  {each['day']}: {shown.quantity(each['balance'])} {each['asset']}", markup=False)
    for entry_ in found["entries"]:
        legs = ", ".join(f"{shown.movement(leg['amount'])} {leg['asset']}" for leg in entry_["legs"])
        show.out.print(entry_["id"], style="bold", markup=False, soft_wrap=True)
        at = entry_["time"][:16].replace("T", " ")
        show.out.print(f"  {at} {entry_['kind']}: {legs}", markup=False)
