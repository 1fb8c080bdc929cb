"""Worth of past days: kept once it is counted, thrown away from the first day on that is not what it was."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Final, Protocol

import msgspec
from sqlalchemy import Connection, delete, func, select

from tallyglass.money import Amount, Asset, amount, text
from tallyglass.store import costs, upsert
from tallyglass.store.columns import FIRST_DAY
from tallyglass.store.tables import settings, worth_days, worth_parts

_DAYS: Final = ("currency", "day", "total", "flow", "fees", "rewards", "causes")
_PARTS: Final = ("currency", "day", "assets", "connections")
_AT_ONCE: Final = 500
#: Setting: which state of what is kept here this is.
_EDITION: Final = "worth.edition"
_to_json: Final = msgspec.json.Encoder().encode
_to_causes: Final = msgspec.json.Decoder(list[tuple[str, str]]).decode
_to_values: Final = msgspec.json.Decoder(dict[str, str]).decode


class Valued(Protocol):
    """One day as it is kept: see `portfolio.days.DayWorth`."""

    @property
    def day(self) -> date: ...
    @property
    def total(self) -> Amount: ...
    @property
    def flow(self) -> Amount: ...
    @property
    def fees(self) -> Amount: ...
    @property
    def rewards(self) -> Amount: ...
    @property
    def assets(self) -> Mapping[Asset, Amount]: ...
    @property
    def connections(self) -> Mapping[str, Amount]: ...
    @property
    def causes(self) -> tuple[tuple[str, Asset], ...]: ...


@dataclass(frozen=True, slots=True)
class KeptDay:
    """What all was worth at the end of a day, without its parts."""

    day: date
    total: Amount
    flow: Amount
    fees: Amount
    rewards: Amount
    causes: tuple[tuple[str, Asset], ...]


@dataclass(frozen=True, slots=True)
class KeptParts:
    """The parts of a day's worth, by asset and by connection."""

    day: date
    assets: Mapping[str, Amount]
    connections: Mapping[str, Amount]


def outdate(db: Connection, since: date) -> None:
    """Throw away what is kept of a day and of all after it, in every currency; the costs too."""
    costs.outdate(db, since)
    for table in (worth_days, worth_parts):
        db.execute(delete(table).where(table.c.day >= since))
    _changed(db)


def edition(db: Connection) -> str:
    """Another one whenever anything that is kept here has changed."""
    return db.execute(select(settings.c.value).where(settings.c.name == _EDITION)).scalar() or ""


def _changed(db: Connection) -> None:
    upsert.upsert(db, settings, [{"name": _EDITION, "value": secrets.token_hex(8)}], updated=("value",))


def newest(db: Connection, currency: Asset) -> date | None:
    """The last day that is kept: all before it are, too."""
    return db.execute(select(func.max(worth_days.c.day)).where(worth_days.c.currency == currency)).scalar()


def keep(db: Connection, currency: Asset, days: Iterable[Valued]) -> None:
    """Keep days, none of which is kept yet, the oldest first; all before them are kept."""
    coming = iter(days)
    while some := list(islice(coming, _AT_ONCE)):
        upsert.insert(db, worth_days, _DAYS, [_day(currency, each) for each in some], keys=_DAYS[:2])
        upsert.insert(db, worth_parts, _PARTS, [_parts(currency, each) for each in some], keys=_PARTS[:2])
    _changed(db)


def days(db: Connection, currency: Asset, first: date, last: date) -> list[KeptDay]:
    """What is kept of these days, the oldest first."""
    here = (worth_days.c.currency == currency, worth_days.c.day.between(first, last))
    query = select(*(worth_days.c[name] for name in _DAYS[1:])).where(*here).order_by(worth_days.c.day)
    cursor = db.execute(query).cursor  # as the driver gives them: ten years are asked for at a glance
    return [
        KeptDay(_date(day), Decimal(total), Decimal(flow), Decimal(fees), Decimal(rewards), _causes(causes))
        for day, total, flow, fees, rewards, causes in cursor.fetchall()
    ]


def _date(stored: int) -> date:
    return date.fromordinal(FIRST_DAY + stored)


def _causes(packed: str) -> tuple[tuple[str, Asset], ...]:
    return () if packed == "[]" else tuple((code, Asset(about)) for code, about in _to_causes(packed))


def parts(db: Connection, currency: Asset, wanted: Iterable[date]) -> Iterator[KeptParts]:
    """The parts of these days, the oldest first."""
    chosen = sorted(set(wanted))
    for start in range(0, len(chosen), _AT_ONCE):
        here = (worth_parts.c.currency == currency, worth_parts.c.day.in_(chosen[start : start + _AT_ONCE]))
        for row in db.execute(select(worth_parts).where(*here).order_by(worth_parts.c.day)):
            yield KeptParts(row.day, _values(row.assets), _values(row.connections))


def _day(currency: Asset, each: Valued) -> tuple[object, ...]:
    figures = (text(figure) for figure in (each.total, each.flow, each.fees, each.rewards))
    return currency, each.day.toordinal() - FIRST_DAY, *figures, _json(each.causes)


def _parts(currency: Asset, each: Valued) -> tuple[object, ...]:
    parts = ({name: text(value) for name, value in part.items()} for part in (each.assets, each.connections))
    return currency, each.day.toordinal() - FIRST_DAY, *map(_json, parts)


def _json(value: object) -> str:
    return _to_json(value).decode()


def _values(packed: str) -> dict[str, Amount]:
    return {name: amount(figure) for name, figure in _to_values(packed).items()}
