"""What is so now: balances, open orders, markets, prices, and how fresh each of them is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from tallyglass.exchanges.streams import Balance, Market, Order, Ticker
from tallyglass.money import Amount, Asset, amount, text
from tallyglass.store import upsert
from tallyglass.store.tables import (
    balances,
    freshness,
    markets,
    orders,
    rates,
    settings,
    snapshots,
    tickers,
    wallets,
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """When a part of a source was last read well, and what went wrong since."""

    source: str
    part: str
    fresh_at: datetime | None
    failed_at: datetime | None = None
    #: Empty when the last attempt went well.
    fault: str = ""
    text: str = ""
    fix: str = ""


def set_balances(db: Connection, connection: str, found: Sequence[Balance], now: datetime) -> None:
    """Store what the exchange reports: a new snapshot when something has changed, else the old one seen again.

    It is not complete until it is marked so.
    """
    latest = _latest(db, connection)
    new = {(b.account, b.asset): (b.total, b.locked) for b in found}
    if latest is not None and _rows(db, latest) == new:
        db.execute(update(snapshots).where(snapshots.c.id == latest).values(seen_at=now, complete=False))
        return
    row = {"connection": connection, "taken_at": now, "seen_at": now, "complete": False}
    snapshot = db.execute(snapshots.insert().values(row).returning(snapshots.c.id)).scalar_one()
    rows = [
        {"snapshot": snapshot, "account": account, "asset": asset, "total": total, "locked": locked}
        for (account, asset), (total, locked) in new.items()
    ]
    if rows:
        db.execute(balances.insert(), rows)


def balances_of(db: Connection, connection: str) -> tuple[list[Balance], datetime | None]:
    """The newest balances of a connection and when they were last seen so; empty and None before the first."""
    latest = _latest(db, connection)
    if latest is None:
        return [], None
    seen = db.execute(select(snapshots.c.seen_at).where(snapshots.c.id == latest)).scalar()
    found = [Balance(account, asset, total, locked) for (account, asset), (total, locked) in _rows(db, latest).items()]
    return found, seen


def held(db: Connection) -> set[Asset]:
    """What any connection holds by its newest balances."""
    newest = select(func.max(snapshots.c.id)).group_by(snapshots.c.connection)
    query = select(balances.c.asset, balances.c.total).where(balances.c.snapshot.in_(newest))
    return {Asset(row.asset) for row in db.execute(query) if row.total}


def is_complete(db: Connection, connection: str) -> bool:
    """Whether the newest balances of a connection are marked as complete."""
    query = select(snapshots.c.complete).where(snapshots.c.id == _latest(db, connection))
    return bool(db.execute(query).scalar())


def mark(db: Connection, connection: str, seen: datetime, *, complete: bool) -> None:
    """Mark the newest balances of a connection as complete, or as not, unless they were seen anew since."""
    newest = (snapshots.c.id == _latest(db, connection)) & (snapshots.c.seen_at == seen)
    db.execute(update(snapshots).where(newest).values(complete=complete))


def _latest(db: Connection, connection: str) -> int | None:
    query = select(func.max(snapshots.c.id)).where(snapshots.c.connection == connection)
    return db.execute(query).scalar()


def _rows(db: Connection, snapshot: int) -> dict[tuple[str, Asset], tuple[Amount, Amount | None]]:
    query = select(balances).where(balances.c.snapshot == snapshot).order_by(balances.c.asset, balances.c.account)
    return {(row.account, Asset(row.asset)): (row.total, row.locked) for row in db.execute(query)}


def set_orders(db: Connection, connection: str, found: Sequence[Order]) -> None:
    """Replace the open orders of a connection."""
    db.execute(delete(orders).where(orders.c.connection == connection))
    rows = [
        {
            "connection": connection,
            "id": order.id,
            "market": order.market,
            "side": order.side,
            "type": order.type,
            "price": order.price,
            "amount": order.amount,
            "filled": order.filled,
            "time": order.time,
        }
        for order in found
    ]
    if rows:
        upsert.upsert(db, orders, rows, updated=("price", "amount", "filled"))


def count_orders(db: Connection) -> int:
    """How many orders are open."""
    return int(db.execute(select(func.count()).select_from(orders)).scalar_one())


def list_orders(db: Connection) -> list[tuple[str, Order]]:
    """Every open order with its connection, newest first."""
    query = select(orders).order_by(orders.c.time.desc(), orders.c.connection, orders.c.id)
    return [
        (
            row.connection,
            Order(row.id, row.market, row.side, row.type, row.price, row.amount, row.filled, row.time),
        )
        for row in db.execute(query)
    ]


def set_markets(db: Connection, exchange: str, found: Iterable[Market]) -> None:
    """Add and update the markets of an exchange; delisted ones stay known."""
    rows = [
        {
            "exchange": exchange,
            "name": market.name,
            "base": market.base,
            "quote": market.quote,
            "aliases": list(market.aliases),
            "open": market.open,
        }
        for market in found
    ]
    if rows:
        upsert.upsert(db, markets, rows, updated=("base", "quote", "aliases", "open"))


def markets_of(db: Connection, exchange: str) -> dict[str, Market]:
    """The markets of an exchange by every name it uses."""
    found: dict[str, Market] = {}
    for row in db.execute(select(markets).where(markets.c.exchange == exchange)):
        market = Market(row.name, Asset(row.base), Asset(row.quote), tuple(row.aliases), row.open)
        found[market.name] = market
        for alias in market.aliases:
            found.setdefault(alias, market)
    return found


def set_wallets(db: Connection, connection: str, found: Mapping[str, Asset]) -> None:
    """Remember the exchange's wallet ids."""
    rows = [{"connection": connection, "id": wallet, "asset": asset} for wallet, asset in found.items()]
    if rows:
        upsert.upsert(db, wallets, rows, updated=("asset",))


def wallets_of(db: Connection, connection: str) -> dict[str, Asset]:
    """The exchange's wallet ids and what each holds."""
    query = select(wallets).where(wallets.c.connection == connection).order_by(wallets.c.id)
    return {row.id: Asset(row.asset) for row in db.execute(query)}


def set_tickers(
    db: Connection, source: str, found: Iterable[Ticker], at: datetime, kept: Collection[tuple[Asset, Asset]] = ()
) -> None:
    """Store the last prices of a source, in place of those it gave before: a market that is gone has no price.

    `kept`: markets that are open: where such a one is told no price now, the last one stays, with its age.
    """
    rows = [
        {"source": source, "base": t.base, "quote": t.quote, "price": t.price, "at": min(t.at or at, at)}
        for t in found
        if t.price > 0
    ]
    told = {(row["base"], row["quote"]) for row in rows}
    before = db.execute(select(tickers).where(tickers.c.source == source)).all()
    stay = [row._asdict() for row in before if (row.base, row.quote) in kept and (row.base, row.quote) not in told]
    db.execute(delete(tickers).where(tickers.c.source == source))
    if rows or stay:
        upsert.upsert(db, tickers, [*stay, *rows], updated=("price", "at"))


def list_tickers(db: Connection) -> list[tuple[str, Ticker, datetime]]:
    """Every last price with its source and time."""
    query = select(tickers).order_by(tickers.c.source, tickers.c.base, tickers.c.quote)
    return [(row.source, Ticker(Asset(row.base), Asset(row.quote), row.price), row.at) for row in db.execute(query)]


def set_rates(db: Connection, found: Iterable[tuple[str, str, Amount]]) -> None:
    """Store daily rates: (day as YYYY-MM-DD, currency, units per euro)."""
    names = ("day", "currency", "per_euro")
    rows = [(day, currency, text(rate)) for day, currency, rate in found]
    known = upsert.insert(db, rates, names, rows, keys=names[:2])
    if known:
        told = [{"day": day, "currency": currency, "per_euro": amount(rate)} for day, currency, rate in known]
        upsert.upsert(db, rates, told, updated=("per_euro",))


def rates_between(
    db: Connection, first: date, last: date, currencies: Iterable[Asset]
) -> Iterator[tuple[date, Asset, Amount]]:
    """The daily rates of these currencies on these days: day, currency, units per euro."""
    days = rates.c.day.between(first.isoformat(), last.isoformat())
    query = select(rates).where(days, rates.c.currency.in_(sorted(currencies)))
    for row in db.execute(query):
        yield date.fromisoformat(row.day), Asset(row.currency), row.per_euro


def newest_rates(db: Connection) -> tuple[str, dict[str, Amount]]:
    """The newest day that has rates, and its rates per currency; `""` and none before the first."""
    day = db.execute(select(func.max(rates.c.day))).scalar()
    if day is None:
        return "", {}
    return day, {row.currency: row.per_euro for row in db.execute(select(rates).where(rates.c.day == day))}


def went_well(db: Connection, source: str, part: str, now: datetime) -> None:
    """Note that a part was read."""
    row = {"source": source, "part": part, "fresh_at": now, "failed_at": None, "fault": "", "text": "", "fix": ""}
    upsert.upsert(db, freshness, [row], updated=("fresh_at", "failed_at", "fault", "text", "fix"))


def went_wrong(db: Connection, fault: Freshness) -> None:
    """Note a failure; what was fresh before keeps its time, and the first failure in a row its own."""
    row: dict[str, Any] = {
        "source": fault.source,
        "part": fault.part,
        "failed_at": fault.failed_at,
        "fault": fault.fault,
        "text": fault.text,
        "fix": fault.fix,
    }
    upsert.upsert(db, freshness, [row], updated=("failed_at", "fault", "text", "fix"))


def list_freshness(db: Connection) -> list[Freshness]:
    """Every part of every source."""
    return [
        Freshness(row.source, row.part, row.fresh_at, row.failed_at, row.fault, row.text, row.fix)
        for row in db.execute(select(freshness).order_by(freshness.c.source, freshness.c.part))
    ]


def setting(db: Connection, name: str, default: str) -> str:
    """A setting, or its default."""
    found: str | None = db.execute(select(settings.c.value).where(settings.c.name == name)).scalar()
    return default if found is None else found


def set_setting(db: Connection, name: str, value: str) -> None:
    """Change a setting."""
    upsert.upsert(db, settings, [{"name": name, "value": value}], updated=("value",))


def forget(db: Connection, connection: str) -> None:
    """Delete the present of a connection."""
    db.execute(
        delete(balances).where(
            balances.c.snapshot.in_(select(snapshots.c.id).where(snapshots.c.connection == connection))
        )
    )
    for table in (snapshots, orders, wallets):
        db.execute(delete(table).where(table.c.connection == connection))
    db.execute(delete(freshness).where(freshness.c.source == connection))
