"""Commands to decide by: targets and movers. Tallyglass itself never trades, and cannot."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from tallyglass.app import deciding
from tallyglass.app import format as shown
from tallyglass.app.deciding import MoversView, TargetsView
from tallyglass.cli import main, show
from tallyglass.cli.counting import counting
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(rich_markup_mode=None)
app.add_typer(commands, name="targets")


@commands.callback(invoke_without_command=True)
def targets(context: typer.Context) -> None:
    """How far from your targets, and what to trade."""
    if context.invoked_subcommand is None:
        with options.session() as session:
            found = deciding.targets(session)
        _show(found)


@commands.command("set")
def set_(told: Annotated[str, typer.Argument(metavar="SHARES", help="BTC:50,ETH:30,others:20")]) -> None:
    """Set the targets: shares in percent, 100 together."""
    with options.session() as session:
        found = deciding.set_targets(session, told)
    _show(found)


@commands.command()
def clear() -> None:
    """Forget the targets."""
    with options.session() as session:
        deciding.clear_targets(session)
    if options.json:
        show.as_json({"targets": {}})
    else:
        show.out.print("There are no targets any more.")


def _show(found: TargetsView) -> None:
    if options.json:
        show.as_json(found)
    else:
        _print_targets(found)
    if not found["complete"]:
        raise typer.Exit(main.PARTIAL)


def _print_targets(found: TargetsView) -> None:
    currency = found["currency"]
    rows = show.table(
        "asset", ("value", "right"), ("share", "right"), ("target", "right"), ("off", "right"), "to be there"
    )
    for each in found["assets"]:
        share, target, off = (Decimal(each[name]) for name in ("share", "target", "off"))
        rows.add_row(
            each["asset"],
            shown.money(each["value"], currency),
            shown.percent(share),
            shown.percent(target),
            shown.signed(off).removesuffix(" %"),
            _trade(each["trade"], currency),
        )
    show.print_table(rows)
    show.out.print(
        "\noff: in points. Tallyglass never trades, and its keys cannot: what you do is up to you.", style="dim"
    )
    if found["unpriced"]:
        names = ", ".join(found["unpriced"])
        show.doubt(f"without a price, in no share: {names}")
    for cause in found["causes"]:
        show.doubt(cause["text"])


def _trade(trade: str, currency: str) -> str:
    if Decimal(trade).quantize(Decimal("0.01")) == 0:
        return ""
    verb = "sell" if trade.startswith("-") else "buy"
    return f"{verb} {shown.money(trade.removeprefix('-'), currency)}"


@app.command()
def movers(
    period: Annotated[str, typer.Option(help="24h, 7d, 30d, 90d, month or year: until now.")] = "24h",
) -> None:
    """What each asset did, the largest move first."""
    with options.session() as session:
        if options.nothing_yet(session.keeper):
            return
        with counting() as progress:
            found = deciding.movers(session, period, progress)
    if options.json:
        show.as_json(found)
    else:
        _print_movers(found)
    if not found["complete"]:
        raise typer.Exit(main.PARTIAL)


def _print_movers(found: MoversView) -> None:
    currency = found["currency"]
    rows = show.table("asset", ("price", "right"), ("moved", "right"), ("value", "right"), ("by price", "right"))
    for each in found["movers"]:
        change, by_price = each["price_change"], each["by_price"]
        rows.add_row(
            each["asset"],
            shown.price(each["price_to"], currency),
            shown.signed(None if change is None else Decimal(change)),
            shown.money(each["value_to"], currency),
            shown.UNKNOWN if by_price is None else shown.change("0", by_price, currency),
        )
    show.print_table(rows)
    show.out.print(f"\nsince the end of {found['after']}; by price: of what was held then", style="dim")
    for cause in found["causes"]:
        show.doubt(cause["text"])
