"""What several pages are made of: exchanges and connections by their names, slices of a bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tallyglass.app import allocation
from tallyglass.app import exchanges as pages
from tallyglass.app.key_views import KeyView
from tallyglass.app.views import ExchangeView, HoldingView

COLOURS = allocation.MOST


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange as pages name it."""

    id: str
    name: str
    mark: str
    reads: ExchangeView | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A slice as a bar is drawn: where it begins and how long it is, in thousandths of the bar."""

    slice: allocation.Slice
    begin: int
    length: int
    colour: int


@cache
def known_exchanges() -> Mapping[str, Exchange]:
    """Every exchange that can be connected, by id."""
    return {view["id"]: Exchange(view["id"], view["name"], pages.mark(view["id"]), view) for view in pages.exchanges()}


def exchange(name: str) -> Exchange:
    """One of them; a name that is gone is shown as it is."""
    return known_exchanges().get(name) or Exchange(name, name.title(), "", None)


def names_of(keys: list[KeyView], own: Mapping[str, str]) -> dict[str, str]:
    """What connections are called: the reader's own label, else the exchange's name, else the id where two share it.

    `own`: what the accounts are called that he keeps himself.
    """
    called = dict(own) | {key["connection"]: key["label"] or exchange(key["exchange"]).name for key in keys}
    counts = Counter(called.values())
    return {connection: name if counts[name] == 1 else f"{name} ({connection})" for connection, name in called.items()}


def where(holding: HoldingView, names: Mapping[str, str]) -> tuple[str, ...]:
    """Which connections hold it, with their wallets where it is not the usual one alone: `Kraken (spot, earn)`."""
    wallets: dict[str, list[str]] = {}
    for part in holding["by"]:
        wallets.setdefault(part["connection"], []).append(part["account"])
    return tuple(_place(names.get(connection, connection), sorted(found)) for connection, found in wallets.items())


def _place(name: str, wallets: list[str]) -> str:
    if wallets == ["spot"]:
        return name
    return f"{name} ({', '.join(sorted(wallets, key=lambda wallet: wallet != 'spot'))})"


def segments(slices: list[allocation.Slice]) -> list[Segment]:
    """Slices laid end to end over a bar of 1000."""
    made, begin = [], 0
    for place, each in enumerate(slices, start=1):
        end = 1000 if place == len(slices) else begin + max(each.of(1000), 1)
        colour = COLOURS if each.name == allocation.REST else place
        made.append(Segment(each, begin, max(end - begin, 1), colour))
        begin = end
    return made
