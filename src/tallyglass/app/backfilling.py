"""Daily closes for what is owned and ever was: after each sync what is new, on demand the whole ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from tallyglass.app.pricing import ever_owned, owned
from tallyglass.app.session import Session
from tallyglass.app.worth import currency_of
from tallyglass.exchanges import registry
from tallyglass.money import Asset
from tallyglass.prices import backfill, stored, wanted
from tallyglass.prices.backfill import Progress, Report
from tallyglass.prices.coins import COINGECKO, coins_of
from tallyglass.prices.refresh import DEFILLAMA
from tallyglass.store import closes, days, present
from tallyglass.store.base import Db


def prices(session: Session, *, whole: bool, watch: Callable[[Progress], None] = lambda _: None) -> Report:
    """Fetch what is missing. `whole`: of every asset since it was first owned, in patience; else of the last days."""
    today = session.now().date()
    if whole:
        with session.store.write() as db:
            days.refresh(db)
    with session.store.read() as db:
        if whole:
            since = ever_owned(session, db)
        else:
            since = dict.fromkeys(owned(session, db), today - timedelta(1))
        tasks = wanted.tasks(
            {each: day for each, day in since.items() if day < today},
            _listed(session, db, since),
            currency_of(db),
            closes.spans(db),
            session.now(),
        )
    with_ = backfill.Backfill(
        session.store, session.keeper, session.now, watch, session.keeper.health().pace, patient=whole
    )
    return backfill.run(with_, tasks)


def _listed(session: Session, db: Db, since: dict[Asset, date]) -> wanted.Listed:
    exchanges = sorted({each.exchange for each in session.keeper.connections() if each.state != "dead"})
    off = stored.switched_off(db)
    _, rates = present.newest_rates(db)
    by_coin = tuple(each for each in (DEFILLAMA, COINGECKO) if each not in off)
    quotes = {Asset(each) for each in ("USDT", "USDC", "BTC")}
    return wanted.Listed(
        {each: present.markets_of(db, each) for each in exchanges if registry.candles(each) is not None},
        coins_of(db, {*since, *quotes}),
        by_coin,
        {Asset("EUR"), *map(Asset, rates)},
    )
