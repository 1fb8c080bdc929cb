"""Routes: which markets and official rates lead from each asset to the user's currency, and how well. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from tallyglass.money import Asset
from tallyglass.prices.choose import Rank

#: Of two paths of one length, the one over the earlier of these is taken: the most liquid quotes first.
PREFERRED: Final = ("USD", "USDT", "USDC", "EUR", "BTC")
LONGEST: Final = 4
ECB: Final = "ecb"
NORGES_BANK: Final = "norgesbank"
#: It gives every coin an id, and DefiLlama goes by the same ids.
COINGECKO: Final = "coingecko"
DEFILLAMA: Final = "defillama"
#: They are asked what the user's own exchanges and the European Central Bank do not know, and for a second opinion.
SECOND: Final = frozenset((DEFILLAMA, COINGECKO, NORGES_BANK))


class Link(NamedTuple):
    """One market of one source."""

    source: str
    base: Asset
    quote: Asset


class Route(NamedTuple):
    """The best way on from an asset that one source knows: a market, or an official rate."""

    source: str
    quote: Asset
    rank: Rank
    #: None for an official rate.
    link: Link | None
    #: The asset is the quote of that market.
    turned: bool
    #: What it leads to is nearer to the currency than the asset.
    nearer: bool


Routes = Mapping[Asset, tuple[Route, ...]]
"""From every asset from which there is a way to the currency: one route of each source."""


def routes_to(currency: Asset, links: Iterable[Link], official: Mapping[str, AbstractSet[Asset]]) -> Routes:
    """Every route. `official`: the currencies of which a source has official rates, by source.

    Currencies go by official rates, whatever markets trade them. Markets are turned round where nothing else leads
    on, and for the last step to the user's currency.
    """
    ways = _Ways(currency, links, official)
    distance = ways.distances()
    return {
        asset: found
        for asset, far in distance.items()
        if asset != currency and (found := tuple(ways.routes(asset, far, distance)))
    }


class _Ways:
    def __init__(self, currency: Asset, links: Iterable[Link], official: Mapping[str, AbstractSet[Asset]]) -> None:
        self._currency, self._official = currency, official
        self._fiat = frozenset(each for known in official.values() for each in known)
        self._forward: dict[Asset, list[Link]] = defaultdict(list)
        self._turned: dict[Asset, list[Link]] = defaultdict(list)
        for link in links:
            if link.base not in self._fiat:
                self._forward[link.base].append(link)
            self._turned[link.quote].append(link)

    def distances(self) -> dict[Asset, int]:
        """Over how many markets each asset is away from the currency."""
        distance = {self._currency: 0}
        reached = [self._currency]
        leading: dict[Asset, set[Asset]] = defaultdict(set)
        for asset in self._forward.keys() | self._turned.keys() | self._fiat:
            for quote, *_ in self._on(asset):
                leading[quote].add(asset)
        for far in range(1, LONGEST + 1):
            reached = [asset for here in reached for asset in leading[here] if asset not in distance]
            distance.update(dict.fromkeys(reached, far))
        return distance

    def routes(self, asset: Asset, far: int, distance: Mapping[Asset, int]) -> Iterator[Route]:
        """The best way on of each source; none leads further away."""
        best: dict[str, Route] = {}
        for quote, source, link, turned in self._on(asset):
            left = distance.get(quote, LONGEST)
            if left > far or left == LONGEST:
                continue
            preference = PREFERRED.index(quote) if quote in PREFERRED else len(PREFERRED)
            rank = (int(source in SECOND), left, preference, quote)
            if source not in best or rank < best[source].rank:
                best[source] = Route(source, quote, rank, link, turned, left < far)
        return iter(best.values())

    def _on(self, asset: Asset) -> Iterator[tuple[Asset, str, Link | None, bool]]:
        """Where one step leads: quote, source, market, and whether that is turned round."""
        for source, known in self._official.items():
            if asset in known:
                yield from ((other, source, None, False) for other in known if other != asset)
        forward = self._forward.get(asset, ())
        for link in forward:
            yield link.quote, link.source, link, False
        for link in self._turned.get(asset, ()):
            if link.base == self._currency or not (forward or asset in self._fiat):
                yield link.base, link.source, link, True
