"""Performance: what a period made of what was owned, beside what a benchmark would have made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import Final, TypedDict

from tallyglass.app import past, worth_history
from tallyglass.app.memory import Counted
from tallyglass.app.past_prices import closing
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import CauseView, moment
from tallyglass.app.worth import present_price
from tallyglass.app.worth_history import Days
from tallyglass.money import Amount, Asset, text
from tallyglass.portfolio import performance as figures
from tallyglass.portfolio.benchmark import Held, Mix, hold, mix
from tallyglass.portfolio.days import Closes
from tallyglass.portfolio.per_asset import per_asset
from tallyglass.portfolio.performance import Doubt, Performance, Period
from tallyglass.portfolio.returns import Rate
from tallyglass.portfolio.risk import Drawdown
from tallyglass.portfolio.xirr import MoneyWeighted
from tallyglass.store import days as moved
from tallyglass.store import worth as kept
from tallyglass.store.base import Db

#: A rate is told to so many digits.
_TOLD: Final = Context(prec=18)
_DAY: Final = timedelta(days=1)
#: How old the moment may be up to which a page tells figures.
_FRESH_SECONDS: Final = 300
_WORDS: Final = {
    "day_missing": "nothing is known of these days",
    "day_partial": "the worth of these days is not complete",
}


class RateView(TypedDict):
    """A rate, `0.05` for 5 %; or why there is none."""

    rate: str | None
    why: str | None
    text: str


class MoneyWeightedView(TypedDict):
    """The money-weighted return: per year, and of the whole period."""

    annual: RateView
    whole: RateView


class DrawdownView(TypedDict):
    """The deepest fall from a peak."""

    depth: str
    peak: str
    bottom: str
    recovered: str | None


class DoubtView(CauseView):
    """Why figures are not complete, and the days that it touches."""

    first: str
    last: str
    days: int


class MissingView(TypedDict):
    """A price that a benchmark needs."""

    asset: str
    day: str


class BenchmarkView(TypedDict):
    """What the same payments would have become in a benchmark."""

    name: str
    value: str | None
    gain: str | None
    time_weighted: RateView
    money_weighted: MoneyWeightedView
    #: From this day on more had been taken out than was there.
    overdrawn: str | None
    missing: list[MissingView]


class AssetView(TypedDict):
    """One asset, as a portfolio of its own which trades pay into."""

    asset: str
    start: str
    end: str
    net_deposits: str
    gain: str
    fees: str
    rewards: str
    time_weighted: RateView
    complete: bool


class IndexView(TypedDict):
    """What one unit had become at the end of a day."""

    day: str
    index: str


class PerformanceView(TypedDict):
    """`performance`."""

    currency: str
    period: str
    #: The day whose end is the start.
    after: str
    to: str
    #: Where the last day is the running one: the moment.
    at: str | None
    start: str
    end: str
    net_deposits: str
    gain: str
    fees: str
    rewards: str
    time_weighted: RateView
    money_weighted: MoneyWeightedView
    drawdown: DrawdownView | None
    volatility: RateView
    benchmark: BenchmarkView | None
    #: Where they are asked for, the largest gain first.
    assets: list[AssetView] | None
    #: The rest of the gain: what trades made against the prices of the end of their days.
    trades: str | None
    index: list[IndexView]
    complete: bool
    causes: list[DoubtView]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted: a period by its name or by its first and last day, and what stands beside its figures."""

    period: str = ""
    first: date | None = None
    last: date | None = None
    benchmark: str = ""
    by_asset: bool = False


def performance(session: Session, asked: Asked, progress: past.Progress = past.nobody) -> PerformanceView:
    """The figures of a period. A `Problem` for a period or a benchmark that cannot be."""
    today = session.now().date()
    name, chosen = _period(asked, today)
    against = _mix(asked.benchmark) if asked.benchmark else None
    found = worth_history.days(session, progress)
    measured, window = figures.performance(found.points, chosen), figures.window(found.points, chosen)
    if measured is None or window is None:
        first = found.points[0].day
        raise Problem("usage", f"Nothing was owned before {first}.", "Name a period that begins later, or: all")
    view = _view(found, name, measured)
    if against is None and not asked.by_asset:
        return view
    with session.store.read() as db:
        names = {each for each, _ in against.shares} if against else set[Asset]()
        price = _prices(session, db, found, names, (measured.after, measured.to))
        if against is not None:
            view["benchmark"] = _benchmark(hold(against, *window, price))
        if asked.by_asset:
            _add_assets(db, view, found, chosen, price)
    return view


def performance_so_far(session: Session, asked: Asked) -> Counted[PerformanceView]:
    """The same for who cannot wait: as it was counted last."""
    return session.memory.aside(
        ("performance", asked), past.stamp(session, _FRESH_SECONDS), lambda: performance(session, asked)
    )


def _period(asked: Asked, today: date) -> tuple[str, Period]:
    named = asked.first is None and asked.last is None
    if asked.period and not named:
        raise Problem("usage", "A period has a name, or a first and a last day.", "Leave out one of them.")
    try:
        if named:
            return asked.period or "all", figures.period(asked.period or "all", today)
        last = min(asked.last or today, today)
        since = None if asked.first is None else asked.first - _DAY
        return f"{asked.first or 'the beginning'} to {last}", Period(since, last)
    except ValueError as error:
        sentence = str(error)
        raise Problem("usage", f"{sentence[:1].upper()}{sentence[1:]}.", "For example: --period 30d") from None


def _mix(told: str) -> Mix:
    try:
        return mix(told)
    except ValueError as error:
        raise Problem("usage", f"No benchmark: {error}.", "Write it as BTC, or as BTC:60,ETH:40.") from None


def _prices(session: Session, db: Db, found: Days, names: set[Asset], days: tuple[date, date]) -> Closes:
    """What an asset was worth at the end of a day; on the running day, now."""
    today = found.now.as_of.date()
    past_price = closing(db, found.currency, (days[0], min(days[1], today - _DAY)), names)
    now = present_price(session, db)

    def price(name: Asset, day: date) -> Amount | None:
        return now(name) if day == today else past_price(name, day)

    return price


def _add_assets(db: Db, view: PerformanceView, found: Days, chosen: Period, price: Closes) -> None:
    """Add the figures of every asset."""
    since, until = date.fromisoformat(view["after"]), date.fromisoformat(view["to"])
    points = [each for each in found.points if since <= each.day <= until]
    parts = {
        each.day: {Asset(name): value for name, value in each.assets.items()}
        for each in kept.parts(db, found.currency, (each.day for each in points))
    }
    if until == found.now.as_of.date():
        parts[until] = {each.asset: each.value for each in found.now.holdings if each.value is not None}
    moves = (each for each in moved.moves(db, since + _DAY) if each.day <= until)
    shares = per_asset(points, parts, moves, price, chosen)
    view["assets"] = [_asset(name, each) for name, each in shares.assets.items()]
    view["trades"] = text(shares.trades)


def _view(found: Days, name: str, measured: Performance) -> PerformanceView:
    running = measured.to == found.now.as_of.date()
    fall = measured.drawdown
    return {
        "currency": found.currency,
        "period": name,
        "after": measured.after.isoformat(),
        "to": measured.to.isoformat(),
        "at": moment(found.now.as_of) if running else None,
        "start": text(measured.start),
        "end": text(measured.end),
        "net_deposits": text(measured.net_deposits),
        "gain": text(measured.gain),
        "fees": text(measured.fees),
        "rewards": text(measured.rewards),
        "time_weighted": _rate(measured.time_weighted),
        "money_weighted": _both(measured.money_weighted),
        "drawdown": None if fall is None else _drawdown(fall),
        "volatility": _rate(measured.volatility),
        "benchmark": None,
        "assets": None,
        "trades": None,
        "index": [{"day": day.isoformat(), "index": _told(value)} for day, value in measured.chain.index],
        "complete": measured.complete,
        "causes": _doubts(measured.causes, found.told),
    }


def _drawdown(fall: Drawdown) -> DrawdownView:
    return {
        "depth": _told(fall.depth),
        "peak": fall.peak.isoformat(),
        "bottom": fall.bottom.isoformat(),
        "recovered": _day(fall.recovered),
    }


def _asset(name: Asset, each: Performance) -> AssetView:
    return {
        "asset": name,
        "start": text(each.start),
        "end": text(each.end),
        "net_deposits": text(each.net_deposits),
        "gain": text(each.gain),
        "fees": text(each.fees),
        "rewards": text(each.rewards),
        "time_weighted": _rate(each.time_weighted),
        "complete": each.complete,
    }


def _benchmark(held: Held) -> BenchmarkView:
    return {
        "name": held.mix.name,
        "value": None if held.value is None else text(held.value),
        "gain": None if held.gain is None else text(held.gain),
        "time_weighted": _rate(held.time_weighted),
        "money_weighted": _both(held.money_weighted),
        "overdrawn": _day(held.overdrawn),
        "missing": [{"asset": name, "day": day.isoformat()} for name, day in held.missing],
    }


def _both(found: MoneyWeighted) -> MoneyWeightedView:
    return {"annual": _rate(found.annual), "whole": _rate(found.whole)}


def _rate(rate: Rate) -> RateView:
    return {"rate": None if rate.value is None else _told(rate.value), "why": rate.why, "text": rate.text}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _told(rate: Decimal) -> str:
    return text(_TOLD.plus(rate))


def _doubts(found: Sequence[Doubt], told: Callable[[str, str], str]) -> list[DoubtView]:
    return [
        {
            "code": each.code,
            "about": each.about,
            "text": _WORDS.get(each.code) or told(each.code, each.about),
            "first": each.first.isoformat(),
            "last": each.last.isoformat(),
            "days": each.days,
        }
        for each in found
    ]
