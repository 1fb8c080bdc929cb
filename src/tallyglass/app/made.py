"""Key pairs that are made here: the public half to paste at the exchange, and the steps until it can be connected."""

from __future__ import annotations

from datetime import date
from typing import TypedDict

from tallyglass.app.exchanges import exchange, filled_in
from tallyglass.app.views import moment
from tallyglass.exchanges import registry
from tallyglass.keeper.client import Keeper


class MadeKeyView(TypedDict):
    """`connect --make-key`."""

    exchange: str
    algorithm: str
    #: PEM, first and last line too.
    public_key: str
    made_at: str | None
    #: What to do with it, in the exchange's own words.
    markdown: str
    #: The command that connects it.
    next: str


def make_key(keeper: Keeper, name: str, addresses: list[str], today: date, *, anew: bool = False) -> MadeKeyView:
    """The public half of a pair whose private half the keeper keeps: the same until it is connected, or `anew`."""
    told = keeper.make_key(exchange(name).id, anew=anew)
    return {
        "exchange": told.exchange,
        "algorithm": told.algorithm,
        "public_key": told.public_key,
        "made_at": moment(told.made_at),
        "markdown": filled_in(registry.own_key_guide(told.exchange), told.exchange, addresses, today),
        "next": f"tallyglass connect {told.exchange} --key-id ID",
    }
