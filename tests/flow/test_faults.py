"""Whatever goes wrong on the way to an exchange: after one more sync the ledger is what it would have been."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copy
from time import monotonic, sleep

import pytest

from support.dump import differences, dump
from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from support.truth import EXCHANGES, untrue
from support.weather import FAULTS, HISTORY, Fault, weather
from tallyglass.app import reconciling, syncing
from tallyglass.app.session import Session
from tallyglass.store.sqlcipher import open_store

#: Every day these meet one exchange; in the long campaign all meet all three.
TODAY = ("told_to_wait", "cut_off", "clock_ahead", "nonce_used", "closed")
BY_NAME = {each.name: each for each in FAULTS}
#: Longer than five minutes: so long an exchange may be closed.
CLOSED = 330


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=11) as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *EXCHANGES) as opened:
        yield opened


@dataclass
class Undisturbed:
    """What each exchange's ledger is after a sync under a clear sky: the truth."""

    home: Session
    sandbox: Sandbox
    folder: Path
    _found: dict[str, set[bytes]] = field(default_factory=dict)

    def lines(self, exchange: str) -> set[bytes]:
        """Of the dump."""
        if exchange not in self._found:
            with empty(self.home, self.folder / exchange) as session:
                synced(session, exchange)
                assert untrue(session.store, self.sandbox, exchange) == []
                self._found[exchange] = set(dump(session.store).splitlines())
        return self._found[exchange]

    def assert_same(self, session: Session, *names: str) -> None:
        """Neither a line more nor one less, none twice."""
        found, wanted = dump(session.store), set().union(*(self.lines(name) for name in names))
        lines = found.splitlines()
        assert set(lines) == wanted, differences(b"\n".join(sorted(wanted)), found)
        assert len(lines) == len(wanted)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, home: Session, sandbox: Sandbox) -> Undisturbed:
    return Undisturbed(home, sandbox, tmp_path_factory.mktemp("undisturbed"))


@contextmanager
def empty(home: Session, folder: Path) -> Iterator[Session]:
    """The same keys, and a ledger that knows nothing yet."""
    folder.mkdir(exist_ok=True)
    made = folder.parent / "empty.db"
    if not made.exists():
        open_store(made, bytes(32)).close()
    copy(made, folder / "portfolio.db")
    store = open_store(folder / "portfolio.db", bytes(32))
    try:
        yield replace(home, store=store)
    finally:
        store.close()


def synced(session: Session, *names: str, full: bool = False) -> None:
    """A sync in which nothing goes wrong."""
    parts = syncing.sync(session, *names, full=full)
    assert [part for part in parts if part["fault"]] == []


@contextmanager
def faulty(sandbox: Sandbox, fault: Fault, *names: str) -> Iterator[None]:
    """It meets some requests at once, and more in the midst of history."""
    for name in names:
        fault.order(sandbox, name, times=3)
        fault.order(sandbox, name, HISTORY[name], times=4)
    try:
        yield
    finally:
        sandbox.calm()


@pytest.mark.parametrize("name", TODAY)
def test_a_fault_is_made_up_for_by_the_next_sync(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed, name: str
) -> None:
    with empty(home, tmp_path) as session:
        with faulty(sandbox, BY_NAME[name], "kraken"):
            syncing.sync(session, "kraken")
        synced(session, "kraken")
        undisturbed.assert_same(session, "kraken")


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_of_all_exchanges_is_made_up_for(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed, fault: Fault
) -> None:
    with empty(home, tmp_path) as session:
        with faulty(sandbox, fault, *EXCHANGES):
            syncing.sync(session)
        synced(session)
        undisturbed.assert_same(session, *EXCHANGES)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 7))
def test_all_faults_mixed_are_made_up_for(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed, seed: int
) -> None:
    with empty(home, tmp_path) as session:
        for _ in range(3):
            with weather(sandbox, seed, 0.2, *FAULTS):
                syncing.sync(session)
        synced(session)
        undisturbed.assert_same(session, *EXCHANGES)


@pytest.mark.soak
def test_answers_that_take_ten_seconds_are_waited_for(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed
) -> None:
    with empty(home, tmp_path) as session:
        with faulty(sandbox, Fault("very_slow", "delay", {"value": 10}), *EXCHANGES):
            synced(session)
        undisturbed.assert_same(session, *EXCHANGES)


@pytest.mark.soak
def test_five_minutes_of_maintenance_are_told_and_outlasted(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed
) -> None:
    with empty(home, tmp_path) as session:
        sandbox.fault("maintenance", value=300)
        until, told = monotonic() + CLOSED, []
        while parts := [part for part in syncing.sync(session) if part["fault"]]:
            told += [(part["connection"], part["fault"]) for part in parts]
            assert monotonic() < until, parts
            sleep(20)
        assert {connection for connection, _ in told} == set(EXCHANGES)
        undisturbed.assert_same(session, *EXCHANGES)


@pytest.mark.soak
def test_a_second_client_with_the_same_keys_takes_nothing_away(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed
) -> None:
    (tmp_path / "other").mkdir()
    with empty(home, tmp_path / "here") as session, open_home(tmp_path / "other", sandbox, *EXCHANGES) as other:
        for _ in range(3):
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(syncing.sync, (session, other)))
        for each in (session, other):
            synced(each)
            undisturbed.assert_same(each, *EXCHANGES)


def test_an_exchange_that_repeats_itself_for_ever_is_named(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed
) -> None:
    with empty(home, tmp_path) as session:
        sandbox.fault("repeat", "kraken", HISTORY["kraken"])
        try:
            parts = syncing.sync(session, "kraken")
        finally:
            sandbox.calm()
        assert "repeats" in {part["fault"] for part in parts}
        synced(session, "kraken")
        undisturbed.assert_same(session, "kraken")


@pytest.mark.soak
def test_windows_that_all_tell_the_same_leave_gaps_that_are_shown_and_a_full_sync_closes_them(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed
) -> None:
    with empty(home, tmp_path) as session:
        sandbox.fault("repeat", "binance", HISTORY["binance"])
        try:
            parts = syncing.sync(session, "binance")
        finally:
            sandbox.calm()
        assert reconciling.reconcile(session) or any(part["fault"] for part in parts)
        synced(session, "binance", full=True)
        undisturbed.assert_same(session, "binance")


@pytest.mark.parametrize(
    "exchange", ["kraken", *(pytest.param(name, marks=pytest.mark.soak) for name in EXCHANGES[1:])]
)
def test_rows_that_a_jumping_cursor_passes_over_are_missed_and_a_full_sync_brings_them(
    tmp_path: Path, home: Session, sandbox: Sandbox, undisturbed: Undisturbed, exchange: str
) -> None:
    with empty(home, tmp_path) as session:
        sandbox.fault("jump", exchange, HISTORY[exchange])
        try:
            parts = syncing.sync(session, exchange)
        finally:
            sandbox.calm()
        assert reconciling.reconcile(session) or any(part["fault"] for part in parts)
        synced(session, exchange, full=True)
        undisturbed.assert_same(session, exchange)
