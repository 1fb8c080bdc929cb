"""Reads of the two futures houses (developers.binance.com/docs/derivatives)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from tallyglass.money import ZERO, Amount, total
from tallyglass.sandbox.binance import windows
from tallyglass.sandbox.binance.account import Row
from tallyglass.sandbox.binance.errors import Refusal, bad_symbol
from tallyglass.sandbox.binance.futures import CONTRACTS, Contract
from tallyglass.sandbox.binance.history import chosen
from tallyglass.sandbox.binance.limits import DAPI, FAPI, Pool
from tallyglass.sandbox.binance.markets import eight, rounded
from tallyglass.sandbox.binance.params import Params
from tallyglass.sandbox.binance.products import Futures
from tallyglass.sandbox.binance.routes import OPEN, Call, Routes, Weight

routes = Routes()

_REACH: Final = 90
_NEVER: Final = 4_133_404_800_000
"""The delivery date of what is never delivered."""


def _at(handler: Callable[[Call, str], Any], word: str, call: Call) -> Any:
    return handler(call, word)


def _per_symbol(params: Params) -> int:
    return 1 if params.has("symbol") else 40


def _both(um: str, cm: str, weights: tuple[Weight, Weight] = (1, 1), right: str = "read") -> Callable[..., Any]:
    """Under `/fapi` for the one house and under `/dapi` for the other: the handler is told which."""

    def put(handler: Callable[[Call, str], Any]) -> Callable[[Call, str], Any]:
        places: tuple[tuple[str, str, Pool, Weight], ...] = (
            ("UMFUTURE", um, FAPI, weights[0]),
            ("CMFUTURE", cm, DAPI, weights[1]),
        )
        for word, lines, pool, weight in places:
            for line in lines.split(","):
                routes.add(line, weight=weight, pool=pool, right=right)(partial(_at, handler, word))
        return handler

    return put


def _house(call: Call, word: str) -> Futures:
    return call.account.futures[word]


def contracts(word: str) -> list[Contract]:
    """What a house lists."""
    return [each for each in CONTRACTS.values() if each.inverse == (word == "CMFUTURE")]


def _symbols(call: Call, word: str) -> list[str]:
    """The symbol that is asked for; the coin-margined house also knows all of one pair."""
    if word == "CMFUTURE" and call.params.has("pair") and not call.params.has("symbol"):
        return [each.symbol for each in contracts(word) if each.pair == call.params.text("pair")]
    symbol = call.params.need("symbol")
    if symbol not in {each.symbol for each in contracts(word)}:
        raise bad_symbol()
    return [symbol]


@_both("GET /fapi/v2/balance,GET /fapi/v3/balance", "GET /dapi/v1/balance", (5, 1))
def _balance(call: Call, word: str) -> Any:
    return [
        {
            "accountAlias": "SgXx",
            "asset": asset,
            "balance": eight(amount),
            "crossWalletBalance": eight(amount),
            "crossUnPnl": eight(ZERO),
            "availableBalance": eight(amount),
            **(
                {"withdrawAvailable": eight(amount)}
                if word == "CMFUTURE"
                else {"maxWithdrawAmount": eight(amount), "marginAvailable": True}
            ),
            "updateTime": call.ms,
        }
        for asset, amount in call.account.wallet(_house(call, word).wallet).items()
    ]


def _assets(call: Call, word: str) -> list[Row]:
    return [
        {
            "asset": asset,
            "walletBalance": eight(amount),
            "unrealizedProfit": eight(ZERO),
            "marginBalance": eight(amount),
            "maintMargin": eight(ZERO),
            "initialMargin": eight(ZERO),
            "positionInitialMargin": eight(ZERO),
            "openOrderInitialMargin": eight(ZERO),
            "crossWalletBalance": eight(amount),
            "crossUnPnl": eight(ZERO),
            "availableBalance": eight(amount),
            "maxWithdrawAmount": eight(amount),
            "updateTime": call.ms,
        }
        for asset, amount in call.account.wallet(_house(call, word).wallet).items()
    ]


@_both("GET /fapi/v2/account,GET /fapi/v3/account", "GET /dapi/v1/account", (5, 5))
def _account(call: Call, word: str) -> Any:
    """Nothing is open in this world, so no position is listed."""
    assets = _assets(call, word)
    flags = {"canDeposit": True, "canTrade": True, "canWithdraw": True, "feeTier": 0, "updateTime": 0}
    if word == "CMFUTURE":
        return {"assets": assets, "positions": [], **flags}
    held = call.account.wallet(_house(call, word).wallet)
    whole = eight(total(rounded(call.worth_in(amount, asset, "USDT")) for asset, amount in held.items()))
    nothing = "InitialMargin MaintMargin UnrealizedProfit PositionInitialMargin OpenOrderInitialMargin CrossUnPnl"
    return {
        **dict.fromkeys((f"total{name}" for name in nothing.split()), eight(ZERO)),
        **dict.fromkeys(("totalWalletBalance", "totalMarginBalance", "totalCrossWalletBalance"), whole),
        "availableBalance": whole,
        "maxWithdrawAmount": whole,
        "assets": assets,
        "positions": [],
    }


@_both("GET /fapi/v1/accountConfig", "GET /dapi/v1/accountConfig", (5, 5))
def _config(_: Call, word: str) -> Any:  # noqa: ARG001  # both houses say the same
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


@_both("GET /fapi/v2/positionRisk,GET /fapi/v3/positionRisk", "GET /dapi/v1/positionRisk", (5, 1))
@_both("GET /fapi/v1/openOrders,GET /fapi/v1/openAlgoOrders", "GET /dapi/v1/openOrders", (_per_symbol, _per_symbol))
@_both("GET /fapi/v1/allOrders,GET /fapi/v1/allAlgoOrders", "GET /dapi/v1/allOrders", (5, 20))
@_both("GET /fapi/v1/forceOrders", "GET /dapi/v1/forceOrders", (50, 50))
def _nothing_open(_: Call, word: str) -> Any:  # noqa: ARG001  # nothing at either house
    return []


@_both("GET /fapi/v1/income", "GET /dapi/v1/income", (30, 20))
def _income(call: Call, word: str) -> Any:
    """Both ends included; the last seven days without any, and nothing older than three months. No cursor."""
    first, last = windows.sent(call, windows.TIMES)
    if word == "CMFUTURE" and first is not None and last is not None and last - first > 365 * windows.DAY:
        raise Refusal(-1127, "Lookup interval is too big.")
    limit = call.params.size("limit", 100, 1000)
    end = call.ms if last is None else last
    start = end - 7 * windows.DAY if first is None else first
    rows = _house(call, word).incomes.oldest(10**9, max(start, call.ms - _REACH * windows.DAY), end)
    return chosen(call, rows, symbol="symbol", incomeType="incomeType")[:limit]


@_both("GET /fapi/v1/userTrades", "GET /dapi/v1/userTrades", (5, lambda p: 20 if p.has("symbol") else 40))
def _trades(call: Call, word: str) -> Any:
    """Of one symbol: from an id on, or of at most seven days: the last seven when nothing is said."""
    names, house = _symbols(call, word), _house(call, word)
    limit, from_id = call.params.size("limit", 500, 1000), call.params.whole("fromId")
    first, last = windows.sent(call, windows.TIMES)
    if from_id is not None and (first is not None or last is not None):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    if first is not None and last is not None and last - first > 7 * windows.DAY:
        raise Refusal(-1127, "Lookup interval is too big.")
    if from_id is None:
        first = (call.ms if last is None else last) - 7 * windows.DAY if first is None else first
        last = first + 7 * windows.DAY if last is None else last
    first = max(first or 0, call.ms - _REACH * windows.DAY)
    rows = [row for name in names if name in house.trades for row in house.trades[name].oldest(10**9, first, last)]
    page = sorted((row for row in rows if row["id"] >= (from_id or 0)), key=lambda row: int(row["id"]))
    return chosen(call, page, orderId="orderId")[:limit]


@_both("POST /fapi/v1/order", "POST /dapi/v1/order", right="futures")
def _order(_: Call, word: str) -> Any:  # noqa: ARG001  # at either house
    """Only a key with "Enable Futures" comes as far as this."""
    raise Refusal(-2019, "Margin is insufficient.")


@_both("GET /fapi/v1/exchangeInfo", "GET /dapi/v1/exchangeInfo", right=OPEN)
def _information(call: Call, word: str) -> Any:
    return {
        "timezone": "UTC",
        "serverTime": call.ms,
        "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}],
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True} for asset in sorted({c.margin for c in contracts(word)})],
        "symbols": [_symbol(contract) for contract in contracts(word)],
    }


def _symbol(contract: Contract) -> Row:
    tick, step = (f"{Amount(1).scaleb(-places):f}" for places in (contract.price_decimals, contract.amount_decimals))
    status = "contractStatus" if contract.inverse else "status"
    row: Row = {
        "symbol": contract.symbol,
        "pair": contract.pair,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER,
        "onboardDate": 1_569_398_400_000,
        status: "TRADING",
        "baseAsset": contract.base,
        "quoteAsset": "USD" if contract.inverse else "USDT",
        "marginAsset": contract.margin,
        "pricePrecision": contract.price_decimals,
        "quantityPrecision": contract.amount_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "10000", "stepSize": step},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK"],
    }
    return row | {"contractSize": int(contract.size)} if contract.inverse else row
