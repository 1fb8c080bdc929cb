"""Closes: what assets cost at the end of past days, by the sources that say so; and what the user says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, select

from tallyglass.exchanges.streams import Close
from tallyglass.money import Amount, Asset, amount, text
from tallyglass.store import upsert
from tallyglass.store.columns import FIRST_DAY
from tallyglass.store.price_tables import close_spans, closes, manual_prices

_COLUMNS: Final = ("source", "base", "quote", "day", "price")
_BATCH: Final = 20_000


class Series(NamedTuple):
    """One market of one source."""

    source: str
    base: Asset
    quote: Asset


class StoredClose(NamedTuple):
    """One close of it."""

    series: Series
    day: date
    price: Amount


@dataclass(frozen=True, slots=True)
class ManualPrice:
    """What the user says an asset is worth at the end of a day."""

    asset: Asset
    currency: Asset
    day: date
    price: Amount
    note: str = ""


def set_closes(db: Connection, source: str, found: Iterable[Close]) -> date | None:
    """Store closes; the first day of which something is told that was not known, if any."""
    told = {(each.base, each.quote, each.day): each.price for each in found}
    rows = [
        (source, base, quote, day.toordinal() - FIRST_DAY, text(price)) for (base, quote, day), price in told.items()
    ]
    known = {row[1:4] for row in upsert.insert(db, closes, _COLUMNS, rows, keys=_COLUMNS[:4])}
    changed = [row for row in rows if row[1:4] not in known]
    changed += [row for row in rows if row[1:4] in known and _replaced(db, row)]
    return min((date.fromordinal(FIRST_DAY + row[3]) for row in changed), default=None)


def _replaced(db: Connection, row: Sequence[object]) -> bool:
    source, base, quote, day, price = row
    values = dict(zip(_COLUMNS, (source, base, quote, _day(day), amount(price)), strict=True))
    return bool(upsert.upsert(db, closes, [values], updated=("price",)))


def _day(stored: object) -> date:
    assert isinstance(stored, int)  # noqa: S101  (as it was just made)
    return date.fromordinal(FIRST_DAY + stored)


def closes_between(
    db: Connection, first: date, last: date, bases: Collection[Asset] | None = None
) -> Iterator[StoredClose]:
    """The closes of these days, of these assets or of all: market by market, the oldest first."""
    query = select(closes).where(closes.c.day.between(first, last))
    if bases is not None:
        query = query.where(closes.c.base.in_(sorted(bases)))
    cursor = db.execute(query.order_by(*(closes.c[name] for name in _COLUMNS[:4]))).cursor
    series = Series("", Asset(""), Asset(""))
    while rows := cursor.fetchmany(_BATCH):  # a long history has a million: as the driver gives them
        for source, base, quote, day, price in rows:
            if tuple(series) != (source, base, quote):
                series = Series(source, Asset(base), Asset(quote))
            yield StoredClose(series, date.fromordinal(FIRST_DAY + day), amount(price))


def by_series(db: Connection, first: date, last: date) -> dict[Series, dict[date, Amount]]:
    """The same of all assets, each market's by its days: made in one go, since a long history has a million."""
    query = select(closes).where(closes.c.day.between(first, last)).order_by(*(closes.c[name] for name in _COLUMNS[:4]))
    begin = first.toordinal()
    days = [date.fromordinal(begin + place) for place in range((last - first).days + 1)]
    offset = FIRST_DAY - begin
    found: dict[Series, dict[date, Amount]] = {}
    here, market = dict[date, Amount](), ("", "", "")
    cursor = db.execute(query).cursor
    while rows := cursor.fetchmany(_BATCH):
        for source, base, quote, day, price in rows:
            if (source, base, quote) != market:
                market = source, base, quote
                here = found[Series(source, Asset(base), Asset(quote))] = {}
            here[days[day + offset]] = Decimal(price)
    return found


def newest(db: Connection, source: str, base: Asset, quote: Asset) -> date | None:
    """The last day of which a source has told the close of a market."""
    here = (closes.c.source == source, closes.c.base == base, closes.c.quote == quote)
    return db.execute(select(func.max(closes.c.day)).where(*here)).scalar()


def last(db: Connection, series: Series, *, before: date) -> StoredClose | None:
    """The last close of a market before a day."""
    here = tuple(closes.c[name] == value for name, value in series._asdict().items())
    query = select(closes.c.day, closes.c.price).where(*here, closes.c.day < before)
    row = db.execute(query.order_by(closes.c.day.desc()).limit(1)).first()
    return None if row is None else StoredClose(series, row.day, row.price)


def forget_closes(db: Connection, source: str, base: Asset) -> date | None:
    """Delete what a source has told of an asset, which turned out to be another; the first day of it."""
    first = None
    for table in (closes, close_spans):
        here = (table.c.source == source, table.c.base == base)
        if table is closes:
            first = db.execute(select(func.min(closes.c.day)).where(*here)).scalar()
        db.execute(delete(table).where(*here))
    return first


# -- the days that sources were asked for


def spans(db: Connection) -> dict[Series, tuple[date, date]]:
    """The days that each source was asked for of each market."""
    found = db.execute(select(close_spans))
    return {Series(row.source, Asset(row.base), Asset(row.quote)): (row.first, row.last) for row in found}


def set_span(db: Connection, series: Series, first: date, last: date) -> None:
    """Note that all days from `first` to `last` were asked for."""
    row = {**series._asdict(), "first": first, "last": last}
    upsert.upsert(db, close_spans, [row], updated=("first", "last"))


# -- what the user says


def set_manual(db: Connection, found: Iterable[ManualPrice], now: datetime) -> None:
    """Remember what the user says."""
    rows = [
        {
            "asset": each.asset,
            "currency": each.currency,
            "day": each.day,
            "price": each.price,
            "note": each.note,
            "said_at": now,
        }
        for each in found
    ]
    if rows:
        upsert.upsert(db, manual_prices, rows, updated=("price", "note", "said_at"))


def unset_manual(db: Connection, asset: Asset, day: date | None = None) -> list[date]:
    """Forget what the user said of an asset, of one day or of all; the days of which something was said."""
    here = [manual_prices.c.asset == asset]
    if day is not None:
        here.append(manual_prices.c.day == day)
    days = sorted(db.execute(select(manual_prices.c.day).where(*here)).scalars())
    db.execute(delete(manual_prices).where(*here))
    return days


def list_manual(db: Connection) -> list[ManualPrice]:
    """All that the user said, asset by asset, the oldest first."""
    query = select(manual_prices).order_by(manual_prices.c.asset, manual_prices.c.day, manual_prices.c.currency)
    return [
        ManualPrice(Asset(row.asset), Asset(row.currency), row.day, row.price, row.note) for row in db.execute(query)
    ]


def first_day(db: Connection, base: Asset) -> date | None:
    """The first day of which any source has told the close of an asset."""
    return db.execute(select(func.min(closes.c.day)).where(closes.c.base == base)).scalar()
