"""The prices of past days: the closes that are stored, and the user's word on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from tallyglass.money import Amount, Asset
from tallyglass.portfolio.days import Closes, Pricing
from tallyglass.prices import stored
from tallyglass.prices.closing import GAP, DailyPrices, History
from tallyglass.prices.paths import EURO
from tallyglass.prices.routes import Link
from tallyglass.store import closes, present
from tallyglass.store.base import Db


def pricing(db: Db, currency: Asset, days: tuple[date, date], assets: Iterable[Asset]) -> Pricing:
    """The price of these assets on each of these days, in one currency."""
    return prices_of(db, days, {currency, *assets}).in_currency(currency)


def closing(db: Db, currency: Asset, days: tuple[date, date], assets: Iterable[Asset]) -> Closes:
    """The same, as values alone: how they came about is not told."""
    price = pricing(db, currency, days, assets)

    def close(asset: Asset, day: date) -> Amount | None:
        found = price(asset, day)
        return None if found is None else found.value

    return close


def prices_of(db: Db, days: tuple[date, date], assets: Iterable[Asset]) -> DailyPrices:
    """What is known of these assets on these days; of what no source tells any more, the last that one told."""
    known, begin = set(assets), days[0] - timedelta(days=2 * GAP)
    found = {Link(*series): told for series, told in closes.by_series(db, begin, days[1]).items()}
    for series in closes.spans(db):
        if Link(*series) not in found and (last := closes.last(db, series, before=begin)) is not None:
            found[Link(*series)] = {last.day: last.price}
    word = replace(stored.word(db), unheard=stored.unheard_days(db, known))
    per_euro: dict[Asset, dict[date, Amount]] = defaultdict(dict)
    named = {*known, *(each for link in found for each in (link.base, link.quote)), EURO}
    for day, currency, rate in present.rates_between(db, begin, days[1], named):
        per_euro[currency][day] = rate
    return DailyPrices(History(found, per_euro), word)
