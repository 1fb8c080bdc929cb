"""The long list of a big exchange: coins that nobody knows, against many quotes, the same at every start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, product

from tallyglass.money import Amount, divide
from tallyglass.sandbox.model import MarketFact

FEWEST = 200
"""Below that there is no room for the markets that have a part to play."""

QUOTES = ("USDT", "USDC", "BTC", "TRY", "FDUSD", "EUR", "BNB", "ETH")
_LIKELIHOOD = {"USDT": 92, "USDC": 45, "BTC": 40, "TRY": 40, "FDUSD": 25, "EUR": 22, "BNB": 18, "ETH": 16}
"""Out of a hundred coins so many have a market against it."""
CLOSED = "BREAK"
#: Coins that serve as quotes: a stable coin that came late, one of euros, one that is gone.
STABLE = {"FDUSD": Decimal(1), "AEUR": Decimal("1.16"), "XUSD": Decimal(1)}
_DECIMALS = 8
_REAL = frozenset(["DOGE", "PEPE", "KAVA", "GALA", "MANA", "ROSE", "RUNE"])


@dataclass(frozen=True, slots=True)
class Listing:
    """A market, with what one unit of its base is worth in dollars before noise."""

    fact: MarketFact
    dollars: Amount
    status: str = "TRADING"


def coins() -> Iterator[str]:
    """Made-up names, no two of them alike, none the beginning of another one's market."""
    for first, second, third in product("BDFGKMNPRSTVZ", "AEIOU", "BDFGKLMNPRSTVXZ"):
        for fourth in "AEIOU":
            if (name := f"{first}{second}{third}{fourth}") not in _REAL:
                yield name


def story(number: int) -> str:
    """The coin with that number: the first ones have a part to play."""
    return next(islice(coins(), number * 7, None))


#: Number of a coin → the quotes that it is listed against; a quote in brackets is closed.
_PARTS = {
    **dict.fromkeys(range(12), "USDT"),
    12: "BTC USDT",
    13: "BTC USDT",
    14: "ETH USDT",
    15: "ETH USDT",
    16: "BNB USDC",
    17: "BNB USDC",
    18: "FDUSD USDT",
    19: "FDUSD USDT",
    20: "FDUSD USDT",
    21: "TRY USDT",
    22: "TRY USDT",
    23: "(XUSD) USDT",
    24: "AEUR",
    25: "(USDT)",
    26: "(USDT)",
    27: "(BTC) (USDT)",
    28: "USDC",
    29: "EUR",
}


def listings(count: int, known: int) -> tuple[Listing, ...]:
    """So many markets in all, of which `known` are there already."""
    if count == 0:
        return ()
    if count < FEWEST:
        raise ValueError(f"{count} markets are too few: {FEWEST} or more")
    made: dict[tuple[str, str], Listing] = {}
    for listing in _all():
        if len(made) == count - known:
            break
        made.setdefault((listing.fact.base, listing.fact.quote), listing)
    return tuple(made.values())


def _all() -> Iterator[Listing]:
    yield Listing(MarketFact("FDUSD", "USDT", 4, 2), STABLE["FDUSD"])
    yield Listing(MarketFact("AEUR", "USDT", 4, 2), STABLE["AEUR"])
    yield Listing(MarketFact("XUSD", "USDT", 4, 2), STABLE["XUSD"], CLOSED)
    yield Listing(MarketFact("USDT", "TRY", 2, 2), Decimal(1))
    for number, quotes in _PARTS.items():
        for quote in quotes.split():
            # dear enough for four digits in every quote
            yield _listing(story(number), quote.strip("()"), _dollars(story(number)) * 40 + 2, closed="(" in quote)
    taken = {story(number) for number in _PARTS}
    for coin in coins():
        if coin not in taken:
            yield from _listed(coin)


def _listed(coin: str) -> Iterator[Listing]:
    rng = random.Random(f"bazaar {coin}")
    for quote, chances in _LIKELIHOOD.items():
        listing = _listing(coin, quote, _dollars(coin), closed=rng.random() < 0.06)
        if rng.random() * 100 < chances and listing.fact.price_decimals < _DECIMALS:
            yield listing


def _dollars(coin: str) -> Amount:
    rng = random.Random(f"bazaar price {coin}")
    return Decimal(rng.randint(1000, 9999)).scaleb(rng.choice((-6, -5, -5, -4, -4, -3, -3, -2)))


def _listing(coin: str, quote: str, dollars: Amount, *, closed: bool) -> Listing:
    """With four digits of its price; price and amount together have no more decimals than any amount keeps."""
    worth = {"BTC": 90_000, "ETH": 3_000, "BNB": 850}.get(quote, 1)
    price = min(max(3 - divide(dollars, Decimal(worth)).adjusted(), 2), _DECIMALS)
    fact = MarketFact(coin, quote, price, min(_DECIMALS - price, 3))
    return Listing(fact, dollars, CLOSED if closed else "TRADING")
