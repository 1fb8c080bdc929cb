"""Commands about alerts: where they go, when, and what went out."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tallyglass.app import alert_settings, alerts, watching
from tallyglass.app.alerts import AlertsView, DeliveryView
from tallyglass.app.problems import Problem
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(rich_markup_mode=None)
app.add_typer(commands, name="alerts")
LONGEST = 4096

Zone = Annotated[str, typer.Option(help="As Europe/Vienna; else the machine's own.")]
Off = Annotated[bool, typer.Option("--off", help="End it.")]


@commands.callback(invoke_without_command=True)
def alerts_(context: typer.Context) -> None:
    """Where alerts go: mail, ntfy, Telegram and others."""
    if context.invoked_subcommand is None:
        list_()


@commands.command("list")
def list_() -> None:
    """The channels, quiet hours, the digest."""
    with options.session() as session:
        _print(alerts.overview(session))


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="Your name for it.")],
    url_file: Annotated[Path | None, typer.Option(help="Its address; - is standard input.")] = None,
    least: Annotated[
        Literal["urgent", "warning", "notice"], typer.Option(help="What goes there, and worse.")
    ] = "notice",
) -> None:
    """Add a channel. Its address, as Apprise writes it, is a secret: it is asked for unseen, or read from a file."""
    address = _address(url_file)
    with options.session() as session:
        view = alerts.add(session, name, address, least)
    if options.json:
        show.as_json(view)
    else:
        show.out.print(f"{name} ({view['kind']}) gets what is {least} or worse.", markup=False)
        show.out.print(f"Try it: tallyglass alerts test {name}", markup=False)


@commands.command()
def remove(name: Annotated[str, typer.Argument()]) -> None:
    """Forget a channel."""
    with options.session() as session:
        alerts.remove(session, name)
    if options.json:
        show.as_json({"name": name, "state": "gone"})
    else:
        show.out.print(f"{name} is forgotten, and what waited for it.", markup=False)


@commands.command("test")
def try_out(name: Annotated[str, typer.Argument()] = "") -> None:
    """Send a message to one channel, or to all."""
    with options.session() as session:
        rows = alerts.try_out(session, name)
    _print_rows(rows)
    if not all(row["state"] == "delivered" for row in rows):
        raise typer.Exit(main.FAILED)


@commands.command()
def check() -> None:
    """Look now, and send what is new. A program that runs (`up`) does so by itself."""
    with options.session() as session:
        rows = alerts.check(session)
    _print_rows(rows)
    if any(row["fault"] for row in rows):
        raise typer.Exit(main.PARTIAL)


@commands.command()
def sent(limit: Annotated[int, typer.Option(min=1, max=1000)] = 20) -> None:
    """What went out, and what waits, newest first."""
    with options.session() as session:
        _print_rows(alerts.sent(session, limit))


@commands.command()
def quiet(
    begin: Annotated[str, typer.Argument(metavar="FROM")] = "",
    end: Annotated[str, typer.Argument(metavar="TO")] = "",
    zone: Zone = "",
    off: Off = False,
) -> None:
    """Hours in which only what is urgent goes out: 22:00 07:00."""
    if not off and not end:
        raise Problem(
            "usage", "Quiet hours have a beginning and an end.", "For example: tallyglass alerts quiet 22:00 07:00"
        )
    hours = None if off else alert_settings.read_quiet(begin, end, zone)
    with options.session() as session:
        _print(alerts.set_quiet(session, hours))


@commands.command()
def digest(
    day: Annotated[str, typer.Option(help="Send it every week on this day.")] = "",
    at: Annotated[str, typer.Option(help="At this time.")] = "08:00",
    zone: Zone = "",
    balances: Annotated[bool, typer.Option("--balances", help="With the net worth.")] = False,
    off: Off = False,
) -> None:
    """Your keys this week: show it now, or have it sent every week."""
    if day or off:
        when = None if off else alert_settings.read_weekly(day, at, zone, balances=balances)
        with options.session() as session:
            _print(alerts.set_digest(session, when))
        return
    with options.session() as session:
        text = alerts.digest(session)
    if options.json:
        show.as_json({"text": text})
    else:
        show.out.print(text, markup=False)


@commands.command()
def price(
    asset: Annotated[str, typer.Argument(help="BTC")],
    side: Annotated[Literal["above", "below"], typer.Argument()],
    level: Annotated[str, typer.Argument(metavar="PRICE", help="100000")],
    currency: Annotated[str, typer.Argument(help="USD")],
    off: Off = False,
) -> None:
    """Tell when a price is above or below a level: once, until it has come back."""
    told: watching.WatchView = {"asset": asset, "side": side, "price": level, "currency": currency}
    with options.session() as session:
        watching.watch_price(session, told, off=off)
        _print(alerts.overview(session))


@commands.command()
def drift(
    points: Annotated[str, typer.Argument(help="5: an asset at 45 or 55 where its target is 50.")] = "",
    off: Off = False,
) -> None:
    """Tell when an asset is so many points from its target."""
    with options.session() as session:
        watching.watch_drift(session, points, off=off)
        _print(alerts.overview(session))


@commands.command()
def calendar(
    output: Annotated[Path | None, typer.Option(help="Where it goes; else it is printed.")] = None,
    link: Annotated[bool, typer.Option("--link", help="Make a link for calendar programs; the last one ends.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="End the link.")] = False,
) -> None:
    """Due dates as a calendar file (.ics), or a link to it."""
    if link or revoke:
        _link(revoke=revoke)
        return
    with options.session() as session:
        feed = alerts.dues(session).decode()
    if output is not None:
        try:
            output.write_text(feed, encoding="utf-8", newline="")
        except OSError as error:
            raise Problem("not_writable", f"{output}: {os.strerror(error.errno or 0)}.", "Name another file.") from None
    if options.json:
        show.as_json({"file": output and str(output), "events": feed.count("BEGIN:VEVENT")})
    elif output is None:
        sys.stdout.write(feed)
    else:
        show.out.print(f"{output} has {feed.count('BEGIN:VEVENT')} due dates.", markup=False)


def _link(*, revoke: bool) -> None:
    """Make the link of the calendar, or end it."""
    with options.session() as session:
        if revoke:
            there, path = alerts.revoke_link(session), None
        else:
            there, path = True, alerts.make_link(session)
    if options.json:
        show.as_json({"path": path, "revoked": revoke and there})
    elif path is None:
        show.out.print("The link is over." if there else "There was no link.")
    else:
        show.out.print("For your calendar program, behind the dashboard's address while `up` runs:", markup=False)
        show.out.print(path, markup=False, soft_wrap=True)
        show.out.print("Whoever has it sees when which key is due, and nothing else. It is shown once.", markup=False)


def _address(file: Path | None) -> str:
    """Never an argument: other programs of this machine can read those."""
    if file is None:
        if not sys.stdin.isatty():
            raise Problem(
                "usage", "No address was given.", "Name a file with --url-file FILE, or - for standard input."
            )
        return getpass.getpass("The channel's address (not shown): ").strip()
    try:
        if str(file) == "-":
            return sys.stdin.readline(LONGEST).strip()
        with file.open(encoding="utf-8") as opened:
            return opened.readline(LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is not text"
        raise Problem("usage", f"{file} cannot be read: {why}.", "Its first line is the address.") from None


def _print(view: AlertsView) -> None:
    if options.json:
        show.as_json(view)
        return
    if view["channels"]:
        rows = show.table("channel", "kind", "address", "gets")
        for each in view["channels"]:
            rows.add_row(each["name"], each["kind"], each["address"], f"{each['least']} and worse")
        show.print_table(rows)
    else:
        show.out.print("Alerts go nowhere yet: tallyglass alerts add NAME")
    if view["quiet"]:
        show.out.print(f"Quiet from {view['quiet']['begin']} to {view['quiet']['end']} {view['quiet']['zone']}".strip())
    if view["digest"]:
        show.out.print(f"Digest every {view['digest']['day']}, {view['digest']['at']} {view['digest']['zone']}".strip())
    for level in view["watched"]["prices"]:
        show.out.print(f"Watched: {level['asset']} {level['side']} {level['price']} {level['currency']}", markup=False)
    if view["watched"]["drift"]:
        show.out.print(f"Watched: drift of more than {view['watched']['drift']} points")
    if view["waiting"]:
        show.out.print(f"{view['waiting']} waiting: tallyglass alerts sent", style="yellow")


def _print_rows(found: list[DeliveryView]) -> None:
    if options.json:
        show.as_json(found)
        return
    if not found:
        show.out.print("Nothing was sent.")
        return
    rows = show.table(("time (UTC)", "whole"), "channel", "what", "state")
    for row in found:
        state = row["state"].replace("_", " ") + (f": {row['fault']}" if row["fault"] else "")
        rows.add_row(row["time"][:16].replace("T", " "), row["channel"], row["title"], state)
    show.print_table(rows)
