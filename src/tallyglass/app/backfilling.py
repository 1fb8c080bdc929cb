"""Daily closes for what is owned and ever was: fetched once, by whoever has the time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

from tallyglass.app.pricing import ever_owned
from tallyglass.app.session import Session
from tallyglass.app.worth import currency_of
from tallyglass.exchanges import registry
from tallyglass.money import Asset
from tallyglass.prices import backfill, stored, wanted
from tallyglass.prices.backfill import Backfill, Progress, Report
from tallyglass.prices.coins import COMMON, coins_of
from tallyglass.prices.routes import COINGECKO, DEFILLAMA
from tallyglass.prices.wanted import Task
from tallyglass.store import closes, days, present
from tallyglass.store.base import Db


def prices(
    session: Session,
    *,
    watch: Callable[[Progress], None] = lambda _: None,
    seconds: float | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Fetch what is missing of every asset since it was first owned; what came is kept, whatever ends it.

    `seconds`: not for longer than about that; the next time it goes on from there. `stop`: ends it, too.
    """
    tasks, ended = _missing(session), stop or threading.Event()
    if not tasks:
        return Report()
    timer = threading.Timer(seconds or 0, ended.set)
    if seconds is not None:
        timer.start()
    try:
        pace = session.keeper.health().pace
        return backfill.run(Backfill(session.store, session.keeper, session.now, watch, pace, ended), tasks)
    finally:
        timer.cancel()


def _missing(session: Session) -> list[Task]:
    with session.store.write() as db:
        days.refresh(db)
    with session.store.read() as db:
        since = ever_owned(session, db)
        today = session.now().date()
        begun = {each: day for each, day in since.items() if day < today}
        return wanted.tasks(begun, _listed(session, db, since), currency_of(db), closes.spans(db), session.now())


def _listed(session: Session, db: Db, since: dict[Asset, date]) -> wanted.Listed:
    exchanges = sorted({each.exchange for each in session.keeper.connections() if each.state != "dead"})
    off = stored.switched_off(db)
    _, rates = present.newest_rates(db)
    by_coin = tuple(each for each in (DEFILLAMA, COINGECKO) if each not in off)
    return wanted.Listed(
        {each: present.markets_of(db, each) for each in exchanges if registry.candles(each) is not None},
        coins_of(db, {*since, *COMMON}),
        by_coin,
        {Asset("EUR"), *map(Asset, rates)},
    )
