"""Coinbase Pro's account statement (closed in 2023): lines of trades, fees and transfers, with the exchange's ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallyglass.exchanges.coinbase.wire import asset_of
from tallyglass.exchanges.exports import Line, NotUnderstood, code, figure, name, time_of
from tallyglass.ledger.entries import Entry, Kind, Leg, Role
from tallyglass.ledger.imports import Row
from tallyglass.money import ZERO, text

PRO: Final = "pro"
_COLUMNS: Final = ("type", "amount", "amount/balance unit", "transfer id", "trade id", "order id")
HEADERS: Final = (("time", *_COLUMNS), ("timestamp", *_COLUMNS))

_KINDS: Final[Mapping[str, Kind]] = {
    "match": "trade",
    "fee": "trade",
    "rebate": "reward",
    "conversion": "conversion",
    "deposit": "transfer",
    "withdrawal": "transfer",
}


def row(line: Line) -> Row | None:
    """A line. Deposits and withdrawals moved between Pro and the wallets of Coinbase, as far as the file tells."""
    word = line["type"].lower()
    if word not in _KINDS:
        raise NotUnderstood(f"unknown type: {word[:40]!r}")
    code(line["amount/balance unit"])
    coin, amount = asset_of(line["amount/balance unit"]), figure(line["amount"])
    if amount == ZERO:
        return None
    time = time_of(line["time"] or line["timestamp"])
    own = _name(line)
    role: Role = "fee" if word == "fee" and amount < ZERO else "principal"
    if own:
        leg = Leg(f"{word}:{coin}", PRO, coin, amount, role)
        entry = Entry(f"pro:{own}", time, _KINDS[word], (leg,), f"Pro {word}")
        return Row(line.number, entry, frozenset((entry.id,)), certain=True)
    leg = Leg(f"{coin}:{text(amount)}", PRO, coin, amount, role)
    group = f"file:{time.isoformat()}:pro:{word}"
    return Row(line.number, Entry(group, time, _KINDS[word], (leg,), f"Pro {word}"))


def _name(line: Line) -> str:
    """Trade ids count per market, so the order stands before them."""
    order, trade, transfer = (name(line[f"{what} id"]) for what in ("order", "trade", "transfer"))
    if order and trade:
        return f"trade:{order}:{trade}"
    return f"transfer:{transfer}" if transfer else ""
