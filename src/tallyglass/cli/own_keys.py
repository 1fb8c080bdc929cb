"""Keys that are not simply typed in: pairs made here, and those that a password manager keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from tallyglass.app import connections, made, secrets
from tallyglass.app import exchanges as pages
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options


def make_key(exchange: str, *, anew: bool) -> None:
    """Show the public half of a pair whose private half stays in the vault, and what to do with it."""
    from tallyglass.app import egress  # loads the database, which the other commands here do not need

    pages.key_parts(exchange)
    with options.keeper() as keeper:
        addresses = egress.for_guide(options.place(), exchange)
        view = made.make_key(keeper, exchange, addresses, datetime.now(UTC).date(), anew=anew)
    if options.json:
        show.as_json(view)
    else:
        _print(view)


def _print(view: made.MadeKeyView) -> None:
    from rich.markdown import Markdown

    show.out.print(view["public_key"], markup=False, highlight=False, soft_wrap=True)
    show.out.print(Markdown(view["markdown"]), width=min(show.out.width, 80))


@app.command()
def fetch(connection: Annotated[str, typer.Argument(help="Only this one's key.")] = "") -> None:
    """Fetch the keys that your password manager keeps.

    After an unlock this happens by itself when a key is needed. This command does it now.
    """
    with options.keeper() as keeper:
        if connection:
            connections.known(keeper, connection)
        lacking = [each.id for each in keeper.unsupplied() if connection in ("", each.id)]
        troubles = dict(secrets.supply(keeper, *lacking)) if lacking else {}
    fetched = [each for each in lacking if each not in troubles]
    if options.json:
        told = [{"connection": name, "code": e.code, "text": e.text, "fix": e.fix} for name, e in troubles.items()]
        show.as_json({"fetched": fetched, "failed": told})
    else:
        show.out.print(f"Fetched: {', '.join(fetched)}" if fetched else "Nothing was to be fetched.", markup=False)
        for name, trouble in troubles.items():
            show.problem(f"{name}: {trouble.text}", trouble.fix)
    if troubles:
        raise typer.Exit(main.FAILED)
