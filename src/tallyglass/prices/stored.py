"""What is stored of prices, as `paths` and `closing` take it: today's quotes, and the user's word."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from tallyglass.money import Amount, Asset
from tallyglass.prices.closing import GAP
from tallyglass.prices.coins import MAJORS
from tallyglass.prices.paths import Quotes, Spoken, Word, Yesterday
from tallyglass.prices.routes import ECB, NORGES_BANK, SECOND, Link
from tallyglass.store import closes, identities, present
from tallyglass.store.base import Db

#: The setting that names the sources which the user has switched off.
OFF = "prices.off"
#: The sources that can be switched off: what the others tell is asked of those who hold the user's coins anyway.
OPTIONAL = tuple(sorted(SECOND))
#: All sources beside the exchanges.
SOURCES = (ECB, *OPTIONAL)
#: In place of a source and a coin: the user said that all exchanges mean one coin by the symbol.
SAME = ("", "same")


def switched_off(db: Db) -> frozenset[str]:
    """The sources that the user does not want asked."""
    return frozenset(filter(None, present.setting(db, OFF, "").split(",")))


def word(db: Db) -> Word:
    """What is known or was said of assets."""
    said = identities.list_identities(db)
    apart = (each.asset.partition("@") for each in said if "@" in each.asset)
    prices = (Spoken(each.asset, each.currency, each.day, each.price) for each in closes.list_manual(db))
    sure = frozenset(Asset(each) for each in MAJORS) | {each.asset for each in said}
    return Word(tuple(prices), sure, frozenset((Asset(name), exchange) for name, _, exchange in apart))


def quotes(db: Db, exchanges: Collection[str], today: date) -> Quotes:
    """The prices of now, by the exchanges in use and the sources that are not switched off.

    What an exchange that is no longer connected once said is nobody's price.
    """
    asked = {*exchanges, *(set(OPTIONAL) - switched_off(db))}
    day, rates = present.newest_rates(db)
    used = [each for each in present.list_tickers(db) if each[0] in asked]
    return Quotes(used, rates, date.fromisoformat(day) if day else None, word(db), _yesterday(db, asked, today))


def _yesterday(db: Db, asked: Collection[str], today: date) -> Yesterday:
    found: dict[Link, Amount] = {}
    crowns: dict[Asset, Amount] = {}
    newest = None
    for each in closes.closes_between(db, today - timedelta(GAP), today - timedelta(1)):
        if each.series.source == NORGES_BANK and NORGES_BANK in asked:
            if newest is None or each.day > newest:
                newest = each.day
            crowns[each.series.base] = each.price
        elif each.series.source in asked:
            found[Link(*each.series)] = each.price
    return Yesterday(found, crowns, newest)
