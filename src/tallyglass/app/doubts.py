"""Doubts about prices: what the rules of hygiene judge, from the prices of all that is owned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tallyglass.app.pricing import ambiguous, fault_of, held
from tallyglass.app.worth import currency_of
from tallyglass.hygiene.facts import PriceFact
from tallyglass.keeper.client import Connection
from tallyglass.money import Asset, text
from tallyglass.portfolio.worth import NOT_MONEY
from tallyglass.prices import stored
from tallyglass.prices.paths import Price, Quotes
from tallyglass.store.base import Db

_CODES = {"disagree": "price_disagrees", "price_jumped": "price_jumped", "same_symbol": "same_symbol"}


def price_facts(db: Db, connections: Sequence[Connection], quotes: Quotes, now: datetime) -> tuple[PriceFact, ...]:
    """Everything that is doubtful about today's prices."""
    living = {each.exchange for each in connections if each.state != "dead"}
    currency = currency_of(db)
    wanted = sorted(held(db, connections, now) - NOT_MONEY)
    found: list[PriceFact] = []
    unpriced: set[Asset] = set()
    for each in wanted:
        price = quotes.price(each, currency)
        if price is None:
            unpriced.add(each)
            found.append(PriceFact("price_missing", each))
        else:
            found += _doubts(each, price)
    which = ambiguous(db, wanted)
    found += [PriceFact("which_coin", name, ", ".join(coins), name in unpriced) for name, coins in which.items()]
    faults = {source: words for source, words in fault_of(db).items() if source in living or source in stored.SOURCES}
    found += [PriceFact("price_source_failed", source, words, doubtful=False) for source, words in faults.items()]
    return tuple(found)


def _doubts(name: Asset, price: Price) -> Iterator[PriceFact]:
    said = [f"{price.source} {text(price.value)}", *(f"{each.source} {text(each.value)}" for each in price.others)]
    for mark, code in _CODES.items():
        if mark in price.marks:
            yield PriceFact(code, name, ", ".join(said))
    if "disagree" not in price.marks and any(each.outlier for each in price.others):
        yield PriceFact("price_disagrees", name, ", ".join(said), doubtful=False)
