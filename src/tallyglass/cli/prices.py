"""Commands about prices: which one each asset has and by whom; your own word on prices, coins and sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallyglass.app import format as shown
from tallyglass.app import price_words as words
from tallyglass.app import pricing
from tallyglass.app.asking import day_of
from tallyglass.cli import main, show
from tallyglass.cli.counting import Bar
from tallyglass.cli.main import app
from tallyglass.cli.options import options

commands = typer.Typer(rich_markup_mode=None)
app.add_typer(commands, name="prices")

Name = Annotated[str, typer.Argument(help="BTC, or ABC@binance: what one exchange means by it.", metavar="ASSET")]
Day = Annotated[str, typer.Option("--day", help="A day that is over: 2025-03-01; today when left out.")]


@commands.callback(invoke_without_command=True)
def prices(
    context: typer.Context,
    at: Annotated[str, typer.Option("--at", help="At the end of this day: 2025-03-01.")] = "",
) -> None:
    """The price of each asset: whose, and what others say."""
    if context.invoked_subcommand is not None:
        return
    with options.session() as session:
        found = pricing.prices(session, day=day_of(at))
    if options.json:
        show.as_json(found)
        return
    rows = show.table("asset", ("price", "right"), "source", "age", "others", "doubts")
    for each in found:
        others = ", ".join(f"{other['source']} {shown.price(other['price'], '')}".strip() for other in each["others"])
        price, source = shown.price(each["price"], each["currency"]), each["source"] or ""
        rows.add_row(each["asset"], price, source, shown.age(each["at"]), others, ", ".join(each["marks"]))
    show.print_table(rows)


@commands.command("set")
def set_(
    name: Name,
    price: Annotated[str, typer.Argument(metavar="PRICE")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY")],
    day: Day = "",
) -> None:
    """Give a price of your own: it comes first on its day.

    On later days it counts for as long as no source knows one.
    """
    with options.session() as session:
        found = words.set_price(session, name, price, currency, day_of(day))
    _said(found, f"{found['asset']} is worth {found['price']} {found['currency']} on {found['day']}.")


@commands.command()
def unset(name: Name, day: Day = "") -> None:
    """Take back your own prices of an asset."""
    with options.session() as session:
        count = words.unset_price(session, name, day_of(day))
    _said({"asset": name, "removed": count}, f"{count} of your prices of {name} are taken back.")


@commands.command("import")
def import_(file: Annotated[Path, typer.Argument(help="A CSV file: asset,currency,day,price.")]) -> None:
    """Give many prices of your own: all of a file, or none."""
    with options.session() as session:
        count = words.import_prices(session, file)
    _said({"prices": count}, f"{count} prices are stored.")


@commands.command()
def identify(name: Name, coin: Annotated[str, typer.Argument(help="coingecko:bitcoin", metavar="SOURCE:ID")]) -> None:
    """Say which coin an asset is. Remembered."""
    with options.session() as session:
        found = words.identify(session, name, coin)
    _said({"asset": found.asset, "coin": coin}, f"{found.asset} is {coin} from now on.")


@commands.command()
def same(name: Name) -> None:
    """Say that all exchanges mean one coin by a symbol."""
    with options.session() as session:
        found = words.same(session, name)
    _said({"asset": found.asset, "same": True}, f"{found.asset} is one coin at all exchanges.")


@commands.command()
def sources(
    off: Annotated[str, typer.Option("--off", help="Ask this source no more.")] = "",
    on: Annotated[str, typer.Option("--on", help="Ask it again.")] = "",
) -> None:
    """The sources beside your exchanges, and whether they are asked."""
    with options.session() as session:
        found = words.sources(session)
        for name, wanted in ((off, False), (on, True)):
            if name:
                found = words.switch(session, name, on=wanted)
    lines = (f"{each['source']}: {'asked' if each['on'] else 'not asked'}" for each in found)
    _said(found, "\n".join(lines))


@commands.command()
def backfill() -> None:
    """Fetch the daily prices of all you ever owned."""
    from tallyglass.app import backfilling

    with options.session() as session, Bar() as bar:
        found = backfilling.prices(session, watch=bar.show)
    told = {"markets": found.tasks, "requests": found.requests, "closes": found.closes, "faults": found.faults}
    _said(told, f"{found.closes:,} daily prices of {found.tasks} markets, by {found.requests} requests.")
    for source, text in found.faults.items():
        if not options.json:
            show.problem(f"{source}: {text}", "What came is kept; the next backfill goes on from there.")
    if found.faults:
        raise typer.Exit(main.PARTIAL)


def _said(view: object, text: str) -> None:
    if options.json:
        show.as_json(view)
    else:
        show.out.print(text, markup=False)
