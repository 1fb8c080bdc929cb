"""Net worth through time: `worth history`, and the days that performance is counted from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypedDict, get_args

from tallyglass.app import past
from tallyglass.app.memory import Counted
from tallyglass.app.session import Session
from tallyglass.app.views import CauseView, moment
from tallyglass.app.worth import currency_of, present_price, worth
from tallyglass.exchanges.streams import midnight
from tallyglass.ledger.daily import DayMove
from tallyglass.money import ZERO, Amount, Asset, add, amount, multiply, negate, subtract, text
from tallyglass.portfolio.assets import kind_of
from tallyglass.portfolio.days import FLOW_MISSING
from tallyglass.portfolio.returns import DayPoint
from tallyglass.portfolio.worth import Cause, Worth
from tallyglass.store import days as moved
from tallyglass.store import marks
from tallyglass.store import worth as kept
from tallyglass.store.base import Db

Every = Literal["day", "week", "month", "quarter", "year"]
By = Literal["asset", "connection", "kind"]
EVERY: tuple[str, ...] = get_args(Every)
BY: tuple[str, ...] = get_args(By)
_DAY = timedelta(days=1)
#: What is kept in memory, and how often it is counted anew at most.
_PAST, _PAUSE_SECONDS = "past", 5


class SeenView(TypedDict):
    """The last look of a day: reported balances at the prices of then, beside the day's own number."""

    at: str | None
    total: str
    #: By how much it is more than what the ledger and the closing prices come to.
    difference: str


class HourView(TypedDict):
    """The last look of an hour."""

    at: str | None
    total: str
    complete: bool


class HoursView(TypedDict):
    """`worth history --every hour`."""

    currency: str
    every: str
    points: list[HourView]


class PointView(TypedDict):
    """What all was worth at the end of a day, or, of the running day, by now."""

    day: str
    #: Of the running day, the moment: it is not over, and its number is that of `worth`.
    at: str | None
    total: str
    #: What came from outside less what went there, since the point before.
    flow: str
    #: The same since the beginning.
    net_deposits: str
    fees: str
    rewards: str
    complete: bool
    causes: list[CauseView]
    #: Parts by name, where they are asked for.
    by: dict[str, str] | None
    #: What exchanges reported in the last hour of that day, where it was looked at then.
    seen: SeenView | None


class WorthHistoryView(TypedDict):
    """`worth history`."""

    currency: str
    every: str
    points: list[PointView]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which points of the history are wanted."""

    first: date | None = None
    last: date | None = None
    every: Every = "day"
    by: By | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Every day from the first entry to yesterday."""

    currency: Asset
    points: Sequence[DayPoint]
    #: What the connections' causes are in words.
    said: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Every day from the first entry to now."""

    currency: Asset
    points: Sequence[DayPoint]
    #: What the last of them is: the running day, not over yet.
    now: Worth
    #: What the connections' causes are in words, and those of now.
    said: Mapping[tuple[str, str], str]

    def told(self, code: str, about: str) -> str:
        """A cause of a point in words."""
        return self.said.get((code, about)) or past.words(code, about)


def days(session: Session, progress: past.Progress = past.nobody) -> Days:
    """Every day from the first entry to now, counted where it is not counted yet."""
    past.refresh(session, progress)
    return _until_now(session, _past(session))


def days_so_far(session: Session) -> Counted[Days]:
    """The same for who cannot wait: as it was counted last."""
    return session.memory.keep("days so far", session.stamp(), lambda: _days_so_far(session))


def _days_so_far(session: Session) -> Counted[Days]:
    currency, whole = past.counted(session)
    if whole:
        return Counted(_until_now(session, _past(session)), current=True)

    def count() -> Past:
        past.refresh(session)
        return _past(session)

    # While much comes in, it is not counted anew for every piece of it.
    moment = int(session.now().timestamp()) // _PAUSE_SECONDS
    found = session.memory.aside("past days", (currency, moment), count)
    last = found.value if found.current else session.memory.last(_PAST)
    if not isinstance(last, Past) or last.currency != currency:
        return Counted(None, current=False)
    return Counted(_until_now(session, last), current=found.current)


def _past(session: Session) -> Past:
    """The days as they are kept."""
    with session.store.read() as db:
        currency, doubts = currency_of(db), past.Doubts(session, db)

        def read() -> Past:
            points = [_point(each, doubts.on(each.day)) for each in kept.days(db, currency, date.min, date.max)]
            said: dict[tuple[str, str], str] = {(e.code, e.about): e.text for e in doubts.on(date.max)}
            return Past(currency, points, said)

        return session.memory.keep(_PAST, (currency, kept.edition(db), doubts.causes), read)


def _until_now(session: Session, before: Past) -> Days:
    now = worth(session)

    def add_today() -> Days:
        with session.store.read() as db:
            today = _running(list(moved.moves(db, now.as_of.date())), now, present_price(session, db))
        said = dict(before.said)
        said |= {(each.code, each.about): each.text for each in now.causes}
        return Days(before.currency, [*before.points, today], now, said)

    return session.memory.keep("days", (before, now, session.store.version()), add_today)


def hours(session: Session, first: date | None, last: date | None) -> HoursView:
    """Net worth within the day, since this home was made: every hour in which it was looked at."""
    begin, end = midnight(first or date(1970, 1, 2)), midnight((last or session.now().date()) + _DAY)
    with session.store.read() as db:
        currency = currency_of(db)
        found = marks.between(db, currency, begin, end)
    points: list[HourView] = [
        {"at": moment(each.at), "total": text(each.total), "complete": each.complete} for each in found
    ]
    return {"currency": currency, "every": "hour", "points": points}


def history(session: Session, asked: Asked, progress: past.Progress = past.nobody) -> WorthHistoryView:
    """Net worth at the end of each day, week, month … that is asked for, up to now."""
    found = days(session, progress)
    chosen = {each.day for each in _last_of_each(found.points, asked)}
    with session.store.read() as db:
        parts = _parts(db, found, chosen, asked.by)
        seen = {each.at.date(): each for each in marks.last_of_days(db, found.currency)}
    views: list[PointView] = []
    deposits, since = ZERO, _Shares()
    for point in found.points:
        deposits = add(deposits, point.flow)
        if asked.first is None or point.day >= asked.first:
            since = since.plus(point)
        if point.day in chosen:
            views.append(_view(point, since, deposits, parts.get(point.day), found.told))
            since = _Shares()
    for view in views:
        day = date.fromisoformat(view["day"])
        if day == found.now.as_of.date():
            view["at"] = moment(found.now.as_of)
        elif mark := seen.get(day):
            odd = subtract(mark.total, amount(view["total"]))
            view["seen"] = {"at": moment(mark.at), "total": text(mark.total), "difference": text(odd)}
    return {"currency": found.currency, "every": asked.every, "points": views}


@dataclass(frozen=True, slots=True)
class _Shares:
    """What came, was paid and was earned since the point before."""

    flow: Amount = ZERO
    fees: Amount = ZERO
    rewards: Amount = ZERO

    def plus(self, point: DayPoint) -> _Shares:
        return _Shares(add(self.flow, point.flow), add(self.fees, point.fees), add(self.rewards, point.rewards))


def _point(day: kept.KeptDay, doubts: Iterable[Cause]) -> DayPoint:
    causes = (*day.causes, *_pairs(doubts))
    return DayPoint(day.day, day.total, day.flow, day.fees, day.rewards, complete=not causes, causes=causes)


def _pairs(causes: Iterable[Cause]) -> tuple[tuple[str, str], ...]:
    return tuple((each.code, each.about) for each in causes)


def _running(moves: Iterable[DayMove], now: Worth, price: Callable[[Asset], Amount | None]) -> DayPoint:
    """Today, at the prices of now."""
    found, causes = _Shares(), list(_pairs(now.causes))
    for move in moves:
        if not (move.flow or move.fee or move.reward):
            continue
        known = price(move.asset)
        if known is None:
            if move.flow:
                causes.append((FLOW_MISSING, move.asset))
            continue
        flow, fees, rewards = (multiply(each, known) for each in (move.flow, move.fee, move.reward))
        found = found.plus(DayPoint(move.day, ZERO, flow, fees, rewards))
    day = now.as_of.date()
    return DayPoint(day, now.total, found.flow, found.fees, found.rewards, complete=not causes, causes=tuple(causes))


def _last_of_each(points: Sequence[DayPoint], asked: Asked) -> Iterator[DayPoint]:
    """The last day of every period that is asked for."""
    first, last = asked.first or date.min, asked.last or date.max
    within = [each for each in points if first <= each.day <= last]
    for each, following in zip(within, [*within[1:], None], strict=False):
        if following is None or _period(each.day, asked.every) != _period(following.day, asked.every):
            yield each


def _period(day: date, every: Every) -> tuple[int, ...]:
    """Which period a day is of; weeks begin on Monday."""
    if every == "week":
        return day.isocalendar()[:2]
    if every == "day":
        return (day.toordinal(),)
    length = {"month": 1, "quarter": 3, "year": 12}[every]
    return day.year, (day.month - 1) // length


def _parts(db: Db, found: Days, chosen: set[date], by: By | None) -> dict[date, dict[str, str]]:
    """The parts of the chosen days by name, the largest first."""
    if by is None:
        return {}
    made = {each.day: each for each in kept.parts(db, found.currency, chosen)}
    shown: dict[date, Mapping[str, Amount]] = {
        day: each.connections if by == "connection" else each.assets for day, each in made.items()
    }
    today = found.now.as_of.date()
    if today in chosen:
        shown[today] = _now_by(found.now, by)
    return {day: _named(each, by) for day, each in shown.items()}


def _now_by(now: Worth, by: By) -> Mapping[str, Amount]:
    sums: dict[str, Amount] = {}
    for holding in now.holdings:
        for part in holding.by if holding.price else ():
            name = part.connection if by == "connection" else holding.asset
            value = multiply(part.amount, holding.price.value) if holding.price else ZERO
            sums[name] = add(sums.get(name, ZERO), value)
    return sums


def _named(parts: Mapping[str, Amount], by: By) -> dict[str, str]:
    sums: dict[str, Amount] = {}
    for name, value in parts.items():
        key = kind_of(name) if by == "kind" else name
        sums[key] = add(sums.get(key, ZERO), value)
    return {name: text(value) for name, value in sorted(sums.items(), key=lambda each: (negate(each[1]), each[0]))}


def _view(
    point: DayPoint, since: _Shares, deposits: Amount, parts: dict[str, str] | None, told: Callable[[str, str], str]
) -> PointView:
    return {
        "day": point.day.isoformat(),
        "at": None,
        "total": text(point.value),
        "flow": text(since.flow),
        "net_deposits": text(deposits),
        "fees": text(since.fees),
        "rewards": text(since.rewards),
        "complete": point.complete,
        "causes": [{"code": code, "about": about, "text": told(code, about)} for code, about in point.causes],
        "by": parts,
        "seen": None,
    }
