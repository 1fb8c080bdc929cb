"""Long lists in parts: in the shape that commands tell, with the way to the next part in a `Link` header (RFC 8288)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from tallyglass.app.history import LONGEST_PAGE
from tallyglass.app.problems import Problem
from tallyglass.web.api.parameters import Given, number

T = TypeVar("T")
_USUAL = 100


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an answer."""

    answer: object
    #: The cursor of the next part; empty where this is the last.
    next: str


def part(rows: Sequence[T], given: Given, name: Callable[[T], str]) -> Part:
    """The rows after the one that the cursor names; new ones before it move nothing."""
    limit, after = number(given, "limit", _USUAL), given.get("after", "")
    if not 1 <= limit <= LONGEST_PAGE:
        raise Problem("limit", f"A page has 1 to {LONGEST_PAGE} rows.", "Ask for the next page with its cursor.")
    begin = 0
    if after:
        found = next((at for at, row in enumerate(rows, 1) if _cursor(name(row)) == after), None)
        if found is None:
            raise Problem("cursor", "That is no cursor of ours.", "Begin again without `after`.")
        begin = found
    shown = list(islice(rows, begin, begin + limit))
    more = begin + limit < len(rows)
    return Part(shown, _cursor(name(shown[-1])) if more else "")


def _cursor(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:24]
