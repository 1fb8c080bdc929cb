"""Identities: which coin at a source of prices an asset is, and who says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, select

from tallyglass.exchanges.streams import Coin
from tallyglass.money import Asset
from tallyglass.store import upsert
from tallyglass.store.price_tables import coins, identities

SaidBy = Literal["known", "exchange", "user"]


@dataclass(frozen=True, slots=True)
class Identity:
    """An asset, or what one exchange means by its symbol (`ABC@binance`), as a source calls it."""

    asset: Asset
    #: "" = the user said that all exchanges mean one coin by it.
    source: str
    coin: str
    said_by: SaidBy


def set_identity(db: Connection, found: Identity) -> None:
    """Remember which coin an asset is."""
    row = {"asset": found.asset, "source": found.source, "coin": found.coin, "said_by": found.said_by}
    upsert.upsert(db, identities, [row], updated=("coin", "said_by"))


def list_identities(db: Connection) -> list[Identity]:
    """All that is remembered."""
    query = select(identities).order_by(identities.c.asset, identities.c.source)
    return [Identity(Asset(row.asset), row.source, row.coin, row.said_by) for row in db.execute(query)]


def set_coins(db: Connection, source: str, found: Iterable[Coin]) -> None:
    """Replace the list of a source's coins."""
    db.execute(delete(coins).where(coins.c.source == source))
    names = ("source", "id", "symbol", "name")
    rows = {each.id: (source, each.id, each.symbol[:64], each.name) for each in found}
    upsert.insert(db, coins, names, list(rows.values()), keys=names[:2])


def coins_of(db: Connection, source: str, symbols: Iterable[str]) -> dict[str, list[Coin]]:
    """The coins that a source lists under each of these symbols."""
    wanted = {each: each.upper() for each in symbols}
    chosen = (coins.c.source == source, coins.c.symbol.in_(set(wanted.values())))
    found: dict[str, list[Coin]] = {}
    for row in db.execute(select(coins).where(*chosen).order_by(coins.c.id)):
        found.setdefault(row.symbol, []).append(Coin(row.id, row.symbol, row.name))
    return {symbol: found.get(upper, []) for symbol, upper in wanted.items()}
