"""The rows of locked earn, margin, futures, Pay and P2P, each turned into one entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from tallyglass.exchanges.binance.assets import COIN_M, EARN, FUNDING, ISOLATED, LOCKED, MARGIN, USD_M, common, sides
from tallyglass.exchanges.binance.rows import (
    ROWS,
    WORDS,
    Booking,
    Strange,
    moment,
    moving,
    of,
    place,
    subscribed,
    told,
)
from tallyglass.exchanges.binance.wire import (
    Income,
    Interest,
    LockedRedemption,
    LockedSubscription,
    MarginTrade,
    MarginTransfer,
    Pay,
    Person,
)
from tallyglass.exchanges.streams import Known
from tallyglass.ledger.entries import SPOT, Entry, Kind, Leg, Role
from tallyglass.money import ZERO, amount, multiply, negate, subtract

#: What each kind of income on a futures wallet is: a fee may come back (a funding fee that is received).
_INCOME: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("REALIZED_PNL", "DELIVERED_SETTELMENT"), "trade"),
    **dict.fromkeys(("COMMISSION", "FUNDING_FEE", "SPECIAL_FUNDING_FEE", "POSITION_LIMIT_INCREASE_FEE"), "fee"),
    "INSURANCE_CLEAR": "fee",
    **dict.fromkeys(("WELCOME_BONUS", "REFERRAL_KICKBACK", "COMMISSION_REBATE", "API_REBATE"), "reward"),
    **dict.fromkeys(("CONTEST_REWARD", "FEE_RETURN", "BFUSD_REWARD"), "reward"),
    **dict.fromkeys(("CROSS_COLLATERAL_TRANSFER", "INTERNAL_TRANSFER", "STRATEGY_UMFUTURES_TRANSFER"), "adjustment"),
    **dict.fromkeys(("OPTIONS_PREMIUM_FEE", "OPTIONS_SETTLE_PROFIT", "AUTO_EXCHANGE"), "adjustment"),
    **dict.fromkeys(("COIN_SWAP_DEPOSIT", "COIN_SWAP_WITHDRAW"), "adjustment"),
}
_ISOLATED: Final = "ISOLATED_MARGIN"
_MARGINS: Final = frozenset(("CROSS_MARGIN", _ISOLATED))
#: No count of milliseconds of this century is so low.
_SECONDS: Final = 10**11
#: Wallets that a payment can come from or go to; cards and fiat wallets are none of those whose balances are read.
_PAID: Final = {"1": FUNDING, "2": SPOT, "5": EARN}
#: A P2P order moves something only when it is completed; it is over within hours, and each sync looks back for days.
_UNDECIDED: Final = frozenset(("PENDING", "TRADING", "BUYER_PAYED", "DISTRIBUTING", "IN_APPEAL"))
_CANCELLED: Final = frozenset(("CANCELLED", "CANCELLED_BY_SYSTEM"))


def margin_trade(row: MarginTrade, known: Known) -> Entry:
    """A fill on margin. What was borrowed for it is in the balance, as what is owed is taken from it."""
    pair = sides(row.symbol, known.markets)
    if pair is None:
        raise Strange(f"the market {row.symbol} is not known")
    base, quote = pair
    wallet = ISOLATED if row.isIsolated else MARGIN
    quantity = amount(row.qty)
    value = multiply(amount(row.price), quantity)
    given, taken = (negate(value), quantity) if row.isBuyer else (value, negate(quantity))
    legs = (
        Leg("base", wallet, base, taken),
        Leg("quote", wallet, quote, given),
        Leg("fee", wallet, common(row.commissionAsset), negate(amount(row.commission)), "fee"),
    )
    note = "buy" if row.isBuyer else "sell"
    return Entry(f"margin-trade:{row.symbol}:{row.id}", moment(row.time), "trade", moving(*legs), note=note)


def interest(row: Interest, _: Known) -> Entry:
    """Interest on what is borrowed: it makes the debt larger, and so what is owned smaller."""
    wallet = ISOLATED if row.isolatedSymbol else MARGIN
    leg = Leg("interest", wallet, common(row.asset), negate(amount(row.interest)), "fee")
    return Entry(f"margin-interest:{row.txId}", moment(row.interestAccuredTime), "fee", moving(leg), note=row.type)


def isolated_transfer(row: MarginTransfer, _: Known) -> tuple[Entry, ...]:
    """To or from isolated margin, as far as the list of transfers has no type for it: between that and cross margin it
    has, and between two isolated markets nothing moves here. Under the id that the list would give it.
    """
    if row.transFrom in _MARGINS and row.transTo in _MARGINS:
        return ()
    source, target = (ISOLATED if word == _ISOLATED else place(word) for word in (row.transFrom, row.transTo))
    if ISOLATED not in (source, target):
        return ()
    coin, moved = common(row.asset), amount(row.amount)
    legs = (Leg("from", source, coin, negate(moved)), Leg("to", target, coin, moved))
    status = told(WORDS, row.status.upper())
    # The documentation's sample has seconds here, where all other times are milliseconds.
    time = moment(row.timestamp if row.timestamp > _SECONDS else row.timestamp * 1000)
    note = f"{row.transFrom}_{row.transTo}"
    return (Entry(f"transfer:{row.txId}", time, "transfer", moving(*legs), note=note, status=status),)


def usdm(row: Income, _: Known) -> tuple[Entry, ...]:
    """What moved the USDⓈ-M wallet."""
    return _income(row, USD_M, "income-um")


def coinm(row: Income, _: Known) -> tuple[Entry, ...]:
    """What moved the COIN-M wallet."""
    return _income(row, COIN_M, "income-cm")


def _income(row: Income, wallet: str, name: str) -> tuple[Entry, ...]:
    """None for a transfer: the list of transfers tells it, with both its ends, and reaches further back."""
    if row.incomeType == "TRANSFER":
        return ()
    kind = _INCOME.get(row.incomeType)
    if kind is None:
        raise Strange(f"the kind of income {row.incomeType!r} is not known")
    role: Role = "fee" if kind == "fee" else "principal"
    leg = Leg("income", wallet, common(row.asset), amount(row.income), role)
    note = f"{row.incomeType} {row.symbol}".strip()
    return (Entry(f"{name}:{row.incomeType}:{row.tranId}", moment(row.time), kind, moving(leg), note=note),)


def locked_subscription(row: LockedSubscription, _: Known) -> Entry:
    """Into locked earn."""
    name, time, status = f"locked-subscribe:{row.purchaseId}", moment(row.time), told(WORDS, row.status.upper())
    return Entry(name, time, "transfer", subscribed(row, LOCKED), note="locked earn", status=status)


def locked_redemption(row: LockedRedemption, _: Known) -> Entry:
    """Out of locked earn; who leaves early gives interest back, out of what was locked."""
    coin, arrived = common(row.asset), amount(row.amount)
    locked = amount(row.originalAmount) if row.originalAmount else arrived
    legs = (
        Leg("from", LOCKED, coin, negate(arrived)),
        Leg("to", SPOT, coin, arrived),
        Leg("fee", LOCKED, coin, subtract(arrived, locked), "fee"),
    )
    status = told(WORDS, row.status.upper())
    name, time = f"locked-redeem:{row.redeemId}", moment(row.time)
    return Entry(name, time, "transfer", moving(*legs), note="locked earn", status=status)


def pay(row: Pay, _: Known) -> Entry:
    """A payment with Binance Pay, in or out. Names of other people are not kept."""
    received = amount(row.amount)
    if received > ZERO:
        legs: list[Leg] = [Leg("in", _wallet(str(row.walletType)), common(row.currency), received)]
    else:
        legs = [
            Leg(f"{index}:{number}", _wallet(number), common(part.currency), negate(amount(cost)))
            for index, part in enumerate(row.fundsDetail)
            for number, cost in sorted(part.walletAssetCost.items())
        ]
        if not legs:
            legs = [Leg("out", _wallet(str(row.walletType)), common(row.currency), received)]
    kind: Literal["deposit", "withdrawal"] = "deposit" if received > ZERO else "withdrawal"
    name, time = f"pay:{row.transactionId}", moment(row.transactionTime)
    return Entry(name, time, kind, moving(*legs), note=f"Pay: {row.orderType}")


def _wallet(number: str) -> str:
    try:
        return _PAID[number]
    except KeyError:
        raise Strange(f"a payment from or to the wallet of type {number}") from None


def person(row: Person, _: Known) -> tuple[Entry, ...]:
    """Crypto bought from a person (it comes in) or sold to one (it goes out); the money passes outside Binance."""
    status = row.orderStatus.upper()
    if status in _UNDECIDED or status in _CANCELLED:
        return ()
    if status != "COMPLETED":
        raise Strange(f"the status {row.orderStatus!r} of a P2P order is not known")
    coin, moved = common(row.asset), amount(row.amount)
    fee = amount(row.takerCommission) if row.takerCommission and _taker(row) else amount(row.commission)
    bought = row.tradeType == "BUY"
    legs = (
        Leg("amount", FUNDING, coin, moved if bought else negate(moved)),
        Leg("fee", FUNDING, coin, negate(fee), "fee"),
    )
    kind: Literal["deposit", "withdrawal"] = "deposit" if bought else "withdrawal"
    note = f"P2P: {row.payMethodName}" if row.payMethodName else "P2P"
    return (Entry(f"c2c:{row.orderNumber}", moment(row.createTime), kind, moving(*legs), note=note),)


def _taker(row: Person) -> bool:
    return row.advertisementRole.upper() == "TAKER"


BOOKINGS: Final[Mapping[str, Booking[Any]]] = {
    **ROWS,
    "trades.others": ROWS["trades"],
    "trades.margin": of(MarginTrade, margin_trade),
    "trades.isolated": of(MarginTrade, margin_trade),
    "ledger.margin": of(Interest, interest),
    "ledger.isolated": of(Interest, interest),
    "ledger.usdm": of(Income, usdm),
    "ledger.coinm": of(Income, coinm),
    "transfers.locked-subscriptions": of(LockedSubscription, locked_subscription),
    "transfers.locked-redemptions": of(LockedRedemption, locked_redemption),
    "transfers.isolated": of(MarginTransfer, isolated_transfer),
    "transfers.pay": of(Pay, pay),
    "fiat.p2p": of(Person, person),
}
