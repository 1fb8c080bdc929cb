"""Answers about the present, row by row: each is understood or kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from tallyglass.exchanges import decoding
from tallyglass.exchanges.binance.sheet import odd
from tallyglass.exchanges.streams import Item, Parsed, Unparsed

_Row = TypeVar("_Row")


def each(read_id: str, raws: Sequence[msgspec.Raw], row: type[_Row], make: Callable[[_Row], Item | None]) -> Parsed:
    """What the rows hold; one that `make` does not know goes to `unparsed`, None is left out."""
    decoder = decoding.decoder(row)
    items: list[Item] = []
    unparsed: list[Unparsed] = []
    for raw in raws:
        text = bytes(raw)
        try:
            item = make(decoder.decode(text))
        except (ValueError, ArithmeticError) as error:
            unparsed.append(odd(read_id, text, error))
        else:
            items += [item] if item is not None else []
    return Parsed(tuple(items), tuple(unparsed))
