"""Writes under /sapi: withdrawals, transfers, conversions, dust, earn, and one that hides behind a GET."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from tallyglass.money import ZERO, Amount, divide, multiply, subtract, text
from tallyglass.sandbox.binance import own
from tallyglass.sandbox.binance.account import Account
from tallyglass.sandbox.binance.errors import Refusal, invalid, missing, rejected_key
from tallyglass.sandbox.binance.futures import HOUSES
from tallyglass.sandbox.binance.happen import enter_convert, enter_withdrawal, withdrawal_row
from tallyglass.sandbox.binance.history import TRANSFER_TYPES, pairs_of
from tallyglass.sandbox.binance.limits import SAPI_IP, SAPI_UID
from tallyglass.sandbox.binance.markets import FIAT, rounded, withdrawal_terms
from tallyglass.sandbox.binance.products import WALLETS
from tallyglass.sandbox.binance.routes import Call, Routes

routes = Routes()

_QUOTE_LIFE: Final = 10_000


def _asset(call: Call, name: str) -> str:
    asset = call.params.need(name)
    if asset not in call.listed.coins:
        raise Refusal(-4019 if name == "coin" else -5003, "We don't have this asset.")
    return asset


def _amount(call: Call, name: str = "amount") -> Amount:
    amount = call.params.need_figure(name)
    if amount <= ZERO:
        raise invalid(name)
    return amount


@routes.add("POST /sapi/v1/capital/withdraw/apply", weight=900, pool=SAPI_UID, right="withdraw")
def _withdraw(call: Call) -> Any:
    """What is asked for leaves the wallet; what arrives is less by the network's fee."""
    if call.key is None or not call.key.ip_list:
        raise rejected_key()
    coin, amount = _asset(call, "coin"), _amount(call)
    address = call.params.need("address")
    if coin in FIAT:
        raise Refusal(-4019, "Current asset is not open for withdrawal.")
    fee, least = withdrawal_terms(coin)
    if amount < least:
        raise Refusal(-4022, f"Not less than the minimum pick-up quantity {text(least)}.")
    if amount > call.account.free(coin):
        raise Refusal(-4026, "You have insufficient balance.")
    second = call.now // 1_000_000
    row = withdrawal_row(call.account, coin, subtract(amount, fee), fee, second) | {"address": address}
    if call.params.has("withdrawOrderId"):
        row["withdrawOrderId"] = call.params.text("withdrawOrderId")
    enter_withdrawal(call.account, row, subtract(amount, fee), fee, second)
    return {"id": row["id"]}


@routes.add("POST /sapi/v1/asset/transfer", weight=300, pool=SAPI_UID, right="transfer")
def _transfer(call: Call) -> Any:
    kind = call.params.need("type")
    source, _, target = kind.partition("_")
    mine, pairs = call.account, pairs_of(call, kind)
    if kind not in TRANSFER_TYPES or {source, target} - WALLETS.keys():
        raise Refusal(-5011, "future account not exists.")
    for word in (source, target):
        _check_opened(mine, word)
    asset, amount = _asset(call, "asset"), _amount(call)
    if amount > _there(mine, source, pairs[0], asset):
        raise Refusal(-5002, "You have insufficient balance.")
    return {"tranId": own.transfer(mine, asset, amount, call.ms * 1000, (source, target), pairs)}


def _check_opened(mine: Account, word: str) -> None:
    if word in HOUSES and word not in mine.futures:
        raise Refusal(-5011, "future account not exists.")
    if "MARGIN" in word and mine.margin is None:
        raise Refusal(-3003, "Margin account does not exist.")


def _there(mine: Account, word: str, pair: str, asset: str) -> Amount:
    """What a wallet can give."""
    if word == "MAIN":
        return mine.free(asset)
    if word in {"MARGIN", "ISOLATEDMARGIN"}:
        return mine.margin.free(pair, asset) if mine.margin else ZERO
    return mine.books.balance(asset, WALLETS[word])


@routes.add("POST /sapi/v1/convert/getQuote", weight=200, pool=SAPI_UID, right="trade")
def _get_quote(call: Call) -> Any:
    given, taken = _asset(call, "fromAsset"), _asset(call, "toAsset")
    asked = [name for name in ("fromAmount", "toAmount") if call.params.has(name)]
    if len(asked) != 1:
        raise missing("fromAmount")
    rate = rounded(divide(call.prices.usd(given), call.prices.usd(taken)), 12)
    amount = _amount(call, asked[0])
    gives = amount if asked == ["fromAmount"] else rounded(divide(amount, rate))
    takes = rounded(multiply(amount, rate)) if asked == ["fromAmount"] else amount
    offer: dict[str, Any] = {
        "ratio": text(rate),
        "inverseRatio": text(rounded(divide(Decimal(1), rate), 12)),
        "validTimestamp": call.ms + _QUOTE_LIFE,
        "toAmount": text(takes),
        "fromAmount": text(gives),
    }
    if gives <= call.account.free(given):
        offer["quoteId"] = str(int(call.account.token(10), 16))
        call.account.quotes[offer["quoteId"]] = {
            "from": (given, gives),
            "to": (taken, takes),
            "until": call.ms + _QUOTE_LIFE,
        }
    return offer


@routes.add("POST /sapi/v1/convert/acceptQuote", weight=500, pool=SAPI_UID, right="trade")
def _accept_quote(call: Call) -> Any:
    offer = call.account.quotes.pop(call.params.need("quoteId"), None)
    if offer is None or offer["until"] < call.ms or offer["from"][1] > call.account.free(offer["from"][0]):
        raise invalid("quoteId")
    number = enter_convert(call.account, offer["from"], offer["to"], call.ms * 1000)
    return {"orderId": str(number), "createTime": call.ms, "orderStatus": "PROCESS"}


@routes.add("POST /sapi/v1/asset/dust", weight=10, pool=SAPI_UID, right="trade")
def _dust(call: Call) -> Any:
    assets = call.params.many("asset")
    if not assets:
        raise missing("asset")
    small = [(asset, call.account.free(asset)) for asset in dict.fromkeys(assets) if asset != "BNB"]
    if not small or any(amount <= ZERO for _, amount in small):
        raise Refusal(-5003, "You don't have this asset.")
    row = own.dust(call.account, small, call.ms * 1000, call.prices)
    return {
        "totalServiceCharge": row["totalServiceChargeAmount"],
        "totalTransfered": row["totalTransferedAmount"],
        "transferResult": [
            {"tranId" if name == "transId" else name: value for name, value in line.items() if name != "targetAsset"}
            for line in row["userAssetDribbletDetails"]
        ],
    }


def _product(call: Call) -> str:
    asset = call.params.need("productId").removesuffix("001")
    if asset not in call.listed.coins:
        raise Refusal(-6001, "Daily product not exists.")
    return asset


@routes.add("POST /sapi/v1/simple-earn/flexible/subscribe", pool=SAPI_IP, right="trade")
def _subscribe(call: Call) -> Any:
    asset, amount = _product(call), _amount(call)
    if amount > call.account.free(asset):
        raise Refusal(-6012, "Balance not enough")
    return {"purchaseId": own.subscribe(call.account, asset, amount, call.ms * 1000), "success": True}


@routes.add("POST /sapi/v1/simple-earn/flexible/redeem", pool=SAPI_IP, right="trade")
def _redeem(call: Call) -> Any:
    asset = _product(call)
    held = call.account.books.balance(asset, "earn")
    amount = held if call.params.flag("redeemAll") else _amount(call)
    if not ZERO < amount <= held:
        raise Refusal(-6012, "Balance not enough")
    return {"redeemId": own.redeem(call.account, asset, amount, call.ms * 1000), "success": True}


@routes.add("GET /sapi/v1/soft-staking/set", weight=50, pool=SAPI_IP, right="read")
def _set_soft_staking(call: Call) -> Any:
    """Changes the account, by GET, with no more than the right to read: so says the documentation."""
    call.params.need("softStaking")
    call.account.soft_staking = call.params.flag("softStaking")
    return {"success": True}
