"""Moves within one account: to and from flexible Simple Earn, between its wallets, and dust turned into a coin."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tallyglass.money import EXACT, Amount, divide, multiply, subtract, text, total
from tallyglass.sandbox.binance import futures, margin
from tallyglass.sandbox.binance.account import Account, Row, moment
from tallyglass.sandbox.binance.markets import eight, rounded
from tallyglass.sandbox.binance.products import WALLETS
from tallyglass.sandbox.model import Prices

_DUST_CHARGE: Final = Decimal("0.02")


def _shift(account: Account, entry: str, us: int, what: tuple[str, Amount], way: tuple[str, str]) -> None:
    asset, amount = what
    legs = [(way[0], asset, EXACT.minus(amount), "principal"), (way[1], asset, amount, "principal")]
    account.books.post(entry, "transfer", moment(us), legs)
    account.updated = max(account.updated, us)


def subscribe(account: Account, asset: str, amount: Amount, us: int) -> int:
    """Spot to flexible earn; the purchase id."""
    number = account.number("subscriptions")
    account.histories["subscriptions"].add(
        us // 1000,
        {
            "amount": eight(amount),
            "asset": asset,
            "time": us // 1000,
            "purchaseId": number,
            "productId": f"{asset}001",
            "type": "NORMAL",
            "sourceAccount": "SPOT",
            "amtFromSpot": text(amount),
            "amtFromFunding": "0",
            "status": "SUCCESS",
        },
    )
    _shift(account, f"earn-subscribe:{number}", us, (asset, amount), ("spot", "earn"))
    return number


def redeem(account: Account, asset: str, amount: Amount, us: int) -> int:
    """Flexible earn to spot; the redemption id."""
    number = account.number("redemptions")
    account.histories["redemptions"].add(
        us // 1000,
        {
            "amount": eight(amount),
            "asset": asset,
            "time": us // 1000,
            "projectId": f"{asset}001",
            "redeemId": number,
            "destAccount": "SPOT",
            "status": "PAID",
        },
    )
    _shift(account, f"earn-redeem:{number}", us, (asset, amount), ("earn", "spot"))
    return number


def transfer(
    account: Account, asset: str, amount: Amount, us: int, way: tuple[str, str], pairs: tuple[str, str] = ("", "")
) -> int:
    """Between two of the exchange's words for wallets (`MAIN` is spot); the transfer's id.

    `pairs` names the isolated margin accounts on either side. What the other houses tell of it has the same number.
    """
    number, ms = account.number("transfers"), us // 1000
    row = {
        "asset": asset,
        "amount": text(amount),
        "type": "_".join(way),
        "status": "CONFIRMED",
        "tranId": number,
        "timestamp": ms,
        "_from": pairs[0],
        "_to": pairs[1],
    }
    account.histories["transfers"].add(ms, row)
    for word, pair, moved in zip(way, pairs, (EXACT.minus(amount), amount), strict=True):
        if word in {"MARGIN", "ISOLATEDMARGIN"}:
            margin.opened(account).move(pair, asset, moved)
            margin.flow(account, us, "TRANSFER", pair, (asset, moved))
        elif word in futures.HOUSES:
            house = futures.opened(account, word, us)
            house.incomes.add(ms, futures.income_row(house, us, "TRANSFER", (asset, moved), number))
    _shift(account, f"transfer:{number}", us, (asset, amount), (WALLETS[way[0]], WALLETS[way[1]]))
    return number


def dust(account: Account, small: Sequence[tuple[str, Amount]], us: int, prices: Prices, target: str = "BNB") -> Row:
    """Turn small amounts into one coin: a log entry with a line per asset, each already net of its charge."""
    number = account.number("dust")
    lines: list[Row] = []
    legs: list[tuple[str, str, Amount, str]] = []
    for asset, amount in small:
        gross = rounded(divide(multiply(amount, prices.usd(asset)), prices.usd(target)))
        charge = rounded(multiply(gross, _DUST_CHARGE))
        lines.append(
            {
                "transId": number,
                "serviceChargeAmount": text(charge),
                "amount": text(amount),
                "operateTime": us // 1000,
                "transferedAmount": text(subtract(gross, charge)),
                "fromAsset": asset,
                "targetAsset": target,
            }
        )
        legs += [
            ("spot", asset, EXACT.minus(amount), "principal"),
            ("spot", target, subtract(gross, charge), "principal"),
        ]
    row = {
        "operateTime": us // 1000,
        "totalTransferedAmount": eight(total(Decimal(line["transferedAmount"]) for line in lines)),
        "totalServiceChargeAmount": eight(total(Decimal(line["serviceChargeAmount"]) for line in lines)),
        "transId": number,
        "userAssetDribbletDetails": lines,
    }
    account.histories["dust"].add(us // 1000, row)
    account.books.post(f"dust:{number}", "conversion", moment(us), legs)
    account.updated = max(account.updated, us)
    return row
