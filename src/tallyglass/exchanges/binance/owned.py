"""What is owned on Binance's other wallets: locked earn, margin, isolated margin, futures; and which of them there are.

What is owed on margin is taken off: `netAsset` is what is free and locked, less what is borrowed and its interest.
On futures it is the wallet's balance; the profit of open positions is not realised and no balance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import msgspec

from tallyglass.exchanges.binance.assets import COIN_M, ISOLATED, LOCKED, MARGIN, USD_M, common
from tallyglass.exchanges.binance.rows import Strange
from tallyglass.exchanges.binance.rowwise import each
from tallyglass.exchanges.binance.sheet import odd
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import Balance, Known, Parsed, Unparsed, told_once
from tallyglass.money import ZERO, Amount, Asset, amount, asset

#: Before the names of isolated margin markets among the wallet ids: each has a wallet of its own.
PAIR: Final = "isolated:"
#: Positions that one answer of locked earn holds at most, as the manifest asks for them.
_POSITIONS: Final = 100
#: Before the names of products among the wallet ids: the account has opened them. The asset beside it means nothing.
OPENED: Final = "opened:"
#: What an account can have, by Binance's name for it: the wallets, and the reads that are in vain without them.
_PRODUCTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "isMarginEnabled": (("MARGIN",), ("balances.margin", "balances.isolated")),
    "isFutureEnabled": (("UMFUTURE", "CMFUTURE"), ("balances.usdm", "balances.coinm")),
    "isOptionsEnabled": (("OPTION",), ()),
    "isPortfolioMarginRetailEnabled": (("PORTFOLIO_MARGIN",), ()),
}


#: Wallets whose assets other reads tell.
_TOLD: Final = frozenset(
    ("Spot", "Funding", "Cross Margin", "Isolated Margin", "USDⓈ-M Futures", "COIN-M Futures", "Earn")
)


class _Products(msgspec.Struct):
    """Any that is not told is taken to be there: asking in vain does no harm."""

    vipLevel: int  # noqa: N815 - names on the wire, here and below
    isMarginEnabled: bool = True  # noqa: N815
    isFutureEnabled: bool = True  # noqa: N815
    isOptionsEnabled: bool = True  # noqa: N815
    isPortfolioMarginRetailEnabled: bool = True  # noqa: N815


class _Wallet(msgspec.Struct):
    walletName: str  # noqa: N815
    balance: str


class _Rows(msgspec.Struct):
    total: int | str
    rows: list[msgspec.Raw] = []


class _Position(msgspec.Struct):
    positionId: int | str  # noqa: N815
    asset: str
    amount: str


class _Coin(msgspec.Struct):
    asset: str


class _Net(msgspec.Struct):
    asset: str
    netAsset: str  # noqa: N815
    locked: str = "0"


class _Cross(msgspec.Struct):
    userAssets: list[msgspec.Raw]  # noqa: N815


class _Pair(msgspec.Struct):
    symbol: str
    baseAsset: msgspec.Raw  # noqa: N815
    quoteAsset: msgspec.Raw  # noqa: N815


class _Isolated(msgspec.Struct):
    assets: list[msgspec.Raw]


class _Futures(msgspec.Struct):
    asset: str
    balance: str


def _products(_: str, body: bytes, __: Known) -> Parsed:
    """Which products this account has opened: the reads of the others need not be made."""
    told = decode(body, _Products)
    opened: dict[str, Asset] = {}
    absent: set[str] = set()
    for flag, (wallets, reads) in _PRODUCTS.items():
        if getattr(told, flag):
            opened |= dict.fromkeys((OPENED + wallet for wallet in wallets), asset("USDT"))
        else:
            absent.update(reads)
    return Parsed((), wallets=opened, absent=frozenset(absent))


def _wallets(read_id: str, body: bytes, _: Known) -> Parsed:
    """Nothing but a word on each wallet that holds something and that no other read tells: it must not go unseen."""

    def strange(row: _Wallet) -> None:
        if row.walletName not in _TOLD and amount(row.balance) != ZERO:
            raise Strange(f"the wallet “{row.walletName}” holds about {row.balance} BTC and is not read")

    return each(read_id, decode(body, list[msgspec.Raw]), _Wallet, strange)


def _locked(read_id: str, body: bytes, _: Known) -> Parsed:
    """Positions in locked earn. The second page is asked for when the first is full and there are more."""
    told = decode(body, _Rows)
    told_once(_numbers(told.rows))

    def balance(row: _Position) -> Balance | None:
        return _balance(LOCKED, row.asset, amount(row.amount), amount(row.amount))

    whole = len(told.rows) < _POSITIONS or int(told.total) <= _POSITIONS
    return replace(each(read_id, told.rows, _Position, balance), more={} if whole else {"current": "2"})


def _numbers(raws: list[msgspec.Raw]) -> Iterator[str]:
    for raw in raws:
        with suppress(msgspec.ValidationError):  # a row without one goes to `unparsed`
            yield str(decode(raw, _Position).positionId)


def _cross(read_id: str, body: bytes, _: Known) -> Parsed:
    """The cross margin wallet; an asset of which more is owed than owned is below zero."""
    raws = decode(body, _Cross).userAssets
    told_once(_coins(raws))
    return each(read_id, raws, _Net, lambda row: _net(MARGIN, row))


def _isolated(read_id: str, body: bytes, _: Known) -> Parsed:
    """Every isolated margin market that was opened, all as one wallet; their names are kept to ask for history."""
    pairs: list[_Pair] = []
    strange: list[Unparsed] = []
    for raw in decode(body, _Isolated).assets:
        try:
            pairs.append(decode(raw, _Pair))
        except msgspec.ValidationError as error:
            strange.append(odd(read_id, bytes(raw), error))
    told_once(pair.symbol for pair in pairs)
    names = {PAIR + pair.symbol: common(code) for pair in pairs for code in _coins([pair.baseAsset])}
    raws = [side for pair in pairs for side in (pair.baseAsset, pair.quoteAsset)]
    found = each(read_id, raws, _Net, lambda row: _net(ISOLATED, row))
    return replace(found, unparsed=(*found.unparsed, *strange), wallets=names)


def _futures(read_id: str, body: bytes, _: Known) -> Parsed:
    raws = decode(body, list[msgspec.Raw])
    told_once(_coins(raws))
    wallet = USD_M if read_id == "balances.usdm" else COIN_M
    return each(read_id, raws, _Futures, lambda row: _balance(wallet, row.asset, amount(row.balance), None))


def _coins(raws: list[msgspec.Raw]) -> Iterator[str]:
    for raw in raws:
        with suppress(msgspec.ValidationError):  # a row without one goes to `unparsed`
            yield decode(raw, _Coin).asset


def _net(wallet: str, row: _Net) -> Balance | None:
    return _balance(wallet, row.asset, amount(row.netAsset), amount(row.locked))


def _balance(wallet: str, code: str, owned: Amount, locked: Amount | None) -> Balance | None:
    return Balance(wallet, common(code), owned, locked) if owned != ZERO else None


OWNED: Final[Mapping[str, Callable[[str, bytes, Known], Parsed]]] = {
    "balances.products": _products,
    "balances.wallets": _wallets,
    "balances.locked": _locked,
    "balances.margin": _cross,
    "balances.isolated": _isolated,
    "balances.usdm": _futures,
    "balances.coinm": _futures,
}
