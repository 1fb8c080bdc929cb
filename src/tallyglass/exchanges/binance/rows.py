"""The rows of Binance's history, each turned into one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from tallyglass.exchanges.binance.assets import EARN, FUNDING, common, held, sides
from tallyglass.exchanges.binance.wire import (
    Conversion,
    Deposit,
    Dust,
    EarnReward,
    Fiat,
    Payment,
    Redemption,
    Reward,
    Subscription,
    Trade,
    Transfer,
    Withdrawal,
)
from tallyglass.exchanges.streams import Known
from tallyglass.ledger.entries import SPOT, Entry, Kind, Leg
from tallyglass.money import ZERO, Amount, Asset, amount, multiply, negate, subtract

Status = Literal["done", "pending", "failed"]
_Row = TypeVar("_Row")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Strange(ValueError):
    """A row says something that this version does not know."""


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
WORDS: Final[Mapping[str, Status]] = {
    **dict.fromkeys(("SUCCESS", "CONFIRMED", "PAID", "SUCCESSFUL", "FINISHED", "COMPLETED"), "done"),
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
    return _EPOCH + milliseconds * _MILLISECOND


def trade(row: Trade, known: Known) -> Entry:
    """A fill: base against quote, and the commission. Market and price can be told from its id and its legs."""
    pair = sides(row.symbol, known.markets)
    if pair is None:
        raise Strange(f"the market {row.symbol} is not known")
    base, quote = pair
    quantity = amount(row.qty)
    value = multiply(amount(row.price), quantity) if row.quoteQty is None else amount(row.quoteQty)
    given, taken = (negate(value), quantity) if row.isBuyer else (value, negate(quantity))
    legs = (
        Leg("base", SPOT, base, taken),
        Leg("quote", SPOT, quote, given),
        Leg("fee", SPOT, common(row.commissionAsset), negate(amount(row.commission)), "fee"),
    )
    return Entry(
        f"trade:{row.symbol}:{row.id}",
        moment(row.time),
        "trade",
        legs if quantity and value and row.commission else moving(*legs),
        note="buy" if row.isBuyer else "sell",
        facts=(("order", str(row.orderId)),) if row.orderId else (),
    )


def deposit(row: Deposit, _: Known) -> Entry:
    """Crypto that came in. Known by its row id from the moment it is seen, pending or not."""
    leg = Leg("in", _wallet_type(row.walletType), common(row.coin), amount(row.amount))
    return Entry(
        f"deposit:{row.id}",
        moment(row.insertTime),
        "deposit",
        moving(leg),
        note=row.network,
        status=told(_DEPOSITS, row.status),
        txid=row.txId,
    )


def withdrawal(row: Withdrawal, _: Known) -> Entry:
    """Crypto that went out; Binance's fee comes on top of the amount."""
    wallet, coin = _wallet_type(row.walletType), common(row.coin)
    legs = (
        Leg("out", wallet, coin, negate(amount(row.amount))),
        Leg("fee", wallet, coin, negate(amount(row.transactionFee)), "fee"),
    )
    applied = datetime.fromisoformat(row.applyTime)
    if applied.tzinfo is None:  # the text names no zone and means UTC
        applied = applied.replace(tzinfo=UTC)
    return Entry(
        f"withdrawal:{row.id}",
        applied,
        "withdrawal",
        moving(*legs),
        note=row.network,
        status=told(_WITHDRAWALS, row.status),
        txid=row.txId,
    )


def conversion(row: Conversion, _: Known) -> Entry:
    """One asset against another; the fee hides in the rate."""
    legs = (
        Leg("from", SPOT, common(row.fromAsset), negate(amount(row.fromAmount))),
        Leg("to", SPOT, common(row.toAsset), amount(row.toAmount)),
    )
    status = told(WORDS, row.orderStatus.upper())
    return Entry(
        f"convert:{row.orderId}", moment(row.createTime), "conversion", moving(*legs), note="convert", status=status
    )


def dust(row: Dust, _: Known) -> Entry:
    """Small balances turned into one asset. What arrives is told net of Binance's charge, and booked so."""
    legs: list[Leg] = []
    for index, part in enumerate(row.userAssetDribbletDetails):
        legs += (
            Leg(f"{index}:from", SPOT, common(part.fromAsset), negate(amount(part.amount))),
            Leg(f"{index}:to", SPOT, common(part.targetAsset), amount(part.transferedAmount)),
        )
    return Entry(f"dust:{row.transId}", moment(row.operateTime), "conversion", moving(*legs), note="dust")


def reward(row: Reward, _: Known) -> Entry:
    """A distribution. `direction` -1 takes one back."""
    wallet, coin = held(row.asset)
    leg = Leg("in", wallet, coin, rewarded(row))
    return Entry(f"reward:{row.id}", moment(row.divTime), "reward", moving(leg), note=row.enInfo)


def rewarded(row: Reward) -> Amount:
    """What a distribution gave, or took back."""
    given = amount(row.amount)
    return given if row.direction == 1 else negate(given)


def transfer(row: Transfer, _: Known) -> Entry:
    """A move between own wallets, named `MAIN_FUNDING` after where from and where to."""
    source, target = _move(row.type)
    legs = _moved(common(row.asset), amount(row.amount), source, target)
    status = told(WORDS, row.status.upper())
    return Entry(
        f"transfer:{row.tranId}", moment(row.timestamp), "transfer", moving(*legs), note=row.type, status=status
    )


def subscription(row: Subscription, _: Known) -> Entry:
    """Into flexible earn."""
    name, time, status = f"earn-subscribe:{row.purchaseId}", moment(row.time), told(WORDS, row.status.upper())
    return Entry(name, time, "transfer", subscribed(row, EARN), note="earn", status=status)


def subscribed(row: Subscription, wallet: str) -> tuple[Leg, ...]:
    """Out of spot, funding or both, into that wallet of earn."""
    coin, whole = common(row.asset), amount(row.amount)
    funding = amount(row.amtFromFunding) if row.amtFromFunding else ZERO
    if not row.amtFromFunding and not row.amtFromSpot and place(row.sourceAccount) == FUNDING:
        funding = whole
    return moving(
        Leg("from", SPOT, coin, subtract(funding, whole)),
        Leg("from:funding", FUNDING, coin, negate(funding)),
        Leg("to", wallet, coin, whole),
    )


def redemption(row: Redemption, _: Known) -> Entry:
    """Out of flexible earn."""
    legs = _moved(common(row.asset), amount(row.amount), EARN, place(row.destAccount))
    status = told(WORDS, row.status.upper())
    return Entry(f"earn-redeem:{row.redeemId}", moment(row.time), "transfer", moving(*legs), note="earn", status=status)


def fiat_deposit(row: Fiat, _: Known) -> Entry:
    """Money paid in: the indicated amount less the fee is what arrives."""
    paid, arrived, fee = amount(row.indicatedAmount or row.amount), amount(row.amount), amount(row.totalFee)
    gross = paid if subtract(paid, fee) == arrived else arrived
    return _fiat(row, "deposit", gross, fee)


def fiat_withdrawal(row: Fiat, _: Known) -> Entry:
    """Money taken out: the amount, and the fee on top."""
    return _fiat(row, "withdrawal", negate(amount(row.amount)), amount(row.totalFee))


def purchase(row: Payment, _: Known) -> tuple[Entry, ...]:
    """Crypto bought for money. What a card or a bank paid came in first: an entry of its own, so that no sum is short.

    `sourceAmount` holds the fee: (source - fee) / price is what was obtained.
    """
    money, paid, fee = common(row.fiatCurrency), amount(row.sourceAmount), amount(row.totalFee)
    status = told(WORDS, row.status.upper())
    legs = (
        Leg("paid", SPOT, money, subtract(fee, paid)),
        Leg("got", SPOT, common(row.cryptoCurrency), amount(row.obtainAmount)),
        Leg("fee", SPOT, money, negate(fee), "fee"),
    )
    name, time, note = f"fiat-buy:{row.orderNo}", moment(row.createTime), row.paymentMethod
    bought = Entry(name, time, "conversion", moving(*legs), note=note, status=status)
    if row.paymentMethod == "Cash Balance":
        return (bought,)
    came = Leg("in", SPOT, money, paid)
    return Entry(f"{name}:payment", time, "deposit", moving(came), note=note, status=status), bought


def sale(row: Payment, _: Known) -> Entry:
    """Crypto sold for money: which amount is which is not documented, so a sale is shown, not guessed."""
    if told(WORDS, row.status.upper()) != "failed":
        raise Strange(f"the sale {row.orderNo} for {row.fiatCurrency}: its amounts are not documented")
    return Entry(f"fiat-sell:{row.orderNo}", moment(row.createTime), "conversion", (), status="failed")


def earn_reward(row: EarnReward, _: Known) -> Entry:
    """Interest that stays in flexible earn. Bonus interest goes to spot and comes as a distribution."""
    if row.type.upper() != "REALTIME":
        raise Strange(f"the kind of earn reward {row.type!r} is not known here")
    leg = Leg("in", EARN, common(row.asset), amount(row.rewards))
    return Entry(
        f"earn-reward:{row.asset}:{row.projectId}:{row.time}", moment(row.time), "reward", moving(leg), note="earn"
    )


def _fiat(row: Fiat, kind: Kind, principal: Amount, fee: Amount) -> Entry:
    coin = common(row.fiatCurrency)
    legs = (Leg("amount", SPOT, coin, principal), Leg("fee", SPOT, coin, negate(fee), "fee"))
    status = told(WORDS, row.status.upper())
    return Entry(f"fiat:{row.orderNo}", moment(row.createTime), kind, moving(*legs), note=row.method, status=status)


def moving(*legs: Leg) -> tuple[Leg, ...]:
    """Those that move anything."""
    return tuple([leg for leg in legs if leg.amount])


def _moved(coin: Asset, moved: Amount, source: str, target: str) -> tuple[Leg, ...]:
    return Leg("from", source, coin, negate(moved)), Leg("to", target, coin, moved)


def told(table: Mapping[Any, Status], word: int | str) -> Status:
    """What a status means. Raises `Strange` for one that is not in the table."""
    try:
        return table[word]
    except KeyError:
        raise Strange(f"the status {word!r} is not known") from None


def place(word: str) -> str:
    """The wallet behind one of Binance's words. Raises `Strange`."""
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
    #: Of a whole list of rows.
    lists: msgspec.json.Decoder[list[_Row]]
    book: Callable[[_Row, Known], Entry | tuple[Entry, ...]]

    def entries(self, raw: bytes, known: Known) -> tuple[Entry, ...]:
        """Raises `ValueError` (msgspec's, money's, ours) or `ArithmeticError` for a row it does not know."""
        booked = self.book(self.decoder.decode(raw), known)
        return booked if isinstance(booked, tuple) else (booked,)

    def whole(self, body: bytes, known: Known) -> tuple[Entry, ...]:
        """All rows of a list at once, in a third of the time. Raises the same if there is one that it does not know."""
        found: list[Entry] = []
        for row in self.lists.decode(body):
            booked = self.book(row, known)
            if isinstance(booked, tuple):
                found += booked
            else:
                found.append(booked)
        return tuple(found)


def of(row: type[_Row], book: Callable[[_Row, Known], Entry | tuple[Entry, ...]]) -> Booking[_Row]:
    """A booking of rows of that shape."""
    return Booking(msgspec.json.Decoder(row), msgspec.json.Decoder(list[row]), book)  # type: ignore[valid-type]


ROWS: Final[Mapping[str, Booking[Any]]] = {
    "trades": of(Trade, trade),
    "deposits": of(Deposit, deposit),
    "withdrawals": of(Withdrawal, withdrawal),
    "conversions": of(Conversion, conversion),
    "conversions.dust": of(Dust, dust),
    "rewards": of(Reward, reward),
    "rewards.earn": of(EarnReward, earn_reward),
    "transfers": of(Transfer, transfer),
    "transfers.subscriptions": of(Subscription, subscription),
    "transfers.redemptions": of(Redemption, redemption),
    "fiat.deposits": of(Fiat, fiat_deposit),
    "fiat.withdrawals": of(Fiat, fiat_withdrawal),
    "fiat.buys": of(Payment, purchase),
    "fiat.sells": of(Payment, sale),
}
