"""The command `egress`: our addresses, what to paste where, and how every key is bound."""

from __future__ import annotations

from typing import Annotated

import typer

from tallyglass.app.egress_views import ToPasteView
from tallyglass.cli import show
from tallyglass.cli.main import app
from tallyglass.cli.options import options

KNOWN = {
    "said": "as you have said",
    "sure": "two services see you so",
    "single": "one service alone sees you so",
    "doubtful": "the services differ: paste none of them",
    "unknown": "not known",
}
VERDICTS = {
    "ours": "bound to you alone",
    "others_too": "bound to you, and to others",
    "elsewhere": "bound to other addresses: it fails from here",
    "hidden": "bound; the exchange does not show to what",
    "unbound": "works from anywhere",
    "cannot_tell": "cannot be told",
}


@app.command()
def egress(
    exchange: Annotated[str, typer.Argument(help="Only this one.")] = "",
    seen: Annotated[bool, typer.Option("--seen", help="What was last seen; nobody is asked.")] = False,
) -> None:
    """Your addresses, for the exchanges' allow-lists.

    And which keys are bound to them.
    """
    from tallyglass.app import alerting
    from tallyglass.app import egress as ways

    with options.session() as session:
        view = ways.view(session, exchange, ask=not seen)
        alerting.tell(session)
    if options.json:
        show.as_json(view)
        return
    for exchange_ in view["exchanges"]:
        _print_exchange(exchange_)
    if view["connections"]:
        rows = show.table("connection", "its list")
        for each in view["connections"]:
            listed = f" ({', '.join(each['listed'])})" if each["listed"] else ""
            refused = f"; it was refused just now: {each['refused']}" if each["refused"] else ""
            rows.add_row(each["connection"], VERDICTS[each["verdict"]] + listed + refused)
        show.print_table(rows)
    for each in view["connections"]:
        for finding in each["findings"]:
            show.out.print(f"{each['connection']}: {finding['text']}", markup=False, style="yellow")
            show.out.print(f"  {finding['fix']}", markup=False)


def _print_exchange(each: ToPasteView) -> None:
    by = f" by {each['proxy']}" if each["proxy"] else ""
    known = KNOWN[each["known"]]
    show.out.print(f"{each['name']}{by}: {', '.join(each['addresses']) or 'no address'} ({known})", markup=False)
    if each["before"]:
        show.out.print(
            f"  Before {(each['since'] or '')[:16].replace('T', ' ')} UTC it was {', '.join(each['before'])}."
        )
    if each["text"]:
        show.out.print(f"  {each['where']}:", markup=False)
        show.out.print(f"    {each['text']}", markup=False, soft_wrap=True)
    elif each["known"] == "unknown":
        show.out.print("  No service could be asked. Write your addresses into egress.txt in the home.")
    if each["left"]:
        show.out.print(
            f"  It takes {each['max_entries']} at most; no room is left for {', '.join(each['left'])}.", style="yellow"
        )
