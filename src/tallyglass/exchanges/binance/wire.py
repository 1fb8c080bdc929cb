"""The rows of Binance's history as they come over the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

Id = int | str
"""Some lists tell ids as numbers (beyond what a double can hold), some as texts."""


class Trade(msgspec.Struct):
    """https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints."""

    symbol: str
    id: int
    #: Decimals from the text: there are more of these than of all other rows together.
    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str  # noqa: N815 - names on the wire, here and below
    time: int
    isBuyer: bool  # noqa: N815
    quoteQty: Decimal | None = None  # noqa: N815
    orderId: int = 0  # noqa: N815


class Deposit(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/capital/deposite-history."""

    id: Id
    amount: str
    coin: str
    status: int
    insertTime: int  # noqa: N815
    txId: str = ""  # noqa: N815
    network: str = ""
    walletType: int = 0  # noqa: N815


class Withdrawal(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/capital/withdraw-history."""

    id: Id
    amount: str
    transactionFee: str  # noqa: N815
    coin: str
    status: int
    applyTime: str  # noqa: N815
    txId: str = ""  # noqa: N815
    network: str = ""
    walletType: int = 0  # noqa: N815


class Conversion(msgspec.Struct):
    """https://developers.binance.com/docs/convert/trade/Get-Convert-Trade-History."""

    orderId: Id  # noqa: N815
    orderStatus: str  # noqa: N815
    fromAsset: str  # noqa: N815
    fromAmount: str  # noqa: N815
    toAsset: str  # noqa: N815
    toAmount: str  # noqa: N815
    createTime: int  # noqa: N815


class DustPart(msgspec.Struct):
    """One asset of a dust conversion."""

    amount: str
    fromAsset: str  # noqa: N815
    transferedAmount: str  # noqa: N815
    targetAsset: str = "BNB"  # noqa: N815


class Dust(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/asset/dust-log."""

    transId: Id  # noqa: N815
    operateTime: int  # noqa: N815
    userAssetDribbletDetails: list[DustPart]  # noqa: N815


class Reward(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/asset/assets-divided-record."""

    id: Id
    amount: str
    asset: str
    divTime: int  # noqa: N815
    enInfo: str = ""  # noqa: N815
    direction: Literal[1, -1] = 1


class Transfer(msgspec.Struct):
    """https://developers.binance.com/docs/wallet/asset/query-user-universal-transfer."""

    tranId: Id  # noqa: N815
    asset: str
    amount: str
    type: str
    status: str
    timestamp: int


class Subscription(msgspec.Struct):
    """https://developers.binance.com/docs/simple_earn/flexible-locked/history/Get-Flexible-Subscription-Record."""

    purchaseId: Id  # noqa: N815
    asset: str
    amount: str
    time: int
    status: str
    sourceAccount: str = "SPOT"  # noqa: N815
    amtFromSpot: str = ""  # noqa: N815
    amtFromFunding: str = ""  # noqa: N815


class Redemption(msgspec.Struct):
    """https://developers.binance.com/docs/simple_earn/flexible-locked/history/Get-Flexible-Redemption-Record."""

    redeemId: Id  # noqa: N815
    asset: str
    amount: str
    time: int
    status: str
    destAccount: str = "SPOT"  # noqa: N815


class Fiat(msgspec.Struct):
    """https://developers.binance.com/docs/fiat/rest-api/Get-Fiat-Deposit-Withdraw-History."""

    orderNo: Id  # noqa: N815
    fiatCurrency: str  # noqa: N815
    amount: str
    totalFee: str  # noqa: N815
    status: str
    createTime: int  # noqa: N815
    indicatedAmount: str = ""  # noqa: N815
    method: str = ""


class EarnReward(msgspec.Struct):
    """https://developers.binance.com/docs/simple_earn/flexible-locked/history/Get-Flexible-Rewards-History."""

    asset: str
    rewards: str
    type: str
    time: int
    projectId: str = ""  # noqa: N815


class Payment(msgspec.Struct):
    """https://developers.binance.com/docs/fiat/rest-api/Get-Fiat-Payments-History."""

    orderNo: Id  # noqa: N815
    sourceAmount: str  # noqa: N815
    fiatCurrency: str  # noqa: N815
    obtainAmount: str  # noqa: N815
    cryptoCurrency: str  # noqa: N815
    totalFee: str  # noqa: N815
    status: str
    createTime: int  # noqa: N815
    paymentMethod: str = ""  # noqa: N815


class MarginTrade(msgspec.Struct):
    """https://developers.binance.com/docs/margin_trading/trade/Query-Margin-Account-Trade-List."""

    symbol: str
    id: int
    price: str
    qty: str
    commission: str
    commissionAsset: str  # noqa: N815
    time: int
    isBuyer: bool  # noqa: N815
    isIsolated: bool = False  # noqa: N815


class Interest(msgspec.Struct):
    """https://developers.binance.com/docs/margin_trading/borrow-and-repay/Get-Interest-History."""

    txId: Id  # noqa: N815
    asset: str
    interest: str
    interestAccuredTime: int  # noqa: N815
    type: str = ""
    isolatedSymbol: str = ""  # noqa: N815


class MarginTransfer(msgspec.Struct):
    """https://developers.binance.com/docs/margin_trading/transfer."""

    txId: Id  # noqa: N815
    asset: str
    amount: str
    status: str
    timestamp: int
    transFrom: str  # noqa: N815
    transTo: str  # noqa: N815


class Income(msgspec.Struct):
    """https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api/Get-Income-History."""

    incomeType: str  # noqa: N815
    income: str
    asset: str
    time: int
    tranId: Id  # noqa: N815
    symbol: str = ""
    info: str = ""


class LockedSubscription(Subscription):
    """https://developers.binance.com/docs/simple_earn/flexible-locked/history/Get-Locked-Subscription-Record."""


class LockedRedemption(msgspec.Struct):
    """https://developers.binance.com/docs/simple_earn/flexible-locked/history/Get-Locked-Redemption-Record."""

    redeemId: Id  # noqa: N815
    asset: str
    amount: str
    time: int
    status: str
    originalAmount: str = ""  # noqa: N815
    type: str = ""


class Cost(msgspec.Struct):
    """What one asset of a payment cost each wallet."""

    currency: str
    amount: str
    walletAssetCost: dict[str, str] = {}  # noqa: N815 - msgspec copies an empty default


class Pay(msgspec.Struct):
    """https://developers.binance.com/docs/pay/rest-api."""

    transactionId: Id  # noqa: N815
    transactionTime: int  # noqa: N815
    amount: str
    currency: str
    orderType: str = ""  # noqa: N815
    walletType: int = 1  # noqa: N815
    fundsDetail: list[Cost] = []  # noqa: N815


class Person(msgspec.Struct):
    """https://developers.binance.com/docs/c2c/rest-api."""

    orderNumber: Id  # noqa: N815
    tradeType: Literal["BUY", "SELL"]  # noqa: N815
    asset: str
    amount: str
    orderStatus: str  # noqa: N815
    createTime: int  # noqa: N815
    commission: str = "0"
    takerCommission: str | None = None  # noqa: N815
    advertisementRole: str = ""  # noqa: N815
    payMethodName: str = ""  # noqa: N815
