"""What an account has of the products that must be opened first: margin, futures, locked earn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tallyglass.money import ZERO, Amount, add, subtract, total
from tallyglass.sandbox.binance.line import Line

Row = dict[str, Any]

WALLETS: Final = {
    "MAIN": "spot",
    "FUNDING": "funding",
    "MARGIN": "margin",
    "ISOLATEDMARGIN": "margin-isolated",
    "UMFUTURE": "futures-usd-m",
    "CMFUTURE": "futures-coin-m",
}
"""The exchange's word in the type of a transfer → the wallet in the true books."""
EARN: Final = "earn"
LOCKED: Final = "earn-locked"


@dataclass(slots=True)
class Debt:
    """What is owed of one asset."""

    borrowed: Amount = ZERO
    interest: Amount = ZERO

    @property
    def whole(self) -> Amount:
        return add(self.borrowed, self.interest)


class Margin:
    """The margin accounts: the cross one under the name "", each isolated one under its market's symbol.

    The true books hold the net: what is there less what is owed. So borrowing and repaying move nothing in them.
    """

    def __init__(self) -> None:
        #: (name, asset) → net amount, and debt.
        self.net: dict[tuple[str, str], Amount] = {}
        self.debts: dict[tuple[str, str], Debt] = {}
        self.interest: Line[Row] = Line()
        self.loans: Line[Row] = Line()
        self.flow: Line[Row] = Line()
        #: (name, market) → trades by time, the same as they are by id.
        self.trades: dict[tuple[str, str], Line[Row]] = {}

    def move(self, name: str, asset: str, amount: Amount) -> None:
        """A signed change of the net."""
        self.net[name, asset] = add(self.net.get((name, asset), ZERO), amount)

    def debt(self, name: str, asset: str) -> Debt:
        return self.debts.setdefault((name, asset), Debt())

    def free(self, name: str, asset: str) -> Amount:
        """What is there, owed or not."""
        return add(self.net.get((name, asset), ZERO), self.debt(name, asset).whole)

    def assets(self, name: str) -> list[str]:
        """All that an account ever held."""
        return sorted(asset for place, asset in self.net if place == name)

    def lines(self) -> list[Line[Row]]:
        """All histories, by milliseconds."""
        return [self.interest, self.loans, self.flow, *self.trades.values()]


@dataclass(slots=True)
class Futures:
    """One of the two futures houses: USD-margined or coin-margined."""

    #: `um` or `cm`: in the ids of the true books.
    house: str
    wallet: str
    #: When it was opened, in microseconds: an older key may not use it.
    opened: int
    incomes: Line[Row] = field(default_factory=Line)
    #: Symbol → trades, by time.
    trades: dict[str, Line[Row]] = field(default_factory=dict)

    def lines(self) -> list[Line[Row]]:
        """All histories, by milliseconds."""
        return [self.incomes, *self.trades.values()]


@dataclass(slots=True)
class Position:
    """Coins locked for a time."""

    id: int
    asset: str
    amount: Amount
    days: int
    #: Microseconds.
    since: int
    rewards: list[Amount] = field(default_factory=list)

    @property
    def project(self) -> str:
        return f"{self.asset.capitalize()}*{self.days}"

    @property
    def rewarded(self) -> Amount:
        return total(self.rewards)

    def less(self, loss: Amount) -> Amount:
        """What is paid out when so much is taken off."""
        return subtract(self.amount, loss)
