"""What a test wishes to happen on an account, made into an act that the account could really have had."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal, cast, get_args

from tallyglass.money import ROUNDED, ZERO, Amount, NotMoney, add, amount, divide, multiply, subtract, text
from tallyglass.sandbox.model import Act, ActKind, Facts, MarketFact, Venue
from tallyglass.sandbox.world import WorldPrices

_MEMBERS = frozenset(
    (
        "add",
        "asset",
        "base",
        "quote",
        "market",
        "side",
        "amount",
        "price",
        "cost",
        "fee",
        "fee_asset",
        "filled",
        "txid",
        "type",
    )
)
_TRADES = ("trade", "order", "convert")


class BadWish(Exception):
    """It cannot happen: 400 for a wish that makes no sense, 409 for one that the balance does not cover."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def act_of(given: Mapping[str, Any], venue: Venue, account: str, prices: WorldPrices, serial: int) -> Act:
    """The act for `{"add": kind, …}`; what is not given is chosen. Raises `BadWish`.

    A trade, order or convert takes `market` (`BTC/EUR`) or `base` and `quote`, `side`, `amount`, `price`, `cost`,
    `fee`, `fee_asset`, `filled`; the rest takes `asset`, `amount`, `fee`, `txid`. Amounts are texts.
    """
    unknown = set(given) - _MEMBERS
    if unknown:
        raise BadWish(400, f"an act has no {', '.join(sorted(unknown))}: it has {', '.join(sorted(_MEMBERS))}")
    kind = given.get("add")
    if kind not in get_args(ActKind):
        raise BadWish(400, f"add is one of {', '.join(get_args(ActKind))}")
    now = datetime.fromtimestamp(int(time.time() * 1000) / 1000, UTC)
    make = _trade if kind in _TRADES else _movement
    act = make(_Wish(given, venue, account, prices), cast(ActKind, kind), now, serial)
    _cover(act, venue, account)
    return act


class _Wish:
    """The wish with its surroundings."""

    def __init__(self, given: Mapping[str, Any], venue: Venue, account: str, prices: WorldPrices) -> None:
        self.given, self.prices = given, prices
        self.facts: Facts = venue.facts
        self.free = free(venue, account)

    def figure(self, name: str) -> Amount | None:
        """A figure as given, or None. Raises `BadWish`."""
        if name not in self.given:
            return None
        try:
            figure = amount(self.given[name])
        except NotMoney as wrong:
            raise BadWish(400, f"{name}: {wrong}") from None
        if figure < ZERO:
            raise BadWish(400, f"{name}: all figures are positive, side gives the direction")
        return figure

    def kept(self, name: str, asset: str) -> Amount | None:
        """A figure as given, in an asset that the venue has and with no more decimals than it keeps."""
        figure = self.figure(name)
        if self.cut(figure or ZERO, asset) != (figure or ZERO):
            raise BadWish(400, f"{name}: this exchange keeps {self.facts.decimals[asset]} decimals of {asset}")
        return figure

    def cut(self, value: Amount, asset: str) -> Amount:
        """Down to the decimals that the venue keeps of an asset."""
        if asset not in self.facts.decimals:
            raise BadWish(400, f"this exchange has no {asset}: it has {', '.join(self.facts.decimals)}")
        return _down(value, self.facts.decimals[asset])

    def market(self) -> MarketFact:
        """The market named, or the first that fits: against the cash of the exchange when no quote is named."""
        base, _, quote = str(self.given.get("market", "")).partition("/")
        base = str(self.given.get("base", self.given.get("asset", base)))
        quote = str(self.given.get("quote", quote)) or self.facts.cash
        for market in (*self.facts.markets, *self.facts.also):
            if market.base == (base or market.base) and market.quote == quote:
                return market
        raise BadWish(400, f"this exchange has no market {base}/{quote}")


def free(venue: Venue, account: str) -> dict[str, Amount]:
    """What the spot wallet holds of each asset beyond what open orders hold."""
    books = venue.books[account]
    left = {asset: held for (wallet, asset), held in books.wallets().items() if wallet == "spot"}
    for order in venue.open_orders() if account == "main" else ():
        base, _, quote = order["market"].partition("/")
        rest = subtract(Decimal(order["amount"]), Decimal(order["filled"]))
        buys = order["side"] == "buy"
        held = multiply(rest, Decimal(order["price"] or 0)) if buys else rest
        asset = quote if buys else base
        left[asset] = subtract(left.get(asset, ZERO), held)
    return left


def _movement(wish: _Wish, kind: ActKind, now: datetime, serial: int) -> Act:
    default = wish.facts.rewards[0] if kind == "reward" and wish.facts.rewards else wish.facts.cash
    asset = str(wish.given.get("asset", wish.given.get("base", default)))
    fee = wish.kept("fee", asset) or ZERO
    moved = wish.kept("amount", asset)
    if moved is None and kind == "withdrawal":
        moved = wish.cut(divide(wish.free.get(asset, ZERO), Decimal(20)), asset)
    elif moved is None:
        moved = wish.cut(divide(Decimal(5 if kind == "reward" else 250), wish.prices.usd(asset)), asset)
    if moved == ZERO:
        raise BadWish(409, f"there is no {asset} to move: deposit first, or give an amount")
    hashed = "" if kind == "reward" else hashlib.sha256(f"wish {serial}".encode()).hexdigest()
    txid = str(wish.given.get("txid", hashed))
    return Act(kind, now, asset, moved, fee=fee, fee_asset=asset, txid=txid, serial=serial)


def _trade(wish: _Wish, kind: ActKind, now: datetime, serial: int) -> Act:
    market = wish.market()
    side = wish.given.get("side", "buy")
    if wish.given.get("type", "limit") != "limit":
        raise BadWish(400, "type is limit: other orders come about through the exchange's own API")
    if side not in ("buy", "sell"):
        raise BadWish(400, "side is buy or sell")
    price = wish.figure("price")
    if price is None:
        price = wish.prices.last(market.base, market.quote)
        if kind == "order":
            price = _down(multiply(price, Decimal("0.8" if side == "buy" else "1.2")), market.price_decimals)
    traded = wish.kept("amount", market.base)
    if traded is None:
        source = market.quote if side == "buy" else market.base
        part = divide(wish.free.get(source, ZERO), Decimal(100))
        traded = _down(divide(part, price) if side == "buy" else part, market.amount_decimals)
    if traded == ZERO:
        raise BadWish(409, f"nothing to {side} {market.base}/{market.quote} with: deposit first, or give an amount")
    cost = wish.kept("cost", market.quote)
    if cost is None:
        cost = wish.cut(multiply(traded, price), market.quote)
    received = market.base if side == "buy" else market.quote
    fee_asset = str(wish.given.get("fee_asset", market.quote if wish.facts.fee_in == "quote" else received))
    basis = traded if fee_asset == market.base else cost
    fee = wish.kept("fee", fee_asset)
    if fee is None:
        fee = wish.cut(multiply(basis, wish.facts.fee_rate) if kind == "trade" else ZERO, fee_asset)
    return Act(
        kind, now, market.base, traded, market.quote, cast(Literal["buy", "sell"], side), price, cost,
        fee, fee_asset, wish.kept("filled", market.base) or ZERO, serial=serial,
    )  # fmt: skip


def spends(act: Act) -> dict[str, Amount]:
    """What the spot wallet must have free for it, per asset, when what it brings counts too."""
    if act.kind in ("deposit", "reward"):
        return {}
    if act.kind == "withdrawal":
        return {act.base: add(act.amount, act.fee)}
    if act.kind == "order":
        rest = subtract(act.amount, act.filled)
        return {act.quote: multiply(rest, act.price)} if act.side == "buy" else {act.base: rest}
    gives, given, gets = (act.quote, act.cost, act.base) if act.side == "buy" else (act.base, act.amount, act.quote)
    needs = {gives: given}
    if act.fee and act.fee_asset != gets:
        needs[act.fee_asset] = add(needs.get(act.fee_asset, ZERO), act.fee)
    return needs


def _cover(act: Act, venue: Venue, account: str) -> None:
    left = free(venue, account)
    for asset, need in spends(act).items():
        if left.get(asset, ZERO) < need:
            held = text(left.get(asset, ZERO))
            raise BadWish(409, f"{text(need)} {asset} needed, {held} free: deposit first")


def _down(value: Amount, decimals: int) -> Amount:
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN, context=ROUNDED)
