"""Binance's history: which lists there are, and which markets an account may have traded."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from tallyglass.exchanges.binance.assets import sides
from tallyglass.exchanges.binance.owned import OPENED, PAIR
from tallyglass.exchanges.binance.sheet import sheet
from tallyglass.exchanges.binance.trades import ASIDE, UNSURE, Climb, Sweep, Trades
from tallyglass.exchanges.binance.windows import CURRENT, OFFSET, QUARTER, Paging, Windows, milliseconds
from tallyglass.exchanges.streams import Ask, Cursor, Known, Market, Page, Stream
from tallyglass.money import Asset

_MAIN_QUOTES: Final = frozenset(
    (
        *("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD1", "BTC", "ETH", "BNB"),
        *("EUR", "GBP", "TRY", "BRL", "AUD", "JPY"),
    )
)
#: Assets with at most so many markets are swept at once, others in parts of so many, one in each round.
_FEW: Final = 40
_PART: Final = 150
#: What fees are paid in, whatever is traded.
_FEES: Final = Asset("BNB")
#: So many of the markets with fills are asked at each sync, though all adds up; a turn lasts so many milliseconds.
_TURN: Final = 10
_TURN_LASTS: Final = 300_000

#: A day less than the exchange allows (error -6021).
_MONTH: Final = timedelta(days=29)
_HALF_YEAR: Final = timedelta(days=179)
_YEAR: Final = timedelta(days=360)
#: Transfers and P2P are kept for six months, margin interest and futures income for three, Pay for eighteen.
_SIX_MONTHS: Final = timedelta(days=178)
_THREE_MONTHS: Final = timedelta(days=88)
_EIGHTEEN_MONTHS: Final = timedelta(days=540)
_EVER: Final = timedelta(days=36_500)
_DAY: Final = timedelta(days=1)
_ROWS: Final = Paging(("rows", 500), "page", 1)
_THOUSAND: Final = Paging(("limit", 1000))

_LISTS: Final = (
    Windows("deposits", "deposits", QUARTER, 14 * _DAY, OFFSET),
    Windows("withdrawals", "withdrawals", QUARTER, 14 * _DAY, OFFSET),
    Windows("rewards", "rewards", _HALF_YEAR, 2 * _DAY, Paging(("limit", 500))),
    *(
        Windows(f"fiat.{way}", f"fiat.{way}", _EVER, _MONTH, _ROWS, times=("beginTime", "endTime"))
        for way in ("deposits", "withdrawals", "buys", "sells")
    ),
    Windows(
        *("fiat.p2p", "fiat.p2p", _MONTH, 14 * _DAY, Paging(("rows", 100), "page", 1)),
        times=("startTimestamp", "endTimestamp"),
        reach=_SIX_MONTHS,
    ),
    Windows("pay", "transfers.pay", QUARTER, 2 * _DAY, Paging(("limit", 100)), reach=_EIGHTEEN_MONTHS),
)
#: Lists whose answers are dear: stream, read, longest window, overlap, paging.
_DEAR: Final = (
    *(
        (f"earn.{way}", f"transfers.{way}", _MONTH, 7 * _DAY, CURRENT)
        for way in ("subscriptions", "redemptions", "locked-subscriptions", "locked-redemptions")
    ),
    ("earn.rewards", "rewards.earn", _MONTH, 2 * _DAY, CURRENT),
    ("conversions", "conversions", _MONTH, 2 * _DAY, _THOUSAND),
)

#: Which wallets exchange transfers, each both ways. Between two isolated markets nothing moves here: they are
#: one wallet.
#: https://developers.binance.com/docs/wallet/asset/query-user-universal-transfer
_MOVES: Final = (
    *(("MAIN", other) for other in ("FUNDING", "MARGIN", "UMFUTURE", "CMFUTURE", "OPTION", "PORTFOLIO_MARGIN")),
    *(("FUNDING", other) for other in ("MARGIN", "UMFUTURE", "CMFUTURE", "OPTION")),
    *(("MARGIN", other) for other in ("UMFUTURE", "CMFUTURE", "OPTION")),
    ("UMFUTURE", "OPTION"),
)
_EVERY: Final = frozenset(wallet for move in _MOVES for wallet in move)


@dataclass(frozen=True, slots=True)
class Dust:
    """Dust conversions: Binance keeps the last 100 and gives them at once."""

    name: str = "dust"

    def ask(self, cursor: Cursor, now: datetime) -> Ask:  # noqa: ARG002 - there is but one question
        return Ask("conversions.dust")

    def page(self, cursor: Cursor, ask: Ask, body: bytes, known: Known) -> Page:  # noqa: ARG002 - the same
        found = sheet(ask.read, body, known)
        return Page(found.entries, {"read": "1"}, done=True, unparsed=found.unparsed, left=0)


def streams(known: Known) -> Iterable[Stream]:
    """The cheap lists first: they show when the account came to life, and back to there the dear ones are read. All of
    them show assets, and what does not add up. Then markets, as far as they are needed.

    Where balances and entries add up, no fill is missing, and no market needs to be asked; some are looked into all
    the same, ever others, as two errors may cancel out. An asset that does not add up points to its markets: first
    those that are likely, and when these have been read and it still does not, all that it has. A fill that is
    missing leaves at least one of its assets short, so that the search ends when all is found.
    """
    cheap, dear = [*_lists(known), Dust()], [*_dear(known)]
    yield from cheap
    gaps = known.gaps
    if gaps is None:  # nothing is known of what lacks: all that there may be
        yield from dear
        yield from _markets(known)
    elif _read(cheap, known):
        yield from dear
        if _read(dear, known) or known.assets <= gaps:  # the latter: all history is still unread
            yield from _markets(known)


def stream(name: str) -> Stream | None:
    """A market's stream, a sweep's, or that of a product, which `streams` lists only where they are needed."""
    read, _, symbol = name.partition(":")
    if read == "trades":
        return Trades(symbol)
    if read in ("trades.margin", "trades.isolated"):
        return Climb(read, symbol)
    if read in ("trades.of", "trades.others"):
        return Sweep(name, ())
    return next((each for each in _products(_EVERY, [symbol]) if each.name == name), None)


def _read(streams: Iterable[Stream], known: Known) -> bool:
    return {each.name for each in streams} <= known.read


def _dear(known: Known) -> Iterator[Stream]:
    since = known.first - _MONTH if known.first else None
    for name, read, span, overlap, paging in _DEAR:
        yield Windows(name, read, span, overlap, paging, since=since)


def _markets(known: Known) -> Iterator[Stream]:
    gaps, markets = known.gaps, {market.name: market for market in known.markets.values()}
    for symbol in _pairs(known):
        if gaps is None or gaps.intersection(sides(symbol, known.markets) or gaps):
            yield Climb("trades.isolated", symbol)
    likely = {name: market for name, market in markets.items() if _likely(market, known)}
    if gaps is None:
        yield from _fills(likely, known)
        yield from _aside(markets.keys() - likely, UNSURE)
        return
    wanted = {name for name, market in likely.items() if _touches(market, gaps)} | _anyway(known)
    yield from _fills(wanted, known)
    if {f"trades:{name}" for name in wanted} <= known.read:
        if _FEES in gaps:  # what its fees were paid for may cancel out
            yield from _fills((name for name, market in likely.items() if _both(market, known)), known)
        yield from _sweeps(markets, likely, known, gaps)
        yield from _aside(markets.keys(), len(markets) if known.whole else ASIDE)


def _anyway(known: Known) -> set[str]:
    """Markets with fills that are asked though all adds up, since fills may cancel out: others at each sync; all of
    them where the user wants everything, or fees do not add up.
    """
    names = sorted(known.traded & known.markets.keys())
    if known.whole or _FEES in (known.gaps or ()):
        return set(names)
    turns = -(-len(names) // _TURN) or 1
    turn = (milliseconds(known.begun) // _TURN_LASTS if known.begun else 0) % turns
    return set(names[turn::turns])


def _lists(known: Known) -> Iterator[Stream]:
    """Those of the products that this account has."""
    yield from _LISTS
    has = {"MAIN", "FUNDING", *(each.removeprefix(OPENED) for each in known.wallets if each.startswith(OPENED))}
    yield from _products(has, _pairs(known))


def _products(has: AbstractSet[str], pairs: Iterable[str]) -> Iterator[Stream]:
    for one, other in _MOVES:
        if {one, other} <= has:
            yield from (_transfers(f"{one}_{other}"), _transfers(f"{other}_{one}"))
    if "MARGIN" in has:
        yield Windows("margin.interest", "ledger.margin", _MONTH, 2 * _DAY, CURRENT, reach=_THREE_MONTHS)
        for symbol in pairs:
            yield from _isolated(symbol)
    if "UMFUTURE" in has:
        yield Windows("futures.usdm", "ledger.usdm", _MONTH, _DAY, _THOUSAND, reach=_THREE_MONTHS)
    if "CMFUTURE" in has:
        yield Windows("futures.coinm", "ledger.coinm", _YEAR, _DAY, _THOUSAND)


def _pairs(known: Known) -> list[str]:
    """The isolated margin markets that the account has opened."""
    return sorted(each.removeprefix(PAIR) for each in known.wallets if each.startswith(PAIR))


def _transfers(kind: str, name: str = "", fixed: Mapping[str, str] = MappingProxyType({})) -> Windows:
    params = {"type": kind, **fixed}
    return Windows(
        f"transfers.{kind}{name}", "transfers", _HALF_YEAR, 2 * _DAY, CURRENT, fixed=params, reach=_SIX_MONTHS
    )


def _isolated(symbol: str) -> Iterator[Stream]:
    """Interest on one isolated margin market, and transfers to and from it: cross margin first."""
    fixed = {"isolatedSymbol": symbol}
    yield Windows(
        f"margin.interest:{symbol}", "ledger.isolated", _MONTH, 2 * _DAY, CURRENT, fixed=fixed, reach=_THREE_MONTHS
    )
    yield _transfers("MARGIN_ISOLATEDMARGIN", f":{symbol}", {"toSymbol": symbol})
    yield _transfers("ISOLATEDMARGIN_MARGIN", f":{symbol}", {"fromSymbol": symbol})
    yield Windows(
        *(f"transfers.isolated:{symbol}", "transfers.isolated", _MONTH, 2 * _DAY, CURRENT, fixed), reach=_SIX_MONTHS
    )


def _fills(names: Iterable[str], known: Known) -> Iterator[Stream]:
    """The fills of those markets, on spot and where there is margin on that too."""
    for name in sorted(names):
        yield Trades(name)
        if f"{OPENED}MARGIN" in known.wallets:
            yield Climb("trades.margin", name)


def _sweeps(
    markets: Mapping[str, Market], likely: Container[str], known: Known, gaps: frozenset[Asset]
) -> Iterator[Stream]:
    """All markets of each asset that does not add up: at once where they are few; then, of those that much is traded
    against, the one with the most first (what lacks there may be all that lacks elsewhere: fees), in parts, one in
    each round, so that the search ends when it has found what it looks for.
    """
    of = {
        asset: sorted(name for name, market in markets.items() if asset in (market.base, market.quote))
        for asset in sorted(gaps)
    }
    for asset, names in of.items():
        if len(names) <= _FEW and (symbols := tuple(name for name in names if name not in likely)):
            yield Sweep(f"trades.of:{asset}", symbols)
    for asset, names in sorted(of.items(), key=lambda pair: -len(pair[1])):
        # Parts of all its markets, so that none moves into a part that was read when another becomes a likely one.
        for number in range(-(-len(names) // _PART) if len(names) > _FEW else 0):
            part = names[number * _PART : (number + 1) * _PART]
            if symbols := tuple(name for name in part if name not in likely):
                sweep = Sweep(f"trades.of:{asset}:{number}", symbols)
                yield sweep
                if sweep.name not in known.read:
                    return


def _aside(names: Iterable[str], most: int) -> Iterator[Stream]:
    symbols = tuple(sorted(names))
    if symbols:
        yield Sweep("trades.others", symbols, most)


def _likely(market: Market, known: Known) -> bool:
    """Both sides touched, or one side touched and the other what nearly everything is traded against."""
    base, quote = market.base in known.assets, market.quote in known.assets
    return _both(market, known) or ((base or quote) and (market.quote if base else market.base) in _MAIN_QUOTES)


def _both(market: Market, known: Known) -> bool:
    return market.base in known.assets and market.quote in known.assets


def _touches(market: Market, assets: frozenset[Asset]) -> bool:
    return market.base in assets or market.quote in assets
