"""Costs: the pools as they stood, thrown away from the first day on that is not what it was."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, delete, select

from tallyglass.money import Asset
from tallyglass.store import upsert
from tallyglass.store.cost_tables import cost_states

_DAY = timedelta(1)


def outdate(db: Connection, since: date) -> None:
    """Throw away what is kept of a day and of all after it, in every currency."""
    db.execute(delete(cost_states).where(cost_states.c.day >= since))


def newest(db: Connection, currency: Asset) -> tuple[date, str] | None:
    """The last day that is kept, and the pools at its end."""
    here = cost_states.c.currency == currency
    query = select(cost_states.c.day, cost_states.c.pools).where(here)
    row = db.execute(query.order_by(cost_states.c.day.desc()).limit(1)).first()
    return None if row is None else (row.day, row.pools)


def keep(db: Connection, currency: Asset, day: date, pools: str) -> None:
    """Keep the pools of a day. Of those before it, those at the end of a month stay."""
    before = newest(db, currency)
    if before is not None and (before[0] + _DAY).day != 1:
        db.execute(delete(cost_states).where(cost_states.c.currency == currency, cost_states.c.day == before[0]))
    upsert.upsert(db, cost_states, [{"currency": currency, "day": day, "pools": pools}], updated=("pools",))
