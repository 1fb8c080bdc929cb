"""What is stored of prices, as `paths` and `closing` take it: today's quotes, and the user's word."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tallyglass.money import Amount, Asset
from tallyglass.prices.closing import GAP
from tallyglass.prices.coins import COMMON, DOLLAR, MAJORS, candidates, coins_of
from tallyglass.prices.opinions import SILENT, Asked, Unheard
from tallyglass.prices.paths import Quotes, Spoken, Word, Yesterday
from tallyglass.prices.routes import COINGECKO, DEFILLAMA, ECB, NORGES_BANK, SECOND, Link
from tallyglass.prices.wanted import reach
from tallyglass.store import closes, identities, present
from tallyglass.store.base import Db
from tallyglass.store.closes import Series

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
    known = replace(word(db), unheard=unheard(db))
    used = [each for each in present.list_tickers(db) if each[0] in asked]
    return Quotes(used, rates, date.fromisoformat(day) if day else None, known, _yesterday(db, asked, today))


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


def unheard(db: Db) -> Unheard:
    """The second opinions of what is held, and of the majors, that were not heard when they were last asked for."""
    off = switched_off(db)
    heard = {(each.source, each.part) for each in present.list_freshness(db) if each.fresh_at and not each.fault}
    held = {*present.held(db), *(each.asset for each in identities.list_identities(db)), *map(Asset, MAJORS)}
    coins, open_ = _coins(db, held, off)
    silent = any((source, "tickers") not in heard for source in _by_coin(off))
    # Until somebody was asked, the rates are those that are bundled.
    rates = NORGES_BANK not in off and (ECB, "rates") in heard and (NORGES_BANK, "rates") not in heard
    return Unheard(open_ | (coins if silent else frozenset()), rates)


def unheard_days(db: Db, assets: Collection[Asset]) -> Unheard:
    """The same of past days, as far back as each source tells of them by now."""
    off, spans, now = switched_off(db), closes.spans(db), datetime.now(UTC)
    coins, open_ = _coins(db, {*assets, *COMMON}, off)

    def asked(asset: Asset) -> Iterator[Asked]:
        for source in _by_coin(off):
            yield Asked(reach(source, now), *spans.get(Series(source, asset, DOLLAR), SILENT[1:]))

    return Unheard(days={**{each: tuple(asked(each)) for each in coins}, **dict.fromkeys(open_, (SILENT,))})


def _by_coin(off: Collection[str]) -> set[str]:
    return {COINGECKO, DEFILLAMA} - set(off)


def _coins(db: Db, assets: Collection[Asset], off: Collection[str]) -> tuple[frozenset[Asset], frozenset[Asset]]:
    """Those that are a coin which is known, and those that may be one: nobody said which, or could be asked."""
    on = _by_coin(off)
    known = frozenset(coins_of(db, assets)) if on else frozenset()
    if COINGECKO not in on:
        return known, frozenset()
    read = {(each.source, each.part) for each in present.list_freshness(db) if each.fresh_at}
    listed, listing = (COINGECKO, "coins") in read, candidates(db, assets)
    return known, frozenset(each for each in assets if each not in known and (not listed or listing[each]))
