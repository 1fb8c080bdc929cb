"""What the user says of prices: one of his own, which coin an asset is, which sources are asked."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final, TypedDict

from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.money import ZERO, Amount, Asset, NotMoney, amount, asset, text
from tallyglass.prices import stored
from tallyglass.prices.backfill import earliest
from tallyglass.prices.coins import candidates
from tallyglass.prices.routes import COINGECKO, DEFILLAMA
from tallyglass.store import closes, identities, present, worth
from tallyglass.store.base import Db
from tallyglass.store.closes import ManualPrice
from tallyglass.store.identities import Identity

COLUMNS: Final = ("asset", "currency", "day", "price")


class ManualView(TypedDict):
    """A price that the user has given."""

    asset: str
    currency: str
    day: str
    price: str


class SourcesView(TypedDict):
    """A source beside the user's exchanges."""

    source: str
    on: bool


def set_price(session: Session, name: str, price: str, currency: str, day: date | None) -> ManualView:
    """Say what an asset is worth: on a day, or now."""
    found = _manual({"asset": name, "currency": currency, "price": price}, day or session.now().date(), session)
    _keep(session, [found])
    return _view(found)


def unset_price(session: Session, name: str, day: date | None) -> int:
    """Take back what was said of an asset; how many prices that were."""
    with session.store.write() as db:
        days = closes.unset_manual(db, _asset(name), day)
        if days:
            worth.outdate(db, min(days))
    if not days:
        raise Problem("no_such_asset", f"You have given no such price of {name}.", "See: tallyglass prices")
    return len(days)


def import_prices(session: Session, path: Path) -> int:
    """Prices from a CSV file: `asset,currency,day,price`. All of them, or, with one line that is wrong, none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = list(_rows(csv.DictReader(file, strict=True), session))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Problem("usage", f"{path} cannot be read: {error}.", "Nothing was stored.") from None
    _keep(session, found)
    return len(found)


def _rows(rows: csv.DictReader[str], session: Session) -> Iterator[ManualPrice]:
    names = tuple(name.strip().lower() for name in rows.fieldnames or ())
    if sorted(names) != sorted(COLUMNS):
        told = ",".join(rows.fieldnames or ()) or "nothing"
        raise Problem("usage", f"Line 1 has to be {','.join(COLUMNS)}, not {told[:80]}.", "Nothing was stored.")
    rows.fieldnames = list(names)
    for row in rows:
        try:
            day = date.fromisoformat((row["day"] or "").strip())
            yield _manual(row, day, session)
        except ValueError:
            told = f"Line {rows.line_num}: {(row['day'] or '')[:20]!r} is no day (2026-01-31)."
            raise Problem("usage", told, "Nothing was stored.") from None
        except Problem as error:
            raise Problem("usage", f"Line {rows.line_num}: {error.text}", "Nothing was stored.") from None


def _manual(row: Mapping[str, str | None], day: date, session: Session) -> ManualPrice:
    name, currency = _asset(row["asset"] or ""), _asset((row["currency"] or "").upper())
    if day > session.now().date():
        raise Problem("usage", f"{day} is not over yet.", "Name today or a day before.")
    if name == currency:
        raise Problem("usage", f"{name} cannot be priced in itself.", "Name another currency.")
    return ManualPrice(name, currency, day, _price(row["price"] or ""))


def _price(given: str) -> Amount:
    """Zero is a price here: of what is worth nothing, nobody else says so."""
    try:
        price = amount(given.strip())
    except NotMoney:
        raise Problem("usage", f"{given[:40]!r} is no price.", "Write it with a point: 1234.56") from None
    if price < ZERO:
        raise Problem("usage", f"{text(price)} is below zero.", "A price is zero or more.")
    return price


def _asset(given: str) -> Asset:
    try:
        return asset(given)
    except ValueError:
        raise Problem("no_such_asset", f"{given[:40]!r} is no asset.", "Name one: BTC") from None


def _keep(session: Session, found: Iterable[ManualPrice]) -> None:
    said = list(found)
    with session.store.write() as db:
        closes.set_manual(db, said, session.now())
        if said:
            worth.outdate(db, min(each.day for each in said))


def _view(price: ManualPrice) -> ManualView:
    return {
        "asset": price.asset,
        "currency": price.currency,
        "day": price.day.isoformat(),
        "price": text(price.price),
    }


# -- which coin an asset is


def identify(session: Session, name: str, coin: str) -> Identity:
    """Say which coin an asset is, or what one exchange (`ABC@binance`) means by it. Remembered."""
    source, _, coin_id = coin.partition(":")
    if source not in (COINGECKO, DEFILLAMA) or not coin_id:
        raise Problem("usage", f"{coin[:80]!r} names no coin.", "Write coingecko:ID, as in coingecko:bitcoin")
    named = _named(session, name)
    found = Identity(named, COINGECKO, coin_id, "user")
    with session.store.write() as db:
        listed = {each.id for each in candidates(db, [named])[named]}
        if listed and coin_id not in listed:
            there = ", ".join(sorted(listed))
            raise Problem("usage", f"No coin {coin_id!r} has that symbol; there are: {there}.", "Name one of them.")
        _remember(db, found)
    return found


def same(session: Session, name: str) -> Identity:
    """Say that all exchanges mean one coin by a symbol."""
    found = Identity(_named(session, name), *stored.SAME, "user")
    with session.store.write() as db:
        _remember(db, found)
    return found


def _named(session: Session, name: str) -> Asset:
    symbol, at, exchange = name.partition("@")
    if at and exchange not in {each.exchange for each in session.keeper.connections()}:
        raise Problem("unknown_exchange", f"{exchange!r} is not connected.", "See: tallyglass keys")
    return Asset(f"{_asset(symbol)}@{exchange}") if at else _asset(symbol)


def _remember(db: Db, found: Identity) -> None:
    """What other coin's prices were stored is forgotten, and every day that they were used on is counted anew."""
    identities.set_identity(db, found)
    forgotten = [closes.forget_closes(db, source, found.asset) for source in (COINGECKO, DEFILLAMA)]
    first = earliest(*forgotten, closes.first_day(db, Asset(found.asset.partition("@")[0])))
    if first is not None:
        worth.outdate(db, first)


# -- which sources are asked


def sources(session: Session) -> list[SourcesView]:
    """The sources beside the user's exchanges, and whether they are asked."""
    with session.store.read() as db:
        off = stored.switched_off(db)
    return [{"source": each, "on": each not in off} for each in stored.OPTIONAL]


def switch(session: Session, name: str, *, on: bool) -> list[SourcesView]:
    """Ask a source from now on, or do not."""
    if name not in stored.OPTIONAL:
        there = ", ".join(stored.OPTIONAL)
        raise Problem("usage", f"{name!r} is no source that can be switched; there are: {there}.", "")
    with session.store.write() as db:
        off = stored.switched_off(db) - {name} if on else stored.switched_off(db) | {name}
        present.set_setting(db, stored.OFF, ",".join(sorted(off)))
        worth.outdate(db, date.min)  # who is not asked any more owes no second opinion
    return sources(session)
