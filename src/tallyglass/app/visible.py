"""Text that others wrote, harmless to look at: what orders a terminal about or turns text around is seen as a mark."""

from __future__ import annotations

import re
from typing import Final

#: Stands for what cannot be shown.
MARK: Final = "\N{REPLACEMENT CHARACTER}"

#: Longer than any name, id or note of an exchange; what is cut is whole in JSON and in Parquet.
LONGEST: Final = 10_000

#: Control characters but new lines and tabs; what turns the direction of text; separators and marks that nobody sees;
#: halves of characters; tags. Joiners stay: names in many scripts need them.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)

#: What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def visible(text: str) -> str:
    """The same with a mark in place of what nobody would see."""
    return text if text.isprintable() else _UNSEEN.sub(MARK, text)


def brief(text: str) -> str:
    """The same, and no longer than anybody reads."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text):,} characters)"
    return visible(text)


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (as OWASP has it), and no terminal for an order."""
    return f"'{visible(cell)}" if cell.lstrip(" ").startswith(_FORMULA) else visible(cell)


def escaped(json: str) -> str:
    """JSON that says the same, with such characters as `\\u…`: harmless to look at, and no other to any program."""
    return json if json.isprintable() else _UNSEEN.sub(_code, json)


def _code(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
