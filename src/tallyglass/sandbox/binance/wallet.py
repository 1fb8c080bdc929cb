"""Wallet reads: what the key may do, coins, balances of each wallet, daily snapshots (sapi wallet documentation)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from tallyglass.money import ZERO, Amount, add, subtract, text, total
from tallyglass.sandbox.binance.account import Account, micros
from tallyglass.sandbox.binance.errors import Refusal, invalid
from tallyglass.sandbox.binance.limits import SAPI_IP
from tallyglass.sandbox.binance.markets import FIAT, eight, network_row, rounded
from tallyglass.sandbox.binance.routes import Call, Routes
from tallyglass.sandbox.binance.windows import DAY, TIMES, sent

routes = Routes()

_WALLETS: Final = {
    "Spot": ("spot",),
    "Funding": ("funding",),
    "Cross Margin": ("margin",),
    "Isolated Margin": ("margin-isolated",),
    "USDⓈ-M Futures": ("futures-usd-m",),
    "COIN-M Futures": ("futures-coin-m",),
    "Earn": ("earn", "earn-locked"),
}
"""The exchange's title → wallets of the true books."""
_OTHER_WALLETS: Final = ("Options", "Trading Bots", "Copy Trading")
_ALWAYS: Final = ("Spot", "Funding", "Earn")


@routes.add("GET /sapi/v1/account/apiRestrictions", pool=SAPI_IP, right="read")
def _restrictions(call: Call) -> Any:
    """What the asking key may do: the one place that says so."""
    key = call.key
    if key is None:
        raise RuntimeError("a signed endpoint without a key")
    row: dict[str, Any] = {
        "ipRestrict": bool(key.ip_list),
        "createTime": int(key.created * 1000),
        "enableReading": "read" in key.rights,
        "enableWithdrawals": "withdraw" in key.rights,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": "transfer" in key.rights,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": "trade" in key.rights,
        "enablePortfolioMarginTrading": False,
    }
    if "trade" in key.rights and not key.ip_list and "trade_until" in key.memory:
        row["tradingAuthorityExpirationTime"] = int(key.memory["trade_until"] * 1000)
    return row | dict.fromkeys(key.memory.get("also", ()), True)


@routes.add("GET /sapi/v1/account/status", pool=SAPI_IP, right="read")
def _status(_: Call) -> Any:
    return {"data": "Normal"}


@routes.add("GET /sapi/v1/account/info", pool=SAPI_IP, right="read")
def _info(call: Call) -> Any:
    """Which products there are to ask for."""
    return {
        "vipLevel": 0,
        "isMarginEnabled": call.account.margin is not None,
        "isFutureEnabled": bool(call.account.futures),
        "isOptionsEnabled": False,
        "isPortfolioMarginRetailEnabled": False,
    }


@routes.add("GET /sapi/v1/account/apiTradingStatus", pool=SAPI_IP, right="read")
def _trading_status(call: Call) -> Any:
    return {
        "data": {
            "isLocked": False,
            "plannedRecoverTime": 0,
            "triggerCondition": {"GCR": 150, "IFER": 150, "UFR": 300},
            "updateTime": call.ms,
        }
    }


@routes.add("GET /sapi/v1/capital/config/getall", weight=10, pool=SAPI_IP, right="read")
def _coins(call: Call) -> Any:
    mine = call.account
    held, locked = mine.wallet("spot"), mine.locked()
    return [
        {
            "coin": coin,
            "depositAllEnable": True,
            "withdrawAllEnable": True,
            "name": coin,
            "free": text(subtract(held.get(coin, ZERO), locked.get(coin, ZERO))),
            "locked": text(locked.get(coin, ZERO)),
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": coin in FIAT,
            "trading": coin not in FIAT,
            "networkList": [] if coin in FIAT else [network_row(coin)],
        }
        for coin in call.listed.coins
    ]


def _rows(call: Call, held: dict[str, Amount], locked: dict[str, Amount]) -> list[dict[str, str]]:
    wanted = call.params.text("asset")
    valued = call.params.flag("needBtcValuation")
    return [
        {
            "asset": asset,
            "free": text(subtract(amount, locked.get(asset, ZERO))),
            "locked": text(locked.get(asset, ZERO)),
            "freeze": "0",
            "withdrawing": "0",
            "btcValuation": text(rounded(call.worth_in(amount, asset, "BTC"))) if valued else "0",
        }
        for asset, amount in held.items()
        if wanted in {"", asset}
    ]


@routes.add("POST /sapi/v1/asset/get-funding-asset", pool=SAPI_IP, right="read")
def _funding(call: Call) -> Any:
    return _rows(call, call.account.wallet("funding"), {})


@routes.add("POST /sapi/v3/asset/getUserAsset", weight=5, pool=SAPI_IP, right="read")
def _user_assets(call: Call) -> Any:
    mine = call.account
    return [{**row, "ipoable": "0"} for row in _rows(call, mine.wallet("spot"), mine.locked())]


@routes.add("GET /sapi/v1/asset/wallet/balance", weight=60, pool=SAPI_IP, right="read")
def _wallets(call: Call) -> Any:
    mine, quote = call.account, call.params.text("quoteAsset", "BTC")
    if quote not in call.listed.coins:
        raise invalid("quoteAsset")
    rows: list[dict[str, Any]] = []
    for title, names in _WALLETS.items():
        held: dict[str, Amount] = {}
        for asset, amount in (each for name in names for each in mine.wallet(name).items()):
            held[asset] = add(held.get(asset, ZERO), amount)
        worth = total(rounded(call.worth_in(amount, asset, quote)) for asset, amount in held.items())
        active = title in _ALWAYS or any(name in names for name, _ in mine.books.wallets())
        row: dict[str, Any] = {"activate": active, "balance": text(worth), "walletName": title}
        if call.params.flag("needBalanceDetail"):
            details = _rows(call, held, mine.locked() if title == "Spot" else {})
            row["assetBalances"] = [{"assetName": each["asset"], **each} for each in details]
        rows.append(row)
    return rows + [{"activate": False, "balance": "0", "walletName": title} for title in _OTHER_WALLETS]


@routes.add("GET /sapi/v1/asset/tradeFee", pool=SAPI_IP, right="read")
def _trade_fees(call: Call) -> Any:
    wanted = call.params.text("symbol")
    return [
        {"symbol": symbol, "makerCommission": "0.001", "takerCommission": "0.001"}
        for symbol in call.listed.markets
        if wanted in {"", symbol}
    ]


@routes.add("GET /sapi/v1/bnbBurn", pool=SAPI_IP, right="read")
def _bnb_burn(_: Call) -> Any:
    return {"spotBNBBurn": True, "interestBNBBurn": False}


@routes.add("GET /sapi/v1/accountSnapshot", weight=2400, pool=SAPI_IP, right="read")
def _snapshot(call: Call) -> Any:
    """The balances at the end of each day. Window below 30 days, within the last month; default the last 7 days."""
    kind = call.params.one_of(
        "type", ("SPOT", "MARGIN", "FUTURES"), -1130, "Data sent for parameter 'type' is not valid."
    )
    first, last = sent(call, TIMES)
    end = call.ms if last is None else min(last, call.ms)
    start = max(end - 7 * DAY if first is None else first, call.ms - 30 * DAY)
    if end - start > 30 * DAY:
        raise Refusal(-1127, "More than 720 hours between startTime and endTime.")
    limit = call.params.whole("limit") or 7
    if not 7 <= limit <= 30:
        raise invalid("limit")
    midnights = [at for at in range(start // DAY * DAY, end + 1, DAY) if start <= at - 1000 <= end][-limit:]
    rows = [_DAY_ENDS[kind](call, at - 1000) for at in midnights]
    return {"code": 200, "msg": "", "snapshotVos": rows}


def _spot_day(call: Call, ms: int) -> dict[str, Any]:
    held = _held_at(call.account, "spot", ms * 1000)
    balances = [{"asset": asset, "free": text(amount), "locked": "0"} for asset, amount in held.items()]
    return {"data": {"balances": balances, "totalAssetOfBtc": _in_btc(call, held)}, "type": "spot", "updateTime": ms}


def _margin_day(call: Call, ms: int) -> dict[str, Any]:
    """The net of each asset: what was owed then is not remembered here."""
    held = _held_at(call.account, "margin", ms * 1000)
    none = {"borrowed": "0", "interest": "0", "locked": "0"}
    rows = [{"asset": asset, "free": text(amount), "netAsset": text(amount), **none} for asset, amount in held.items()]
    worth = _in_btc(call, held)
    data = {
        "marginLevel": "999.00000000",
        "totalAssetOfBtc": worth,
        "totalLiabilityOfBtc": "0.00000000",
        "totalNetAssetOfBtc": worth,
        "userAssets": rows,
    }
    return {"data": data, "type": "margin", "updateTime": ms}


def _futures_day(call: Call, ms: int) -> dict[str, Any]:
    held = _held_at(call.account, "futures-usd-m", ms * 1000)
    rows = [{"asset": asset, "marginBalance": text(a), "walletBalance": text(a)} for asset, a in held.items()]
    return {"data": {"assets": rows, "position": []}, "type": "futures", "updateTime": ms}


_DAY_ENDS: Final = {"SPOT": _spot_day, "MARGIN": _margin_day, "FUTURES": _futures_day}


def _in_btc(call: Call, held: dict[str, Amount]) -> str:
    return eight(total(rounded(call.worth_in(amount, asset, "BTC")) for asset, amount in held.items()))


def _held_at(mine: Account, wallet: str, us: int) -> dict[str, Amount]:
    """A wallet as it was: today's less what came later."""
    held: dict[str, Decimal] = dict(mine.wallet(wallet))
    for posting in mine.books.postings.values():
        if micros(posting.time) > us:
            for place, asset, amount, _ in posting.legs:
                if place == wallet:
                    held[asset] = subtract(held.get(asset, ZERO), amount)
    return {asset: amount for asset, amount in sorted(held.items()) if amount}
