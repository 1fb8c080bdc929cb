"""Commands about exchanges and keys: exchanges, guide, inspect, connect, keys, freeze, thaw, disconnect, parse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from tallyglass.app import connections, key_file
from tallyglass.app import exchanges as pages
from tallyglass.app import format as shown
from tallyglass.app.views import VerdictView
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options
from tallyglass.keeper.client import Keeper, Locked, Unreachable

KeyFile = Annotated[str, typer.Option("--key-file", help="JSON with key and secret; - for standard input.")]
Exchange = Annotated[str, typer.Argument(help="kraken, binance, coinbase …")]
RIGHTS = {"read": "Read", "trade": "Trade", "withdraw": "Withdraw", "transfer": "Transfer", "manage": "Manage"}
STATES = {"granted": "yes", "absent": "no", "unknown": "not told"}


@app.command()
def exchanges() -> None:
    """The exchanges, what each can prove of a key, and every call that can be made."""
    found = pages.exchanges()
    if options.json:
        show.as_json(found)
        return
    for each in found:
        show.out.print(f"[bold]{each['name']}[/] ({each['id']})")
        show.out.print(f"  proves of a key: {', '.join(each['proves'])}; IP list: {each['ip']}")
        for stream, reach in each["history"].items():
            show.out.print(Padding(Text(f"{stream}: {reach}", style="dim"), (0, 0, 0, 2)))
        show.out.print(f"  The {len(each['reads'])} calls that can be made, with your key or without:", style="dim")
        for read in each["reads"]:
            show.out.print(f"    {read['method']} {read['host']}{read['path']}", markup=False, soft_wrap=True)
            show.out.print(Padding(Text(read["purpose"], style="dim"), (0, 0, 0, 6)))
        show.out.print()


@app.command()
def guide(exchange: Exchange) -> None:
    """Six steps to a read-only key, in the exchange's own words, with our addresses filled in."""
    text = pages.guide(exchange, _addresses(), datetime.now(UTC).date())
    if options.json:
        show.as_json({"exchange": exchange, "markdown": text})
        return
    from rich.markdown import Markdown

    show.out.print(Markdown(text), width=min(show.out.width, 80))


def _addresses() -> list[str]:
    """Our addresses, when a keeper runs that can tell; the guide is for those who have none yet, too."""
    try:
        return Keeper(options.place().socket, timeout=5).egress()
    except (Unreachable, Locked):
        return []


@app.command()
def inspect(exchange: Exchange, key_file_name: KeyFile) -> None:
    """What a key may do, as the exchange tells it. Nothing is stored."""
    fields = key_file.read_key_file(key_file_name)
    with options.keeper() as keeper:
        _verdict(connections.inspect(keeper, exchange, fields), keeper)


@app.command()
def connect(
    exchange: Exchange,
    key_file_name: KeyFile,
    label: Annotated[str, typer.Option(help="Your name for it.")] = "",
    accept_unproven: Annotated[bool, typer.Option(help="Store a key that cannot be proven read-only.")] = False,
) -> None:
    """Check a key, and store it if it is proven read-only."""
    fields = key_file.read_key_file(key_file_name)
    with options.keeper() as keeper:
        view = connections.connect(keeper, exchange, fields, label=label, accept_unproven=accept_unproven)
        _verdict(view, keeper)


def _verdict(view: VerdictView, keeper: Keeper) -> None:
    if options.json:
        show.as_json(view)
    else:
        show.sandbox_notice(keeper.health().sandbox)
        _print_verdict(view)
    stored = view["connection"] is not None
    if view["verdict"] == "refused":
        raise typer.Exit(main.REFUSED)
    if view["verdict"] == "unproven" and not stored:
        raise typer.Exit(main.UNPROVEN)


def _print_verdict(view: VerdictView) -> None:
    rows = show.table("", "")
    for right, name in RIGHTS.items():
        state = view["grants"].get(right, "unknown")
        good = (state == "granted") == (right == "read") and state != "unknown"
        colour = "green" if good else "yellow" if state == "unknown" else "red"
        rows.add_row(f"  {name}", f"[{colour}]{STATES[state]}[/]")
    bound = {"yes": "yes", "no": "no, works from anywhere", "unknown": "not told"}[view["ip"]["bound"]]
    rows.add_row(
        "  Bound to addresses", bound + (f" ({', '.join(view['ip']['addresses'])})" if view["ip"]["addresses"] else "")
    )
    if view["expires_at"]:
        rows.add_row("  Expires", view["expires_at"])
    show.out.print(rows)
    words = {"accepted": "[bold green]Read-only, by proof.[/]", "refused": "[bold red]Refused. Nothing was stored.[/]"}
    unproven = "[bold yellow]Not proven to be read-only.[/]" + ("" if view["connection"] else " Nothing was stored.")
    show.out.print(words.get(view["verdict"], unproven))
    for reason in view["reasons"]:
        show.out.print(f"• {reason['text']}", markup=False)
        if reason["fix"]:
            show.out.print(f"  {reason['fix']}", markup=False)
    if view["connection"]:
        show.out.print(f"Connected as [bold]{view['connection']}[/]. Next: tallyglass sync")


@app.command()
def keys() -> None:
    """Every key: state, rights, binding, age, what to do next."""
    with options.keeper() as keeper:
        found = connections.keys(keeper, datetime.now(UTC))
        sandbox = keeper.health().sandbox
    if options.json:
        show.as_json(found)
        return
    show.sandbox_notice(sandbox)
    if not found:
        show.out.print("No keys yet. Start with: tallyglass guide kraken")
        return
    rows = show.table("connection", "state", "rights", "bound", "age", "due in", "last used")
    for key in found:
        rights = ", ".join(right for right, state in key["grants"].items() if state == "granted")
        rows.add_row(
            key["connection"],
            key["state"] + (" (unproven)" if key["unproven"] else ""),
            rights,
            key["ip"]["bound"],
            shown.age(key["created_at"] or key["admitted_at"]),
            _until(key["due_at"]),
            shown.age(key["last_used_at"]),
        )
    show.out.print(rows)
    for key in found:
        for finding in key["findings"]:
            show.out.print(f"{key['connection']}: {finding['text']}", markup=False, style="yellow")
            show.out.print(f"  {finding['fix']}", markup=False)


def _until(time: str | None) -> str:
    if time is None:
        return ""
    days = (datetime.fromisoformat(time) - datetime.now(UTC)).days
    return f"{days} d" if days >= 0 else f"{-days} d ago"


@app.command()
def freeze(connection: str, why: Annotated[str, typer.Option(help="For the journal.")] = "") -> None:
    """Stop using a key, at once."""
    with options.keeper() as keeper:
        connections.freeze(keeper, connection, why)
    _said({"connection": connection, "state": "frozen"}, f"{connection} is frozen: its key is not used.")


@app.command()
def thaw(connection: str) -> None:
    """Use a frozen key again, if the exchange still proves it read-only."""
    with options.keeper() as keeper:
        _verdict(connections.thaw(keeper, connection), keeper)


@app.command()
def disconnect(
    connection: str,
    forget_history: Annotated[bool, typer.Option(help="Delete its entries and balances too.")] = False,
) -> None:
    """Remove a key from the vault. History stays unless asked. Then delete the key at the exchange."""
    with options.session() as session:
        gone = connections.disconnect(session, connection, forget_history=forget_history)
    name = pages.exchange(gone.exchange).name
    text = f"{connection}: the secret is gone from the vault. The key still exists: delete {gone.key_name} at {name}."
    _said({"connection": connection, "state": "gone", "key_name": gone.key_name}, text)


def _said(view: dict[str, str], text: str) -> None:
    if options.json:
        show.as_json(view)
    else:
        show.out.print(text, markup=False)


@app.command()
def parse(
    exchange: Exchange,
    read: Annotated[str, typer.Argument(help="A read of its manifest: balances, trades …")],
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="The exchange's raw answer.")],
) -> None:
    """A raw answer in, normalised items out: for support, and for tests."""
    found = pages.parse(exchange, read, file.read())
    if options.json:
        show.as_json(found)
        return
    for item in found["items"]:
        show.out.print_json(data=item)
    show.out.print(f"{len(found['items'])} items, {len(found['unparsed'])} not understood")
