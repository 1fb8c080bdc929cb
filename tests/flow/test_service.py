"""The running program: when the keeper dies it says so and starts a new one, locked or unlocked as was chosen."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from support.home import PASSPHRASE
from support.program import HURRY
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import connections, syncing, worth
from tallyglass.app.home import Home
from tallyglass.app.problems import Problem
from tallyglass.app.service import Service
from tallyglass.app.session import Session
from tallyglass.keeper.client import Keeper, Unreachable, WrongPassphrase


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@contextmanager
def running(folder: Path, sandbox: Sandbox, passphrase: Callable[[], str] | None = None) -> Iterator[Service]:
    sandbox.unlimited()  # how fast an exchange may be asked is not the point
    with mock.patch.dict(os.environ, HURRY):
        service = Service(Home(folder / "home"), sandbox=sandbox.base_url, passphrase=passphrase)
    service.start().create(PASSPHRASE)
    service.unlock(PASSPHRASE)
    service.look_after()
    try:
        yield service
    finally:
        service.stop()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def successor(service: Service, dead: int) -> str:
    """How the keeper stands that has taken the dead one's place; "" as long as there is none."""
    try:
        health = Keeper(service.home.socket).health()
    except Unreachable:
        return ""
    return service.state if health.pid != dead and health.state == service.state else ""


def kill_keeper(service: Service) -> int:
    pid = service.session().keeper.health().pid
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_connection_is_synced_by_itself_and_listeners_are_told(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox) as service, service.listen() as told:
        connections.connect(service.session().keeper, "coinbase", sandbox.key("coinbase"))
        until(lambda: bool(worth.worth_view(service.session())["holdings"]))

        assert told.get(timeout=5) in ("sync", "worth")
        until(lambda: not service.syncing)
        assert worth.worth_view(service.session())["sources"][0]["status"] == "fresh"


def test_a_dead_keeper_is_replaced_and_unlocked_when_the_passphrase_is_at_hand(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    with running(tmp_path, sandbox, passphrase=lambda: PASSPHRASE) as service:
        connections.connect(service.session().keeper, "coinbase", sandbox.key("coinbase"))
        dead = kill_keeper(service)
        until(lambda: successor(service, dead) == "unlocked")

        assert [each.id for each in service.session().keeper.connections()] == ["coinbase"]


def test_a_dead_keeper_is_replaced_and_stays_locked_otherwise(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox) as service:
        dead = kill_keeper(service)
        until(lambda: service.state == "locked")
        assert successor(service, dead) == "locked"

        with pytest.raises(Problem, match="locked"):
            service.session()
        with pytest.raises(WrongPassphrase):
            service.unlock("not the one that was chosen")
        service.unlock(PASSPHRASE)
        assert service.state == "unlocked"


def test_a_keeper_that_the_user_locked_is_not_unlocked_by_its_death(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox, passphrase=lambda: PASSPHRASE) as service:
        dead = service.session().keeper.health().pid
        service.lock()
        os.kill(dead, signal.SIGKILL)

        until(lambda: successor(service, dead) == "locked")
        time.sleep(2.5)
        assert successor(service, dead) == "locked"


def test_a_beat_that_fails_in_an_unforeseen_way_is_not_the_last(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, sandbox, passphrase=lambda: PASSPHRASE) as service:
        failed = threading.Event()
        real = syncing.due

        def due(session: Session) -> list[str]:
            if not failed.is_set():
                failed.set()
                raise ValueError("unforeseen")
            return real(session)

        monkeypatch.setattr(syncing, "due", due)
        assert failed.wait(20)
        dead = kill_keeper(service)
        until(lambda: successor(service, dead) == "unlocked")


def test_only_what_is_due_is_synced(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox) as service:
        session = service.session()
        connections.connect(session.keeper, "coinbase", sandbox.key("coinbase"))
        until(lambda: worth.worth_view(session)["sources"] != [] and not service.syncing)
        until(lambda: "coinbase" not in syncing.due(session))
        connections.connect(session.keeper, "kraken", sandbox.key("kraken"))
        asked = len([each for each in sandbox.requests("coinbase") if each["key"]])
        until(lambda: "kraken" not in syncing.due(session))

        assert len([each for each in sandbox.requests("coinbase") if each["key"]]) == asked


def test_locking_closes_the_portfolio_too(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox) as service:
        service.lock()
        with pytest.raises(Problem, match="locked"):
            service.session()


def test_the_keeper_ends_with_the_program_that_started_it(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox) as service:
        keeper = service.session().keeper
        pid = keeper.health().pid
    with pytest.raises(Unreachable):
        Keeper(keeper.socket).health()
    assert not Path(f"/proc/{pid}").exists()


def test_a_second_program_on_one_home_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox) as service:
        second = Service(service.home, sandbox=sandbox.base_url)
        with pytest.raises(Problem, match="did not start"):
            second.start()
        second.stop()
        assert service.session().keeper.health().state == "unlocked"


def test_a_keeper_that_cannot_start_is_quoted(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path, sandbox) as service:
        home = service.home
    vault = bytearray(home.vault.read_bytes())
    vault[len(vault) // 2] ^= 1
    home.vault.write_bytes(vault)

    with pytest.raises(Problem, match=r"vault.*damaged"):
        Service(home, sandbox=sandbox.base_url).start()
