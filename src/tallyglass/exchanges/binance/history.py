"""Binance's history: which lists there are, and which markets an account may have traded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from tallyglass.exchanges.binance.sheet import sheet
from tallyglass.exchanges.binance.windows import CURRENT, OFFSET, QUARTER, Paging, Windows
from tallyglass.exchanges.streams import Ask, Cursor, Known, Market, NotReadable, Page, Stream

_FULL: Final = 1000
_MAIN_QUOTES: Final = frozenset(
    (
        *("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD1", "BTC", "ETH", "BNB"),
        *("EUR", "GBP", "TRY", "BRL", "AUD", "JPY"),
    )
)
#: Further markets looked into at each sync: while some were never asked, and after.
_FIRST_ROUND: Final = 25
_LATER_ROUNDS: Final = 1

#: A day less than the exchange allows (error -6021).
_MONTH: Final = timedelta(days=29)
_HALF_YEAR: Final = timedelta(days=179)
#: Transfers are kept for six months.
_KEPT: Final = timedelta(days=178)
_EVER: Final = timedelta(days=36_500)
_ROWS: Final = Paging(("rows", 500), "page", 1)

_LISTS: Final = (
    Windows("deposits", "deposits", QUARTER, timedelta(days=14), OFFSET),
    Windows("withdrawals", "withdrawals", QUARTER, timedelta(days=14), OFFSET),
    Windows("rewards", "rewards", _HALF_YEAR, timedelta(days=2), Paging(("limit", 500))),
    *(
        Windows(f"transfers.{kind}", "transfers", _HALF_YEAR, timedelta(days=2), CURRENT, {"type": kind}, reach=_KEPT)
        for kind in ("MAIN_FUNDING", "FUNDING_MAIN")
    ),
    *(
        Windows(f"fiat.{way}", f"fiat.{way}", _EVER, _MONTH, _ROWS, times=("beginTime", "endTime"))
        for way in ("deposits", "withdrawals", "buys", "sells")
    ),
    *(
        Windows(f"earn.{way}", f"transfers.{way}", _MONTH, timedelta(days=7), CURRENT, traced=True)
        for way in ("subscriptions", "redemptions")
    ),
    Windows("earn.rewards", "rewards.earn", _MONTH, timedelta(days=2), CURRENT, traced=True),
    Windows("conversions", "conversions", _MONTH, timedelta(days=2), Paging(("limit", 1000)), traced=True),
)


class _Numbered(msgspec.Struct):
    id: int


@dataclass(frozen=True, slots=True)
class Trades:
    """The fills of one market, by their ids, which rise. The cursor: `from`, the next id."""

    symbol: str

    @property
    def name(self) -> str:
        return f"trades:{self.symbol}"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 - ids need no clock
        return Ask("trades", {"symbol": self.symbol, "fromId": cursor.get("from", "0"), "limit": str(_FULL)})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        """Read to its end only when an answer brings no new id: short answers with more behind them were seen."""
        found = sheet(ask.read, body, known)
        begin = int(cursor.get("from", 0))
        following = max((each + 1 for each in _ids(body)), default=0)
        return Page(found.entries, {"from": str(max(begin, following))}, following <= begin, found.unparsed)


@dataclass(frozen=True, slots=True)
class Others:
    """The markets that nothing points to: looked into one after the other, some at each sync, for ever.

    One fill found there makes both its assets known, and then the market has a stream of its own. The cursor: `at`,
    the market asked last; `asked`, how many in this round; `round`, how often all have been asked.
    """

    symbols: tuple[str, ...]
    name: str = "trades.others"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 - names need no clock
        last = cursor.get("at", "")
        symbol = next((each for each in self.symbols if each > last), self.symbols[0])
        return Ask("trades", {"symbol": symbol, "fromId": "0", "limit": "1"})

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:
        found = sheet(ask.read, body, known)
        symbol, laps, asked = ask.params["symbol"], int(cursor.get("round", 0)), int(cursor.get("asked", 0)) + 1
        allowed = _LATER_ROUNDS if laps else _FIRST_ROUND
        if symbol == self.symbols[-1]:
            return Page(found.entries, {"round": str(laps + 1)}, done=True, unparsed=found.unparsed)
        following = {"at": symbol, "round": str(laps)}
        if asked < allowed:
            following["asked"] = str(asked)
        return Page(found.entries, following, asked >= allowed, found.unparsed)


@dataclass(frozen=True, slots=True)
class Dust:
    """Dust conversions: Binance keeps the last 100 and gives them at once."""

    name: str = "dust"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 - there is but one question
        return Ask("conversions.dust")

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:  # noqa: ARG002 - the same
        found = sheet(ask.read, body, known)
        return Page(found.entries, {"read": "1"}, done=True, unparsed=found.unparsed)


def streams(known: Known) -> Iterable[Stream]:
    """The lists first: they show the assets that tell which markets to ask; then those markets; then the others."""
    yield from _LISTS
    yield Dust()
    markets = {market.name: market for market in known.markets.values()}
    likely = {name for name, market in markets.items() if _likely(market, known)}
    for name in sorted(likely):
        yield Trades(name)
    others = tuple(sorted(markets.keys() - likely))
    if others:
        yield Others(others)


def _likely(market: Market, known: Known) -> bool:
    """Both sides touched, or one side touched and the other what nearly everything is traded against."""
    touched = (market.base in known.assets, market.quote in known.assets)
    if all(touched):
        return True
    return any(touched) and (market.quote if touched[0] else market.base) in _MAIN_QUOTES


def _ids(body: bytes) -> tuple[int, ...]:
    """The ids of all fills, of those too that are not understood: reading goes on behind them."""
    try:
        return tuple(row.id for row in msgspec.json.decode(body, type=list[_Numbered]))
    except msgspec.DecodeError as error:
        raise NotReadable(f"trades: a fill without an id ({str(error)[:120]})") from error
