"""What a net worth is made of: the shares of its assets and of its connections. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tallyglass.app.views import HoldingView, WorthView
from tallyglass.money import ZERO, amount, divide, multiply, negate, total

#: So many parts at the most, and no fewer than this while the rest together is still a tenth of the whole.
MOST, FEW = 9, 6
REST = "others"


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of the whole. Debts are no part: shares are of what is owned."""

    name: str
    value: Decimal
    #: Between 0 and 1; all slices together are 1, but for the last of 50 digits.
    share: Decimal

    def of(self, length: int) -> int:
        """How much of a length this is, in whole units, cut."""
        return int(multiply(self.share, Decimal(length)))


def by_asset(found: WorthView) -> list[Slice]:
    """The largest assets first, the small ones together at the end."""
    return of_holdings(found["holdings"])


def of_holdings(found: Sequence[HoldingView]) -> list[Slice]:
    """The same of some holdings."""
    return _slices((holding["asset"], amount(holding["value"])) for holding in found if holding["value"])


def by_connection(found: WorthView) -> list[Slice]:
    """The connection with the largest share first."""
    return _slices(pair for holding in found["holdings"] for pair in _parts(holding))


def shares(found: WorthView) -> dict[str, Decimal]:
    """The share of every asset that is worth something."""
    owned = {
        holding["asset"]: amount(holding["value"])
        for holding in found["holdings"]
        if holding["value"] and amount(holding["value"]) > ZERO
    }
    whole = total(owned.values())
    return {asset: divide(value, whole) for asset, value in owned.items()}


def _parts(holding: HoldingView) -> Iterable[tuple[str, Decimal]]:
    if holding["price"] is not None:
        for part in holding["by"]:
            yield part["connection"], multiply(amount(part["amount"]), amount(holding["price"]))


def _slices(pairs: Iterable[tuple[str, Decimal]]) -> list[Slice]:
    sums: dict[str, Decimal] = {}
    for name, value in pairs:
        sums[name] = total((sums.get(name, ZERO), value))
    owned = sorted(((name, value) for name, value in sums.items() if value > ZERO), key=lambda pair: negate(pair[1]))
    whole = _sum(owned)
    named = FEW - 1
    while named < MOST - 1 and multiply(_sum(owned[named:]), Decimal(10)) >= whole:
        named += 1
    if len(owned) > named + 1:
        owned = [*owned[:named], (REST, _sum(owned[named:]))]
    return [Slice(name, value, divide(value, whole)) for name, value in owned]


def _sum(pairs: Iterable[tuple[str, Decimal]]) -> Decimal:
    return total(value for _, value in pairs)
