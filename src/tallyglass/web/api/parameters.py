"""The parameters of the API: how each is written, told in the same words to people and programs, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallyglass.app.asking import one_of
from tallyglass.app.history import LONGEST_PAGE
from tallyglass.app.problems import Problem

#: What was given: each name once, no value empty.
Given = Mapping[str, str]

#: Longer than anything that can be meant.
LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter."""

    name: str
    text: str
    schema: Mapping[str, Any]
    example: str | int
    required: bool = False


def words(name: str, text: str, example: str, *, required: bool = False) -> Param:
    """A parameter in words."""
    return Param(name, text, {"type": "string", "minLength": 1, "maxLength": LONGEST}, example, required)


def choice(name: str, text: str, *values: str) -> Param:
    """A parameter that is one of some words."""
    return Param(name, text, {"type": "string", "enum": list(values)}, values[0])


AT: Final = words("at", "A day (its end) or a moment, UTC; now when left out.", "2026-01-31T12:00Z")
FROM: Final = Param("from", "The first day, UTC.", {"type": "string", "format": "date"}, "2026-01-01")
TO: Final = Param("to", "The last day, and with it.", {"type": "string", "format": "date"}, "2026-01-31")
CONNECTION: Final = words("connection", "Only this one, by its name in `keys`.", "kraken")
BENCHMARK: Final = words("benchmark", "Assets with shares in percent: what else the money could have become.", "BTC")
LIMIT: Final = Param("limit", "So many a page.", {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE}, 50)
AFTER: Final = words("after", "The cursor of the page before: `next`, or what its `Link` header says.", "MjAyNi0wMXw0")


def given(pairs: list[tuple[str, str]], params: tuple[Param, ...]) -> Given:
    """What was given, checked; a parameter that is not known is a mistake that must not pass for an answer."""
    found: dict[str, str] = {}
    for name, value in pairs:
        one_of("parameter", name, tuple(param.name for param in params) or ("none",))
        if name in found:
            raise Problem("usage", f"{name} is given twice.", "Say it once.")
        if not 0 < len(value) <= LONGEST:
            raise Problem("usage", f"{name} is empty or too long.", f"Leave it out, or say 1 to {LONGEST} characters.")
        found[name] = value
    for param in params:
        if "enum" in param.schema and param.name in found:
            one_of(param.name, found[param.name], tuple(param.schema["enum"]))
    return found


def number(told: Given, name: str, otherwise: int) -> int:
    """A whole number."""
    value = told.get(name)
    if value is None:
        return otherwise
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise Problem("usage", f"{name} {value!r} is no whole number.", "Write it as 50.")
    return int(value)


def yes(told: Given, name: str) -> bool:
    """Whether it is asked for."""
    return told.get(name) == "yes"
