"""What opens a home: a changed passphrase, a systemd credential; a page to print; and a program that locks itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.canary import found_in, traces
from support.program import DONE, FAILED, LOCKED, PASSPHRASE, USAGE, Program, new_home, running_keeper
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app.home import Home
from tallyglass.app.service import Service

pytestmark = pytest.mark.timeout(600)
OTHER = "six grey geese above the old canal"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("town"), seed=47_122) as made:
        made.unlimited()
        yield made


@pytest.fixture
def program(tmp_path: Path, sandbox: Sandbox) -> Program:
    return new_home(tmp_path / "here", sandbox)


def test_a_changed_passphrase_alone_opens_the_home(program: Program, tmp_path: Path, sandbox: Sandbox) -> None:
    new, short = tmp_path / "new", tmp_path / "short"
    new.write_text(OTHER + "\n")
    short.write_text("too short\n")
    with running_keeper(program) as keeper:
        assert program.connect("kraken", sandbox.key("kraken"))[0] == DONE
        assert program.run("passphrase", "--new-passphrase-file", str(short)).code == FAILED
        assert program.run("passphrase", "--remember", "--forget").code == USAGE
        changed = program.json("passphrase", "--new-passphrase-file", str(new))
        assert changed == (DONE, {"passphrase": "changed"})
        keeper.lock()
        assert program.run("keys").code == LOCKED
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "tallyglass").write_text(OTHER)
    # as systemd hands it over: `LoadCredentialEncrypted=tallyglass`
    keys = program.run("keys", "--json", passphrase=False, env={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert [each["connection"] for each in keys.json()] == ["kraken"]


def test_the_recovery_kit_fits_on_paper_and_holds_no_secret(program: Program, tmp_path: Path, sandbox: Sandbox) -> None:
    key = sandbox.key("coinbase")
    with running_keeper(program):
        assert program.connect("coinbase", key, "--label", "Long term")[0] == DONE
        paper = tmp_path / "kit.txt"
        assert program.run("recovery-kit", "--output", str(paper)).code == DONE
        assert program.run("recovery-kit", "--output", str(paper)).code == FAILED  # nothing is written over
        text = paper.read_text()
        assert text == program.run("recovery-kit").out
    assert max(len(line) for line in text.splitlines() if "/" not in line) <= 80
    assert len(text.splitlines()) <= 66  # one page
    for expected in (str(program.home), "coinbase, “Long term”", "tallyglass restore FILE", "______"):
        assert expected in text
    assert found_in(text.encode(), traces({"passphrase": PASSPHRASE, "key": key["secret"]})) == []


class Clock:
    """One that can be moved on: minutes are not waited for."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@contextmanager
def served(program: Program, clock: Clock) -> Iterator[Service]:
    service = Service(Home(program.home), sandbox=program.url, clock=clock)
    service.start()
    try:
        service.unlock(PASSPHRASE)
        service.look_after()
        yield service
    finally:
        service.stop()


def state(service: Service) -> str:
    return service.state


def test_it_locks_itself_when_nobody_was_there_for_so_long(program: Program) -> None:
    clock = Clock()
    with served(program, clock) as service:
        assert program.run("set-auto-lock", "15").code == DONE
        clock.ahead += 14 * 60
        service.visit()
        clock.ahead += 14 * 60
        time.sleep(2.5)  # two beats
        assert state(service) == "unlocked"
        clock.ahead += 2 * 60
        until = time.monotonic() + 60
        while state(service) != "locked":
            assert time.monotonic() < until, "it did not lock itself"
            time.sleep(0.05)
        assert program.keeper.health().state == "locked"
