"""Rows in states and of types that no documentation names. What they move is real: in the true books an adjustment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from tallyglass.sandbox.binance import futures
from tallyglass.sandbox.binance.account import Account, Row, moment
from tallyglass.sandbox.binance.happen import deposit_row
from tallyglass.sandbox.model import Prices

_MOVED: Final = Decimal("12.34")


def _deposit(account: Account, _: Prices, us: int) -> bool:
    """Credited, in status 77."""
    ms, number = us // 1000, str(account.number("deposits"))
    row = deposit_row(account, "USDT", _MOVED, ms) | {"id": number, "status": 77, "txId": account.token(64)}
    return _enter(account, us, "deposits", row, (f"deposit:{number}", "spot"))


def _transfer(account: Account, _: Prices, us: int) -> bool:
    """Arrived in the funding wallet from nowhere, in a status without a name."""
    number = account.number("transfers")
    row = {
        "asset": "USDT",
        "amount": str(_MOVED),
        "type": "MAIN_FUNDING",
        "status": "TELEPORTED",
        "tranId": number,
        "timestamp": us // 1000,
        "_from": "",
        "_to": "",
    }
    return _enter(account, us, "transfers", row, (f"transfer:{number}", "funding"))


def _pay(account: Account, _: Prices, us: int) -> bool:
    """Paid into a wallet of a number that is on no list; it lies with the funding wallet."""
    number = f"M_P_{account.number('pay')}"
    row = {
        "orderType": "PAY",
        "transactionId": number,
        "transactionTime": us // 1000,
        "amount": str(_MOVED),
        "currency": "USDT",
        "walletType": 97,
        "walletTypes": [97],
        "fundsDetail": [{"currency": "USDT", "amount": str(_MOVED), "walletAssetCost": {"97": str(_MOVED)}}],
        "payerInfo": {},
        "receiverInfo": {},
    }
    return _enter(account, us, "pay", row, (f"pay:{number}", "funding"))


def _income(account: Account, _: Prices, us: int) -> bool:
    """Income of a new kind, at the futures house."""
    house = futures.opened(account, "UMFUTURE", us)
    futures.income(account, house, us, "LUNAR_BONUS", ("USDT", _MOVED))
    return True


def _enter(account: Account, us: int, history: str, row: Row, booked: tuple[str, str]) -> bool:
    entry, wallet = booked
    account.histories[history].add(us // 1000, row)
    account.books.post(entry, "adjustment", moment(us), [(wallet, "USDT", _MOVED, "principal")])
    return True


STRANGERS: Final[Mapping[str, Callable[[Account, Prices, int], bool]]] = {
    "unknown_type": _deposit,
    "unknown_transfer": _transfer,
    "unknown_wallet": _pay,
    "unknown_income": _income,
}
