"""Watching: prices and drift that the user wants to hear of, through the alerts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final, TypedDict

from tallyglass.app import deciding
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.worth import present_quotes
from tallyglass.hygiene.facts import DriftFact, WatchFact
from tallyglass.money import ZERO, Amount, Asset, NotMoney, amount, asset, text
from tallyglass.portfolio.worth import STALE_AFTER
from tallyglass.prices.paths import Quotes
from tallyglass.store import present
from tallyglass.store.base import Db

_PRICES: Final = "alerts.prices"
_DRIFT: Final = "alerts.drift"


class WatchView(TypedDict):
    """A price that is watched."""

    asset: str
    side: str
    price: str
    currency: str


class WatchedView(TypedDict):
    """Everything that is watched."""

    prices: list[WatchView]
    #: In points; null = not watched.
    drift: str | None


def watched(session: Session) -> WatchedView:
    """Everything that is watched."""
    with session.store.read() as db:
        return view(db)


def view(db: Db) -> WatchedView:
    """The same, for who is reading already."""
    prices: list[WatchView] = [
        {"asset": each.asset, "side": each.side, "price": text(each.level), "currency": each.currency}
        for each in _watched(db)
    ]
    return {"prices": prices, "drift": present.setting(db, _DRIFT, "") or None}


def watch_price(session: Session, told: WatchView, *, off: bool = False) -> WatchedView:
    """Tell when a price is across a level; or, `off`, no more."""
    one = _read(told)
    with session.store.write() as db:
        there = [each for each in _watched(db) if each.name != one.name]
        if off and len(there) == len(_watched(db)):
            raise Problem("no_such_alert", "There is no such alert.", "See: tallyglass alerts")
        if not off and present_quotes(session).price(one.asset, one.currency) is None:
            text_ = f"There is no price of {one.asset} in {one.currency}."
            raise Problem("unknown_asset", text_, "Name an asset with a market, and sync once before.")
        kept = there if off else [*there, one]
        rows = [[each.asset, each.side, text(each.level), each.currency] for each in kept]
        present.set_setting(db, _PRICES, json.dumps(rows))
        return view(db)


def watch_drift(session: Session, points: str, *, off: bool = False) -> WatchedView:
    """Tell when an asset is so many points from its target; or, `off`, no more."""
    limit = ZERO if off else _amount(points)
    if not off and not ZERO < limit < 100:
        raise Problem("usage", "A drift is between 0 and 100 points.", "For example: tallyglass alerts drift 5")
    with session.store.write() as db:
        if not off and not deciding.targets_of(db):
            raise Problem("no_targets", "There are no targets yet.", "First: tallyglass targets set BTC:60,ETH:40")
        present.set_setting(db, _DRIFT, "" if off else text(limit))
        return view(db)


def price_facts(session: Session) -> tuple[WatchFact, ...]:
    """The watched prices as they are now."""
    with session.store.read() as db:
        there = _watched(db)
        if not there:
            return ()
        quotes = present_quotes(session)
    return tuple(replace(each, price=_sure(session, quotes, each)) for each in there)


def drift_fact(session: Session) -> DriftFact | None:
    """The drift as it is now, where it is watched."""
    with session.store.read() as db:
        limit = present.setting(db, _DRIFT, "")
    return DriftFact(amount(limit), deciding.drift(session)) if limit else None


def _sure(session: Session, quotes: Quotes, each: WatchFact) -> Amount | None:
    """The price, unless it is old or something speaks against it."""
    found = quotes.price(each.asset, each.currency)
    if found is None or found.marks or (found.at is not None and session.now() - found.at > STALE_AFTER):
        return None
    return found.value


def _watched(db: Db) -> list[WatchFact]:
    rows = json.loads(present.setting(db, _PRICES, "[]"))
    return [WatchFact(Asset(name), side, amount(level), Asset(currency)) for name, side, level, currency in rows]


def _read(told: WatchView) -> WatchFact:
    level = _amount(told["price"])
    if told["side"] not in ("above", "below") or level <= ZERO:
        example = "For example: tallyglass alerts price BTC above 100000 USD"
        raise Problem("usage", "A price is watched above or below a level.", example)
    side: Final = "above" if told["side"] == "above" else "below"
    try:
        return WatchFact(_asset(told["asset"]), side, level, _asset(told["currency"]))
    except ValueError:
        raise Problem("usage", "That is no asset.", "For example: BTC") from None


def _asset(symbol: str) -> Asset:
    known = asset(symbol)
    return Asset(known.upper()) if known.islower() else known


def _amount(told: str) -> Amount:
    try:
        return amount(told.replace(",", ""))
    except NotMoney:
        raise Problem("usage", f"{told[:40]!r} is no number.", "Write it as 100000 or 0.25.") from None
