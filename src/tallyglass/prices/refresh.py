"""Refreshes last prices, markets and daily rates, all through the keeper's door."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from tallyglass.exchanges import registry
from tallyglass.exchanges.ecb import parse as ecb
from tallyglass.exchanges.streams import Close, Coin, Known, Market, NotReadable, Ticker
from tallyglass.keeper.client import Answer, ExchangeRefused, KeeperError
from tallyglass.money import Asset
from tallyglass.prices.bundled import bundled_rates
from tallyglass.prices.coins import COMMON, DOLLAR, MAJORS, coins_of
from tallyglass.prices.paths import CROWN
from tallyglass.prices.routes import COINGECKO, DEFILLAMA, ECB, NORGES_BANK
from tallyglass.prices.stored import switched_off
from tallyglass.store import closes, identities, present, worth
from tallyglass.store.base import Db, Store

MARKETS_EVERY = timedelta(hours=24)
RATES_EVERY = timedelta(hours=6)
COINS_EVERY = timedelta(days=7)
SECOND_EVERY = timedelta(minutes=10)

#: So many opinions outvote a wrong one.
ENOUGH = 3
#: So far back the sandbox's histories reach at most.
MADE_UP = timedelta(days=5 * 366)
#: So long a param the keeper takes.
LONGEST_PARAM = 1000


class Door(Protocol):
    """The part of the keeper that prices need."""

    def public_read(self, source: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Refresher:
    """Everything that a refresh works with."""

    store: Store
    door: Door
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: A sandbox stands for every source: what is bundled is real, and does not go with what it makes up.
    made_up: bool = False


def markets(with_: Refresher, exchange: str) -> None:
    """Learn the markets of an exchange, at most once a day. A failure is noted, not raised."""
    _refresh(with_, exchange, "markets", MARKETS_EVERY)


def tickers(with_: Refresher, exchange: str) -> None:
    """Learn the last prices of an exchange. A failure is noted, not raised: the old prices keep their age."""
    _refresh(with_, exchange, "tickers", timedelta(0))


def rates(with_: Refresher) -> None:
    """Learn the ECB's daily rates since the newest day that is known; the bundled history fills an empty store."""
    if with_.made_up:
        with with_.store.read() as db:
            newest = present.newest_rates(db)[0]
    else:
        newest = bundled(with_.store)
    if not _due(with_, ECB, "rates", RATES_EVERY):
        return
    since = date.fromisoformat(newest) - timedelta(days=7) if newest else with_.now().date() - MADE_UP

    def store(db: Db, _read: str, answer: Answer) -> None:
        found = ecb.rates(answer.body)
        present.set_rates(db, ((rate.day.isoformat(), rate.currency, rate.per_euro) for rate in found))

    _ask(with_, (ECB, "rates"), [("rates", {"startPeriod": since.isoformat()})], store)


def second_opinions(with_: Refresher, assets: Collection[Asset]) -> None:
    """Learn what the sources beside the exchanges say of some assets, as far as the user lets them be asked."""
    with with_.store.read() as db:
        off = switched_off(db)
        known = coins_of(db, assets)
    if COINGECKO not in off:
        if any(asset not in known for asset in assets):
            _coin_list(with_)
        _second(with_, COINGECKO, assets)
    if DEFILLAMA not in off:
        _second(with_, DEFILLAMA, assets)
    if NORGES_BANK not in off:
        crowns(with_)


def crowns(with_: Refresher) -> None:
    """Learn the daily rates of Norges Bank since the newest day that is known."""
    if not _due(with_, NORGES_BANK, "rates", RATES_EVERY):
        return
    today = with_.now().date()
    with with_.store.read() as db:
        newest = closes.newest(db, NORGES_BANK, DOLLAR, CROWN)
    since = (newest or today) - timedelta(days=7)

    def store(db: Db, read: str, answer: Answer) -> None:
        found = registry.parsing(NORGES_BANK).parse(read, answer.body, Known()).items
        closes.set_closes(db, NORGES_BANK, (item for item in found if isinstance(item, Close)))

    span = {"startPeriod": since.isoformat(), "endPeriod": today.isoformat()}
    _ask(with_, (NORGES_BANK, "rates"), [("rates", span)], store)


def _coin_list(with_: Refresher) -> None:
    """Learn which coins there are, to tell apart those of one symbol: rarely, and only when a symbol is not known."""
    if not _due(with_, COINGECKO, "coins", COINS_EVERY):
        return

    def store(db: Db, read: str, answer: Answer) -> None:
        found = registry.parsing(COINGECKO).parse(read, answer.body, Known()).items
        worth.outdate(db, date.min)  # where it is known by now that nobody else prices an asset, nothing is missing
        identities.set_coins(db, COINGECKO, (item for item in found if isinstance(item, Coin)))

    _ask(with_, (COINGECKO, "coins"), [("markets", {})], store)


def _second(with_: Refresher, source: str, assets: Collection[Asset]) -> None:
    """CoinGecko tells of many coins at once, and is asked for the majors always, so that it does not see which of them
    are owned. DefiLlama tells of one, and is asked where there are too few opinions to outvote a wrong one.
    """
    if not _due(with_, source, "tickers", SECOND_EVERY):
        return
    with with_.store.read() as db:
        if source == COINGECKO:
            assets = {*assets, *map(Asset, MAJORS)}
        else:
            assets = _lonely(present.list_tickers(db), {*assets, *COMMON})
        coins = coins_of(db, assets)
    listed = {coin: Market(coin, asset, DOLLAR) for asset, coin in coins.items()}
    param = "ids" if source == COINGECKO else "coin"
    wanted = [("tickers", {param: some}) for some in _joined(sorted(listed), at_once=source == COINGECKO)]
    found: list[Ticker] = []
    strange: set[str] = set()

    def store(db: Db, read: str, answer: Answer) -> None:
        parsed = registry.parsing(source).parse(read, answer.body, Known(markets=listed))
        found.extend(item for item in parsed.items if isinstance(item, Ticker))
        strange.update(each.id.rpartition(":")[0].rpartition(":")[2] for each in parsed.unparsed)
        present.set_tickers(db, source, found, answer.at)
        _refuse(db, source, {(each.base, each.quote) for coin, each in listed.items() if coin in strange})

    if wanted:
        _ask(with_, (source, "tickers"), wanted, store)


def refused(db: Db, source: str) -> list[tuple[Asset, Asset]]:
    """The markets of which a source, when it was last asked, told no price that is one."""
    told = json.loads(present.setting(db, f"prices.refused.{source}", "[]"))
    return [(Asset(base), Asset(quote)) for base, quote in told]


def _refuse(db: Db, source: str, markets: Iterable[tuple[Asset, Asset]]) -> None:
    present.set_setting(db, f"prices.refused.{source}", json.dumps(sorted(markets)))


def _lonely(tickers: Iterable[tuple[str, Ticker, datetime]], assets: Collection[Asset]) -> set[Asset]:
    """The assets of which so few others tell a price that none of them could be outvoted."""
    by: dict[Asset, set[str]] = {asset: set() for asset in assets}
    for source, ticker, _ in tickers:
        if ticker.base in by and source != DEFILLAMA:
            by[ticker.base].add(source)
    return {asset for asset, sources in by.items() if len(sources) < ENOUGH}


def _joined(coins: Sequence[str], *, at_once: bool) -> Iterator[str]:
    """The ids as params: one each, or as many as a param takes."""
    some = ""
    for coin in coins:
        if some and (not at_once or len(some) + len(coin) >= LONGEST_PARAM):
            yield some
            some = ""
        some = f"{some},{coin}" if some else coin
    if some:
        yield some


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
            trading = {(each.base, each.quote) for each in known.markets.values() if each.open}
            told = [item for item in items if isinstance(item, Ticker)]
            present.set_tickers(db, exchange, told, answer.at, trading)
            _refuse(db, exchange, trading - {(each.base, each.quote) for each in told})

    reads = [read for read in registry.manifest(exchange).reads if read.split(".")[0] == part]
    _ask(with_, (exchange, part), [(read, {}) for read in reads], store)


def _due(with_: Refresher, source: str, part: str, every: timedelta) -> bool:
    with with_.store.read() as db:
        for each in present.list_freshness(db):
            if (each.source, each.part) == (source, part) and each.fresh_at is not None and not each.fault:
                return with_.now() - each.fresh_at >= every
    return True


def _ask(
    with_: Refresher,
    what: tuple[str, str],
    reads: Sequence[tuple[str, Mapping[str, str]]],
    store: Callable[[Db, str, Answer], None],
) -> None:
    """Make the reads of one part of a source and store their answers, all or none."""
    source, part = what
    fault, text, fix = "", "", ""
    try:
        answers = [(read, with_.door.public_read(source, read, params)) for read, params in reads]
        with with_.store.write() as db:
            for read, answer in answers:
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
