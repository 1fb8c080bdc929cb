"""Holdings: every asset with what it cost, what it gained, and how much of the whole it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tallyglass.app import costs, past
from tallyglass.app.costs import Cost
from tallyglass.app.session import Session
from tallyglass.app.views import HoldingView, WorthView
from tallyglass.app.worth import worth, worth_view
from tallyglass.money import Asset, text
from tallyglass.portfolio.cost import Basis
from tallyglass.portfolio.decisions import Concentration, Position, concentration, shares_of
from tallyglass.portfolio.worth import NOT_MONEY, Holding, Worth


class CostedView(HoldingView):
    """A holding with what it cost on average."""

    #: In all, and of one unit; null where it is not known.
    cost: str | None
    average_cost: str | None
    #: Value less cost.
    unrealised: str | None
    #: Why the cost is not known, in words.
    cost_unknown: str
    #: Of all that is owned and has a value, between 0 and 1.
    share: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """All holdings."""

    worth: WorthView
    holdings: list[CostedView]
    concentration: Concentration | None


def holdings(session: Session, progress: past.Progress = past.nobody) -> Held:
    """Every asset that is held, the largest first."""
    return _held(session, costs.bases(session, progress))


def holdings_so_far(session: Session) -> tuple[Held, bool]:
    """The same for who cannot wait: with the costs that were counted last, and whether these are current."""
    pools = costs.bases_so_far(session)
    return _held(session, pools.value), pools.current


def _held(session: Session, pools: Mapping[Asset, Basis] | None) -> Held:
    found = worth(session)
    return session.memory.keep("holdings", (found, pools), lambda: _made(session, found, pools))


def _made(session: Session, found: Worth, pools: Mapping[Asset, Basis] | None) -> Held:
    shown = worth_view(session, found)
    positions = positions_of(found)
    shares = shares_of(positions)
    views = [
        _view(view, _cost(pools, each), shares.get(each.asset))
        for view, each in zip(shown["holdings"], found.holdings, strict=True)
    ]
    return Held(shown, views, concentration(positions))


def _cost(pools: Mapping[Asset, Basis] | None, each: Holding) -> Cost:
    if pools is None:
        return Cost(None, None, None, "it is being counted")
    return costs.cost_of(pools.get(each.asset), each.amount, each.value)


def positions_of(found: Worth) -> list[Position]:
    """What is held, as decisions are made of it: without credits that are no money."""
    return [Position(each.asset, each.amount, _price(each)) for each in found.holdings if each.asset not in NOT_MONEY]


def _price(holding: Holding) -> Decimal | None:
    return None if holding.price is None else holding.price.value


def _view(view: HoldingView, cost: Cost, share: Decimal | None) -> CostedView:
    return {
        **view,
        "cost": _told(cost.cost),
        "average_cost": _told(cost.average),
        "unrealised": _told(cost.unrealised),
        "cost_unknown": cost.why,
        "share": _told(share),
    }


def _told(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
