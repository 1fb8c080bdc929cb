"""The command `performance`: what a period made of what was owned."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from tallyglass.app import format as shown
from tallyglass.app import performance as measuring
from tallyglass.app.asking import performance_asked
from tallyglass.app.performance import AssetView, BenchmarkView, DoubtView, MoneyWeightedView, PerformanceView
from tallyglass.cli import main, show
from tallyglass.cli.counting import counting, fetch
from tallyglass.cli.main import app
from tallyglass.cli.options import options
from tallyglass.money import subtract

if TYPE_CHECKING:
    from rich.table import Table

#: Lines of the chart.
HEIGHT = 8


@app.command()
def performance(
    period: Annotated[str, typer.Option(help="24h, 7d, 30d, 90d, month, year, all, 2025 or 2025-03.")] = "",
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="Instead: its first day.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Its last day.")] = "",
    benchmark: Annotated[str, typer.Option(metavar="MIX", help="Beside it: BTC, or BTC:60,ETH:40.")] = "",
    by: Annotated[str, typer.Option(help="asset: the figures of each.")] = "",
) -> None:
    """Return, gain, fees and risk of a period.

    Of all the time there is, if none is named. How each figure is made: docs/performance.md.
    """
    asked = performance_asked(period, first, last, benchmark, by)
    with options.session() as session:
        if options.nothing_yet(session.keeper):
            return
        fetch(session)
        with counting() as progress:
            found = measuring.performance(session, asked, progress)
    if options.json:
        show.as_json(found)
    else:
        _print(found)
    if not found["complete"] or (found["benchmark"] and found["benchmark"]["missing"]):
        raise typer.Exit(main.PARTIAL)


def _print(found: PerformanceView) -> None:
    until = "now" if found["at"] else f"the end of {found['to']}"
    mark = ("" if found["complete"] else "  partial", "bold yellow")
    days = f": from the end of {found['after']} to {until}"
    show.out.print(Text.assemble("\n", (found["period"], "bold"), days, mark))
    _print_chart(found)
    rows = show.table("", ("", "right"), "")
    _add_money(rows, found)
    _add_rates(rows, found)
    show.print_table(rows)
    if found["benchmark"]:
        _print_benchmark(found["benchmark"], found)
    if found["assets"] is not None:
        _print_assets(found["assets"], found)
    _print_doubts(found["causes"])


def _print_doubts(causes: list[DoubtView]) -> None:
    """Each reason once, with all that it is about."""
    alike: dict[str, list[DoubtView]] = {}
    for cause in causes:
        alike.setdefault(cause["code"], []).append(cause)
    for group in alike.values():
        first, last = min(each["first"] for each in group), max(each["last"] for each in group)
        days = first if first == last else f"{max(each['days'] for each in group)} days, {first} to {last}"
        show.doubt(f"{group[0]['text']} ({days})")
        if len(group) > 1:
            show.out.print(
                f"  the same: {', '.join(each['about'] for each in group[1:])}", style="yellow", markup=False
            )
    if any(each["code"] in ("price_missing", "flow_missing") for each in causes):
        show.out.print("  What is missing may be there to fetch: tallyglass prices backfill", markup=False)


def _print_chart(found: PerformanceView) -> None:
    """What one unit became, in percent."""
    if len(found["index"]) < 3:
        return
    values = [subtract(Decimal(each["index"]), Decimal(1)) for each in found["index"]]
    show.out.print()
    show.chart(values, (found["index"][0]["day"], found["index"][-1]["day"]), HEIGHT, shown.signed)
    show.out.print()


def _add_money(rows: Table, found: PerformanceView) -> None:
    currency = found["currency"]

    def change(figure: str) -> str:
        return shown.change("0", figure, currency)

    rows.add_row("value", shown.money(found["end"], currency), f"from {shown.money(found['start'], currency)}")
    rows.add_row("net deposits", change(found["net_deposits"]), "")
    rows.add_row(show.styled("gain"), show.styled(change(found["gain"])), "")
    rows.add_row("  of it fees", change(found["fees"]), "", style="dim")
    rows.add_row("  of it rewards", change(found["rewards"]), "", style="dim")


def _add_rates(rows: Table, found: PerformanceView) -> None:
    fall, swings, weighted = found["drawdown"], found["volatility"], found["money_weighted"]
    time = found["time_weighted"]
    rows.add_row(show.styled("time-weighted"), show.styled(_rate(time["rate"])), time["text"])
    rows.add_row("money-weighted", *_weighted(weighted))
    if fall is None:
        rows.add_row("drawdown", "none", "the index never fell")
    else:
        back = f"back on {fall['recovered']}" if fall["recovered"] else "not back yet"
        rows.add_row("drawdown", _rate(f"-{fall['depth']}"), f"{fall['peak']} to {fall['bottom']}, {back}")
    rows.add_row("volatility", _rate(swings["rate"]).removeprefix("+"), swings["text"] or "a year, of daily returns")


def _weighted(found: MoneyWeightedView) -> tuple[str, str]:
    annual, whole = found["annual"], found["whole"]
    return _rate(annual["rate"]), annual["text"] or f"a year; {_rate(whole['rate'])} in all"


def _rate(rate: str | None) -> str:
    return "none" if rate is None else shown.signed(Decimal(rate))


def _print_benchmark(held: BenchmarkView, found: PerformanceView) -> None:
    currency = found["currency"]
    gain = None if held["gain"] is None else shown.change("0", held["gain"], currency)
    rows = show.table(f"with {held['name']} instead", ("", "right"), "")
    rows.add_row("value", shown.money(held["value"], currency), "")
    rows.add_row("gain", gain or shown.UNKNOWN, "")
    rows.add_row("the mix alone", _rate(held["time_weighted"]["rate"]), held["time_weighted"]["text"])
    rows.add_row("money-weighted", *_weighted(held["money_weighted"]))
    show.out.print()
    show.print_table(rows)
    if held["overdrawn"]:
        text = f"On {held['overdrawn']} more had been taken out than {held['name']} would have been worth: it owes."
        show.doubt(text)
    for missing in held["missing"][:5]:
        show.doubt(f"{missing['asset']} has no price on {missing['day']}")
    if len(held["missing"]) > 5:
        show.doubt(f"… and {len(held['missing']) - 5} more prices are missing")


def _print_assets(assets: list[AssetView], found: PerformanceView) -> None:
    currency = found["currency"]
    rows = show.table("asset", ("value", "right"), ("put in", "right"), ("gain", "right"), ("return", "right"), "")
    for each in assets:
        rows.add_row(
            each["asset"],
            shown.money(each["end"], currency),
            shown.flow(each["net_deposits"], currency),
            shown.change("0", each["gain"], currency),
            _rate(each["time_weighted"]["rate"]),
            "" if each["complete"] else "partial",
        )
    rows.add_row("trades", "", "", shown.change("0", found["trades"] or "0", currency), "", "", style="dim")
    show.out.print()
    show.print_table(rows)
    show.out.print("put in: by trades and transfers; trades: against the prices of the day's end", style="dim")
