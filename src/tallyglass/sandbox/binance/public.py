"""What anybody may ask: time, markets, prices, candles (rest-api.md), and the time at the futures houses."""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from tallyglass.money import EXACT, Amount, divide, multiply
from tallyglass.sandbox.binance.errors import Refusal, bad_symbol, missing
from tallyglass.sandbox.binance.limits import DAPI, FAPI, SAPI_IP
from tallyglass.sandbox.binance.markets import LEAST, Market, eight, rounded, symbol_row
from tallyglass.sandbox.binance.params import Params
from tallyglass.sandbox.binance.routes import KEY_ONLY, Call, Routes
from tallyglass.sandbox.model import Bar
from tallyglass.sandbox.walks import FIRST

routes = Routes()

_MINUTE: Final = 60_000_000
_DAY: Final = 1440 * _MINUTE
INTERVALS: Final[Mapping[str, int]] = {
    "1s": 1_000_000,
    **{f"{n}m": n * _MINUTE for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": n * 60 * _MINUTE for n in (1, 2, 4, 6, 8, 12)},
    **{f"{n}d": n * _DAY for n in (1, 3)},
    "1w": 7 * _DAY,
    "1M": 30 * _DAY,
}


@routes.add("GET /api/v3/ping")
def _ping(_: Call) -> Any:
    return {}


@routes.add("GET /api/v3/time")
def _server_time(call: Call) -> Any:
    return {"serverTime": call.time(call.now)}


@routes.add("GET /api/v3/exchangeInfo", weight=20, takes="symbol symbols permissions showPermissionSets symbolStatus")
def _exchange_info(call: Call) -> Any:
    names = _known(call)
    if names is not None and (call.params.has("permissions") or call.params.has("symbolStatus")):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    shown = list(call.listed.markets) if names is None else names
    wanted = call.params.text("symbolStatus")
    rows = [call.listed.markets[name] for name in shown if wanted in {"", call.listed.markets[name].status}]
    return {
        "timezone": "UTC",
        "serverTime": call.time(call.now),
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300000},
        ],
        "exchangeFilters": [],
        "symbols": [symbol_row(market) for market in rows],
    }


def _known(call: Call) -> list[str] | None:
    """The symbols that were asked for, all of them listed; nothing if none was named."""
    names = call.params.symbols()
    if names is not None and not all(name in call.listed.markets for name in names):
        raise bad_symbol()
    if names is not None and len(set(names)) < len(names):
        raise Refusal(-1151, "Symbol is present multiple times in the list.")
    return names


def _per_symbol(call: Call, row: Any) -> Any:
    """One object for `symbol`, an array for `symbols` or none."""
    names = _known(call)
    if call.params.has("symbol") and names:
        return row(call.listed.markets[names[0]])
    wanted = call.params.text("symbolStatus")
    markets = [call.listed.markets[name] for name in (call.listed.markets if names is None else names)]
    return [row(market) for market in markets if wanted in {"", market.status}]


@routes.add(
    "GET /api/v3/ticker/price", weight=lambda p: 2 if p.has("symbol") else 4, takes="symbol symbols symbolStatus"
)
def _ticker_price(call: Call) -> Any:
    told = call.prices.told
    return _per_symbol(call, lambda m: {"symbol": m.symbol, "price": eight(told("binance", m.base, m.quote))})


def _day_weight(params: Params) -> int:
    names = params.symbols()
    return 80 if names is None or len(names) > 100 else 2 if len(names) <= 20 else 40


@routes.add("GET /api/v3/ticker/24hr", weight=_day_weight, takes="symbol symbols type symbolStatus")
def _ticker_day(call: Call) -> Any:
    if call.params.text("type", "FULL") not in {"FULL", "MINI"}:
        raise Refusal(-1130, "Data sent for parameter 'type' is not valid.")
    return _per_symbol(call, lambda m: _day(call, m, full=call.params.text("type", "FULL") == "FULL"))


def _day(call: Call, market: Market, *, full: bool) -> dict[str, Any]:
    last = call.prices.told("binance", market.base, market.quote)
    candle = _candle(call, market, call.now - _DAY, _DAY) or Bar(last, last, last, last)
    change, volume = EXACT.subtract(last, candle.open), _volume(market, call.now - _DAY)
    more = {
        "priceChange": eight(change),
        "priceChangePercent": f"{rounded(divide(multiply(change, Decimal(100)), candle.open or LEAST), 3)}",
        "weightedAvgPrice": eight(last),
        "prevClosePrice": eight(candle.open),
        "lastQty": eight(market.step),
        "bidPrice": eight(last),
        "bidQty": eight(market.step * 100),
        "askPrice": eight(last + market.tick),
        "askQty": eight(market.step * 100),
    }
    return {
        "symbol": market.symbol,
        **(more if full else {}),
        "lastPrice": eight(last),
        "openPrice": eight(candle.open),
        "highPrice": eight(max(candle.high, last)),
        "lowPrice": eight(min(candle.low, last)),
        "volume": eight(volume),
        "quoteVolume": eight(rounded(multiply(volume, last))),
        "openTime": call.time(call.now - _DAY),
        "closeTime": call.time(call.now),
        "firstId": 1,
        "lastId": 1000,
        "count": 1000,
    }


def _candle(call: Call, market: Market, start: int, width: int) -> Bar | None:
    """What the market did; of a while that is not over, up to now."""
    return call.prices.bar("binance", (market.base, market.quote), start // 1000, min(start + width, call.now) // 1000)


def _volume(market: Market, start: int) -> Amount:
    return random.Random(f"{market.symbol} {start} volume").randint(1000, 900_000) * market.step


@routes.add("GET /api/v3/klines", weight=2, takes="symbol interval startTime endTime timeZone limit")
def _klines(call: Call) -> Any:
    market = call.market()
    width = INTERVALS.get(call.params.need("interval"))
    if width is None:
        raise Refusal(-1120, "Invalid interval.")
    limit = call.params.size("limit", 500, 1000)
    first, last = call.params.time("startTime"), call.params.time("endTime")
    end = min(call.now, call.now if last is None else last) // width * width
    start = end - (limit - 1) * width if first is None else -(-max(first, FIRST * 1000) // width) * width
    starts = range(start, min(end, start + (limit - 1) * width) + 1, width)
    bars = ((at, _candle(call, market, at, width)) for at in starts)
    return [_row(call, market, (at, width), bar) for at, bar in bars if bar]


def _row(call: Call, market: Market, when: tuple[int, int], bar: Bar) -> list[Any]:
    start, width = when
    volume = _volume(market, start)
    half = rounded(volume / 2)
    return [
        call.time(start),
        *(eight(each) for each in (bar.open, bar.high, bar.low, bar.close, volume)),
        call.time(start + width) - 1,
        eight(rounded(multiply(volume, bar.close))),
        100,
        eight(half),
        eight(rounded(multiply(half, bar.close))),
        "0",
    ]


@routes.add("GET /sapi/v1/system/status", pool=SAPI_IP)
def _system_status(_: Call) -> Any:
    return {"status": 0, "msg": "normal"}


@routes.add("GET /sapi/v1/convert/exchangeInfo", weight=3000, pool=SAPI_IP)
def _convert_pairs(call: Call) -> Any:
    given, taken = call.params.text("fromAsset"), call.params.text("toAsset")
    if not given and not taken:
        raise missing("fromAsset")
    markets = call.listed.markets.values()
    pairs = [(m.base, m.quote) for m in markets] + [(m.quote, m.base) for m in markets]
    return [
        {
            "fromAsset": one,
            "toAsset": other,
            "fromAssetMinAmount": "0.00000001",
            "fromAssetMaxAmount": "1000000",
            "toAssetMinAmount": "0.00000001",
            "toAssetMaxAmount": "1000000",
        }
        for one, other in dict.fromkeys(pairs)
        if given in {"", one} and taken in {"", other}
    ]


@routes.add("GET /sapi/v1/spot/delist-schedule", weight=100, pool=SAPI_IP, right=KEY_ONLY)
def _nothing_listed(_: Call) -> Any:
    return []


@routes.add("GET /fapi/v1/ping", pool=FAPI)
@routes.add("GET /dapi/v1/ping", pool=DAPI)
def _futures_ping(_: Call) -> Any:
    return {}


@routes.add("GET /fapi/v1/time", pool=FAPI)
@routes.add("GET /dapi/v1/time", pool=DAPI)
def _futures_time(call: Call) -> Any:
    return {"serverTime": call.ms}
