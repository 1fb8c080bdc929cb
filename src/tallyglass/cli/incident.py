"""Commands for the day of a doubt: was-it-me, compromised."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import compromise as cases
from tallyglass.app import was_it_me as doubts
from tallyglass.app.compromise import IncidentView
from tallyglass.app.problems import Problem
from tallyglass.app.session import with_store
from tallyglass.app.was_it_me import AnswerView
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options

_LARGEST = 2 * 1024 * 1024
_WORDS = {
    "yes": ("Yes.", "bold green"),
    "no": ("No.", "bold red"),
    "cannot_tell": ("That cannot be told.", "bold yellow"),
}


@app.command("was-it-me")
def was_it_me(
    exchange: Annotated[str, typer.Option(help="Whose mail it is; a whole mail tells.")] = "",
    at: Annotated[str, typer.Option(help="The time in the mail, as it stands there. Without a zone: UTC.")] = "",
    ip: Annotated[str, typer.Option(help="The address in the mail.")] = "",
    mail: Annotated[str, typer.Option(help="The whole mail, a file or - for standard input, instead of --at.")] = "",
    window: Annotated[float | None, typer.Option(help="Minutes before and after, 2 if not given.")] = None,
) -> None:
    """Was the use that an exchange's mail tells of ours?

    By the journal, and only if it is as it was written.
    """
    if bool(at) == bool(mail) or not (exchange or mail):
        raise Problem("usage", "Give --exchange and --at, or --mail.", "See: tallyglass was-it-me --help")
    raw = _mail(mail) if mail else b""
    with options.session() as session:
        if mail:
            view = doubts.ask_mail(session, raw, exchange, ip, window=window)
        else:
            view = doubts.ask(session, exchange, at, ip, window=window)
    if options.json:
        show.as_json(view)
    else:
        _print_answer(view)
    if view["answer"] == "cannot_tell":
        raise typer.Exit(main.PARTIAL)


def _mail(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.read(_LARGEST)
        with Path(name).open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise Problem("usage", f"{name} cannot be read: {why}.", "Name a file with the mail.") from None


def _print_answer(view: AnswerView) -> None:
    show.out.print(show.styled(*_WORDS[view["answer"]]))
    show.out.print(view["why"], markup=False)
    rows = show.table(("time, UTC", "whole"), "key", "read", "from")
    for use in view["uses"]:
        time = use["time"][:19].replace("T", " ")
        rows.add_row(time, use["connection"] or "none", use["read"], use["egress_ip"] or "not known")
    if view["uses"]:
        show.print_table(rows)
    show.out.print(view["next"], markup=False)


@app.command()
def compromised(
    connection: Annotated[str, typer.Argument(help="The connection whose key may be stolen.")],
    since: Annotated[str, typer.Option(help="From when on; a day or a time. Else a week before.")] = "",
    report: Annotated[Path | None, typer.Option(help="Write the incident report (Markdown) and its journal.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Ask the exchange whether the key is dead.")] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="The key that replaced a suspected one is suspected too.")
    ] = False,
) -> None:
    """A key may be stolen: stop it at once, then what to do.

    What happened since then, a checklist, the proof that the key is dead. Once it is replaced, the key that took its
    place goes on.
    """
    with options.keeper() as keeper:
        # Before all else, even before the portfolio is opened.
        warning = cases.stop(keeper, connection, new_key=new_key)
        if not options.json:
            show.out.print(cases.stopped(keeper, connection), style="bold", markup=False)
        proof = cases.prove_dead(keeper, connection) if check else None
        with with_store(options.place(), keeper) as session:
            case = cases.incident(session, connection, since)
        if report is not None:
            cases.write_report(keeper, case, report)
    view = cases.view(case, warning=warning, proof=proof)
    if options.json:
        show.as_json(view)
    else:
        _print_case(view)
        if report is not None:
            show.out.print(f"The report: {report}", markup=False, soft_wrap=True)
    if warning:
        raise typer.Exit(main.FAILED)
    if proof is not None and proof["answer"] != "dead":
        raise typer.Exit(main.PARTIAL)


def _print_case(view: IncidentView) -> None:
    if view["about"]:
        show.out.print(view["about"], style="bold yellow", markup=False)
    if view["warning"]:
        show.out.print(view["warning"], style="bold red", markup=False)
    if view["proof"]:
        show.out.print(f"{view['proof']['text']} {view['proof']['fix']}".strip(), markup=False)
    show.out.print(f"\nSince {view['since'][:19].replace('T', ' ')} UTC", style="bold")
    rows = show.table(("time, UTC", "whole"), "what", "id")
    for order in view["orders"]:
        price = f" at {order['price']}" if order["price"] else ""
        told = f"open order: {order['side']} {order['amount']} {order['market']}{price}"
        rows.add_row(_time(order["time"]), told, order["id"])
    for entry in (*view["trades"], *view["withdrawals"], *view["others"]):
        legs = ", ".join(f"{leg['amount']} {leg['asset']}" for leg in entry["legs"])
        status = "" if entry["status"] == "done" else f", {entry['status']}"
        rows.add_row(_time(entry["time"]), f"{entry['kind']}: {legs}{status}", entry["id"])
    if rows.row_count:
        show.print_table(rows)
    else:
        show.out.print("No order, no trade and no withdrawal is known.")
    for gap in view["gaps"]:
        show.out.print(gap, style="yellow", markup=False)
    show.out.print(f"Uses of the key by Tallyglass: {len(view['uses'])}. {view['journal']}", markup=False)
    show.out.print("\nTo do", style="bold")
    for step in view["steps"]:
        done = {True: "done", False: "open", None: "yours"}[step["done"]]
        command = f" {step['command']}" if step["command"] and not step["done"] else ""
        show.out.print(f"  {done:5}  {step['text']}{command}", markup=False)


def _time(time: str) -> str:
    return time[:19].replace("T", " ")
