"""Streams: how an exchange's history is asked for, page by page, and turned into entries. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol

from tallyglass.ledger.entries import Entry
from tallyglass.ledger.imports import Row
from tallyglass.ledger.reconcile import Move
from tallyglass.money import ZERO, Amount, Asset, NotMoney, add, total

Cursor = Mapping[str, str]
"""Where a stream stands: texts that only the stream itself understands. Empty = never read."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the exchange reports of one asset on one wallet."""

    account: str
    asset: Asset
    #: All that is owned, locked parts included.
    total: Amount
    #: The part held by open orders or pending withdrawals; None where the exchange does not tell.
    locked: Amount | None = None
    #: The exchange's own wallet id, where more than one read tells of the same wallet (Coinbase): see `merged`.
    wallet: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One open order, in common symbols."""

    id: str
    #: `BASE/QUOTE`, for example `BTC/EUR`.
    market: str
    side: Literal["buy", "sell"]
    #: The exchange's word in lower case: `limit`, `market`, `stop-loss` …
    type: str
    #: None for a market order.
    price: Amount | None
    amount: Amount
    filled: Amount
    time: datetime


@dataclass(frozen=True, slots=True)
class Market:
    """A market that the exchange lists."""

    #: The exchange's own name (`XXBTZEUR`, `BNBUSDT`, `ETH-EUR`): what its answers and params use.
    name: str
    base: Asset
    quote: Asset
    #: Other names the exchange uses for it (`XBTEUR`).
    aliases: tuple[str, ...] = ()
    open: bool = True


@dataclass(frozen=True, slots=True)
class Ticker:
    """The last price of a market: `price` units of quote for one base."""

    base: Asset
    quote: Asset
    price: Amount
    #: When it was that, where the answer tells; None = when it was asked for.
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """A daily close: what one base cost in units of quote at the end of a day, which is one of UTC."""

    base: Asset
    quote: Asset
    day: date
    price: Amount


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin as a source of prices lists it. Several may have one symbol."""

    #: What the source calls it in its params and answers: `usd-coin`.
    id: str
    #: In capitals, as exchanges write it. No key: see `id`.
    symbol: str
    name: str


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A piece of an answer that the parser does not know: kept, counted and shown, never dropped."""

    #: The exchange's row id, or a digest where there is none: the same piece at every reading.
    id: str
    reason: str
    #: The piece itself as JSON text.
    raw: str


Clue = Move
"""What a piece that no parser knows seems to have moved: it explains a gap, and is booked nowhere."""

Item = Balance | Order | Market | Ticker | Close | Coin | Entry

#: So long after its end a day's close is taken for final: our clock may be ahead of theirs.
SETTLING = timedelta(minutes=5)
#: No price has more digits, nor so many before or after its point.
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Known:
    """What is already known of a connection: parsers and streams may lean on it, all of it may be empty."""

    #: By every name and alias that the exchange uses. A source of prices has the ids of its coins here.
    markets: Mapping[str, Market] = field(default_factory=dict)
    #: Assets that the account is known to have touched.
    assets: frozenset[Asset] = frozenset()
    #: The exchange's wallet id → asset, where history is asked for per wallet (Coinbase).
    wallets: Mapping[str, Asset] = field(default_factory=dict)
    #: Assets of which the exchange reports another amount than the entries read so far add up to: some history of
    #: theirs is still unread. None = not known.
    gaps: frozenset[Asset] | None = None
    #: Names of the streams that this sync has read already.
    read: frozenset[str] = frozenset()
    #: The time of the oldest entry so far.
    first: datetime | None = None
    #: When this sync began: up to there at least, a list that has been read tells everything. None = no matter.
    begun: datetime | None = None
    #: Names of the markets of which fills are known.
    traded: frozenset[str] = frozenset()
    #: The user wants everything read anew, however much that is.
    whole: bool = False
    #: The params of the request that this is the answer to: candles do not name their market.
    asked: Mapping[str, str] = field(default_factory=dict)

    def ended(self, day: date) -> bool:
        """Whether a day was over when this sync began, so that its close moves no more."""
        return self.begun is None or midnight(day + timedelta(days=1)) + SETTLING <= self.begun


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer held."""

    items: tuple[Item, ...]
    unparsed: tuple[Unparsed, ...] = ()
    #: Passed on to `Known.wallets` by reads that tell wallet ids.
    wallets: Mapping[str, Asset] = field(default_factory=dict)
    #: What the caller must send to get the rest of a list that is paged (balances, open orders); empty = complete.
    more: Mapping[str, str] = field(default_factory=dict)
    #: Ids of reads that need not be made: the exchange says that this account has no such product.
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of an export file that is not understood."""

    line: int
    unparsed: Unparsed
    #: The exchange's id of the line, if it has one: where the API tells the event, nothing is missing.
    name: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """What an export file held."""

    rows: tuple[Row, ...]
    pieces: tuple[Piece, ...] = ()
    #: Lines that are understood and move nothing by themselves.
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a read of the manifest, with params that the manifest lists."""

    read: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a stream."""

    entries: tuple[Entry, ...]
    #: Where to go on. Committed together with the entries.
    cursor: Cursor
    #: The stream has been read to its end for now; the next sync starts from `cursor`.
    done: bool
    unparsed: tuple[Unparsed, ...] = ()
    #: All of this stream from now back to this moment has been read: what the engine goes by to bring the newest
    #: history of every stream first, and what it shows. None where the stream does not go back in time.
    reached: datetime | None = None
    #: How many more requests the stream expects to need in this sync, as far as can be told: at most a guess, never 0
    #: unless `done`. None = cannot be told.
    left: int | None = None


def told_once(codes: Iterable[str]) -> None:
    """Raises `NotReadable` when a code (or wallet id) stands twice in one answer of balances: one of the two is wrong,
    or both are the same, and which cannot be told.
    """
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise NotReadable(f"{code[:60]!r} stands twice in one list of balances, so what is owned cannot be told")
        seen.add(code)


def merged(balances: Iterable[Balance]) -> tuple[Balance, ...]:
    """What is owned per account and asset, from all that the balance reads tell, in the manifest's order.

    Items of one wallet id are one wallet told twice: the later total holds, with the locked part of whichever told
    it. What remains (two vaults, two codes of one asset) is added up, so that nothing counts twice and nothing is lost.
    """
    wallets: dict[tuple[str, str] | int, Balance] = {}
    for item in balances:
        key = (item.wallet, item.asset) if item.wallet else len(wallets)
        earlier = wallets.get(key)
        wallets[key] = replace(item, locked=earlier.locked) if earlier and item.locked is None else item
    sums: dict[tuple[str, Asset], Balance] = {}
    for item in wallets.values():
        place = (item.account, item.asset)
        sums[place] = _sum(sums[place], item) if place in sums else replace(item, wallet="")
    return tuple(sums.values())


def _sum(one: Balance, other: Balance) -> Balance:
    told = [each.locked for each in (one, other) if each.locked is not None]
    return replace(one, total=add(one.total, other.total), locked=total(told) if told else None)


class NotReadable(ValueError):
    """The answer as a whole is not what this read gives: not JSON, truncated, another shape."""


class Stream(Protocol):
    """A line of history. Stateless: all that it knows stands in the cursor."""

    @property
    def name(self) -> str:
        """Unique within the exchange and stable: `ledger`, `trades:BNBUSDT`."""

    def ask(self, cursor: Cursor, now: datetime) -> Ask:
        """The next request from here."""

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        """What the answer to `ask` held. Raises `NotReadable`; a row it does not know goes to `unparsed`."""


class Candles(Protocol):
    """An exchange's or a source's `candles.py`: how the daily closes of a market are asked for.

    The answers are for `parse(ask.read, body, Known(markets={market.name: market}, asked=ask.params, begun=now))`.
    """

    @property
    def REACH(self) -> int | None:  # noqa: N802 - a constant of a module
        """How many days before today there are closes of; None = as long as there has been the market."""

    def pages(self, market: Market, first: date, last: date) -> Iterable[Ask]:
        """The requests for all days from `first` to `last`, the newest days first: where an answer that should hold
        a page of days holds none, the market is no older.
        """


def midnight(day: date) -> datetime:
    """The moment at which a day begins."""
    return datetime.combine(day, time(), UTC)


def spans(first: date, last: date, size: int) -> Iterable[tuple[date, date]]:
    """The days from `first` to `last` in pieces of at most so many, the newest first."""
    while last >= first:
        begin = max(first, last - timedelta(days=size - 1))
        yield begin, last
        last = begin - timedelta(days=1)


def close_of(market: Market, day: date, price: Amount) -> Close:
    """A close of a market. Raises `NotMoney` for what is no price: see `priced`."""
    return Close(market.base, market.quote, day, priced(price))


def priced(price: Amount) -> Amount:
    """The same price. Raises `NotMoney` when it is not above zero (no coin is had for nothing) or beyond all sense."""
    if price <= ZERO:
        raise NotMoney(f"a price that is not above zero: {str(price)[:40]}")
    if max(abs(price.adjusted()), len(price.as_tuple().digits)) > _LONGEST:
        raise NotMoney(f"a price beyond all sense: {str(price)[:40]}")
    return price


def enriches(stream: Stream) -> bool:
    """Whether a stream only adds facts to what another one tells: without it nothing is missing from any sum."""
    return bool(getattr(stream, "enriches", False))


def restarted(stream: Stream, cursor: Cursor) -> Cursor:
    """Where a stream begins anew when the exchange no longer knows the row that its cursor names; where it stands, if
    it has no such place.
    """
    restart = getattr(stream, "restart", None)
    return restart(cursor) if restart else cursor


def passed(stream: Stream, cursor: Cursor, ask: Ask) -> Page | None:
    """Where a stream goes on when the exchange has no such thing as `ask` names; None where that is its end."""
    step = getattr(stream, "passed", None)
    return step(cursor, ask) if step else None
