"""Commands about exchanges and keys: exchanges, guide, inspect, connect, keys, freeze, thaw, parse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tallyglass.app import connections, hygiene
from tallyglass.app import exchanges as pages
from tallyglass.app import format as shown
from tallyglass.app.key_views import FindingView, KeyView, ReasonView, VerdictView
from tallyglass.cli import main, own_keys, show
from tallyglass.cli.handing import Given, Keep, KeyFile, KeyFrom, KeyId
from tallyglass.cli.main import app
from tallyglass.cli.options import options

Exchange = Annotated[str, typer.Argument(help="kraken, binance, coinbase …")]
RIGHTS = {"read": "Read", "trade": "Trade", "withdraw": "Withdraw", "transfer": "Transfer", "manage": "Manage"}
STATES = {"granted": "yes", "absent": "no", "unknown": "not told"}


@app.command()
def exchanges() -> None:
    """The exchanges, and what each can prove of a key.

    And every call that can be made there.
    """
    found = pages.exchanges()
    if options.json:
        show.as_json(found)
        return
    for each in found:
        show.out.print(Text.assemble((each["name"], "bold"), f" ({each['id']})"))
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
    """Six steps to a read-only key.

    In the exchange's own words, with our addresses filled in.
    """
    from tallyglass.app import egress

    manifest = pages.exchange(exchange)
    text = pages.guide(exchange, egress.for_guide(options.place(), manifest.id), datetime.now(UTC).date())
    if options.json:
        show.as_json({"exchange": exchange, "markdown": text})
        return
    from rich.markdown import Markdown

    show.out.print(Markdown(text), width=min(show.out.width, 80))


@app.command()
def inspect(exchange: Exchange, key_file: KeyFile = "", key_from: KeyFrom = "", key_id: KeyId = "") -> None:
    """What a key may do, as the exchange tells it. Nothing is stored."""
    fields = Given(key_file, key_from, id=key_id).fields(exchange)
    with options.keeper() as keeper:
        view = connections.inspect(keeper, exchange, fields)
    verdict(view, {"accepted": f"Nothing was stored. To connect it: tallyglass connect {exchange} --key-file FILE"})


@app.command()
def connect(  # noqa: PLR0913  (each is an option of the command)
    exchange: Exchange,
    *,
    key_file: KeyFile = "",
    key_from: KeyFrom = "",
    keep_reference: Keep = False,
    key_id: KeyId = "",
    make_key: Annotated[bool, typer.Option(help="Make a key pair here, and show its public half.")] = False,
    anew: Annotated[bool, typer.Option(help="With --make-key: another pair than the one that waits.")] = False,
    label: Annotated[str, typer.Option(help="Your name for it.")] = "",
    accept_unproven: Annotated[bool, typer.Option(help="Store a key that cannot be proven read-only.")] = False,
) -> None:
    """Check a key, and store it if it is proven read-only."""
    if make_key:
        own_keys.make_key(exchange, anew=anew)
        return
    fields = Given(key_file, key_from, keep_reference, key_id).fields(exchange)
    with options.keeper() as keeper:
        view = connections.connect(keeper, exchange, fields, label=label, accept_unproven=accept_unproven)
    called = f" ({label})" if label else ""
    stored = f"Connected as {view['connection']}{called}. Next: tallyglass sync"
    verdict(view, dict.fromkeys(("accepted", "unproven"), stored) if view["connection"] else {})


_NOT_STORED = {
    "refused": "Nothing was stored.",
    "unproven": "Nothing was stored. If you have looked for yourself and are sure of this key: "
    "tallyglass connect … --accept-unproven. It will be shown as unproven everywhere.",
}


def verdict(view: VerdictView, ends: Mapping[str, str], otherwise: Mapping[str, str] = _NOT_STORED) -> None:
    """Show a verdict with what came of it, and leave with its exit code."""
    end = ends.get(view["verdict"], "")
    if options.json:
        show.as_json(view)
    else:
        _print_verdict(view, end or otherwise[view["verdict"]])
    if not end:
        raise typer.Exit(main.REFUSED if view["verdict"] == "refused" else main.UNPROVEN)


def _print_verdict(view: VerdictView, end: str) -> None:
    rows = show.table("", "")
    rows.show_header = False
    for right, name in RIGHTS.items():
        state = view["grants"].get(right, "unknown")
        good = (state == "granted") == (right == "read") and state != "unknown"
        colour = "green" if good else "yellow" if state == "unknown" else "red"
        rows.add_row(f"  {name}", show.styled(STATES[state], colour))
    bound = {"yes": "yes", "no": "no, works from anywhere", "unknown": "not told"}[view["ip"]["bound"]]
    addresses = ", ".join(view["ip"]["addresses"])
    rows.add_row("  Bound to addresses", f"{bound} ({addresses})" if addresses else bound)
    if view["expires_at"]:
        rows.add_row("  Expires", view["expires_at"])
    show.out.print(rows)
    words = {
        "accepted": ("Read-only, by proof.", "bold green"),
        "refused": ("Refused.", "bold red"),
        "unproven": ("Not proven to be read-only.", "bold yellow"),
    }
    show.out.print(show.styled(*words[view["verdict"]]))
    _print_reasons(view["reasons"])
    show.out.print(end, markup=False)


def _print_reasons(reasons: list[ReasonView]) -> None:
    """Each reason; what to do stands once below those that share it."""
    rows = Table.grid(padding=(0, 1))
    for reason, after in zip_longest(reasons, reasons[1:]):
        rows.add_row("•", Text(reason["text"]))
        if reason["fix"] and (after is None or after["fix"] != reason["fix"]):
            rows.add_row("", Text(reason["fix"]))
    if reasons:
        show.out.print(rows)


@app.command()
def keys() -> None:
    """Every key: state, rights, age, what to do next."""
    with options.session() as session:
        found = hygiene.keys(session)
    if options.json:
        show.as_json(found)
        return
    if not found:
        show.out.print("No keys yet. Start with: tallyglass guide kraken")
        return
    print_keys(found)
    for key in found:
        for finding in key["findings"]:
            if not finding["snoozed_until"]:
                print_finding(finding)


def print_keys(found: list[KeyView]) -> None:
    """A line for each key."""
    rows = show.table("grade", "connection", "state", "rights", "bound", "age", "due in", "last used")
    for key in found:
        rights = ", ".join(right for right, state in key["grants"].items() if state == "granted")
        rows.add_row(
            key["grade"] or "",
            Text("\n".join(filter(None, (key["connection"], key["label"])))),
            key["state"] + (" (unproven)" if key["unproven"] else ""),
            rights,
            key["ip"]["bound"],
            shown.age(key["created_at"] or key["admitted_at"]),
            _until(key["due_at"]),
            shown.age(key["last_used_at"]),
        )
    show.print_table(rows)


def print_finding(finding: FindingView) -> None:
    """What is so, what to do, and the command that closes it."""
    colour = {"urgent": "bold red", "warning": "yellow", "notice": "bold"}[finding["severity"]]
    show.out.print()
    show.out.print(Text(finding["title"], style=colour))
    fix = f"{finding['fix'].rstrip('.')}:" if finding["fix"] and finding["action"] else finding["fix"]
    for words in filter(None, (finding["text"], fix)):
        show.out.print(Padding(Text(words), (0, 0, 0, 2)))
    if finding["action"]:
        show.out.print(f"    {finding['action']}", markup=False, soft_wrap=True)


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
    """Use a frozen key again, if it is still read-only."""
    with options.keeper() as keeper:
        view = connections.thaw(keeper, connection)
    used = f"{connection} is in use again. Next: tallyglass sync {connection}"
    frozen = f"{connection} is frozen: its key is not used."
    ends = dict.fromkeys(("accepted", "unproven"), used) if view["state"] == "active" else {}
    verdict(view, ends, dict.fromkeys(("accepted", "refused", "unproven"), frozen))


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
    asked: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A param that it answers.")] = None,
) -> None:
    """A raw answer in, items out: for support and tests."""
    params = {name: value for name, _, value in (each.partition("=") for each in asked or ())}
    found = pages.parse(exchange, read, file.read(), params)
    if options.json:
        show.as_json(found)
        return
    for item in found["items"]:
        show.out.print_json(data=item)
    show.out.print(f"{len(found['items'])} items, {len(found['unparsed'])} not understood")
