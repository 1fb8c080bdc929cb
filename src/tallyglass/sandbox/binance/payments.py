"""Money from and to other people: Pay, trades between persons (C2C), and coins bought by card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallyglass.money import EXACT, ZERO, Amount, add, divide, multiply, subtract, text, total
from tallyglass.sandbox.binance.account import Account, moment
from tallyglass.sandbox.binance.markets import eight, rounded

PAY_WALLETS: Final = {1: "funding", 2: "spot"}
"""`walletType` of Pay → wallet in the true books."""
_FRIEND: Final = {"name": "Alex", "type": "USER", "email": "a***@example.com", "binanceId": "410000999"}


def pay(account: Account, us: int, kind: str, asset: str, parts: Mapping[int, Amount], *, out: bool = False) -> None:
    """So much of each wallet: one row, however many wallets had to pay."""
    number, whole = f"M_P_{account.number('pay')}", total(parts.values())
    me = {"name": "Me", "type": "USER", "binanceId": str(account.uid)}
    account.histories["pay"].add(
        us // 1000,
        {
            "orderType": kind,
            "transactionId": number,
            "transactionTime": us // 1000,
            "amount": text(EXACT.minus(whole) if out else whole),
            "currency": asset,
            "walletType": next(iter(parts)),
            "walletTypes": list(parts),
            "fundsDetail": [
                {
                    "currency": asset,
                    "amount": text(whole),
                    "walletAssetCost": {str(code): text(part) for code, part in parts.items()},
                }
            ],
            "payerInfo": me if out else _FRIEND,
            "receiverInfo": _FRIEND if out else me,
        },
    )
    legs = [(PAY_WALLETS[code], asset, EXACT.minus(part) if out else part, "principal") for code, part in parts.items()]
    account.books.post(f"pay:{number}", "withdrawal" if out else "deposit", moment(us), legs)


def c2c(
    account: Account, us: int, deal: tuple[str, str, Amount], unit: Amount,
    *, maker_fee: Amount | None = None, status: str = "COMPLETED",
) -> None:  # fmt: skip
    """(BUY or SELL, asset, amount) with a person, for euros that never see the exchange. Makers pay a fee."""
    side, asset, amount = deal
    number, fee = str(account.number("c2c")), maker_fee or ZERO
    row: dict[str, Any] = {
        "orderNumber": number,
        "advNo": str(account.number("c2c")),
        "tradeType": side,
        "asset": asset,
        "fiat": "EUR",
        "fiatSymbol": "€",
        "amount": eight(amount),
        "totalPrice": eight(rounded(multiply(amount, unit))),
        "unitPrice": text(unit),
        "orderStatus": status,
        "createTime": us // 1000,
        "commission": text(fee),
        "counterPartNickName": "abc***",
        "payMethodName": "SEPA",
        "additionalKycVerify": 0,
        "takerCommissionRate": "0",
        "takerCommission": "0",
        "takerAmount": eight(amount),
        "advertisementRole": "TAKER" if maker_fee is None else "MAKER",
    }
    account.histories["c2c"].add(us // 1000, row)
    if status != "COMPLETED":
        return
    moved = amount if side == "BUY" else EXACT.minus(amount)
    legs = [("funding", asset, moved, "principal"), ("funding", asset, EXACT.minus(fee), "fee")]
    account.books.post(f"c2c:{number}", "deposit" if side == "BUY" else "withdrawal", moment(us), legs)


def card(account: Account, us: int, got: tuple[str, Amount], price: Amount, *, status: str = "Completed") -> None:
    """Coins for euros from a card: the money comes in first, then is spent; two per cent are the fee."""
    number = account.token()
    net = rounded(multiply(got[1], price), 2)
    fee = rounded(divide(net, EXACT.create_decimal(50)), 2)
    paid = add(net, fee)
    account.histories["payments"].add(
        us // 1000,
        {
            "orderNo": number,
            "sourceAmount": text(paid),
            "fiatCurrency": "EUR",
            "obtainAmount": text(got[1]),
            "cryptoCurrency": got[0],
            "totalFee": text(fee),
            "price": text(price),
            "status": status,
            "paymentMethod": "Credit Card",
            "createTime": us // 1000,
            "updateTime": us // 1000 + 30_000,
            "_kind": "0",
        },
    )
    if status != "Completed":
        return
    entry, time = f"fiat-buy:{number}", moment(us)
    account.books.post(f"{entry}:payment", "deposit", time, [("spot", "EUR", paid, "principal")])
    legs = [
        ("spot", "EUR", subtract(fee, paid), "principal"),
        ("spot", got[0], got[1], "principal"),
        ("spot", "EUR", EXACT.minus(fee), "fee"),
    ]
    account.books.post(entry, "conversion", time, legs)
