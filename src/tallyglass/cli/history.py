"""`tallyglass history`: what happened, by what it has in common and by its names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from tallyglass.app import format as shown
from tallyglass.app import history as ledger
from tallyglass.app.views import EntryView
from tallyglass.cli import show
from tallyglass.cli.flags import flags
from tallyglass.cli.main import app
from tallyglass.cli.options import options


@dataclass(frozen=True, slots=True)
class Asked(ledger.Question):
    """The question as flags, and how the answer is printed."""

    limit: Annotated[int, typer.Option(help="Entries a page, up to 1000.")] = 50
    after: Annotated[str, typer.Option(help="`next` of the page before.")] = ""
    connection: Annotated[str, typer.Option(help="Only this one.")] = ""
    kind: Annotated[str, typer.Option(help="Only trades: trade; or deposit, withdrawal, reward, transfer …")] = ""
    asset: Annotated[str, typer.Option(help="Only what moved this asset.")] = ""
    since: Annotated[str, typer.Option("--from", help="From this day (or moment) on, UTC.")] = ""
    until: Annotated[str, typer.Option("--to", help="Up to this day, and with it.")] = ""
    search: Annotated[str, typer.Option(help="Words of an id, order, transaction, market, note.")] = ""
    pending: Annotated[bool, typer.Option(help="What is on its way, or has failed.")] = False
    entry: Annotated[str, typer.Option(help="All about the entry of this id.")] = ""
    ids: Annotated[bool, typer.Option("--ids", help="With the id of each entry.")] = False


@app.command()
@flags(Asked)
def history(asked: Asked) -> None:
    """What happened, newest first."""
    with options.session() as session:
        if asked.entry:
            found, waiting = ledger.entry(session, asked.entry), []
        else:
            found = ledger.history(session, asked)
            waiting = ledger.history(session, ledger.Question(connection=asked.connection, pending=True))["items"]
        if not found["items"] and not waiting and not asked.is_narrow and options.nothing_yet(session.keeper):
            return
    if options.json:
        show.as_json(found)
        return
    printed = _print_whole if asked.entry else _print_ids if asked.ids else _print_entries
    printed(found["items"])
    if found["next"]:
        show.out.print(f"More: tallyglass history --after {found['next']}", style="dim", markup=False, soft_wrap=True)
    if waiting and not asked.pending:
        show.out.print(f"{len(waiting)} more on their way or failed: tallyglass history --pending", style="yellow")


def _print_whole(items: list[EntryView]) -> None:
    """An entry with its facts, and what it was before."""
    for entry in items:
        _print_ids([entry])
        told = {"note": entry["note"], "transaction": entry["txid"], **entry["facts"], "to": entry["partner"] or ""}
        for name, value in told.items():
            if value:
                show.out.print(Padding(Text(f"{name}: {value}"), (0, 0, 0, 2)))
        for change in entry["changes"]:
            was = json.dumps(change["was"], ensure_ascii=False)
            show.out.print(Padding(Text(f"until {change['at']} it was {was}"), (0, 0, 0, 2)), style="dim")


def _print_entries(items: list[EntryView]) -> None:
    rows = show.table(("time", "whole"), "connection", "kind", ("amount", "right"), "asset")
    for entry in items:
        kind = _kind(entry)
        if entry["partner"]:
            partner = shown.place(entry["partner"].partition("/")[0])
            kind += f"\n{'from' if entry['kind'] == 'deposit' else 'to'} {partner}"
        amounts = [
            f"{'' if leg['amount'].startswith('-') else '+'}{shown.quantity(leg['amount'])}" for leg in entry["legs"]
        ]
        assets = [f"{leg['asset']}{' fee' if leg['role'] == 'fee' else ''}" for leg in entry["legs"]]
        rows.add_row(_time(entry), shown.place(entry["connection"]), kind, "\n".join(amounts), "\n".join(assets))
    show.print_table(rows)


def _print_ids(items: list[EntryView]) -> None:
    """An id is long and is copied: it has a line of its own."""
    for entry in items:
        legs = ", ".join(f"{shown.movement(leg['amount'])} {leg['asset']}" for leg in entry["legs"])
        show.out.print(entry["id"], style="bold", markup=False, soft_wrap=True)
        show.out.print(Padding(Text(f"{_time(entry)} {_kind(entry)}: {legs}"), (0, 0, 0, 2)))


def _kind(entry: EntryView) -> str:
    return entry["kind"] if entry["status"] == "done" else f"{entry['kind']} ({entry['status']})"


def _time(entry: EntryView) -> str:
    return entry["time"][:16].replace("T", " ")
