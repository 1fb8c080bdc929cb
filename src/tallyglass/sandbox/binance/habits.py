"""What an owner does on the side: earn, the funding wallet, dust. So every history of the main account has rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Final

from tallyglass.money import ROUNDED, ZERO, Amount, divide, multiply, subtract
from tallyglass.sandbox.binance import own
from tallyglass.sandbox.binance.account import Account, Order, Trade, moment
from tallyglass.sandbox.binance.happen import cancel, deposit_row, fill, next_trade_id, withdrawal_row
from tallyglass.sandbox.binance.markets import FEE_RATE, LEAST
from tallyglass.sandbox.model import Prices

_DAY: Final = 86_400_000_000
_DUST_USD: Final = Decimal("0.4")


def _part(whole: Amount, percent: int, decimals: int = 4) -> Amount:
    """So many hundredths of it, cut."""
    return multiply(whole, Decimal(percent).scaleb(-2)).quantize(
        Decimal(1).scaleb(-decimals), ROUND_DOWN, context=ROUNDED
    )


def _subscribe(asset: str) -> Habit:
    def act(account: Account, _: Prices, us: int) -> bool:
        amount = _part(account.free(asset), 20)
        return amount > ZERO and own.subscribe(account, asset, amount, us) > 0

    return act


def _redeem(asset: str) -> Habit:
    def act(account: Account, _: Prices, us: int) -> bool:
        amount = _part(account.books.balance(asset, "earn"), 25)
        return amount > ZERO and own.redeem(account, asset, amount, us) > 0

    return act


def _to_funding(account: Account, _: Prices, us: int) -> bool:
    amount = _part(account.free("USDT"), 10)
    return amount > ZERO and own.transfer(account, "USDT", amount, us, ("MAIN", "FUNDING")) > 0


def _from_funding(account: Account, _: Prices, us: int) -> bool:
    amount = _part(account.books.balance("USDT", "funding"), 30)
    return amount > ZERO and own.transfer(account, "USDT", amount, us, ("FUNDING", "MAIN")) > 0


def _dust(account: Account, prices: Prices, us: int) -> bool:
    """Two small remainders at once: one log entry with two lines."""
    small = []
    for asset in sorted(account.wallet("spot")):
        amount = divide(_DUST_USD, prices.usd(asset)).quantize(Decimal("0.00000001"), ROUND_DOWN, context=ROUNDED)
        if asset not in {"BNB", "EUR", "USDT", "USDC"} and ZERO < amount < account.free(asset):
            small.append((asset, amount))
    if len(small) < 2:
        return False
    own.dust(account, small[:2], us, prices)
    return True


def _oldest_order(account: Account) -> Order | None:
    return min(account.open.values(), key=lambda order: (order.time, order.id), default=None)


def _fill_order(account: Account, _: Prices, us: int) -> bool:
    """The market reaches the oldest open order: the rest of it is filled at its price."""
    order = _oldest_order(account)
    if order is None:
        return False
    amount = subtract(order.amount, order.filled)
    cost = multiply(amount, order.price)
    fee_asset, basis = (order.market.base, amount) if order.side == "BUY" else (order.market.quote, cost)
    fee = multiply(basis, FEE_RATE).quantize(LEAST, ROUND_DOWN, context=ROUNDED)
    number = next_trade_id(account, order.market)
    fill(account, order, Trade(number, order, order.price, amount, cost, fee, fee_asset, us, maker=True))
    return True


def _cancel_order(account: Account, _: Prices, us: int) -> bool:
    """The owner takes back the oldest open order."""
    order = _oldest_order(account)
    if order is not None:
        cancel(account, order, us)
    return order is not None


def _turned_away(account: Account, _: Prices, us: int) -> bool:
    """A deposit that was rejected (2): in the list, never in the balance. Made after the newest one."""
    deposits = account.histories["deposits"]
    for last in deposits.newest(1):
        new = {"id": str(account.number("deposits")), "status": 2, "txId": account.token(64), "insertTime": us // 1000}
        deposits.add(us // 1000, {name: value for name, value in last.items() if name != "completeTime"} | new)
        return True
    return False


def _taken_back(account: Account, _: Prices, us: int) -> bool:
    """A withdrawal that its owner cancelled: 1 says so here, and "done" in the list of deposits."""
    second = us // 1_000_000
    row = withdrawal_row(account, "USDT", Decimal("12.5"), Decimal(1), second) | {"status": 1, "txId": ""}
    account.histories["withdrawals"].add(second * 1000, {k: v for k, v in row.items() if k != "completeTime"})
    return True


def _strange_deposit(account: Account, _: Prices, us: int) -> bool:
    """A deposit that is in the balance and in a state that no documentation names."""
    ms, number, amount = us // 1000, str(account.number("deposits")), Decimal("12.34")
    row = deposit_row(account, "USDT", amount, ms) | {"id": number, "status": 77, "txId": account.token(64)}
    account.histories["deposits"].add(ms, row)
    account.books.post(f"deposit:{number}", "adjustment", moment(us), [("spot", "USDT", amount, "principal")])
    return True


Habit = Callable[[Account, Prices, int], bool]
"""Does it at a time (microseconds) if the wallet allows, and says whether it did."""

HABITS: Final[Mapping[str, Habit]] = {
    "earn": _subscribe("USDT"),
    "earn_bnb": _subscribe("BNB"),
    "redeem": _redeem("USDT"),
    "redeem_bnb": _redeem("BNB"),
    "to_funding": _to_funding,
    "from_funding": _from_funding,
    "dust": _dust,
    "fill_order": _fill_order,
    "cancel_order": _cancel_order,
    "rejected_deposit": _turned_away,
    "cancelled_withdrawal": _taken_back,
    "unknown_type": _strange_deposit,
}
_CALENDAR: Final = (
    (700, "earn"),
    (420, "earn_bnb"),
    (300, "dust"),
    (200, "earn"),
    (170, "to_funding"),
    (140, "redeem"),
    (90, "dust"),
    (60, "from_funding"),
    (40, "redeem_bnb"),
    (20, "earn"),
    (15, "to_funding"),
)
"""How many days before the start what is due. Transfers older than six months are shown no more, so none is."""


class Calendar:
    """What the main account still means to do, each as soon after its day as something else happens there.

    Never in the last hours: the world's open orders count on what is there.
    """

    def __init__(self, now: int) -> None:
        self._due = [(now - days * _DAY, name) for days, name in _CALENDAR]
        self._until = now - _DAY // 4

    def keep(self, account: Account, prices: Prices, us: int) -> None:
        """Do what is due at `us`; what the wallet does not allow stays due."""
        if self._due and self._due[0][0] <= us < self._until:
            self._due = [(when, name) for when, name in self._due if when > us or not HABITS[name](account, prices, us)]
