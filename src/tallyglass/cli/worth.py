"""Commands about worth: what everything is worth now, at a time, and through time."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer
from rich.text import Text

from tallyglass.app import format as shown
from tallyglass.app import worth as valuing
from tallyglass.app import worth_history as through_time
from tallyglass.app.asking import day_of, history_asked
from tallyglass.app.past_worth import worth_at
from tallyglass.app.views import WorthView
from tallyglass.app.worth_history import PointView, WorthHistoryView
from tallyglass.cli import main, show
from tallyglass.cli.counting import counting, fetch
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(rich_markup_mode=None)
app.add_typer(commands, name="worth")

#: Lines of a chart, and points of a table that is read rather than looked at.
HEIGHT, MOST = 10, 40


@commands.callback(invoke_without_command=True)
def worth(
    context: typer.Context,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="A day (2026-01-31: its end) or a time (2026-01-31T12:00Z).")
    ] = "",
) -> None:
    """What everything is worth, from stored data.

    Says so when it is not the whole.
    """
    if context.invoked_subcommand is not None:
        return
    with options.session() as session:
        found = valuing.worth_view(session, worth_at(session, at) if at else None)
        if not found["sources"] and options.nothing_yet(session.keeper):
            return
    if options.json:
        show.as_json(found)
    else:
        print_worth(found, at)
    if not found["complete"]:
        raise typer.Exit(main.PARTIAL)


def print_worth(found: WorthView, at: str = "") -> None:
    """Net worth and holdings for people. `at`: the time that is past."""
    currency = found["currency"]
    mark = ("" if found["complete"] else " partial", "bold yellow")
    show.out.print(Text.assemble("\nNet worth  ", (shown.money(found["total"], currency), "bold"), mark))
    connected = [source for source in found["sources"] if source["status"] != "yours"]
    fresh = [f"{source['connection']} {shown.age(source['fresh_at'])}" for source in connected]
    words = f"at {at}: {', '.join(each['connection'] for each in connected)}" if at else ", ".join(fresh)
    show.out.print(words or "no connections yet", style="dim")
    _print_stated(found)
    for cause in found["causes"]:
        show.doubt(cause["text"])
    rows = show.table("asset", ("amount", "right"), ("price", "right"), "source", ("value", "right"))
    for holding in found["holdings"]:
        rows.add_row(
            holding["asset"],
            shown.quantity(holding["amount"]),
            shown.price(holding["price"], currency),
            holding["price_source"] or "",
            shown.money(holding["value"], currency),
        )
    show.out.print()
    show.print_table(rows)


def _print_stated(found: WorthView) -> None:
    """What rests on the reader's own word, apart, with the days for which it was last given."""
    yours = [source for source in found["sources"] if source["status"] == "yours"]
    if not yours:
        return
    figures = (shown.money(figure, found["currency"]) for figure in (found["stated"], found["total"]))
    said = [f"{shown.place(source['connection'])} {(source['fresh_at'] or 'nothing yet')[:10]}" for source in yours]
    words = f"stated by you: {' of '.join(figures)} ({', '.join(said)})"
    show.out.print(words, style="dim", markup=False)
    for source in yours:
        if source["text"]:
            show.out.print(f"{shown.place(source['connection'])}: {source['text']}", style="yellow", markup=False)


@commands.command()
def history(
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day; else the first there is.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day; else today.")] = "",
    every: Annotated[str, typer.Option(help="hour, day, week, month, quarter or year.")] = "day",
    by: Annotated[str, typer.Option(help="asset, connection or kind: the parts, too.")] = "",
) -> None:
    """Net worth through time, from the first entry to now."""
    if every == "hour":
        _hours(first, last)
        return
    asked = history_asked(first, last, every, by)
    with options.session() as session:
        fetch(session)
        with counting() as progress:
            found = through_time.history(session, asked, progress)
    if options.json:
        show.as_json(found)
    else:
        _print_history(found)
    if not all(point["complete"] for point in found["points"]):
        raise typer.Exit(main.PARTIAL)


def _hours(first: str, last: str) -> None:
    """What was seen within the days."""
    with options.session() as session:
        found = through_time.hours(session, day_of(first), day_of(last))
    if options.json:
        show.as_json(found)
        return
    if not found["points"]:
        show.out.print("Nothing was looked at in these days: every sync keeps a look, one an hour.")
    rows = show.table(("time", "whole"), ("net worth", "right"), "")
    for point in found["points"][-MOST:]:
        mark = "" if point["complete"] else "partial"
        rows.add_row(point["at"] or "", shown.money(point["total"], found["currency"]), mark)
    show.print_table(rows)


def _print_history(found: WorthHistoryView) -> None:
    points, currency = found["points"], found["currency"]
    if not points:
        show.out.print("Nothing was owned in these days.")
        return
    _print_chart(points, currency)
    rows = show.table(("day", "whole"), ("net worth", "right"), ("change", "right"), ("came in", "right"), "")
    shown_points = points[-MOST:]
    if len(points) > MOST:
        show.out.print(
            f"the last {MOST} of {len(points)} points; all of them: --json, or fewer: --every month", style="dim"
        )
    for before, point in zip([None, *points][-len(shown_points) - 1 :], shown_points, strict=False):
        change = "" if before is None else shown.change(before["total"], point["total"], currency)
        mark = "" if point["complete"] else "partial"
        day = f"{point['day']} now" if point["at"] else point["day"]
        rows.add_row(day, shown.money(point["total"], currency), change, shown.flow(point["flow"], currency), mark)
    show.print_table(rows)
    _print_causes(points)


def _print_chart(points: list[PointView], currency: str) -> None:
    values = [Decimal(point["total"]) for point in points]
    show.chart(values, (points[0]["day"], points[-1]["day"]), HEIGHT, lambda value: shown.short(value, currency))


def _print_causes(points: list[PointView]) -> None:
    """Each reason once, with the days that it stands for."""
    found: dict[str, list[str]] = {}
    for point in points:
        for cause in point["causes"]:
            found.setdefault(cause["text"], []).append(point["day"])
    for text, days in found.items():
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        show.doubt(f"{text} ({when})")
