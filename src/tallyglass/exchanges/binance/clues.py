"""What rows of Binance's history that are not understood seem to have moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tallyglass.exchanges.binance.assets import COIN_M, EARN, FUNDING, ISOLATED, LOCKED, MARGIN, USD_M, common, held
from tallyglass.exchanges.binance.rows import moment, rewarded
from tallyglass.exchanges.binance.wire import (
    Conversion,
    Deposit,
    EarnReward,
    Fiat,
    Income,
    Interest,
    LockedRedemption,
    LockedSubscription,
    Pay,
    Person,
    Reward,
    Transfer,
    Withdrawal,
)
from tallyglass.exchanges.decoding import decode
from tallyglass.exchanges.streams import Clue, Known, Unparsed
from tallyglass.ledger.entries import SPOT
from tallyglass.money import Amount, Asset, add, amount, negate

#: What Pay calls the spot wallet.
_SPOT_WALLET: Final = 2
_Moved = Iterator[tuple[int | str, str, Asset, Amount]]


def clues(piece: Unparsed, known: Known) -> Iterator[Clue]:  # noqa: ARG001 - the row and its list tell enough
    """By the list that the row stood in; a fill, or a sale for money, does not tell enough."""
    reader = _READERS.get(piece.id.partition(":")[0])
    if reader is None:
        return
    shape, read = reader
    try:
        for when, wallet, coin, moved in read(decode(piece.raw, shape)):
            yield Clue(_time(when), wallet, coin, moved)
    except (msgspec.MsgspecError, ValueError, ArithmeticError):
        return


def _time(told: int | str) -> datetime:
    if isinstance(told, int):
        return moment(told)
    read = datetime.fromisoformat(told)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _deposit(row: Deposit) -> _Moved:
    yield row.insertTime, FUNDING if row.walletType == 1 else SPOT, common(row.coin), amount(row.amount)


def _withdrawal(row: Withdrawal) -> _Moved:
    sent = add(amount(row.amount), amount(row.transactionFee))
    yield row.applyTime, FUNDING if row.walletType == 1 else SPOT, common(row.coin), negate(sent)


def _conversion(row: Conversion) -> _Moved:
    yield row.createTime, SPOT, common(row.fromAsset), negate(amount(row.fromAmount))
    yield row.createTime, SPOT, common(row.toAsset), amount(row.toAmount)


def _reward(row: Reward) -> _Moved:
    wallet, coin = held(row.asset)
    yield row.divTime, wallet, coin, rewarded(row)


def _earned(row: EarnReward) -> _Moved:
    yield row.time, EARN, common(row.asset), amount(row.rewards)


def _transfer(row: Transfer) -> _Moved:
    source, _, target = row.type.partition("_")
    moved = amount(row.amount)
    if source == "MAIN":
        yield row.timestamp, SPOT, common(row.asset), negate(moved)
    if target == "MAIN":
        yield row.timestamp, SPOT, common(row.asset), moved


def _paid_in(row: Fiat) -> _Moved:
    yield row.createTime, SPOT, common(row.fiatCurrency), amount(row.amount)


def _paid_out(row: Fiat) -> _Moved:
    yield row.createTime, SPOT, common(row.fiatCurrency), negate(add(amount(row.amount), amount(row.totalFee)))


def _interest(row: Interest) -> _Moved:
    wallet = ISOLATED if row.isolatedSymbol else MARGIN
    yield row.interestAccuredTime, wallet, common(row.asset), negate(amount(row.interest))


def _usdm(row: Income) -> _Moved:
    yield row.time, USD_M, common(row.asset), amount(row.income)


def _coinm(row: Income) -> _Moved:
    yield row.time, COIN_M, common(row.asset), amount(row.income)


def _locked(row: LockedSubscription) -> _Moved:
    yield row.time, LOCKED, common(row.asset), amount(row.amount)


def _unlocked(row: LockedRedemption) -> _Moved:
    yield row.time, LOCKED, common(row.asset), negate(amount(row.originalAmount or row.amount))
    yield row.time, SPOT, common(row.asset), amount(row.amount)


def _paid(row: Pay) -> _Moved:
    yield (
        row.transactionTime,
        SPOT if row.walletType == _SPOT_WALLET else FUNDING,
        common(row.currency),
        amount(row.amount),
    )


def _person(row: Person) -> _Moved:
    moved = amount(row.amount)
    yield row.createTime, FUNDING, common(row.asset), moved if row.tradeType == "BUY" else negate(moved)


_READERS: Final[Mapping[str, tuple[type[Any], Callable[[Any], _Moved]]]] = {
    "deposits": (Deposit, _deposit),
    "withdrawals": (Withdrawal, _withdrawal),
    "conversions": (Conversion, _conversion),
    "rewards": (Reward, _reward),
    "rewards.earn": (EarnReward, _earned),
    "transfers": (Transfer, _transfer),
    "fiat.deposits": (Fiat, _paid_in),
    "fiat.withdrawals": (Fiat, _paid_out),
    "fiat.p2p": (Person, _person),
    "ledger.margin": (Interest, _interest),
    "ledger.isolated": (Interest, _interest),
    "ledger.usdm": (Income, _usdm),
    "ledger.coinm": (Income, _coinm),
    "transfers.locked-subscriptions": (LockedSubscription, _locked),
    "transfers.locked-redemptions": (LockedRedemption, _unlocked),
    "transfers.pay": (Pay, _paid),
}
