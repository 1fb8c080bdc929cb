"""Commands about tokens: what scripts read the API with."""

from __future__ import annotations

from typing import Annotated

import typer

from tallyglass.app import format as shown
from tallyglass.app import tokens
from tallyglass.cli import show
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(rich_markup_mode=None)
app.add_typer(commands, name="token")


@commands.callback(invoke_without_command=True)
def token(context: typer.Context) -> None:
    """Tokens for scripts: make, list, revoke.

    A token reads what you choose by the API of the dashboard, and can do nothing else.
    """
    if context.invoked_subcommand is None:
        list_()


@commands.command("list")
def list_() -> None:
    """Every token: what it reads, and when it last did."""
    with options.session() as session:
        found = tokens.all_of(session)
    if options.json:
        show.as_json(found)
        return
    rows = show.table("id", "name", "reads", "made", "last used", "ends")
    for each in found:
        used = "never" if each["used_at"] is None else f"{shown.age(each['used_at'])} ago"
        ends = "never" if each["expires_at"] is None else shown.day(each["expires_at"])
        name = f"{each['name']} (ended)" if each["expired"] else each["name"]
        rows.add_row(each["id"], name, ", ".join(each["scopes"]), shown.day(each["made_at"]), used, ends)
    if found:
        show.print_table(rows)
    else:
        show.out.print("None yet. Make one with: tallyglass token make NAME --read worth")


@commands.command()
def make(
    name: Annotated[str, typer.Argument(help="What it is for.", metavar="NAME")],
    read: Annotated[list[str], typer.Option(help=f"What it reads: {', '.join(tokens.SCOPES)}. Again for more.")],
    days: Annotated[int | None, typer.Option(help="It ends after so many days; else never.")] = None,
) -> None:
    """Make a token. Its text is shown this once, on standard output."""
    with options.session() as session:
        view, text = tokens.make(session, name, read, days)
    if options.json:
        show.as_json({**view, "token": text})
    else:
        typer.echo(text)
        typer.echo("Shown this once. Send it as a header: Authorization: Bearer …", err=True)


@commands.command()
def revoke(id_: Annotated[str, typer.Argument(help="As listed.", metavar="ID")]) -> None:
    """End a token: it opens nothing from now on."""
    with options.session() as session:
        tokens.revoke(session, id_)
    if options.json:
        show.as_json({"revoked": id_})
    else:
        show.out.print("It opens nothing any more.")
