"""Coinbase: the fills of Advanced (v3): the same events as the ledger's `advanced_trade_fill` rows, told otherwise.

docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/list-fills. The ledger books them; here they
only add facts. A fill and its two ledger rows share no id but the order's, so they meet where order and second are
the same; where they do not, nothing is guessed and the facts stand for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

import msgspec

from tallyglass.exchanges.coinbase.ledger import facts, market, trade_id
from tallyglass.exchanges.coinbase.wire import NotUnderstood, answer, rows, side_of, time_of
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import Ask, Cursor, Known, NotReadable, Page
from tallyglass.ledger.entries import SPOT, Entry, Leg
from tallyglass.money import ZERO, amount, divide, multiply, negate

#: A later sync asks for fills so much older than the newest again.
OVERLAP: Final = timedelta(hours=1)
#: The ledger's own word, so that both tell the same of the event.
NOTE: Final = "advanced_trade_fill"
_LIQUIDITY: Final = {"MAKER": "maker", "TAKER": "taker"}


class FillRow(msgspec.Struct):
    """A fill of the fill list."""

    entry_id: str
    order_id: str
    product_id: str
    trade_time: str
    trade_type: str
    price: str
    size: str
    commission: str
    side: str
    size_in_quote: bool = False
    liquidity_indicator: str = ""

    @property
    def maker(self) -> str:
        """`maker` or `taker`; '' where that is not told."""
        return _LIQUIDITY.get(self.liquidity_indicator, "")


class FillPage(msgspec.Struct):
    """A page of fills; there is no `has_next`, an empty cursor ends the list."""

    fills: list[msgspec.Raw]
    cursor: str | None = None
    proof_token_required: bool = False

    @property
    def following(self) -> str:
        """The cursor of the next page; '' at the end. An empty page may still name one."""
        return (self.cursor or "") if self.fills else ""


class _Time(msgspec.Struct):
    trade_time: str


def fill_page(body: bytes) -> FillPage:
    """The answer as a whole. Raises `NotReadable`, for a list that is held back too."""
    page = answer(body, FillPage)
    proven(required=page.proof_token_required)
    return page


def proven(*, required: bool) -> None:
    """Raises `NotReadable` for a list that comes empty until the user has logged in again: empty is not nothing."""
    if required:
        raise NotReadable(
            "Coinbase wants a fresh login (proof_token_required) before it lists these: sign in, then sync"
        )


def fill(raw: msgspec.Raw, known: Known) -> Entry:
    """A fill with all that it moved: for whoever reads fills and not the ledger. Never book both."""
    row = decode(raw, FillRow)
    told = _told(row, known)
    base, quote = market(row.product_id, known)
    price, size, fee = amount(row.price), amount(row.size), amount(row.commission)
    # A market buy by amount tells its size in quote; the base then follows from the price, to 50 digits.
    bought, paid = (divide(size, price), size) if row.size_in_quote else (size, multiply(size, price))
    if side_of(row.side) == "sell":
        bought, paid = negate(bought), negate(paid)
    legs = (
        Leg(f"{row.entry_id}:base", SPOT, base, bought),
        Leg(f"{row.entry_id}:quote", SPOT, quote, negate(paid)),
        Leg(f"{row.entry_id}:fee", SPOT, quote, negate(fee), "fee"),
    )
    return msgspec.structs.replace(told, legs=tuple(leg for leg in legs if leg.amount != ZERO))


def _told(row: FillRow, known: Known) -> Entry:
    """The facts of a fill."""
    if row.trade_type != "FILL":
        raise NotUnderstood(f"a fill of type {row.trade_type!r} amends another fill")
    told = facts(market(row.product_id, known), row.order_id, row.price, side_of(row.side), row.maker)
    return Entry(trade_id(row.order_id, row.trade_time), time_of(row.trade_time), "trade", (), NOTE, facts=told)


@dataclass(frozen=True, slots=True)
class Fills:
    """The fills of the key's portfolio, newest first, for their facts alone.

    The cursor: `since`, the time of the newest fill that is known; while a walk is under way also `next`, Coinbase's
    own cursor, and `newest`, the coming `since`. Fills are never taken back, so what arrives meanwhile can only push
    some down and make them come twice.
    """

    name: str = "fills"
    enriches: ClassVar[bool] = True

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 -- the clock is Coinbase's own
        """The next page, back to a little before the newest fill that is known."""
        params = {}
        if "since" in cursor:
            params["start_sequence_timestamp"] = (time_of(cursor["since"]) - OVERLAP).isoformat().replace("+00:00", "Z")
        return Ask("trades", params | ({"cursor": cursor["next"]} if "next" in cursor else {}))

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        """The facts of the page. Fills of futures have no row in the spot ledger: they are passed over."""
        page = fill_page(body)
        found, unparsed = rows(page.fills, "entry_id", lambda raw: _spot(raw, known))
        times = _times(page.fills)
        newest = cursor.get("newest", "") if "cursor" in ask.params else ""
        newest = newest or (max(times).isoformat() if times else "")
        reached = min(times) if times else None
        if page.following:
            onward = {**cursor, "next": page.following, **({"newest": newest} if newest else {})}
            return Page(found, onward, done=False, unparsed=unparsed, reached=reached)
        since = newest or cursor.get("since", "")
        return Page(found, {"since": since} if since else {}, done=True, unparsed=unparsed, reached=reached, left=0)


def _spot(raw: msgspec.Raw, known: Known) -> Iterator[Entry]:
    row = decode(raw, FillRow)
    if row.product_id in known.markets or row.product_id.count("-") == 1:
        yield _told(row, known)


def _times(raws: list[msgspec.Raw]) -> list[datetime]:
    """When rows were, those that are not understood too: a walk goes by them. What is no time is left out."""
    found = []
    for raw in raws:
        try:
            found.append(time_of(decode(raw, _Time).trade_time))
        except (msgspec.MsgspecError, ValueError, OverflowError):
            continue
    return found
