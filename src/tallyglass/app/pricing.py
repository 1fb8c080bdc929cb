"""Prices: which one each asset has, now or on a day, by which source, and what the others say."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import TypedDict

from tallyglass.app import accounts
from tallyglass.app.past_prices import prices_of
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.app.worth import currency_of, present_quotes
from tallyglass.exchanges.streams import midnight
from tallyglass.keeper.client import Connection
from tallyglass.money import Asset, text
from tallyglass.prices import stored
from tallyglass.prices.coins import candidates, coins_of
from tallyglass.prices.paths import Price
from tallyglass.store import days, present
from tallyglass.store.base import Db


class StepView(TypedDict):
    """One market, or one official rate, on the way."""

    base: str
    quote: str
    source: str
    price: str
    at: str | None
    day: str | None


class OtherView(TypedDict):
    """What another source says of the same price."""

    source: str
    price: str
    outlier: bool


class PriceView(TypedDict):
    """One row of `prices`."""

    asset: str
    currency: str
    #: None = nothing leads to the currency.
    price: str | None
    source: str | None
    at: str | None
    age_seconds: int | None
    path: list[StepView]
    others: list[OtherView]
    marks: list[str]


def prices(session: Session, names: Collection[str] = (), day: date | None = None) -> list[PriceView]:
    """What is used of each asset that is owned, or of those that are named: now, or at the end of a day."""
    if day is not None and day >= session.now().date():
        raise Problem("usage", f"{day} has no close yet.", "Name a day that is over, or leave --at away.")
    with session.store.read() as db:
        currency = currency_of(db)
        wanted = [Asset(name) for name in names] or sorted(owned(session, db))
        if day is None:
            quotes = present_quotes(session)
            found = {each: quotes.price(each, currency) for each in wanted}
        else:
            daily = prices_of(db, (day, day), [currency, *wanted])
            found = {each: daily.price(each, day, currency) for each in wanted}
    asked_at = _end(day) or session.now()
    return [price_view(each, currency, price, asked_at) for each, price in found.items()]


def owned(session: Session, db: Db) -> set[Asset]:
    """The assets that are held now, each as its exchange means it."""
    return held(db, session.keeper.connections(), session.now())


def held(db: Db, connections: Iterable[Connection], now: datetime) -> set[Asset]:
    """The same, of some connections and all accounts of the user's own."""
    word = stored.word(db)
    own = {balance.asset for source in accounts.sources(db, now) for balance in source.balances if balance.total}
    return own | {
        word.named(balance.asset, connection.exchange)
        for connection in connections
        if connection.state != "dead"
        for balance in present.balances_of(db, connection.id)[0]
        if balance.total
    }


def ever_owned(session: Session, db: Db) -> dict[Asset, date]:
    """Each asset that ever was owned, and its first day; what is held now without a history, from today on."""
    exchanges, word = {each.id: each.exchange for each in session.keeper.connections()}, stored.word(db)
    found = {each: session.now().date() for each in owned(session, db)}
    for move in days.moves(db):
        name = word.named(move.asset, exchanges.get(move.connection, ""))
        found[name] = min(move.day, found.get(name, move.day))
    return found


def price_view(name: Asset, currency: Asset, price: Price | None, now: datetime) -> PriceView:
    """A price as users see it."""
    steps = () if price is None else price.steps
    at = None if price is None else price.at or _end(price.day)
    return {
        "asset": name,
        "currency": currency,
        "price": None if price is None else text(price.value),
        "source": None if price is None else price.source,
        "at": moment(at),
        "age_seconds": None if at is None else max(0, int((now - at).total_seconds())),
        "path": [
            {
                "base": step.base,
                "quote": step.quote,
                "source": step.source,
                "price": text(step.price),
                "at": moment(step.at),
                "day": None if step.day is None else step.day.isoformat(),
            }
            for step in steps
        ],
        "others": [
            {"source": each.source, "price": text(each.value), "outlier": each.outlier}
            for each in (() if price is None else price.others)
        ],
        "marks": [] if price is None else list(price.marks),
    }


def _end(day: date | None) -> datetime | None:
    return None if day is None else midnight(day + timedelta(1))


def ambiguous(db: Db, assets: Collection[Asset]) -> dict[Asset, list[str]]:
    """The assets of which it is not known which coin they are, and the coins that they may be."""
    known = coins_of(db, assets)
    listed = candidates(db, (each for each in assets if each not in known))
    choices = {each: [coin.id for coin in coins] for each, coins in listed.items()}
    return {each: coins for each, coins in choices.items() if len(coins) > 1}


def fault_of(db: Db) -> dict[str, str]:
    """The sources of prices whose last reading went wrong, and what was said."""
    parts = ("tickers", "rates", "closes", "coins")
    off = stored.switched_off(db)
    found = (each for each in present.list_freshness(db) if each.fault and each.part in parts)
    return {each.source: each.text for each in found if each.source not in off}
