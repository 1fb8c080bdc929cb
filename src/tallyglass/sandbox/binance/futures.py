"""What happens at the futures houses: every movement of their wallets is a line of the income history."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from tallyglass.money import EXACT, ZERO, Amount, divide, multiply, text
from tallyglass.sandbox.binance.account import Account, moment
from tallyglass.sandbox.binance.line import Line
from tallyglass.sandbox.binance.markets import eight, rounded
from tallyglass.sandbox.binance.products import WALLETS, Futures

HOUSES: Final = {"UMFUTURE": "um", "CMFUTURE": "cm"}
_KINDS: Final = {
    "REALIZED_PNL": ("trade", "principal"),
    "COMMISSION": ("fee", "fee"),
    "FUNDING_FEE": ("fee", "fee"),
    "INSURANCE_CLEAR": ("fee", "fee"),
    "WELCOME_BONUS": ("reward", "principal"),
    "REFERRAL_KICKBACK": ("reward", "principal"),
    "COMMISSION_REBATE": ("reward", "principal"),
}
"""Income → kind and role in the true books; anything else is an adjustment."""
_TAKER: Final = Decimal("0.0005")


@dataclass(frozen=True, slots=True)
class Contract:
    """A perpetual contract. Coin-margined ones are counted in pieces of so many dollars, and settled in their base."""

    symbol: str
    pair: str
    base: str
    margin: str
    price_decimals: int
    amount_decimals: int
    size: Amount = ZERO

    @property
    def inverse(self) -> bool:
        return self.size > ZERO


CONTRACTS: Final = {
    each.symbol: each
    for each in (
        Contract("BTCUSDT", "BTCUSDT", "BTC", "USDT", 1, 3),
        Contract("ETHUSDT", "ETHUSDT", "ETH", "USDT", 2, 3),
        Contract("BNBUSDT", "BNBUSDT", "BNB", "USDT", 2, 2),
        Contract("BTCUSD_PERP", "BTCUSD", "BTC", "BTC", 1, 0, Decimal(100)),
        Contract("ETHUSD_PERP", "ETHUSD", "ETH", "ETH", 2, 0, Decimal(10)),
    )
}


def opened(account: Account, word: str, us: int) -> Futures:
    """The account at a house; opened with the first use."""
    if word not in account.futures:
        account.futures[word] = Futures(HOUSES[word], WALLETS[word], us)
    return account.futures[word]


def number(account: Account, house: Futures) -> int:
    """A `tranId`: at the USD-margined house beyond what a double can hold."""
    return account.number(house.house)


def income_row(house: Futures, us: int, kind: str, moved: tuple[str, Amount], tran: int) -> dict[str, Any]:
    """A line as the house prints it: the coin-margined one writes its `tranId` as a text."""
    return {
        "symbol": "",
        "incomeType": kind,
        "income": eight(moved[1]),
        "asset": moved[0],
        "info": kind,
        "time": us // 1000,
        "tranId": str(tran) if house.house == "cm" else tran,
        "tradeId": "",
    }


def income(account: Account, house: Futures, us: int, kind: str, moved: tuple[str, Amount], **more: Any) -> None:
    """Show and book a movement; `more` is of the row: `symbol`, `tradeId`, and `tran`, its number, where it has one."""
    tran = more.pop("tran", None) or number(account, house)
    house.incomes.add(us // 1000, income_row(house, us, kind, moved, tran) | more)
    sort, role = _KINDS.get(kind, ("adjustment", "principal"))
    legs = [(house.wallet, *moved, role)]
    account.books.post(f"income-{house.house}:{kind}:{tran}", sort, moment(us), legs)


def trade(
    account: Account, us: int, contract: Contract, deal: tuple[Literal["BUY", "SELL"], Amount, Amount],
    *, entry: Amount = ZERO, fee: tuple[str, Amount] | None = None,
) -> None:  # fmt: skip
    """(side, quantity, price); with an `entry` price it closes what was opened there. `fee`: (BNB, its dollar price).

    Profit and commission are two lines of income under one `tranId`, which is unique within a kind alone.
    """
    house = opened(account, "CMFUTURE" if contract.inverse else "UMFUTURE", us)
    side, amount, price = deal
    worth = divide(multiply(amount, contract.size), price) if contract.inverse else multiply(amount, price)
    asset, commission = contract.margin, rounded(multiply(worth, _TAKER))
    if fee is not None:
        asset, commission = fee[0], rounded(divide(commission, fee[1]))
    profit = _profit(contract, deal, entry)
    tran, trade_id = number(account, house), account.number("futures_trades")
    row = {
        "symbol": contract.symbol,
        "id": trade_id,
        "orderId": account.number("futures_orders"),
        "pair": contract.pair,
        "side": side,
        "price": text(price),
        "qty": text(amount),
        "realizedPnl": text(profit),
        "marginAsset": contract.margin,
        "quoteQty": text(multiply(amount, contract.size) if contract.inverse else worth),
        "baseQty": text(rounded(worth)) if contract.inverse else "0",
        "commission": text(commission),
        "commissionAsset": asset,
        "time": us // 1000,
        "positionSide": "BOTH",
        "buyer": side == "BUY",
        "maker": False,
    }
    house.trades.setdefault(contract.symbol, Line()).add(us // 1000, row)
    more: dict[str, Any] = {"symbol": contract.symbol, "tradeId": str(trade_id), "tran": tran}
    income(account, house, us, "COMMISSION", (asset, EXACT.minus(commission)), **more)
    if entry:
        income(account, house, us, "REALIZED_PNL", (contract.margin, profit), **more)


def _profit(contract: Contract, deal: tuple[Literal["BUY", "SELL"], Amount, Amount], entry: Amount) -> Amount:
    side, amount, price = deal
    if not entry:
        return ZERO
    if contract.inverse:
        coins = multiply(amount, contract.size)
        gain = rounded(EXACT.subtract(divide(coins, entry), divide(coins, price)))
    else:
        gain = rounded(multiply(amount, EXACT.subtract(price, entry)))
    return gain if side == "SELL" else EXACT.minus(gain)
