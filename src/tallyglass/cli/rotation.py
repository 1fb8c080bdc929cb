"""Commands about a key's end: rotate, disconnect."""

from __future__ import annotations

from typing import Annotated

import typer

from tallyglass.app import connections, rotation
from tallyglass.app.key_views import DeathView
from tallyglass.cli import main, show
from tallyglass.cli.handing import Given, Keep, KeyFile, KeyFrom, KeyId
from tallyglass.cli.keys import guide, verdict
from tallyglass.cli.main import app
from tallyglass.cli.options import options
from tallyglass.keeper.client import Keeper


@app.command()
def rotate(  # noqa: PLR0913  (each is an option of the command)
    connection: str,
    *,
    key_file: KeyFile = "",
    key_from: KeyFrom = "",
    keep_reference: Keep = False,
    key_id: KeyId = "",
    check: Annotated[bool, typer.Option(help="Ask whether the old key is dead; then the rotation is done.")] = False,
    forget: Annotated[bool, typer.Option(help="End the rotation without a proof; the old key may live on.")] = False,
    accept_unproven: Annotated[bool, typer.Option(help="Take a key that cannot be proven read-only.")] = False,
    same_account: Annotated[bool, typer.Option(help="Say so where the exchange does not tell.")] = False,
) -> None:
    """Let a new key take over, then see the old one dead.

    Both live until you have deleted the old one at the exchange, so no sync is lost. The new one must be of the same
    account and proven read-only, as for connect.
    """
    if check and forget:
        raise typer.BadParameter("--check and --forget exclude each other.")
    with options.keeper() as keeper:
        if check:
            _death(rotation.check(keeper, connection))
            return
        if forget:
            _forget(keeper, connection)
            return
        known = rotation.open_for(keeper, connection)
        given = Given(key_file, key_from, keep_reference, key_id)
        if given == Given() and options.on_terminal:
            guide(known.exchange)
        fields = given.fields(known.exchange)
        view = rotation.rotate(keeper, connection, fields, accept_unproven=accept_unproven, same_account=same_account)
        done = rotation.after_the_cut(keeper, connection) if view["connection"] else ""
        kept = f"Nothing was changed: {connection} goes on with its present key."
        ends = dict.fromkeys(("accepted", "unproven"), done) if done else {}
        verdict(view, ends, dict.fromkeys(("accepted", "refused", "unproven"), kept))
        if options.on_terminal and connections.known(keeper, connection).old:
            _wait(keeper, connection)


def _wait(keeper: Keeper, connection: str) -> None:
    """Until the old key is dead, or somebody has better things to do."""
    while typer.confirm("Have you deleted the old key there?", default=True, err=True):
        found = rotation.check(keeper, connection)
        if found["answer"] == "dead":
            _death(found)
            return
        show.problem(found["text"], found["fix"])
    show.err.print(f"It stays open. When it is done: {rotation.check_command(connection)}", markup=False)


def _forget(keeper: Keeper, connection: str) -> None:
    view = rotation.forget(keeper, connection)
    if options.json:
        show.as_json(view)
    else:
        show.out.print(rotation.words_of_forgetting(connections.known(keeper, connection), view), markup=False)


def _death(found: DeathView) -> None:
    """Show what a request with a key has shown, and leave with its exit code."""
    if options.json:
        show.as_json(found)
    elif found["answer"] == "dead":
        show.out.print(found["text"], markup=False)
        show.out.print("Its secret is gone from the vault.")
    else:
        show.problem(found["text"], found["fix"])
    _leave([found])


def _leave(found: list[DeathView]) -> None:
    answers = {each["answer"] for each in found}
    if "alive" in answers:
        raise typer.Exit(main.FAILED)
    if "cannot_tell" in answers:
        raise typer.Exit(main.EXCHANGE)


@app.command()
def disconnect(
    connection: str,
    proven: Annotated[bool, typer.Option(help="Only with a proof that the key is dead; this is the rule.")] = False,
    forget: Annotated[bool, typer.Option(help="Without a proof; the key may live on at the exchange.")] = False,
    forget_history: Annotated[bool, typer.Option(help="Delete its entries and balances too.")] = False,
) -> None:
    """Remove a key from the vault, once it is dead.

    Delete it at the exchange first: the exchange is asked once with it, and must refuse it. While it lives nothing is
    removed. History stays unless asked.
    """
    if proven and forget:
        raise typer.BadParameter("--proven and --forget exclude each other.")
    with options.session() as session:
        known = connections.known(session.keeper, connection)
        how: rotation.How = "forget" if forget else "proven"
        view = rotation.disconnect(session, connection, how, forget_history=forget_history)
    if options.json:
        show.as_json(view)
    else:
        for each in view["proofs"]:
            if each["answer"] == "dead":
                show.out.print(each["text"], markup=False)
            else:
                show.problem(each["text"], each["fix"])
        show.out.print(rotation.words(known, view), markup=False)
    _leave(view["proofs"])
