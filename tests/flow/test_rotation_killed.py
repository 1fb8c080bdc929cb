"""A rotation that is killed at each of its steps while a sync runs: a key works at each, and no entry is lost.

The steps are `STEPS`. At each the keeper is killed by SIGKILL, at every second one the sync with it, in the midst of
its history; trades happen before, meanwhile and afterwards. Then everything is started anew.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import dying, warm
from support.closed import eventually
from support.dump import forget_ledger, open_ledger
from support.keeper import Process, running
from support.program import DONE, HURRY, Program, new_home, unlisted
from support.sandbox import Sandbox, running_sandbox
from support.tap import Heard, Tap, tapped
from support.truth import EXCHANGES, untrue
from tallyglass.keeper.client import Connection, Keeper, KeeperError, Unreachable

#: What tells of a key, at each exchange.
KEY_INFO = {
    "kraken": "/0/private/GetApiKeyInfo",
    "binance": "/sapi/v1/account/apiRestrictions",
    "coinbase": "/api/v3/brokerage/key_permissions",
}
#: Two read-only keys of one account, which take each other's place.
KINDS = {
    "kraken": ("read_only", "can_trade"),
    "binance": ("read_only", "read_only_ed25519"),
    "coinbase": ("read_only", "read_only_ed25519"),
}
#: While a sync is to be in the midst of its history each answer waits so many seconds, and so many were given.
SLOW, GIVEN = 0.05, 6


@dataclass(frozen=True, slots=True)
class Step:
    """Where the keeper is killed."""

    name: str
    #: Right before this write lasts, of those that change the vault or tell of it (`support/dying.py`).
    write: int = 0
    #: While the exchange is asked about a key for so many times.
    asked: int = 0
    #: The sync is killed too, as when the power fails.
    sync: bool = False
    #: What is found afterwards: the new key in use; the old one still in the vault.
    cut_over: bool = True
    open: bool = False
    #: Every day without a sync alone: `keeper/test_life.py` goes through every step.
    soak: bool = False


STEPS = (
    Step("the exchange is asked about the new key", asked=1, cut_over=False),
    Step("cut-over: the vault's draft", write=1, sync=True, cut_over=False, soak=True),
    Step("cut-over: the vault in its place", write=2, open=True),
    Step("cut-over: the journal's line", write=3, sync=True, open=True),
    Step("cut-over: the draft of the journal's head", write=4, open=True, soak=True),
    Step("cut-over: the journal's head in its place", write=5, sync=True, open=True, soak=True),
    Step("the exchange is asked with the old key, which was deleted", asked=2, open=True, soak=True),
    Step("the exchange is asked with the new key beside it", asked=3, sync=True, open=True),
    Step("shredding: the vault's draft", write=6, open=True, soak=True),
    Step("shredding: the vault in its place", write=7, sync=True),
    Step("shredding: the journal's line", write=8, soak=True),
    Step("shredding: the draft of the journal's head", write=9, sync=True, soak=True),
    Step("shredding: the journal's head in its place", write=10),
)


@dataclass(slots=True)
class House:
    """One home before one exchange."""

    exchange: str
    program: Program
    sandbox: Sandbox
    tap: Tap
    #: How many requests there had been when the old key was deleted at the exchange.
    deleted: int = 0

    @property
    def keeper(self) -> Keeper:
        return self.program.keeper

    def known(self) -> Connection:
        [connection] = self.keeper.connections()
        return connection

    def kind(self, key_name: str) -> str:
        return next(kind for kind in KINDS[self.exchange] if self.sandbox.key(self.exchange, kind)["key"] == key_name)

    def asked(self, since: int = 0) -> list[tuple[str, str]]:
        """Path and key of every request with a key."""
        return [(each["path"], each["key"]) for each in self.sandbox.requests(self.exchange)[since:] if each["key"]]

    def untrue(self) -> list[str]:
        with open_ledger(self.program) as store:
            return untrue(store, self.sandbox, self.exchange)

    def delete(self, key_name: str) -> None:
        """As the user does at the exchange."""
        self.sandbox.change_key(self.exchange, self.kind(key_name), dead=True)
        self.deleted = len(self.sandbox.requests(self.exchange))

    def rotate(self, new: str) -> None:
        before = self.known().key_name
        told = self.keeper.rotate(self.exchange, self.sandbox.key(self.exchange, new))
        assert told.connection == self.exchange, told
        self.delete(before)
        self.bury(before)

    def bury(self, old: str) -> None:
        """The old key is seen dead, by a request with it; but for Coinbase, whose refusal never proves a death."""
        found = self.keeper.prove_dead(self.exchange, old=True)
        assert (KEY_INFO[self.exchange], old) in self.asked(self.deleted)
        if self.exchange == "coinbase":
            assert found.answer == "cannot_tell"
            self.keeper.forget(self.exchange, old=True)
        else:
            assert found.answer == "dead", found

    def refuses_another_account(self) -> None:
        """Whatever has come of the rotation."""
        before = (self.program.home / "vault.db").read_bytes()
        wrong = self.sandbox.key(self.exchange, "wrong_account")
        if self.known().old:
            with pytest.raises(KeeperError) as refused:
                self.keeper.rotate(self.exchange, wrong)
            assert refused.value.code == "rotation_open"
        else:
            told = self.keeper.rotate(self.exchange, wrong)
            assert (told.verdict, told.reasons[0].code) == ("refused", "wrong_account")
        assert (self.program.home / "vault.db").read_bytes() == before

    def begin_to_sync(self) -> warm.Forked:
        """A sync of everything, which has read a part of the history."""
        self.sandbox.fault("delay", self.exchange, value=SLOW)
        before = len(self.tap.heard)
        given = ["sync", "--home", str(self.program.home), "--passphrase-file", str(self.program.passphrase_file)]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TALLYGLASS_SANDBOX": self.tap.url, **HURRY}
        with Path(os.devnull).open("r+b") as nothing:
            streams = warm.Streams(nothing.fileno(), nothing.fileno(), nothing.fileno())
            sync = warm.start("tallyglass", given, environment, streams)
        eventually(lambda: len(self.tap.heard) > before + GIVEN, "no history is read")
        return sync

    def arm(self, process: Process, step: Step) -> None:
        """From now on the keeper dies at that step."""
        if step.write:
            (self.program.home.parent / "armed").touch()
        left = step.asked

        def heed(heard: Heard) -> None:
            nonlocal left
            left -= heard.target.partition("?")[0].endswith(KEY_INFO[self.exchange])
            if step.asked and not left:
                process.child.kill()

        self.tap.heed = heed

    def disarm(self) -> None:
        (self.program.home.parent / "armed").unlink(missing_ok=True)
        self.tap.heed = lambda _: None
        self.sandbox.calm()


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    exchange: str = request.param
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=4) as sandbox, tapped(sandbox.base_url) as tap:
        sandbox.unlimited()
        made = House(exchange, new_home(tmp_path_factory.mktemp(exchange), sandbox), sandbox, tap)
        with runs(made) as process:
            assert process.keeper.admit(exchange, sandbox.key(exchange)).connection == exchange
        yield made
        assert unlisted(made.program, sandbox) == []


@contextmanager
def runs(house: House, step: Step | None = None) -> Iterator[Process]:
    """Its keeper, unlocked; one that dies at that step, once it is armed."""
    dies = ["--dies", "changes", str(step.write)] if step and step.write else []
    given = ["--passphrase-file", str(house.program.passphrase_file), *dies]
    program = dying.__file__ if dies else "tallyglass.keeper"
    with running(house.program.home, *given, sandbox=house.tap.url, hurried=True, program=program) as process:
        yield process


def _cases() -> Iterator[Any]:
    for exchange in EXCHANGES:
        for step in STEPS:
            # Binance says plainly that it does not know a key: nothing is asked beside it.
            if (exchange, step.asked) != ("binance", 3):
                marks = [pytest.mark.soak] if step.soak or exchange != "kraken" else []
                yield pytest.param(exchange, step, id=f"{exchange}, {step.name}", marks=marks)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("house", "step"), list(_cases()), indirect=["house"], scope="module")
def test_killed_in_the_midst_of_a_sync_a_key_works_and_no_entry_is_lost(house: House, step: Step) -> None:
    old, new = disturbed(house, step)
    with runs(house):
        known = house.known()
        assert known.state == "active"
        assert (known.key_name, known.old is not None) == (new if step.cut_over else old, step.open)
        house.keeper.read(known.id, "balances")
        assert house.asked()[-1][1] == known.key_name
        assert house.keeper.verify_journal().intact
        house.refuses_another_account()
        assert house.untrue() != [], "the sync was to have history left"

        house.sandbox.happen(house.exchange, "trade")
        assert house.program.run("sync").code == DONE
        assert house.untrue() == []
        assert house.asked()[-1][1] == known.key_name
        if step.open:
            house.delete(old)
            house.bury(old)
            assert house.known().old is None
            house.refuses_another_account()
        if step.cut_over:
            assert (KEY_INFO[house.exchange], old) in house.asked(house.deleted)
            assert house.program.traces(house.sandbox.key(house.exchange, house.kind(old))) == []


def disturbed(house: House, step: Step) -> tuple[str, str]:
    """A rotation during which the keeper dies while a sync reads: the key before, and the new one."""
    for kind in KINDS[house.exchange]:
        house.sandbox.change_key(house.exchange, kind, dead=False, revoke=["trade"])
    forget_ledger(house.program.home)
    with runs(house, step) as process:
        old = house.known().key_name
        kind = next(each for each in KINDS[house.exchange] if each != house.kind(old))
        house.sandbox.happen(house.exchange, "trade")
        sync = house.begin_to_sync()
        try:
            house.sandbox.happen(house.exchange, "trade")
            house.arm(process, step)
            with pytest.raises(Unreachable):
                house.rotate(kind)
            assert process.child.wait(10) == -signal.SIGKILL
            if step.sync:
                sync.kill()
            assert sync.wait(60) != 0
        finally:
            house.disarm()
            sync.kill()
    return old, house.sandbox.key(house.exchange, kind)["key"]
