"""A sync that is cut, spoiled, doubled, outrun or replayed, in any order: every entry is there once, as it happened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from shutil import copy, rmtree
from tempfile import mkdtemp
from typing import Any, ClassVar

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, select

from support.dump import entries
from support.inmemory import BEGIN, SPOILED, Died, Exchange, Spoiled
from support.truth import WHOLE_SECONDS
from tallyglass.ledger.entries import Entry, computed
from tallyglass.money import ZERO, Amount, Asset
from tallyglass.prices import refresh
from tallyglass.sandbox.wishes import BadWish
from tallyglass.store import books, lease
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.store.tables import cursors, raw_pages
from tallyglass.sync import engine
from tallyglass.sync.job import Job
from tallyglass.sync.replay import replay
from tallyglass.sync.report import SyncReport

LONG = os.environ.get("TALLYGLASS_PROPERTIES") == "soak"
ACTS = ("deposit", "trade", "withdrawal", "reward", "convert")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: Kind, time and legs by id.
Marked = dict[str, tuple[Any, ...]]


class Mortal(Store):
    """A store whose process is killed at one of its transactions: before or within, and nothing comes after."""

    def __init__(self, store: Store) -> None:
        super().__init__(store._engine)
        self.left: int | None = None
        self.dead = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self.dead:
            raise Died
        if self.left is not None:
            self.left -= 1
        with super().write() as db:
            yield db
            if self.left == 0:
                self.dead = True
                raise Died


class Machine(RuleBasedStateMachine):
    """One connection of one exchange, and the sandbox's own books as the model."""

    exchange: ClassVar[str]
    #: What only this exchange has.
    oddities: ClassVar[tuple[str, ...]] = ("no_limits",)
    #: So many seconds after it happened a deposit may come to be known.
    latest: ClassVar[int] = 0
    #: So many seconds after the beginning the exchange begins to forget what happened before it.
    forgets: ClassVar[float] = inf
    empty: ClassVar[Path | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="tallyglass-machine-"))
        self.world = Exchange(self.exchange)
        self.store = Mortal(self._opened())
        self.before: set[str] = set()
        self.spoiled = False

    def _opened(self) -> Store:
        """An encrypted store that knows the exchange's markets: made once, copied for each example."""
        path = self.folder / "portfolio.db"
        if self.empty is None:
            place = Path(mkdtemp(prefix="tallyglass-machine-")) / "empty.db"
            made = open_store(place, bytes(32))
            refresh.markets(refresh.Refresher(made, self.world, self.world.clock), self.exchange)
            made.close()
            type(self).empty = place
        assert self.empty is not None
        copy(self.empty, path)
        return open_store(path, bytes(32))

    def teardown(self) -> None:
        self.store.close()
        rmtree(self.folder)

    # -- the exchange

    @initialize()
    def begin(self) -> None:
        self.world.happen("deposit", amount="50000")
        self.world.now += HOUR

    @rule(
        add=st.sampled_from(ACTS),
        side=st.sampled_from(("buy", "sell")),
        late=st.integers(0, 30),
        times=st.integers(1, 4),
    )
    def something_happens(self, add: str, side: str, late: int, times: int) -> None:
        more = {"side": side} if add in ("trade", "convert") else {}
        for _ in range(times):
            try:
                self.world.happen(add, late * self.latest / 30 if add == "deposit" else 0, **more)
            except BadWish:
                return
            self.world.now += 0.25

    @rule(data=st.data())
    def something_odd_happens(self, data: st.DataObject) -> None:
        try:
            self.world.special(data.draw(st.sampled_from(self.oddities)))
        except BadWish:
            return

    @rule(seconds=st.sampled_from((1, MINUTE, HOUR, DAY, 9 * DAY)))
    def time_passes(self, seconds: int) -> None:
        if self.world.now + seconds < BEGIN[self.exchange] + self.forgets:
            self.world.now += seconds

    # -- the tracker

    def _claimed(self) -> lease.Lease:
        held = lease.claim(self.store, self.exchange, "we", self.world.clock())
        assert held is not None
        return held

    def _sync(self, *, full: bool = False, commits: int | None = None) -> SyncReport | None:
        """None of one that was killed: at a request, or at so many commits."""
        self.world.now += 1
        held = self._claimed()
        self.store.left = commits
        job = Job(self.exchange, self.exchange, self.world, self.store, held, now=self.world.clock, pace=1e9)
        try:
            return engine.sync(job, full=full)
        except Died:
            return None
        finally:
            self.world.watch(lambda _number: None)
            self.store.left, self.store.dead = None, False
            self.world.spoiled.clear()

    @rule(full=st.booleans())
    def sync(self, *, full: bool) -> None:
        report = self._sync(full=full)
        assert report is not None
        assert [(part.stream, part.fault, part.text) for part in report.failed] == []
        self._is_the_truth()

    @rule(spoiled=st.lists(st.sampled_from(SPOILED), min_size=1, max_size=12), full=st.booleans())
    def sync_in_bad_weather(self, spoiled: list[Spoiled], *, full: bool) -> None:
        self.world.spoiled = list(spoiled)
        report = self._sync(full=full)
        assert report is not None
        assert {part.fault for part in report.failed} <= {"down", "rate_limited", "not_readable"}
        if not report.failed:
            self._is_the_truth()
        event(f"bad weather, {'failed' if report.failed else 'no'} parts")

    @rule(request=st.integers(1, 40), full=st.booleans())
    def sync_killed_at_a_request(self, request: int, *, full: bool) -> None:
        self.world.watch(_dies_from(request))
        event(f"killed at a request: {self._sync(full=full) is None}")

    @rule(commit=st.integers(1, 40), full=st.booleans())
    def sync_killed_at_a_commit(self, commit: int, *, full: bool) -> None:
        event(f"killed at a commit: {self._sync(full=full, commits=commit) is None}")

    @rule(request=st.integers(1, 40), full=st.booleans())
    def sync_outrun_by_another_worker(self, request: int, *, full: bool) -> None:
        taken: list[Any] = []

        def take_over(number: int) -> None:
            if number == request:
                later = self.world.clock() + lease.LENGTH * 2
                assert lease.claim(self.store, self.exchange, "they", later) is not None
                taken.append(self._state())

        self.world.watch(take_over)
        try:
            self._sync(full=full)
        except lease.LeaseLost:
            assert taken
        else:
            assert not taken, "a worker that was outrun has not noticed"
        if taken:
            assert self._state() == taken[0], "a worker that was outrun has written"
            self.world.now += lease.LENGTH.total_seconds() * 4
        event(f"outrun: {bool(taken)}")

    @rule()
    def replayed(self) -> None:
        before = self._ours()
        report = replay(self.store, self._claimed(), self.exchange, now=self.world.clock)
        assert not report.failed
        assert self._ours() == before

    # -- what must be so

    def _state(self) -> Any:
        with self.store.read() as db:
            read = [tuple(row) for row in db.execute(select(cursors).order_by(cursors.c.stream))]
            pages = [row.id for row in db.execute(select(raw_pages.c.id).order_by(raw_pages.c.id))]
        return [each.entry for each in entries(self.store)], read, pages

    def _entries(self) -> list[Entry]:
        return [each.entry for each in entries(self.store) if each.entry.status == "done"]

    def _ours(self) -> Marked:
        found = self._entries()
        ours = {
            each.id: self._mark(
                each.kind, each.time, [(leg.account, leg.asset, leg.amount, leg.role) for leg in each.legs]
            )
            for each in found
        }
        assert len(ours) == len(found), "an entry is there twice"
        return ours

    def _true(self) -> Marked:
        return {name: self._mark(*entry) for name, entry in self.world.truth().items()}

    def _mark(self, kind: str, time: Any, legs: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        told = time.replace(microsecond=0) if self.exchange in WHOLE_SECONDS else time
        return kind, told, sorted(legs)

    def _is_the_truth(self) -> None:
        ours, true = self._ours(), self._true()
        assert ours == true, {
            "missing": {name: true[name] for name in true.keys() - ours.keys()},
            "made up": {name: ours[name] for name in ours.keys() - true.keys()},
            "other": [(ours[name], true[name]) for name in ours.keys() & true.keys() if ours[name] != true[name]],
        }
        assert self._sums() == _some(self.world.venue.books["main"].wallets())

    def _sums(self) -> dict[tuple[str, Asset], Amount]:
        """As the store keeps them."""
        with self.store.read() as db:
            return _some(books.sums(db).get(self.exchange, {}))

    @invariant()
    def kept_sums_are_what_the_entries_add_up_to(self) -> None:
        assert self._sums() == _some(computed(self._entries()))

    @invariant()
    def nothing_is_made_up_and_nothing_goes_away(self) -> None:
        ours, true = self._ours(), self._true()
        for name, (_, _, legs) in ours.items():
            assert name in true, f"{name} never happened"
            assert len(legs) == len(set(legs)) or legs == true[name][2], f"{name}: a leg twice"
            assert set(legs) <= set(true[name][2]), f"{name}: {legs} and not {true[name][2]}"
        assert self.before <= ours.keys()
        self.before = set(ours)


def _some(sums: Mapping[tuple[str, Any], Amount]) -> dict[tuple[str, Asset], Amount]:
    return {place: figure for place, figure in sums.items() if figure != ZERO}


def _dies_from(request: int) -> Callable[[int], None]:
    def dies(number: int) -> None:
        if number >= request:
            raise Died

    return dies


class KrakenMachine(Machine):
    exchange = "kraken"
    oddities = ("split_fill", "dust", "pending_deposit", "deposits_arrive", "failed_withdrawal")
    latest = 20 * MINUTE


class BinanceMachine(Machine):
    exchange = "binance"
    oddities = ("earn", "redeem", "to_funding", "from_funding", "dust", "rejected_deposit", "cancelled_withdrawal")
    latest = DAY
    #: Income of futures and interest on margin are told for three months, and this account's began 82 days before.
    forgets = 6 * DAY


class CoinbaseMachine(Machine):
    exchange = "coinbase"
    oddities = ("late_trade", "pending_send", "confirm_sends", "failed_send", "short_pages", "subscription")


def _case(machine: type[Machine], examples: int, steps: int, *, soak: int) -> Any:
    case = machine.TestCase
    chosen = (soak, 30) if LONG else (examples, steps)
    case.settings = settings(max_examples=chosen[0], stateful_step_count=chosen[1])
    return case


TestKraken = _case(KrakenMachine, 6, 12, soak=2_000)
TestBinance = _case(BinanceMachine, 3, 10, soak=400)
TestCoinbase = _case(CoinbaseMachine, 6, 12, soak=2_000)
