"""Decoders of typed JSON, each made once and never two at a time."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final, TypeVar, cast

import msgspec

_T = TypeVar("_T")

#: msgspec looks a type up when its first decoder is made; where two threads do that at once, the process may die.
_one_at_a_time: Final = Lock()
_made: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}


def decoder(shape: type[_T]) -> msgspec.json.Decoder[_T]:
    """The decoder of that shape."""
    found = _made.get(shape)
    if found is None:
        with _one_at_a_time:
            found = _made.get(shape) or msgspec.json.Decoder(shape)
            _made[shape] = found
    return cast("msgspec.json.Decoder[_T]", found)


def decode(raw: bytes | str | msgspec.Raw, shape: type[_T]) -> _T:
    """A JSON text as that shape. Raises msgspec's errors."""
    return decoder(shape).decode(raw)
