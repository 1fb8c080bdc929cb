"""What anyone may ask: products, books, candles, currencies, rates, the time. v3 has each under two paths."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tallyglass.money import ROUNDED, Amount, add, divide, multiply, subtract, text
from tallyglass.sandbox.coinbase.answers import Call, Route, limit_of, micros, seconds, v2_error, v3_error, whole
from tallyglass.sandbox.coinbase.catalog import ALIASES, CURRENCIES, LISTED, MARKETS
from tallyglass.sandbox.coinbase.v2 import data
from tallyglass.sandbox.model import MarketFact, Outgoing

_GRANULARITIES = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1800,
    "ONE_HOUR": 3600,
    "TWO_HOUR": 7200,
    "FOUR_HOUR": 14400,
    "SIX_HOUR": 21600,
    "ONE_DAY": 86400,
}
_MOST_CANDLES = 350
#: What all products here have in common.
_PLAIN: dict[str, Any] = {
    "watched": False,
    "is_disabled": False,
    "new": False,
    "status": "online",
    "cancel_only": False,
    "limit_only": False,
    "post_only": False,
    "trading_disabled": False,
    "auction_mode": False,
    "product_type": "SPOT",
    "fcm_trading_session_details": None,
    "mid_market_price": "",
    "view_only": False,
    "product_venue": "CBE",
    "approximate_quote_24h_volume": "5000000",
    "new_at": "2023-01-01T00:00:00Z",
    "market_cap": "",
    "base_cbrn": "",
    "quote_cbrn": "",
    "product_cbrn": "",
    "icon_color": "",
    "icon_url": "",
    "display_name_overwrite": "",
    "is_alpha_testing": False,
    "about_description": "",
    "best_bid_price": "",
    "best_ask_price": "",
    "price_percentage_change_24h": "0.31",
    "volume_percentage_change_24h": "-4.2",
    "quote_max_size": "150000000",
    "base_max_size": "3400000000",
}


def market_of(product: str) -> MarketFact:
    """The market of a product, an alias's own book being the dollar one. Raises `Refused`."""
    market = MARKETS.get(ALIASES.get(product, product))
    if market is None:
        raise v3_error(404, "NOT_FOUND", f"product {product[:40]} not found")
    return market


def step(decimals: int) -> Amount:
    """The smallest difference between two figures of so many decimals."""
    return Decimal(1).scaleb(-decimals)


def _product(call: Call, product: str) -> dict[str, Any]:
    market = market_of(product)
    base, quote = product.split("-")
    price = call.prices.told("coinbase", market.base, market.quote)
    turnover = divide(Decimal(5_000_000), call.prices.last(market.base, market.quote))
    volume = turnover.quantize(step(market.amount_decimals), context=ROUNDED)
    increment = text(step(market.price_decimals))
    alias = f"{base}-USDC"
    return _PLAIN | {
        "product_id": product,
        "price": text(price),
        "volume_24h": text(volume),
        "base_increment": text(step(market.amount_decimals)),
        "quote_increment": increment,
        "quote_min_size": "0.00001" if quote == "BTC" else "1",
        "base_min_size": text(step(market.amount_decimals)),
        "base_name": CURRENCIES[base].name,
        "quote_name": CURRENCIES[quote].name,
        "quote_currency_id": quote,
        "base_currency_id": base,
        "alias": ALIASES.get(product, ""),
        "alias_to": [alias] if quote == "USD" and alias in ALIASES else [],
        "base_display_symbol": base,
        "quote_display_symbol": "USD" if quote == "USDC" else quote,
        "price_increment": increment,
        "display_name": product,
    }


def products(call: Call) -> Outgoing:
    """All spot products; there are no futures here."""
    wanted = call.many("product_ids")
    names = [*MARKETS, *ALIASES]
    if call.one("product_type", "SPOT") not in ("SPOT", "UNKNOWN_PRODUCT_TYPE"):
        names = []
    found = [_product(call, name) for name in names if not wanted or name in wanted]
    offset = limit_of(call.one("offset"), 0, len(found)) if call.one("offset", "0") != "0" else 0
    page = found[offset : offset + limit_of(call.one("limit"), len(found), 1_000)] if found else []
    return Outgoing.json({"products": page, "num_products": len(page), "pagination": None})


def product(call: Call) -> Outgoing:
    """One product, without an envelope."""
    return Outgoing.json(_product(call, call.path[0]))


def _book(call: Call, product: str, depth: int) -> tuple[dict[str, Any], Amount, Amount]:
    market = market_of(product)
    last, tick = call.prices.last(market.base, market.quote), step(market.price_decimals)
    size = text(
        max(
            divide(Decimal(1000), last).quantize(step(market.amount_decimals), context=ROUNDED),
            step(market.amount_decimals),
        )
    )

    def levels(side: int) -> list[dict[str, str]]:
        prices = (add(last, multiply(tick, Decimal(side * level))) for level in range(depth))
        return [{"price": text(price), "size": size} for price in prices if price > 0]

    # the best ask is the last price, the best bid one tick below
    bids = [{"price": text(subtract(Decimal(each["price"]), tick)), "size": size} for each in levels(-1)]
    bids = [each for each in bids if Decimal(each["price"]) > 0]
    book = {"product_id": product, "bids": bids, "asks": levels(1), "time": micros(call.now)}
    return book, subtract(last, tick), last


def product_book(call: Call) -> Outgoing:
    """The order book of `product_id`."""
    if not call.one("product_id"):
        raise v3_error(400, "INVALID_ARGUMENT", "product_id is required")
    book, bid, ask = _book(call, call.one("product_id"), limit_of(call.one("limit"), 50, 500))
    middle = divide(add(bid, ask), Decimal(2))
    spread = multiply(divide(subtract(ask, bid), middle), Decimal(10_000))
    return Outgoing.json(
        {
            "pricebook": book,
            "last": text(ask),
            "mid_market": text(middle),
            "spread_bps": text(spread.quantize(Decimal("1e-12"), ROUND_HALF_UP, context=ROUNDED)),
            "spread_absolute": text(subtract(ask, bid)),
        }
    )


def best_bid_ask(call: Call) -> Outgoing:
    """The top of each book."""
    names = call.many("product_ids") or list(MARKETS)
    return Outgoing.json({"pricebooks": [_book(call, name, 1)[0] for name in names]})


def ticker(call: Call) -> Outgoing:
    """The latest trades; all at the last price, one second apart."""
    name = call.path[0]
    book, bid, ask = _book(call, name, 1)
    count = limit_of(call.one("limit"), 100, 1000)
    now = int(call.request.now)
    trades = [
        {
            "trade_id": str(900_000_000 + now % 10_000_000 - age),
            "product_id": name,
            "price": text(ask),
            "size": book["asks"][0]["size"],
            "time": micros(datetime.fromtimestamp(now - age, UTC)),
            "side": "SELL" if age % 2 else "BUY",
            "bid": "",
            "ask": "",
            "exchange": "coinbase",
        }
        for age in range(count)
    ]
    return Outgoing.json({"trades": trades, "best_bid": text(bid), "best_ask": text(ask)})


def candles(call: Call) -> Outgoing:
    """get-public-product-candles: newest first, the first of them still running."""
    name, width = call.path[0], _GRANULARITIES.get(call.one("granularity"))
    market = market_of(name)
    if width is None:
        raise v3_error(400, "INVALID_ARGUMENT", "start, end and granularity are required")
    start, end = whole(call.one("start"), "start"), whole(call.one("end"), "end")
    first = -(-start // width) * width
    starts = range(first, min(end, int(call.request.now)) + 1, width)
    if len(starts) > _MOST_CANDLES:
        raise v3_error(400, "INVALID_ARGUMENT", "number of candles requested should be less than 350")
    found = [each for each in (_candle(call, market, begin, width) for begin in reversed(starts)) if each]
    return Outgoing.json({"candles": found[: limit_of(call.one("limit"), _MOST_CANDLES, _MOST_CANDLES)]})


def _candle(call: Call, market: MarketFact, begin: int, width: int) -> dict[str, str] | None:
    end = min(begin + width, int(call.request.now))
    bar = call.prices.bar("coinbase", (market.base, market.quote), begin * 1000, end * 1000)
    if bar is None:
        return None
    prices = {"low": bar.low, "high": bar.high, "open": bar.open, "close": bar.close}
    volume = random.Random(f"{market.base}/{market.quote}/{begin}").randint(1, 4000)
    return {"start": str(begin), **{name: text(price) for name, price in prices.items()}, "volume": str(volume)}


def time_v3(call: Call) -> Outgoing:
    """The clock; 64-bit numbers are texts in v3."""
    now = call.request.now
    return Outgoing.json({"iso": seconds(call.now), "epochSeconds": str(int(now)), "epochMillis": str(int(now * 1000))})


def time_v2(call: Call) -> Outgoing:
    """The clock, as a number."""
    return data(call, {"iso": seconds(call.now), "epoch": int(call.request.now)})


def currencies(call: Call) -> Outgoing:
    """Fiat currencies only."""
    fiat = [each for each in CURRENCIES.values() if each.fiat]
    return data(call, [{"id": each.code, "name": each.name, "min_size": "0.01"} for each in fiat])


def crypto(call: Call) -> Outgoing:
    """All the others."""
    return data(
        call,
        [
            {
                "asset_id": f"00000000-0000-5000-8000-{each.sort_index:012d}",
                "code": each.code,
                "name": each.name,
                "color": each.color,
                "sort_index": each.sort_index,
                "exponent": each.exponent,
                "type": "crypto",
                "address_regex": "^[0-9A-Za-z]{26,90}$",
            }
            for each in LISTED.values()
            if not each.fiat
        ],
    )


def exchange_rates(call: Call) -> Outgoing:
    """How much of every currency one unit of `currency` is."""
    currency = call.one("currency", "USD")
    if currency not in CURRENCIES:
        raise v2_error(400, "invalid_request", "Invalid currency")
    own = call.prices.usd(currency)
    rates = {code: _rate(divide(own, call.prices.usd(code)), 12) for code in CURRENCIES}
    return data(call, {"currency": currency, "rates": rates | {currency: "1.0"}})


def _rate(rate: Amount, decimals: int) -> str:
    return text(rate.quantize(step(decimals), ROUND_HALF_UP, context=ROUNDED))


def _price(factor: Amount) -> Callable[[Call], Outgoing]:
    def price(call: Call) -> Outgoing:
        base, _, quote = call.path[0].partition("-")
        if base not in CURRENCIES or quote not in CURRENCIES:
            raise v2_error(404, "not_found", "Invalid base currency")
        market = MARKETS.get(call.path[0])
        last = call.prices.last(base, quote) if market else divide(call.prices.usd(base), call.prices.usd(quote))
        decimals = market.price_decimals if market else 8
        return data(call, {"amount": _rate(multiply(last, factor), decimals), "base": base, "currency": quote})

    return price


_BASE = "/api/v3/brokerage"


def _twice(path: str, answer: Callable[[Call], Outgoing]) -> list[Route]:
    return [
        Route("GET", f"{_BASE}/{path}", "read", answer),
        Route("GET", f"{_BASE}/market/{path}", "", answer),
    ]


ROUTES = [
    *_twice("products", products),
    *_twice("products/{}", product),
    *_twice("product_book", product_book),
    *_twice("products/{}/ticker", ticker),
    *_twice("products/{}/candles", candles),
    Route("GET", f"{_BASE}/best_bid_ask", "read", best_bid_ask),
    Route("GET", f"{_BASE}/time", "", time_v3),
    Route("GET", "/v2/time", "", time_v2),
    Route("GET", "/v2/currencies", "", currencies),
    Route("GET", "/v2/currencies/crypto", "", crypto),
    Route("GET", "/v2/exchange-rates", "", exchange_rates),
    Route("GET", "/v2/prices/{}/spot", "", _price(Decimal(1))),
    Route("GET", "/v2/prices/{}/buy", "", _price(Decimal("1.005"))),
    Route("GET", "/v2/prices/{}/sell", "", _price(Decimal("0.995"))),
]
