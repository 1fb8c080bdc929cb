"""Doubts about prices: what the rules of hygiene judge, from the prices of all that is owned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from tallyglass.app.pricing import ambiguous, fault_of, held
from tallyglass.app.worth import currency_of
from tallyglass.hygiene.facts import PriceFact
from tallyglass.keeper.client import Connection
from tallyglass.money import Asset, text
from tallyglass.portfolio.worth import NOT_MONEY
from tallyglass.prices import refresh, stored
from tallyglass.prices.paths import YOU, Price, Quotes
from tallyglass.store.base import Db

_CODES = {"disagree": "price_disagrees", "price_jumped": "price_jumped", "same_symbol": "same_symbol"}


def price_facts(db: Db, connections: Sequence[Connection], quotes: Quotes, now: datetime) -> tuple[PriceFact, ...]:
    """Everything that is doubtful about today's prices."""
    living = {each.exchange for each in connections if each.state != "dead"}
    currency = currency_of(db)
    wanted = sorted(held(db, connections, now) - NOT_MONEY)
    found: list[PriceFact] = []
    unpriced: set[Asset] = set()
    lone: dict[str, list[Asset]] = {"price_unconfirmed": [], "price_alone": []}
    for each in wanted:
        price = quotes.price(each, currency)
        if price is None:
            unpriced.add(each)
            found.append(PriceFact("price_missing", each))
        else:
            found += _doubts(each, price)
            if "unconfirmed" in price.marks:
                lone["price_unconfirmed"].append(each)
            elif price.steps and price.steps[0].source != YOU and not price.others:
                lone["price_alone"].append(each)
    which = ambiguous(db, wanted)
    found += [PriceFact("which_coin", name, ", ".join(coins), name in unpriced) for name, coins in which.items()]
    found += [
        PriceFact(code, "", ", ".join(names), doubtful=code != "price_alone") for code, names in lone.items() if names
    ]
    found += [PriceFact("price_refused", name, said, doubtful=False) for name, said in _refused(db, living, wanted)]
    faults = {source: words for source, words in fault_of(db).items() if source in living or source in stored.SOURCES}
    found += [PriceFact("price_source_failed", source, words, doubtful=False) for source, words in faults.items()]
    return tuple(found)


def _refused(db: Db, living: Collection[str], wanted: Collection[Asset]) -> Iterator[tuple[Asset, str]]:
    """What was told of a price that is none, and by whom."""
    word, said = stored.word(db), defaultdict[Asset, list[str]](list)
    for source in (*sorted(living), *stored.OPTIONAL):
        for base, quote in refresh.refused(db, source):
            said[word.named(base, source)].append(f"{source} {base}/{quote}")
    return ((name, ", ".join(said[name])) for name in wanted if name in said)


def _doubts(name: Asset, price: Price) -> Iterator[PriceFact]:
    said = [f"{price.source} {text(price.value)}", *(f"{each.source} {text(each.value)}" for each in price.others)]
    for mark, code in _CODES.items():
        if mark in price.marks:
            yield PriceFact(code, name, ", ".join(said))
    if "disagree" not in price.marks and any(each.outlier for each in price.others):
        yield PriceFact("price_disagrees", name, ", ".join(said), doubtful=False)
