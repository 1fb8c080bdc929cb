"""Refreshes last prices, markets and daily rates, all through the keeper's door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from tallyglass.exchanges import registry
from tallyglass.exchanges.ecb import parse as ecb
from tallyglass.exchanges.streams import Known, Market, NotReadable, Ticker
from tallyglass.keeper.client import Answer, ExchangeRefused, KeeperError
from tallyglass.prices.bundled import bundled_rates
from tallyglass.prices.routes import ECB
from tallyglass.store import present
from tallyglass.store.base import Db, Store

MARKETS_EVERY = timedelta(hours=24)
RATES_EVERY = timedelta(hours=6)


class Door(Protocol):
    """The part of the keeper that prices need."""

    def public_read(self, source: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Refresher:
    """Everything that a refresh works with."""

    store: Store
    door: Door
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def markets(with_: Refresher, exchange: str) -> None:
    """Learn the markets of an exchange, at most once a day. A failure is noted, not raised."""
    _refresh(with_, exchange, "markets", MARKETS_EVERY)


def tickers(with_: Refresher, exchange: str) -> None:
    """Learn the last prices of an exchange. A failure is noted, not raised: the old prices keep their age."""
    _refresh(with_, exchange, "tickers", timedelta(0))


def rates(with_: Refresher) -> None:
    """Learn the ECB's daily rates since the newest day that is known; the bundled history fills an empty store."""
    newest = bundled(with_.store)
    if not _due(with_, ECB, "rates", RATES_EVERY):
        return
    since = (date.fromisoformat(newest) if newest else with_.now().date()) - timedelta(days=7)

    def store(db: Db, _read: str, answer: Answer) -> None:
        found = ecb.rates(answer.body)
        present.set_rates(db, ((rate.day.isoformat(), rate.currency, rate.per_euro) for rate in found))

    _ask(with_, (ECB, "rates"), {"rates": {"startPeriod": since.isoformat()}}, store)


def bundled(store: Store) -> str:
    """See to it that there are rates, if only the bundled ones: the newest day of which they are."""
    with store.write() as db:
        if not present.newest_rates(db)[0]:
            present.set_rates(db, bundled_rates())
        return present.newest_rates(db)[0]


def _refresh(with_: Refresher, exchange: str, part: str, every: timedelta) -> None:
    if not _due(with_, exchange, part, every):
        return

    def store(db: Db, read: str, answer: Answer) -> None:
        known = Known(markets=present.markets_of(db, exchange))
        items = registry.parsing(exchange).parse(read, answer.body, known).items
        if part == "markets":
            present.set_markets(db, exchange, (item for item in items if isinstance(item, Market)))
        else:
            present.set_tickers(db, exchange, (item for item in items if isinstance(item, Ticker)), answer.at)

    reads = [read for read in registry.manifest(exchange).reads if read.split(".")[0] == part]
    _ask(with_, (exchange, part), {read: {} for read in reads}, store)


def _due(with_: Refresher, source: str, part: str, every: timedelta) -> bool:
    with with_.store.read() as db:
        for each in present.list_freshness(db):
            if (each.source, each.part) == (source, part) and each.fresh_at is not None and not each.fault:
                return with_.now() - each.fresh_at >= every
    return True


def _ask(
    with_: Refresher,
    what: tuple[str, str],
    reads: Mapping[str, Mapping[str, str]],
    store: Callable[[Db, str, Answer], None],
) -> None:
    """Make the reads of one part of a source and store their answers, all or none."""
    source, part = what
    fault, text, fix = "", "", ""
    try:
        answers = {read: with_.door.public_read(source, read, params) for read, params in reads.items()}
        with with_.store.write() as db:
            for read, answer in answers.items():
                store(db, read, answer)
            present.went_well(db, source, part, with_.now())
    except ExchangeRefused as error:
        fault, text, fix = error.fault_code, error.text, error.fix
    except KeeperError as error:
        fault, text, fix = error.code, error.text, error.fix
    except NotReadable as error:
        fault, text = "not_readable", f"the answer of {source} to {part} cannot be read: {error}"
        fix = "Older prices are shown with their age. Upgrade Tallyglass if it stays so."
    if fault:
        with with_.store.write() as db:
            present.went_wrong(db, present.Freshness(source, part, None, with_.now(), fault, text, fix))
