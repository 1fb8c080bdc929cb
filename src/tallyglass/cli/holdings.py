"""Commands about what is held: every asset with its cost, every open order with what it locks."""

from __future__ import annotations

from decimal import Decimal

import typer

from tallyglass.app import deciding
from tallyglass.app import format as shown
from tallyglass.app import holdings as holding
from tallyglass.app.holdings import CostedView, Held
from tallyglass.cli import main, show
from tallyglass.cli.counting import counting
from tallyglass.cli.main import app
from tallyglass.cli.options import options


@app.command()
def holdings() -> None:
    """Every asset: where it is, its average cost, its gain."""
    with options.session() as session:
        with counting() as progress:
            found = holding.holdings(session, progress)
        if not found.worth["sources"] and options.nothing_yet(session.keeper):
            return
    if options.json:
        show.as_json(found.holdings)
    else:
        _print(found)
    if not found.worth["complete"]:
        raise typer.Exit(main.PARTIAL)


def _print(found: Held) -> None:
    currency = found.worth["currency"]
    rows = show.table(
        ("asset", "whole"), ("amount", "right"), ("value", "right"), ("unit cost", "right"), ("gain", "right")
    )
    for each in found.holdings:
        value = shown.money(each["value"], currency)
        cost = shown.price(each["average_cost"], currency)
        rows.add_row(show.styled(each["asset"]), shown.quantity(each["amount"]), value, cost, _gain(each, currency))
        for part in each["by"]:
            where = f"{shown.place(part['connection'])} {part['account']}"
            rows.add_row(f"  {where}", shown.quantity(part["amount"]), "", "", "", style="dim")
    show.print_table(rows)
    spread = found.concentration
    if spread is not None:
        words = (
            f"{spread.largest} is {shown.percent(spread.share)} of it; spread as {spread.effective:.1f} equal assets"
        )
        show.out.print(f"\n{words} would be.", style="dim")
    for each in found.holdings:
        if each["cost_unknown"]:
            show.doubt(f"{each['asset']}: cost not known: {each['cost_unknown']}")
    for cause in found.worth["causes"]:
        show.doubt(cause["text"])


def _gain(each: CostedView, currency: str) -> str:
    gain = each["unrealised"]
    return shown.UNKNOWN if gain is None else shown.change("0", gain, currency)


@app.command()
def orders() -> None:
    """Open orders: what each locks, how far its market is."""
    with options.session() as session:
        found = deciding.orders(session)
        if not found and options.nothing_yet(session.keeper):
            return
    if options.json:
        show.as_json(found)
        return
    if not found:
        show.out.print("No open orders.")
        return
    rows = show.table("connection", "order", ("price", "right"), ("locked", "right"), ("market is off", "right"))
    for each in found:
        price = "market" if each["price"] is None else shown.quantity(each["price"])
        locked = shown.UNKNOWN if each["locked"] is None else f"{shown.quantity(each['locked'])} {each['asset']}"
        distance = None if each["distance"] is None else Decimal(each["distance"])
        filled = "" if each["filled"] == "0" else f", {shown.quantity(each['filled'])} filled"
        order = f"{each['side']} {shown.quantity(each['amount'])} {each['market']} {each['type']}{filled}"
        rows.add_row(each["connection"], order, price, locked, shown.signed(distance))
    show.print_table(rows)
