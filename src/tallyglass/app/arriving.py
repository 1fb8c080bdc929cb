"""A connection that has just been made: its balances as they come, and how far the reading of its history is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tallyglass.app import connections, worth
from tallyglass.app.session import Session
from tallyglass.app.views import HoldingView
from tallyglass.money import Amount, amount, multiply, text, total
from tallyglass.store import history, present
from tallyglass.sync.report import PartReport, remaining

State = Literal["waits", "reads", "read", "failed"]
#: How many assets are shown; the rest is counted.
MOST = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """An asset that the connection holds."""

    asset: str
    amount: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Arriving:
    """What is known so far."""

    connection: str
    exchange: str
    label: str
    unproven: bool
    #: When balances were read; None: not yet.
    balances_at: str | None
    pieces: tuple[Piece, ...]
    #: How many assets are not among the pieces.
    more: int
    value: str
    currency: str
    orders: int | None
    #: How the history stands: it was not begun, is read, has been read, or a part of it failed.
    state: State
    entries: int
    #: Of a hundred, as far as the streams can tell; None: they cannot.
    done: int | None
    #: Seconds that it may still take, by the exchange's own limits.
    left: int
    #: Of what went wrong.
    text: str
    fix: str


def arriving(session: Session, connection: str, parts: Sequence[PartReport] = ()) -> Arriving:
    """What is known so far of a connection. `parts`: of the sync that reads it now."""
    known = connections.known(session.keeper, connection)
    held = worth.worth_view(session)
    with session.store.read() as db:
        fresh = {each.part: each for each in present.list_freshness(db) if each.source == connection}
        orders = sum(name == connection for name, _ in present.list_orders(db))
        entries = history.count_entries(db, connection)
    pieces = sorted(_pieces(held["holdings"], connection), key=_size, reverse=True)
    there = {name: each.fresh_at for name, each in fresh.items()}
    balances_at = there.get("balances")
    fault = next((each for each in fresh.values() if each.fault), None)
    ways = [each for each in parts if each.stream not in ("balances", "orders")]
    progress = remaining(ways)
    whole = progress.made + progress.left
    return Arriving(
        connection=connection,
        exchange=known.exchange,
        label=known.label,
        unproven=known.unproven,
        balances_at=None if balances_at is None else balances_at.isoformat(),
        pieces=tuple(pieces[:MOST]),
        more=max(len(pieces) - MOST, 0),
        value=text(total(amount(each.value) for each in pieces if each.value is not None)),
        currency=held["currency"],
        orders=orders if there.get("orders") else None,
        state=_state(parts, fresh),
        entries=entries,
        done=None if progress.at_least or not whole else 100 * progress.made // whole,
        left=round(progress.seconds),
        text=fault.text if fault else "",
        fix=fault.fix if fault else "",
    )


def _state(parts: Sequence[PartReport], fresh: Mapping[str, present.Freshness]) -> State:
    told = fresh.get("history")
    if any(each.left != 0 for each in parts):
        return "reads"
    if any(each.fault for each in fresh.values()):
        return "failed"
    if told is not None and told.fresh_at is not None:
        return "read"
    return "reads" if "balances" in fresh else "waits"


def _pieces(holdings: Iterable[HoldingView], connection: str) -> Iterable[Piece]:
    for holding in holdings:
        mine = [amount(part["amount"]) for part in holding["by"] if part["connection"] == connection]
        if any(mine):
            held, price = total(mine), holding["price"]
            value = None if price is None else text(multiply(held, amount(price)))
            yield Piece(holding["asset"], text(held), value)


def _size(piece: Piece) -> tuple[bool, Amount]:
    return piece.value is not None, amount(piece.value or "0")
