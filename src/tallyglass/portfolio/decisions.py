"""Decisions: how far a portfolio is from its target, what moved it, what it hangs on, what orders hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from tallyglass.exchanges.streams import Order
from tallyglass.money import ROUNDED, ZERO, Amount, Asset, divide, magnitude, multiply, subtract, total
from tallyglass.portfolio.returns import ONE
from tallyglass.portfolio.shares import OTHERS
from tallyglass.portfolio.worth import Pricing


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of an asset."""

    asset: Asset
    quantity: Amount
    #: None when it is not known.
    price: Amount | None

    @property
    def value(self) -> Amount | None:
        """In the user's currency; None when it is not known."""
        return None if self.price is None else multiply(self.quantity, self.price)


@dataclass(frozen=True, slots=True)
class Drift:
    """An asset beside its target. Shares between 0 and 1."""

    asset: Asset
    value: Amount
    share: Decimal
    target: Decimal
    #: What to buy (positive) or sell (negative) to be at the target, in the user's currency …
    trade: Amount
    #: … and in units of the asset; None for `others`, and where there is no price.
    units: Amount | None

    @property
    def off(self) -> Decimal:
        """How far the share is from the target: `0.05` for five points too much."""
        return ROUNDED.subtract(self.share, self.target)


@dataclass(frozen=True, slots=True)
class Plan:
    """A portfolio beside its targets."""

    total: Amount
    #: The farthest off first.
    drifts: tuple[Drift, ...]
    #: Held, but without a price: in no share.
    unpriced: tuple[Asset, ...]


@dataclass(frozen=True, slots=True)
class Mover:
    """What an asset did between two moments."""

    asset: Asset
    price_from: Amount | None
    price_to: Amount | None
    #: `0.05` for 5 % up; None without two prices.
    price_change: Decimal | None
    value_from: Amount | None
    value_to: Amount | None
    value_change: Amount | None
    #: Of that, what the price did to what was held at first; the rest came and went.
    by_price: Amount | None


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much hangs on how little."""

    largest: Asset
    #: Between 0 and 1.
    share: Decimal
    #: Herfindahl index: the sum of the squares of all shares, 1 when all is one asset.
    herfindahl: Decimal
    #: As if it were so many assets of one size: 1 / Herfindahl.
    effective: Decimal


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An open order, what it holds, and how far the market is."""

    order: Order
    asset: Asset
    #: What it holds; None for a market order to buy, whose price is not known.
    locked: Amount | None
    value: Amount | None
    market_price: Amount | None
    #: How far the market must move to its price, as a share of now: `-0.1` for 10 % down.
    distance: Decimal | None


def plan(positions: Iterable[Position], targets: Mapping[Asset, Decimal]) -> Plan:
    """What to buy and to sell to get to the targets (`shares.shares`). What has none is to be sold, unless `others` is
    one of the targets. Shares are of what is owned: debts are no part.
    """
    held = list(positions)
    owned = [(each, value) for each in held if (value := each.value) is not None and value > ZERO]
    whole = total(value for _, value in owned)
    values: dict[Asset, Amount] = dict.fromkeys(targets, ZERO)
    for each, value in owned:
        name = OTHERS if OTHERS in targets and each.asset not in targets else each.asset
        values[name] = total((values.get(name, ZERO), value))
    prices = {each.asset: each.price for each in held}
    drifts = [_drift(name, value, whole, targets.get(name, ZERO), prices.get(name)) for name, value in values.items()]
    drifts.sort(key=lambda each: (magnitude(each.off).copy_negate(), each.asset))
    unpriced = tuple(sorted(each.asset for each in held if each.price is None and each.quantity))
    return Plan(whole, tuple(drifts) if whole else (), unpriced)


def _drift(name: Asset, value: Amount, whole: Amount, target: Decimal, price: Amount | None) -> Drift:
    trade = subtract(multiply(whole, target), value)
    share = divide(value, whole) if whole else ZERO
    return Drift(name, value, share, target, trade, divide(trade, price) if price else None)


def movers(before: Iterable[Position], after: Iterable[Position]) -> list[Mover]:
    """What each asset did, the largest change of price first; those whose prices are not known last."""
    earlier = {each.asset: each for each in before}
    later = {each.asset: each for each in after}
    found = [
        _mover(earlier.get(name) or Position(name, ZERO, None), later.get(name) or Position(name, ZERO, None))
        for name in sorted(earlier.keys() | later.keys())
    ]
    return sorted(found, key=_moved, reverse=True)


def _moved(each: Mover) -> tuple[bool, Decimal]:
    return each.price_change is not None, magnitude(each.price_change or ZERO)


def _mover(before: Position, after: Position) -> Mover:
    value_from = before.value if before.quantity else ZERO
    value_to = after.value if after.quantity else ZERO
    change = by_price = None
    if before.price is not None and after.price is not None:
        by_price = multiply(before.quantity, subtract(after.price, before.price))
        change = ROUNDED.subtract(divide(after.price, before.price), ONE) if before.price else None
    return Mover(
        asset=before.asset,
        price_from=before.price,
        price_to=after.price,
        price_change=change,
        value_from=value_from,
        value_to=value_to,
        value_change=None if value_from is None or value_to is None else subtract(value_to, value_from),
        by_price=by_price,
    )


def shares_of(positions: Iterable[Position]) -> dict[Asset, Decimal]:
    """The share of each asset in what is owned and has a value: debts are no part."""
    owned = {each.asset: value for each in positions if (value := each.value) is not None and value > ZERO}
    whole = total(owned.values())
    return {name: divide(value, whole) for name, value in owned.items()}


def concentration(positions: Iterable[Position]) -> Concentration | None:
    """How concentrated what is owned is; None where nothing has a value."""
    shares = shares_of(positions)
    if not shares:
        return None
    largest = max(sorted(shares), key=lambda name: shares[name])
    # Shares are quotients: of a very small one next to a large one, not every digit has room.
    herfindahl = reduce(ROUNDED.add, (ROUNDED.multiply(share, share) for share in shares.values()), ZERO)
    return Concentration(largest, shares[largest], herfindahl, divide(ONE, herfindahl))


def open_orders(orders: Iterable[Order], currency: Asset, pricing: Pricing) -> list[OpenOrder]:
    """What each order holds, what that is worth, and how far the market is from it; the nearest first."""
    found = [_open_order(order, currency, pricing) for order in orders]
    return sorted(found, key=lambda each: (each.distance is None, magnitude(each.distance or ZERO), each.order.id))


def _open_order(order: Order, currency: Asset, pricing: Pricing) -> OpenOrder:
    base, _, quote = (Asset(name) for name in order.market.partition("/"))
    rest = subtract(order.amount, order.filled)
    held = quote if order.side == "buy" else base
    locked: Amount | None = rest
    if order.side == "buy":
        locked = None if order.price is None else multiply(rest, order.price)
    worth, market = pricing(held, currency), pricing(base, quote)
    distance = None
    if order.price is not None and market is not None and market.value:
        distance = ROUNDED.subtract(divide(order.price, market.value), ONE)
    return OpenOrder(
        order=order,
        asset=held,
        locked=locked,
        value=None if locked is None or worth is None else ROUNDED.multiply(locked, worth.value),
        market_price=None if market is None else market.value,
        distance=distance,
    )
