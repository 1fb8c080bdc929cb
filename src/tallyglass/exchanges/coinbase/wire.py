"""Coinbase: what its answers are made of: names, times, money, and rows that are read one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import NotReadable, Unparsed
from tallyglass.money import Amount, Asset, amount, asset

T = TypeVar("T")
Side = Literal["buy", "sell"]
SIDES: Final[Mapping[str, Side]] = {"buy": "buy", "sell": "sell"}

#: Codes of Coinbase's own; every other code is the common symbol. ETH2 was merged into ETH one to one.
_RENAMED: Mapping[str, str] = {"CGLD": "CELO", "ETH2": "ETH"}


class NotUnderstood(ValueError):
    """One row is not what its kind should be. It goes to `unparsed`."""


class Money(msgspec.Struct):
    """Money of a v2 answer: `{"amount": "1.5", "currency": "EUR"}`."""

    amount: str
    currency: str

    def exact(self) -> tuple[Asset, Amount]:
        """Asset and amount."""
        return asset_of(self.currency), amount(self.amount)


class Value(msgspec.Struct):
    """Money of a v3 answer: `{"value": "1.5", "currency": "EUR"}`."""

    value: str
    currency: str


class Pagination(msgspec.Struct):
    """How a v2 list goes on (coinbase-app/api-architecture/pagination). Only `next_uri` ends it."""

    next_uri: str | None = None
    next_starting_after: str | None = None
    order: str | None = None

    def following(self, ids: Sequence[str]) -> str:
        """What to start the next page after, `ids` being those of this page's rows; '' when there is no next page.

        What is told counts while it stands on the page. Else rows might be passed over, and the page's last row counts.
        Raises `NotReadable` when a page follows, and nothing says where.
        """
        if not self.next_uri:
            return ""
        told = parse_qs(urlsplit(self.next_uri).query).get("starting_after", [""])[0] or self.next_starting_after
        after = told if told in ids else next((each for each in reversed(ids) if each), told)
        if not after:
            raise NotReadable("a page is said to follow, but nothing says where it starts")
        return after


def side_of(word: str) -> Side:
    """Bought or sold, in whichever case it is told. Raises `NotUnderstood`."""
    side = SIDES.get(word.lower())
    if side is None:
        raise NotUnderstood(f"unknown side {word!r}")
    return side


@lru_cache(maxsize=4096)
def asset_of(code: str) -> Asset:
    """The common symbol of a currency code."""
    return asset(_RENAMED.get(code, code))


@lru_cache(maxsize=1024)
def time_of(text: str) -> datetime:
    """An RFC 3339 time with zone and 0 to 9 digits of a second (more than 6 are cut), in UTC."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise NotUnderstood(f"a time without a zone: {text[:40]}")
    return time.astimezone(UTC)


def answer(body: bytes, shape: type[T]) -> T:
    """The answer as a whole. Raises `NotReadable`."""
    try:
        return decode(body, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotReadable(f"not an answer of Coinbase to this read: {error}") from error


def rows(
    raws: Sequence[msgspec.Raw], id_name: str, read: Callable[[msgspec.Raw], Iterable[T]]
) -> tuple[tuple[T, ...], tuple[Unparsed, ...]]:
    """What `read` makes of each row, and the rows that it does not understand, kept as they are."""
    items: list[T] = []
    unparsed: list[Unparsed] = []
    for raw in raws:
        try:
            items.extend(read(raw))
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
            unparsed.append(Unparsed(row_id(raw, id_name), str(error), bytes(raw).decode("utf-8", "replace")))
    return tuple(items), tuple(unparsed)


def row_id(raw: msgspec.Raw, id_name: str) -> str:
    """The row's own id, or a digest of it: the same at every reading."""
    return own_id(raw, id_name) or hashlib.sha256(bytes(raw)).hexdigest()[:32]


def own_id(raw: msgspec.Raw, id_name: str) -> str:
    """The row's own id; '' when it has none."""
    try:
        told = decode(raw, dict[str, msgspec.Raw])[id_name]
        return decode(told, str)
    except (msgspec.MsgspecError, KeyError, ValueError):
        return ""


def ids(raws: Sequence[msgspec.Raw]) -> list[str]:
    """The ids of the rows of a v2 list; '' for one that has none."""
    return [own_id(raw, "id") for raw in raws]
