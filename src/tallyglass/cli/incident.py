"""Commands for the day of a doubt: was-it-me."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import was_it_me as doubts
from tallyglass.app.problems import Problem
from tallyglass.app.was_it_me import AnswerView
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options

_LARGEST = 2 * 1024 * 1024
_WORDS = {"yes": "[bold green]Yes.[/]", "no": "[bold red]No.[/]", "cannot_tell": "[bold yellow]That cannot be told.[/]"}


@app.command("was-it-me")
def was_it_me(
    exchange: Annotated[str, typer.Option(help="Whose mail it is; a whole mail tells.")] = "",
    at: Annotated[str, typer.Option(help="The time in the mail, as it stands there. Without a zone: UTC.")] = "",
    ip: Annotated[str, typer.Option(help="The address in the mail.")] = "",
    mail: Annotated[str, typer.Option(help="The whole mail, a file or - for standard input, instead of --at.")] = "",
    window: Annotated[float | None, typer.Option(help="Minutes before and after, 2 if not given.")] = None,
) -> None:
    """Whether a use that an exchange's mail tells of was ours.

    By the journal, and only if it is as it was written.
    """
    if bool(at) == bool(mail) or not (exchange or mail):
        raise Problem("usage", "Give --exchange and --at, or --mail.", "See: tallyglass was-it-me --help")
    raw = _mail(mail) if mail else b""
    with options.keeper() as keeper:
        if mail:
            view = doubts.ask_mail(keeper, raw, exchange, ip, window=window)
        else:
            view = doubts.ask(keeper, exchange, at, ip, window=window)
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
    show.out.print(_WORDS[view["answer"]])
    show.out.print(view["why"], markup=False)
    rows = show.table(("time, UTC", "whole"), "key", "read", "from")
    for use in view["uses"]:
        time = use["time"][:19].replace("T", " ")
        rows.add_row(time, use["connection"] or "none", use["read"], use["egress_ip"] or "not known")
    if view["uses"]:
        show.print_table(rows)
    show.out.print(view["next"], markup=False)
