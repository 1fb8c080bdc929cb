"""Per asset: every asset as a portfolio of its own, which trades pay into and take out of. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tallyglass.ledger.daily import DayMove
from tallyglass.money import ZERO, Amount, Asset, add, multiply, subtract, total
from tallyglass.portfolio.days import FLOW_MISSING, Closes
from tallyglass.portfolio.performance import Performance, Period, performance
from tallyglass.portfolio.returns import DayPoint
from tallyglass.portfolio.worth import NOT_MONEY


@dataclass(frozen=True, slots=True)
class Shares:
    """The gain of a period by where it was made."""

    assets: Mapping[Asset, Performance]
    #: What trades made against the prices of the end of their days: the rest of the gain.
    trades: Amount


@dataclass(slots=True)
class _Sums:
    flow: Amount = ZERO
    fees: Amount = ZERO
    rewards: Amount = ZERO
    unpriced: bool = False


def per_asset(
    points: Sequence[DayPoint],
    parts: Mapping[date, Mapping[Asset, Amount]],
    moves: Iterable[DayMove],
    closes: Closes,
    asked: Period,
) -> Shares:
    """The figures of every asset that was there in a period, the largest gain first.

    `points`: the days of the period, its start before them if there is one; `parts`: what each asset was worth on each.
    """
    sums = _sums(moves, closes)
    found: dict[Asset, Performance] = {}
    for name in sorted({name for parts_ in parts.values() for name in parts_} | {name for _, name in sums}):
        own = [_point(each, name, parts.get(each.day, {}), sums.get((each.day, name), _Sums())) for each in points]
        figures = performance(own, asked)
        if figures is not None and (any(each.value for each in own) or figures.net_deposits or figures.gain):
            found[name] = figures
    ranked = dict(sorted(found.items(), key=lambda each: each[1].gain, reverse=True))
    whole = performance(points, asked)
    external = ZERO if whole is None else whole.net_deposits
    put_in = total(each.net_deposits for each in ranked.values())
    return Shares(ranked, subtract(put_in, external))


def _sums(moves: Iterable[DayMove], closes: Closes) -> dict[tuple[date, Asset], _Sums]:
    """What all connections together put into each asset on each day; what was paid or earned is a result."""
    sums: dict[tuple[date, Asset], _Sums] = defaultdict(_Sums)
    for move in moves:
        flow = subtract(move.amount, add(move.fee, move.reward))
        price = closes(move.asset, move.day)
        here = sums[move.day, move.asset]
        if price is None:
            here.unpriced |= bool(flow)
            continue
        here.flow = add(here.flow, multiply(flow, price))
        here.fees = add(here.fees, multiply(move.fee, price))
        here.rewards = add(here.rewards, multiply(move.reward, price))
    return sums


def _point(whole: DayPoint, name: Asset, parts: Mapping[Asset, Amount], moved: _Sums) -> DayPoint:
    causes = [each for each in whole.causes if each[1] == name]
    if moved.unpriced and name not in NOT_MONEY and (FLOW_MISSING, name) not in causes:
        causes.append((FLOW_MISSING, name))
    value = parts.get(name, ZERO)
    return DayPoint(whole.day, value, moved.flow, moved.fees, moved.rewards, complete=not causes, causes=tuple(causes))
