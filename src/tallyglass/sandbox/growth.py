"""Years of acts on the accounts of every exchange, from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from tallyglass.sandbox.model import Act, Facts
from tallyglass.sandbox.world import WorldPrices

Scale = Literal["small", "large"]


def grow(
    facts: Mapping[str, Facts], prices: WorldPrices, seed: int, now: float, scale: Scale
) -> Iterator[tuple[str, str, Act]]:
    """(exchange, account, act) in the order of their times."""
    yield from ()
