"""The rows of Binance's history, each turned into one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from tallyglass.exchanges.binance.assets import EARN, FUNDING, common, held, sides
from tallyglass.exchanges.streams import Known
from tallyglass.ledger.entries import SPOT, Entry, Kind, Leg
from tallyglass.money import ZERO, Amount, Asset, amount, multiply, subtract

Id = int | str
Status = Literal["done", "pending", "failed"]
_Row = TypeVar("_Row")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Strange(ValueError):
    """A row says something that this version does not know."""


class Trade(msgspec.Struct):
    """https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints."""

    symbol: str
    id: int
    price: str
    qty: str
    commission: str
    commissionAsset: str  # noqa: N815 - names on the wire, here and below
    time: int
    isBuyer: bool  # noqa: N815
    quoteQty: str = ""  # noqa: N815


class Deposit(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/capital/deposite-history."""

    id: Id
    amount: str
    coin: str
    status: int
    insertTime: int  # noqa: N815
    txId: str = ""  # noqa: N815
    network: str = ""
    walletType: int = 0  # noqa: N815


class Withdrawal(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/capital/withdraw-history."""

    id: Id
    amount: str
    transactionFee: str  # noqa: N815
    coin: str
    status: int
    applyTime: str  # noqa: N815
    txId: str = ""  # noqa: N815
    network: str = ""
    walletType: int = 0  # noqa: N815


class Conversion(msgspec.Struct):
    """https://developers.binance.com/docs/convert/trade/Get-Convert-Trade-History."""

    orderId: Id  # noqa: N815
    orderStatus: str  # noqa: N815
    fromAsset: str  # noqa: N815
    fromAmount: str  # noqa: N815
    toAsset: str  # noqa: N815
    toAmount: str  # noqa: N815
    createTime: int  # noqa: N815


class DustPart(msgspec.Struct):
    """One asset of a dust conversion."""

    amount: str
    fromAsset: str  # noqa: N815
    transferedAmount: str  # noqa: N815
    targetAsset: str = "BNB"  # noqa: N815


class Dust(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/asset/dust-log."""

    transId: Id  # noqa: N815
    operateTime: int  # noqa: N815
    userAssetDribbletDetails: list[DustPart]  # noqa: N815


class Reward(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/asset/assets-divided-record."""

    id: Id
    amount: str
    asset: str
    divTime: int  # noqa: N815
    enInfo: str = ""  # noqa: N815
    direction: Literal[1, -1] = 1


class Transfer(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/asset/query-user-universal-transfer."""

    tranId: Id  # noqa: N815
    asset: str
    amount: str
    type: str
    status: str
    timestamp: int


class Subscription(msgspec.Struct):
    """https://developers.binance.com/docs/simple_earn/flexible-locked/history/Get-Flexible-Subscription-Record."""

    purchaseId: Id  # noqa: N815
    asset: str
    amount: str
    time: int
    status: str
    sourceAccount: str = "SPOT"  # noqa: N815
    amtFromSpot: str = ""  # noqa: N815
    amtFromFunding: str = ""  # noqa: N815


class Redemption(msgspec.Struct):
    """https://developers.binance.com/docs/simple_earn/flexible-locked/history/Get-Flexible-Redemption-Record."""

    redeemId: Id  # noqa: N815
    asset: str
    amount: str
    time: int
    status: str
    destAccount: str = "SPOT"  # noqa: N815


class Fiat(msgspec.Struct):
    """https://developers.binance.com/docs/fiat/rest-api/Get-Fiat-Deposit-Withdraw-History."""

    orderNo: Id  # noqa: N815
    fiatCurrency: str  # noqa: N815
    amount: str
    totalFee: str  # noqa: N815
    status: str
    createTime: int  # noqa: N815
    indicatedAmount: str = ""  # noqa: N815
    method: str = ""


_DEPOSITS: Final[Mapping[int, Status]] = {
    0: "pending",
    8: "pending",  # waits for the user to confirm
    1: "done",
    6: "done",  # credited, cannot be withdrawn yet
    2: "failed",
    7: "failed",  # sent wrongly, not credited
}
_WITHDRAWALS: Final[Mapping[int, Status]] = {
    **dict.fromkeys((0, 2, 4), "pending"),
    **dict.fromkeys((1, 3, 5), "failed"),
    6: "done",
}
_WORDS: Final[Mapping[str, Status]] = {
    **dict.fromkeys(("SUCCESS", "CONFIRMED", "PAID", "SUCCESSFUL", "FINISHED"), "done"),
    **dict.fromkeys(("PROCESS", "ACCEPT_SUCCESS", "PENDING", "PURCHASING", "PROCESSING", "REFUNDING"), "pending"),
    **dict.fromkeys(("FAIL", "FAILED", "FAILURE", "EXPIRED", "REFUNDED"), "failed"),
}
_WALLETS: Final = {
    "MAIN": SPOT,
    "SPOT": SPOT,
    "FUNDING": FUNDING,
    "FUND": FUNDING,
    "MARGIN": "margin",
    "ISOLATEDMARGIN": "margin-isolated",
    "UMFUTURE": "futures-usd-m",
    "CMFUTURE": "futures-coin-m",
    "OPTION": "options",
    "PORTFOLIO_MARGIN": "portfolio-margin",
}


def moment(milliseconds: int) -> datetime:
    """The time that a count of milliseconds since 1970 stands for."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def trade(row: Trade, known: Known) -> Entry:
    """A fill: base against quote, and the commission."""
    pair = sides(row.symbol, known.markets)
    if pair is None:
        raise Strange(f"the market {row.symbol} is not known")
    base, quote = pair
    quantity = amount(row.qty)
    value = amount(row.quoteQty) if row.quoteQty else multiply(amount(row.price), quantity)
    given, taken = (-value, quantity) if row.isBuyer else (value, -quantity)
    legs = (
        Leg("base", SPOT, base, taken),
        Leg("quote", SPOT, quote, given),
        Leg("fee", SPOT, common(row.commissionAsset), -amount(row.commission), "fee"),
    )
    return _entry(f"trade:{row.symbol}:{row.id}", row.time, "trade", legs, note="buy" if row.isBuyer else "sell")


def deposit(row: Deposit, _: Known) -> Entry:
    """Crypto that came in. Known by its row id from the moment it is seen, pending or not."""
    leg = Leg("in", _wallet_type(row.walletType), common(row.coin), amount(row.amount))
    return _entry(
        f"deposit:{row.id}",
        row.insertTime,
        "deposit",
        (leg,),
        note=row.network,
        status=_told(_DEPOSITS, row.status),
        txid=row.txId,
    )


def withdrawal(row: Withdrawal, _: Known) -> Entry:
    """Crypto that went out; Binance's fee comes on top of the amount."""
    wallet, coin = _wallet_type(row.walletType), common(row.coin)
    legs = (
        Leg("out", wallet, coin, -amount(row.amount)),
        Leg("fee", wallet, coin, -amount(row.transactionFee), "fee"),
    )
    applied = datetime.fromisoformat(row.applyTime)
    if applied.tzinfo is None:  # the text names no zone and means UTC
        applied = applied.replace(tzinfo=UTC)
    return _entry(
        f"withdrawal:{row.id}",
        applied,
        "withdrawal",
        legs,
        note=row.network,
        status=_told(_WITHDRAWALS, row.status),
        txid=row.txId,
    )


def conversion(row: Conversion, _: Known) -> Entry:
    """One asset against another; the fee hides in the rate."""
    legs = (
        Leg("from", SPOT, common(row.fromAsset), -amount(row.fromAmount)),
        Leg("to", SPOT, common(row.toAsset), amount(row.toAmount)),
    )
    status = _told(_WORDS, row.orderStatus.upper())
    return _entry(f"convert:{row.orderId}", row.createTime, "conversion", legs, note="convert", status=status)


def dust(row: Dust, _: Known) -> Entry:
    """Small balances turned into one asset. What arrives is told net of Binance's charge, and booked so."""
    legs: list[Leg] = []
    for index, part in enumerate(row.userAssetDribbletDetails):
        legs += (
            Leg(f"{index}:from", SPOT, common(part.fromAsset), -amount(part.amount)),
            Leg(f"{index}:to", SPOT, common(part.targetAsset), amount(part.transferedAmount)),
        )
    return _entry(f"dust:{row.transId}", row.operateTime, "conversion", legs, note="dust")


def reward(row: Reward, _: Known) -> Entry:
    """A distribution. `direction` -1 takes one back."""
    wallet, coin = held(row.asset)
    leg = Leg("in", wallet, coin, amount(row.amount) * row.direction)
    return _entry(f"reward:{row.id}", row.divTime, "reward", (leg,), note=row.enInfo)


def transfer(row: Transfer, _: Known) -> Entry:
    """A move between own wallets, named `MAIN_FUNDING` after where from and where to."""
    source, target = _move(row.type)
    legs = _moved(common(row.asset), amount(row.amount), source, target)
    status = _told(_WORDS, row.status.upper())
    return _entry(f"transfer:{row.tranId}", row.timestamp, "transfer", legs, note=row.type, status=status)


def subscription(row: Subscription, _: Known) -> Entry:
    """Into flexible earn, out of spot, funding or both."""
    coin, whole = common(row.asset), amount(row.amount)
    funding = amount(row.amtFromFunding) if row.amtFromFunding else ZERO
    if not row.amtFromFunding and not row.amtFromSpot and _place(row.sourceAccount) == FUNDING:
        funding = whole
    legs = (
        Leg("from", SPOT, coin, -subtract(whole, funding)),
        Leg("from:funding", FUNDING, coin, -funding),
        Leg("to", EARN, coin, whole),
    )
    status = _told(_WORDS, row.status.upper())
    return _entry(f"earn-subscribe:{row.purchaseId}", row.time, "transfer", legs, note="earn", status=status)


def redemption(row: Redemption, _: Known) -> Entry:
    """Out of flexible earn."""
    legs = _moved(common(row.asset), amount(row.amount), EARN, _place(row.destAccount))
    status = _told(_WORDS, row.status.upper())
    return _entry(f"earn-redeem:{row.redeemId}", row.time, "transfer", legs, note="earn", status=status)


def fiat_deposit(row: Fiat, _: Known) -> Entry:
    """Money paid in: the indicated amount less the fee is what arrives."""
    paid, arrived, fee = amount(row.indicatedAmount or row.amount), amount(row.amount), amount(row.totalFee)
    gross = paid if subtract(paid, fee) == arrived else arrived
    return _fiat(row, "deposit", gross, fee)


def fiat_withdrawal(row: Fiat, _: Known) -> Entry:
    """Money taken out: the amount, and the fee on top."""
    return _fiat(row, "withdrawal", -amount(row.amount), amount(row.totalFee))


def _fiat(row: Fiat, kind: Kind, principal: Amount, fee: Amount) -> Entry:
    coin = common(row.fiatCurrency)
    legs = (Leg("amount", SPOT, coin, principal), Leg("fee", SPOT, coin, -fee, "fee"))
    status = _told(_WORDS, row.status.upper())
    return _entry(f"fiat:{row.orderNo}", row.createTime, kind, legs, note=row.method, status=status)


def _entry(  # noqa: PLR0913 - one call per row, each part named
    name: str,
    when: int | datetime,
    kind: Kind,
    legs: Sequence[Leg],
    *,
    note: str = "",
    status: Status = "done",
    txid: str = "",
) -> Entry:
    time = when if isinstance(when, datetime) else moment(when)
    return Entry(name, time, kind, tuple(leg for leg in legs if leg.amount != ZERO), note, status, txid)


def _moved(coin: Asset, moved: Amount, source: str, target: str) -> tuple[Leg, ...]:
    return Leg("from", source, coin, -moved), Leg("to", target, coin, moved)


def _told(table: Mapping[Any, Status], word: int | str) -> Status:
    try:
        return table[word]
    except KeyError:
        raise Strange(f"the status {word!r} is not known") from None


def _place(word: str) -> str:
    try:
        return _WALLETS[word.upper()]
    except KeyError:
        raise Strange(f"the wallet {word!r} is not known") from None


def _wallet_type(number: int) -> str:
    if number not in (0, 1):
        raise Strange(f"the wallet type {number} is not known")
    return FUNDING if number else SPOT


def _move(word: str) -> tuple[str, str]:
    for source, wallet in _WALLETS.items():
        target = _WALLETS.get(word.removeprefix(f"{source}_"))
        if target is not None and word.startswith(f"{source}_"):
            return wallet, target
    raise Strange(f"the transfer type {word!r} is not known")


@dataclass(frozen=True, slots=True)
class Booking(Generic[_Row]):
    """How the rows of one read are decoded and booked."""

    decoder: msgspec.json.Decoder[_Row]
    book: Callable[[_Row, Known], Entry]

    def entry(self, raw: bytes, known: Known) -> Entry:
        """Raises `ValueError` (msgspec's, money's, ours) or `OverflowError` for a row it does not know."""
        return self.book(self.decoder.decode(raw), known)


def _of(row: type[_Row], book: Callable[[_Row, Known], Entry]) -> Booking[_Row]:
    return Booking(msgspec.json.Decoder(row), book)


BOOKINGS: Final[Mapping[str, Booking[Any]]] = {
    "trades": _of(Trade, trade),
    "deposits": _of(Deposit, deposit),
    "withdrawals": _of(Withdrawal, withdrawal),
    "conversions": _of(Conversion, conversion),
    "conversions.dust": _of(Dust, dust),
    "rewards": _of(Reward, reward),
    "transfers": _of(Transfer, transfer),
    "transfers.subscriptions": _of(Subscription, subscription),
    "transfers.redemptions": _of(Redemption, redemption),
    "fiat.deposits": _of(Fiat, fiat_deposit),
    "fiat.withdrawals": _of(Fiat, fiat_withdrawal),
}
