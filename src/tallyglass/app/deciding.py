"""Decisions: how far from the targets, what moved, what orders hold. Nothing here, or anywhere else, can trade."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypedDict

from tallyglass.app import past
from tallyglass.app.holdings import positions_of
from tallyglass.app.memory import Counted
from tallyglass.app.past_prices import closing
from tallyglass.app.past_worth import worth_at
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import CauseView, OrderView, cause_views, order_view
from tallyglass.app.worth import currency_of, present_price, present_quotes, worth
from tallyglass.money import ROUNDED, ZERO, Amount, Asset, magnitude, multiply, text
from tallyglass.portfolio import decisions
from tallyglass.portfolio.decisions import Mover, OpenOrder, Plan, Position
from tallyglass.portfolio.performance import period
from tallyglass.portfolio.shares import WHOLE, shares
from tallyglass.portfolio.worth import NOT_MONEY, Worth
from tallyglass.store import present
from tallyglass.store.base import Db

#: The setting that holds the targets, as the user wrote them.
_TARGETS: Final = "targets"
_DAY: Final = timedelta(1)
#: How old the prices of now may be that movers are counted by.
_FRESH_SECONDS: Final = 60


class DriftView(TypedDict):
    """An asset beside its target; shares between 0 and 1."""

    asset: str
    value: str
    share: str
    target: str
    off: str
    #: What to buy (positive) or sell (negative), in the currency, and in units.
    trade: str
    units: str | None


class TargetsView(TypedDict):
    """`targets`."""

    currency: str
    targets: dict[str, str]
    total: str
    assets: list[DriftView]
    #: Held, but without a price: in no share.
    unpriced: list[str]
    complete: bool
    causes: list[CauseView]


class MoverView(TypedDict):
    """What an asset did in a period."""

    asset: str
    price_from: str | None
    price_to: str | None
    price_change: str | None
    value_from: str | None
    value_to: str | None
    value_change: str | None
    by_price: str | None


class MoversView(TypedDict):
    """`movers`, the largest change of price first."""

    currency: str
    period: str
    after: str
    movers: list[MoverView]
    complete: bool
    causes: list[CauseView]


class PlacedView(OrderView):
    """An open order, what it holds, and how far the market is."""

    asset: str
    locked: str | None
    #: Of what is locked, in the user's currency.
    value: str | None
    market_price: str | None
    #: How far the market must move, as a share of now.
    distance: str | None


def targets(session: Session) -> TargetsView:
    """Every asset beside its target."""
    with session.store.read() as db:
        wanted = targets_of(db)
    if not wanted:
        raise Problem("no_targets", "There are no targets yet.", "For example: tallyglass targets set BTC:60,ETH:40")
    now = worth(session)
    return _targets_view(now, wanted, decisions.plan(positions_of(now), wanted))


def set_targets(session: Session, told: str) -> TargetsView:
    """Change the targets. A `Problem` for what are none."""
    try:
        shares(told)
    except ValueError as error:
        raise Problem("usage", f"No targets: {error}.", "Write them as BTC:50,ETH:30,others:20.") from None
    with session.store.write() as db:
        present.set_setting(db, _TARGETS, told)
    return targets(session)


def clear_targets(session: Session) -> None:
    """Forget the targets."""
    with session.store.write() as db:
        present.set_setting(db, _TARGETS, "")


def targets_of(db: Db) -> Mapping[Asset, Decimal]:
    """The targets that the user has set, if any."""
    told = present.setting(db, _TARGETS, "")
    return shares(told) if told else {}


def drift(session: Session) -> Decimal | None:
    """How many points the asset is off that is farthest from its target; None where that cannot be told."""
    with session.store.read() as db:
        wanted = targets_of(db)
    now = worth(session)
    found = decisions.plan(positions_of(now), wanted).drifts if wanted and now.complete else ()
    return multiply(magnitude(found[0].off), WHOLE) if found else None


def movers(session: Session, name: str, progress: past.Progress = past.nobody) -> MoversView:
    """What every asset did in a period until now."""
    today = session.now().date()
    try:
        chosen = period(name, today)
    except ValueError as error:
        raise Problem("usage", f"There is {error}.", "For example: --period 7d") from None
    if chosen.after is None or chosen.to != today:
        raise Problem("usage", f"{name} has no start, or does not reach until now.", "For example: --period 7d")
    past.refresh(session, progress)
    then, now = worth_at(session, chosen.after.isoformat()), worth(session)
    held = [{each.asset: each.amount for each in found.holdings} for found in (then, now)]
    names = sorted((held[0].keys() | held[1].keys()) - NOT_MONEY)
    with session.store.read() as db:
        close = closing(db, now.currency, (chosen.after, chosen.after), names)
        present_ = present_price(session, db)
    before = [_position(each, held[0], close(each, chosen.after)) for each in names]
    after = [_position(each, held[1], present_(each)) for each in names]
    return {
        "currency": now.currency,
        "period": name,
        "after": chosen.after.isoformat(),
        "movers": [_mover(each) for each in decisions.movers(before, after)],
        "complete": then.complete and now.complete,
        "causes": _causes(then, now),
    }


def movers_so_far(session: Session, name: str) -> Counted[MoversView]:
    """The same for who cannot wait: as they were counted last."""
    return session.memory.aside(("movers", name), past.stamp(session, _FRESH_SECONDS), lambda: movers(session, name))


def orders(session: Session) -> list[PlacedView]:
    """Every open order, the nearest to its market first."""
    return session.memory.keep("orders", session.stamp(), lambda: _orders(session))


def _orders(session: Session) -> list[PlacedView]:
    with session.store.read() as db:
        placed, currency = present.list_orders(db), currency_of(db)
    quotes = present_quotes(session)
    where = {id(order): connection for connection, order in placed}
    found = decisions.open_orders((order for _, order in placed), currency, quotes.price)
    return [_placed(each, where[id(each.order)]) for each in found]


def _position(name: Asset, held: Mapping[Asset, Amount], price: Amount | None) -> Position:
    return Position(name, held.get(name, ZERO), price)


def _targets_view(now: Worth, wanted: Mapping[Asset, Decimal], found: Plan) -> TargetsView:
    return {
        "currency": now.currency,
        "targets": {name: text(multiply(share, WHOLE)) for name, share in wanted.items()},
        "total": text(found.total),
        "assets": [
            {
                "asset": each.asset,
                "value": text(each.value),
                "share": _told(each.share) or "0",
                "target": text(each.target),
                "off": _told(each.off) or "0",
                "trade": text(each.trade),
                "units": _told(each.units),
            }
            for each in found.drifts
        ],
        "unpriced": list(found.unpriced),
        "complete": now.complete,
        "causes": _causes(now),
    }


def _mover(each: Mover) -> MoverView:
    return {
        "asset": each.asset,
        "price_from": _told(each.price_from),
        "price_to": _told(each.price_to),
        "price_change": _told(each.price_change),
        "value_from": _told(each.value_from),
        "value_to": _told(each.value_to),
        "value_change": _told(each.value_change),
        "by_price": _told(each.by_price),
    }


def _placed(each: OpenOrder, connection: str) -> PlacedView:
    return {
        **order_view(each.order, connection),
        "asset": each.asset,
        "locked": _told(each.locked),
        "value": _told(each.value),
        "market_price": _told(each.market_price),
        "distance": _told(each.distance),
    }


def _causes(*found: Worth) -> list[CauseView]:
    causes = {cause.text: cause for each in found for cause in each.causes}
    return cause_views(causes.values())


def _told(value: Decimal | None) -> str | None:
    return None if value is None else text(ROUNDED.plus(value))
