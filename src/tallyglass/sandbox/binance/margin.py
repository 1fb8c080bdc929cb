"""What happens on the margin accounts: loans, interest by the hour, trades (sapi margin documentation)."""

from __future__ import annotations

from typing import Any, Literal

from tallyglass.money import EXACT, ZERO, Amount, add, divide, multiply, text
from tallyglass.sandbox.binance.account import Account, moment
from tallyglass.sandbox.binance.line import Line
from tallyglass.sandbox.binance.markets import FEE_RATE, Market, eight, rounded
from tallyglass.sandbox.binance.products import Margin
from tallyglass.sandbox.model import Prices


def opened(account: Account) -> Margin:
    """The margin account; opened with the first use."""
    if account.margin is None:
        account.margin = Margin()
    return account.margin


def wallet(name: str) -> str:
    """Of the true books: one for the cross account, one for all isolated ones."""
    return "margin-isolated" if name else "margin"


def flow(account: Account, us: int, kind: str, name: str, moved: tuple[str, Amount]) -> None:
    """A line of `capital-flow`, which tells every movement."""
    number = account.number("margin")
    row = {
        "id": number,
        "tranId": number + 1,
        "timestamp": us // 1000,
        "asset": moved[0],
        **({"symbol": name} if name else {}),
        "type": kind,
        "amount": text(moved[1]),
    }
    opened(account).flow.add(us // 1000, row)


def borrow(account: Account, us: int, name: str, asset: str, amount: Amount) -> None:
    """More is there, and as much more is owed; the first hour's interest is due at once."""
    debt = opened(account).debt(name, asset)
    debt.borrowed = add(debt.borrowed, amount)
    opened(account).move(name, asset, ZERO)  # from now on it is one of the account's
    _loan(account, us, ("BORROW", name, asset), (amount, ZERO))
    interest(account, us, name, asset, kind="ON_BORROW")


def repay(account: Account, us: int, name: str, asset: str) -> None:
    """All that is owed of an asset, interest included."""
    debt = opened(account).debt(name, asset)
    _loan(account, us, ("REPAY", name, asset), (debt.borrowed, debt.interest))
    debt.borrowed = debt.interest = ZERO


def _loan(account: Account, us: int, what: tuple[str, str, str], figures: tuple[Amount, Amount]) -> None:
    kind, name, asset = what
    whole = add(*figures)
    row = {
        "type": "MANUAL",
        **({"isolatedSymbol": name} if name else {}),
        "amount": text(whole),
        "asset": asset,
        "interest": text(figures[1]),
        "principal": text(figures[0]),
        "status": "CONFIRMED",
        "timestamp": us // 1000,
        "txId": account.number("margin"),
        "_kind": kind,
    }
    opened(account).loans.add(us // 1000, row)
    flow(account, us, kind, name, (asset, whole if kind == "BORROW" else EXACT.minus(whole)))


def interest(
    account: Account, us: int, name: str, asset: str, *, kind: str = "PERIODIC", prices: Prices | None = None
) -> None:
    """An hour's interest: owed on top or, with `prices`, taken at once in BNB (`…_CONVERTED`)."""
    margin = opened(account)
    debt = margin.debt(name, asset)
    rate = rounded(multiply(FEE_RATE, FEE_RATE) * 13)
    charged, due = asset, rounded(multiply(debt.borrowed, rate))
    if prices is None:
        debt.interest = add(debt.interest, due)
    else:
        charged, kind = "BNB", f"{kind}_CONVERTED"
        due = rounded(divide(multiply(due, prices.usd(asset)), prices.usd("BNB")))
    number = account.number("margin")
    row = {
        "txId": number,
        "interestAccuredTime": us // 1000,
        "asset": charged,
        **({"isolatedSymbol": name} if name else {"rawAsset": asset}),
        "principal": text(debt.borrowed),
        "interest": text(due),
        "interestRate": text(rate),
        "type": kind,
    }
    margin.interest.add(us // 1000, row)
    margin.move(name, charged, EXACT.minus(due))
    legs = [(wallet(name), charged, EXACT.minus(due), "fee")]
    account.books.post(f"margin-interest:{number}", "fee", moment(us), legs)
    if prices is not None:
        flow(account, us, "BNB_INTEREST", name, (charged, EXACT.minus(due)))


def trade(
    account: Account, us: int, name: str, market: Market, deal: tuple[Literal["BUY", "SELL"], Amount, Amount]
) -> None:
    """(side, amount, price) on the market that spot has too: the ids are of one series. The fee is of what comes in."""
    side, amount, price = deal
    buys, margin = side == "BUY", opened(account)
    cost = multiply(amount, price)  # exact: no row tells it
    fee_asset, basis = (market.base, amount) if buys else (market.quote, cost)
    fee = rounded(multiply(basis, FEE_RATE))
    desk = account.desk(market.symbol)
    desk.next_trade += account.rng.randrange(1, 60)
    desk.next_order += account.rng.randrange(1, 40)
    row: dict[str, Any] = {
        "commission": text(fee),
        "commissionAsset": fee_asset,
        "id": desk.next_trade,
        "isBestMatch": True,
        "isBuyer": buys,
        "isMaker": False,
        "orderId": desk.next_order,
        "price": text(price),
        "qty": text(amount),
        "symbol": market.symbol,
        "isIsolated": bool(name),
        "time": us // 1000,
    }
    margin.trades.setdefault((name, market.symbol), Line()).add(us // 1000, row)
    base, quote = (amount, EXACT.minus(cost)) if buys else (EXACT.minus(amount), cost)
    moves = [(market.base, base, "principal"), (market.quote, quote, "principal"), (fee_asset, EXACT.minus(fee), "fee")]
    income, expense = f"{side}_INCOME", f"{side}_EXPENSE"
    kinds = (income, expense, "TRADING_COMMISSION") if buys else (expense, income, "TRADING_COMMISSION")
    for kind, (asset, moved, _) in zip(kinds, moves, strict=True):
        margin.move(name, asset, moved)
        flow(account, us, kind, name, (asset, moved))
    legs = [(wallet(name), *move) for move in moves]
    account.books.post(f"margin-trade:{market.symbol}:{desk.next_trade}", "trade", moment(us), legs)


def owed(account: Account, name: str, asset: str) -> dict[str, str]:
    """One asset of a margin account as its reads print it."""
    margin = opened(account)
    debt = margin.debt(name, asset)
    return {
        "asset": asset,
        "borrowed": eight(debt.borrowed),
        "free": eight(margin.free(name, asset)),
        "interest": eight(debt.interest),
        "locked": "0",
        "netAsset": eight(margin.net.get((name, asset), ZERO)),
    }
