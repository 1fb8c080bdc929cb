"""Lies on demand: what a source tells in place of a price, ordered through `/_control/prices`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tallyglass.money import EXACT, Amount, amount, text

_MEMBERS = ("source", "asset", "factor", "price", "stale", "coin", "day")


class BadLie(ValueError):
    """The order names no lie that there is."""


@dataclass(frozen=True, slots=True)
class Lie:
    """What a source tells of an asset: exactly one of `factor`, `price`, `stale` and `coin` is given."""

    source: str
    asset: str
    #: The truth times this.
    factor: Amount | None = None
    #: This in place of the truth; of a market with the asset as its base, whatever the quote.
    price: Amount | None = None
    #: The truth of so many days ago; where times are told they are as old, and nothing newer is told.
    stale: int = 0
    #: The price of this asset, or of the coin with this id, in place of its own.
    coin: str = ""
    #: Only the close of this day is a lie; without it, all that the source tells of the asset.
    day: date | None = None

    def spoil(self, truth: Amount) -> Amount:
        """The price that is told."""
        if self.price is not None:
            return self.price
        return truth if self.factor is None else EXACT.multiply(truth, self.factor)

    def told(self) -> dict[str, Any]:
        """As `/_control/prices` prints it."""
        return {
            name: text(value) if isinstance(value, Decimal) else str(value) if isinstance(value, date) else value
            for name, value in asdict(self).items()
            if value is not None and value != "" and (name != "stale" or value)
        }


class Lies:
    """The lies in force: at most one of each source and asset, a day apart from the rest."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str, date | None], Lie] = {}

    def order(self, wish: Mapping[str, Any]) -> Lie:
        """From `{"source", "asset", "factor"|"price"|"stale"|"coin", "day"}`. Raises `BadLie`."""
        unknown = set(wish) - set(_MEMBERS)
        if unknown:
            raise BadLie(f"a lie has no {', '.join(sorted(unknown))}: it has {', '.join(_MEMBERS)}")
        if not wish.get("source") or not wish.get("asset"):
            raise BadLie("a lie has a source and an asset")
        if sum(name in wish for name in ("factor", "price", "stale", "coin")) != 1:
            raise BadLie("a lie has one of factor, price, stale, coin")
        factor, price = (amount(wish[name]) if name in wish else None for name in ("factor", "price"))
        day = _day(str(wish["day"])) if "day" in wish else None
        stale, coin = wish.get("stale", 0), str(wish.get("coin", ""))
        if isinstance(stale, bool) or not isinstance(stale, int) or stale < 0:
            raise BadLie("stale is a number of days")
        lie = Lie(str(wish["source"]), str(wish["asset"]), factor, price, stale, coin, day)
        self._all[lie.source, lie.asset, lie.day] = lie
        return lie

    def clear(self) -> None:
        """Nobody lies any more."""
        self._all.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Those in force."""
        return [each.told() for each in self._all.values()]

    def of(self, source: str, asset: str, end: int | None = None, day: date | None = None) -> Lie | None:
        """The lie of a source about an asset: now, at the end of a day (milliseconds), or on a day."""
        if not self._all:
            return None
        if end is not None:
            day = datetime.fromtimestamp((end - 1) / 1000, UTC).date()
        return self._all.get((source, asset, day)) or self._all.get((source, asset, None))


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadLie(f"not a day: {value[:20]!r}") from None
