"""Commands about what opens a home: passphrase, recovery-kit, set-auto-lock."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import recovery
from tallyglass.app import unlocking as ways
from tallyglass.app.problems import Problem
from tallyglass.app.session import check_passphrase
from tallyglass.cli import prompt, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options, read_passphrase


@app.command()
def passphrase(
    new: Annotated[
        Path | None, typer.Option("--new-passphrase-file", help="A path or /dev/fd/N; else a prompt.")
    ] = None,
    remember: Annotated[bool, typer.Option("--remember", help="Keep it in the OS key store.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take it out of the OS key store.")] = False,
) -> None:
    """Change the passphrase.

    Or keep it in the OS key store, so that a login opens the home too.
    """
    if remember and forget:
        raise Problem("usage", "Either --remember or --forget.", "Say which.")
    if forget:
        was = ways.forget(options.here())
        _said("forgotten" if was else "not_kept", "The OS key store has it no more." if was else "It was not there.")
        return
    with options.keeper() as keeper:
        home, old = options.place(), options.present_passphrase()
        if remember:
            store = ways.remember(home, keeper, old)
            _said("remembered", f"The OS key store ({store}) has it now: who is logged in as you opens this home.")
            return
        ways.change(home, keeper, old, _new(new))
    _said("changed", "The new passphrase opens this home. Copies and backups from before open with the old one.")


def _new(file: Path | None) -> str:
    if file is not None:
        found = read_passphrase(file)
        check_passphrase(found)
        return found
    return prompt.new_passphrase()


def _said(state: str, text: str) -> None:
    if options.json:
        show.as_json({"passphrase": state})
    else:
        show.out.print(text, markup=False)


@app.command("recovery-kit")
def recovery_kit(
    output: Annotated[Path | None, typer.Option(help="A file, which must not be there yet; else it is shown.")] = None,
) -> None:
    """A page to print: how to get back in.

    Nothing in it is secret; the passphrase is written onto the paper by hand.
    """
    with options.keeper() as keeper:
        text = recovery.kit(options.place(), keeper, datetime.now(UTC))
    if options.json:
        show.as_json({"text": text})
    elif output is None:
        typer.echo(text, nl=False)
    else:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        show.out.print(f"Written to {output}: print it, and write the passphrase onto the paper by hand.", markup=False)


@app.command("set-auto-lock")
def set_auto_lock(
    minutes: Annotated[int, typer.Argument(help="0: never.", min=0, max=ways.LONGEST_MINUTES)],
) -> None:
    """Lock after so many minutes without a reader.

    The program that runs (tallyglass up) then forgets every secret, and does not sync until it is unlocked.
    """
    with options.session() as session:
        ways.set_auto_lock(session, minutes)
    if options.json:
        show.as_json({"minutes": minutes})
    else:
        when = f"after {minutes} minutes in which nobody used the dashboard" if minutes else "never by itself"
        show.out.print(f"Tallyglass locks {when}.")
