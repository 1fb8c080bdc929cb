"""Coinbase's transaction report in its ages, and the account statement of Pro. No page documents them.

The ID column of newer reports is the id of the API's transaction, by all that is known; where it should not be, the
content decides. A line tells one asset; what stood against it is in its notes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from tallyglass.exchanges.coinbase import pro
from tallyglass.exchanges.coinbase.wire import asset_of
from tallyglass.exchanges.exports import Line, NotUnderstood, code, figure, lines, name, priced, read, time_of
from tallyglass.exchanges.streams import Export
from tallyglass.ledger.entries import SPOT, Entry, Kind, Leg
from tallyglass.ledger.imports import Row
from tallyglass.money import ZERO, Amount, Asset, magnitude, multiply, negate, subtract, text

HEADER: Final = ("timestamp", "transaction type", "asset", "quantity transacted")
_WHAT: Final = "a transaction report of Coinbase or an account statement of Coinbase Pro"

_IN: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("receive", "deposit"), "deposit"),
    **dict.fromkeys(("staking income", "rewards income", "reward income", "inflation reward"), "reward"),
    **dict.fromkeys(("coinbase earn", "learning reward", "interest payout", "incentives rewards payout"), "reward"),
    **dict.fromkeys(("pro withdrawal", "exchange withdrawal"), "transfer"),
    **dict.fromkeys(("subscription rebate", "subscription rebates (24 hours)"), "fee"),
}
_OUT: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("send", "withdrawal", "card spend", "donation"), "withdrawal"),
    **dict.fromkeys(("pro deposit", "exchange deposit"), "transfer"),
    "subscription": "fee",
    "admin debit": "adjustment",
}
#: Whether it buys, and what it is.
_SWAPS: Final[Mapping[str, tuple[bool, Kind]]] = {
    "buy": (True, "conversion"),
    "sell": (False, "conversion"),
    **dict.fromkeys(("advanced trade buy", "advance trade buy"), (True, "trade")),
    **dict.fromkeys(("advanced trade sell", "advance trade sell"), (False, "trade")),
}
_NUMBER: Final = r"[^\d\s-]{0,3}([\d,]*\.?\d+)"
_ON: Final = re.compile(
    rf"(?:Bought|Sold) {_NUMBER} (\S+) for {_NUMBER} (\S+) on (\S+)-(\S+) at {_NUMBER} (\S+)/(\S+)", re.ASCII
)
_FOR: Final = re.compile(rf"(?:Bought|Sold) {_NUMBER} (\S+) for {_NUMBER} (\w+)(?:[ .].*)?", re.ASCII | re.DOTALL)
_CONVERTED: Final = re.compile(rf"Converted {_NUMBER} (\S+) to {_NUMBER} (\S+?)\.?", re.ASCII)


def rows(text: str, zone: tzinfo | None) -> Export:  # noqa: ARG001 - times are UTC, always
    """The lines of a file. Raises `NotReadable`."""
    found = lines(text, HEADER, *pro.HEADERS, what=_WHAT)
    if found and "quantity transacted" not in found[0].cells:
        return read(found, pro.row)
    return read(found, _row)


def _row(line: Line) -> Row | None:
    word = line["transaction type"].lower()
    code(line["asset"])
    coin, quantity = asset_of(line["asset"]), figure(line["quantity transacted"])
    if quantity == ZERO:
        return None
    if word in _IN:
        return _made(line, _IN[word], [(coin, quantity)])
    if word in _OUT:
        return _made(line, _OUT[word], [(coin, negate(magnitude(quantity)))])
    if word in _SWAPS:
        buys, kind = _SWAPS[word]
        moved = magnitude(quantity) if buys else negate(magnitude(quantity))
        (quote, value), fee = _against(line, moved)
        return _made(line, kind, [(coin, moved), (quote, value)], fee)
    if word == "convert":
        return _converted(line, coin, quantity)
    raise NotUnderstood(f"unknown type of transaction: {word[:60]!r}")


def _made(line: Line, kind: Kind, moved: list[tuple[Asset, Amount]], fee: Amount = ZERO) -> Row:
    """The row of a line: legs named after the ID, or after their content where there is none."""
    time, own = time_of(line["timestamp"]), name(line["id"])
    parts = [*zip(("", ":quote"), moved, strict=False), *([(":fee", (moved[-1][0], negate(fee)))] if fee else [])]
    legs = tuple(
        Leg(
            f"{own}{suffix}" if own else f"{coin}:{text(amount)}{suffix}",
            SPOT,
            coin,
            amount,
            "fee" if suffix == ":fee" else "principal",
        )
        for suffix, (coin, amount) in parts
        if amount != ZERO
    )
    coin, amount = moved[0]
    made = f"file:{time:%Y-%m-%dT%H:%M:%S}:{kind}:{coin}:{text(amount)}"
    entry = Entry(f"tx:{own}" if own else made, time, kind, legs, line["transaction type"])
    return Row(line.number, entry, _names(own), alone=True)


def _names(own: str) -> frozenset[str]:
    kinds = ("tx", "convert", "buy", "sell")
    return frozenset((own, *(f"{kind}:{own}" for kind in kinds))) if own else frozenset()


def _against(line: Line, moved: Amount) -> tuple[tuple[Asset, Amount], Amount]:
    """What was paid or got for what moved, without the fee; and the fee, in the same asset.

    The columns are in the currency of the reader, which need not be the one that was paid: the notes tell.
    """
    sign = Decimal(-1 if moved > ZERO else 1)
    note = _ON.fullmatch(line["notes"])
    if note:
        value, rate = multiply(magnitude(moved), priced(note[7])), priced(note[3])
        fee = subtract(rate, value) if moved > ZERO else subtract(value, rate)
        if note[4] != note[6] or fee < ZERO:
            raise NotUnderstood("the notes contradict themselves")
        return (asset_of(note[6]), multiply(sign, value)), fee
    note = _FOR.fullmatch(line["notes"])
    currency = _currency(line)
    if note is None or note[4] != currency or line["transaction type"].lower() not in ("buy", "sell"):
        raise NotUnderstood("what was paid or got for it is not told")
    subtotal, fee = magnitude(priced(_column(line, "subtotal"))), magnitude(priced(_column(line, "fees") or "0"))
    return (asset_of(currency), multiply(sign, subtotal)), fee


def _converted(line: Line, coin: Asset, quantity: Amount) -> Row:
    """A conversion: told once, or by a line of each side under one ID."""
    note = _CONVERTED.fullmatch(line["notes"])
    if note is None:
        raise NotUnderstood("what it was converted to is not told")
    source, target = asset_of(note[2]), asset_of(note[4])
    given, got = priced(note[1]), priced(note[3])
    if coin == source and magnitude(quantity) == given:
        return _made(line, "conversion", [(source, negate(given)), (target, got)])
    if coin == target and quantity == got and line["id"]:
        return _made(line, "conversion", [(source, negate(given)), (target, got)])
    raise NotUnderstood("the notes tell another conversion")


def _currency(line: Line) -> str:
    told = line["price currency"] or line["spot price currency"]
    if told:
        return told
    return next((column[:3].upper() for column in line.cells if column[3:] == " subtotal"), "")


def _column(line: Line, word: str) -> str:
    """A column by its word; the oldest reports put the currency before it."""
    found = (column for column in line.cells if word in column.split() and not column.startswith("total"))
    return line[next(found, word)]
