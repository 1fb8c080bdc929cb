"""The public reads: GET with a query, no key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallyglass.sandbox.kraken.house import House
from tallyglass.sandbox.kraken.names import REWARD_CODES, AssetName, PairName, commas, digits
from tallyglass.sandbox.kraken.params import Params, Refused

_INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
_BARS = 720

Public = Callable[[House, Params, float], Any]


def server_time(_house: House, _params: Params, now: float) -> dict[str, Any]:
    """docs.kraken.com get-server-time: the year has two digits."""
    shown = datetime.fromtimestamp(int(now), tz=UTC).strftime("%a, %d %b %y %H:%M:%S +0000")
    return {"unixtime": int(now), "rfc1123": shown}


def system_status(house: House, _params: Params, now: float) -> dict[str, Any]:
    """docs.kraken.com get-system-status."""
    stamp = datetime.fromtimestamp(int(now), tz=UTC).isoformat().replace("+00:00", "Z")
    return {"status": house.mode, "timestamp": stamp}


def assets(house: House, params: Params, _now: float) -> dict[str, Any]:
    """docs.kraken.com get-asset-info. Without `asset`: all, those with a suffix too."""
    if params.text("aclass", "currency") != "currency":
        return {}
    names, modern = house.names, params.text("assetVersion") == "1"
    listed = [(each.code, each) for each in names.assets]
    listed += [(code, names.asset(symbol)) for symbol, code in REWARD_CODES.items()]
    listed += [(f"{each.altname}.HOLD", each) for each in names.assets if each.code.startswith("Z")]
    if wanted := list(commas(params.text("asset"))):
        by_code = dict(listed)
        found = [(house.names.find_asset(each), each) for each in wanted]
        if any(asset is None and name not in by_code for asset, name in found):
            raise Refused("EQuery:Unknown asset")
        listed = [(asset.code, asset) if asset else (name, by_code[name]) for asset, name in found]
    return {names.modern(code) if modern else code: _asset(code, asset) for code, asset in listed}


def _asset(code: str, asset: AssetName) -> dict[str, Any]:
    plain = "." not in code
    shown = {
        "aclass": "currency",
        "altname": asset.altname if plain else code,
        "decimals": asset.decimals,
        "display_decimals": asset.shown,
        "status": "enabled",
    }
    return shown | ({"collateral_value": 1.0} if plain and asset.symbol in ("BTC", "EUR", "USD") else {})


def asset_pairs(house: House, params: Params, _now: float) -> dict[str, Any]:
    """docs.kraken.com get-tradable-asset-pairs. The fee tables are empty since September 2026."""
    if params.text("aclass_base", "currency") != "currency":
        return {}
    return {each.key: _pair(each, params.text("info", "info")) for each in _pairs(house, params)}


def _pairs(house: House, params: Params) -> list[PairName]:
    wanted = list(commas(params.text("pair")))
    if not wanted:
        return house.names.pairs
    found = [house.names.find_pair(each) for each in wanted]
    if None in found:
        raise Refused("EQuery:Unknown asset pair")
    return [each for each in found if each]


def _pair(pair: PairName, info: str) -> dict[str, Any]:
    leverage: dict[str, Any] = {"leverage_buy": [], "leverage_sell": []}
    fees: dict[str, Any] = {"fees": [], "fees_maker": [], "fee_volume_currency": "ZUSD"}
    margin = {"margin_call": 80, "margin_stop": 40}
    if info != "info":
        return {"leverage": leverage, "fees": fees, "margin": margin}.get(info, {})
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": pair.base.code,
        "aclass_quote": "currency",
        "quote": pair.quote.code,
        "lot": "unit",
        "cost_decimals": pair.cost_decimals,
        "pair_decimals": pair.price_decimals,
        "lot_decimals": pair.lot_decimals,
        "lot_multiplier": 1,
        **leverage,
        **fees,
        **margin,
        "ordermin": pair.minimum,
        "costmin": "0.5" if pair.quote.symbol != "BTC" else "0.00002",
        "tick_size": digits(Decimal(1).scaleb(-pair.price_decimals), pair.price_decimals),
        "status": "online",
        "execution_venue": "international",
    }


def ticker(house: House, params: Params, _now: float) -> dict[str, Any]:
    """docs.kraken.com get-ticker-information. One unknown pair fails the whole call."""
    return {each.key: _ticker(house, each) for each in _pairs(house, params)}


def _ticker(house: House, pair: PairName) -> dict[str, Any]:
    decimals = max(5, pair.price_decimals)
    last = house.prices.told("kraken", pair.base.symbol, pair.quote.symbol)
    tick = Decimal(1).scaleb(-pair.price_decimals)
    price = digits(last, decimals)
    return {
        "a": [digits(last + tick, decimals), "1", "1.000"],
        "b": [digits(max(last - tick, tick), decimals), "1", "1.000"],
        "c": [price, "0.01000000"],
        "v": ["412.10000000", "1288.40000000"],
        "p": [price, price],
        "t": [912, 2811],
        "l": [price, price],
        "h": [price, price],
        "o": price,
    }


def ohlc(house: House, params: Params, now: float) -> dict[str, Any]:
    """docs.kraken.com get-ohlc-data: up to 720 newest bars; the last one still runs, and is there whatever `since`."""
    pair = house.names.find_pair(params.needed("pair"))
    interval = params.whole("interval", 1)
    if pair is None:
        raise Refused("EQuery:Unknown asset pair")
    if interval not in _INTERVALS:
        raise Refused("EGeneral:Invalid arguments:interval")
    step = interval * 60
    newest = int(now) // step * step
    since = params.bound("since")
    if isinstance(since, str):
        raise Refused("EGeneral:Invalid arguments:since")
    times = [newest - step * back for back in range(_BARS - 1, -1, -1)]
    bars = [_bar(house, pair, time, min(time + step, int(now))) for time in times if time > (since or -1)]
    bars = bars or [_bar(house, pair, newest, int(now))]
    return {pair.key: [each for each in bars if each], "last": newest - step}


def _bar(house: House, pair: PairName, start: int, end: int) -> list[Any] | None:
    bar = house.prices.bar("kraken", (pair.base.symbol, pair.quote.symbol), start * 1000, end * 1000)
    if bar is None:
        return None
    prices = [digits(each, pair.price_decimals) for each in (bar.open, bar.high, bar.low, bar.close, bar.close)]
    return [start, *prices, "12.50000000", 42]


PUBLIC: dict[str, Public] = {
    "Time": server_time,
    "SystemStatus": system_status,
    "Assets": assets,
    "AssetPairs": asset_pairs,
    "Ticker": ticker,
    "OHLC": ohlc,
}
