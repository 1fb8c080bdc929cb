"""A home whose program and whose keeper are killed without warning, in the midst of a sync."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.dump import dump_of, forget_ledger
from support.program import HURRY, Program, await_keeper, new_home, start_keeper, unlisted
from support.sandbox import Sandbox
from support.warm import Forked

WHOM = (("program",), ("keeper",), ("program", "keeper"))
#: A sync whose keeper was killed notices it, and ends by itself.
_NOTICES = 300


@dataclass(frozen=True, slots=True)
class Kill:
    """Whom to kill, and after what part of a sync's usual length."""

    whom: tuple[str, ...]
    after: float


@dataclass(frozen=True, slots=True)
class Round:
    """Syncs that are killed, and then one that is not: from nothing, or with these options on what is there."""

    more: tuple[str, ...]
    kills: tuple[Kill, ...]


@dataclass(slots=True)
class Victim:
    """One home, its keeper a process of its own."""

    program: Program
    keeper: Forked
    killed: list[Kill] = field(default_factory=list)

    def begin(self, *more: str) -> subprocess.Popen[bytes]:
        """A sync of everything that is connected, begun."""
        command = [str(Path(sys.executable).with_name("tallyglass")), "sync", "--json", *more]
        given = ["--home", str(self.program.home), "--passphrase-file", str(self.program.passphrase_file)]
        environment = {**os.environ, **HURRY, "TALLYGLASS_SANDBOX": self.program.url, "PYTHONFAULTHANDLER": "1"}
        return subprocess.Popen([*command, *given], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, *more: str) -> bytes:
        """A sync that nobody disturbs, which must end well; the ledger then."""
        told = self._ended(self.begin(*more))
        assert isinstance(told, list), told
        assert [part for part in told if part["fault"]] == []
        return dump_of(self.program)

    def kill(self, whom: tuple[str, ...], after: float, *more: str) -> bool:
        """Begin a sync and kill it after some seconds; False when it was done before, and well."""
        sync = self.begin(*more)
        try:
            sync.wait(after)
        except subprocess.TimeoutExpired:
            pass
        else:
            return self._ended(sync) is None or sync.returncode != 0
        if "program" in whom:
            sync.kill()
        if "keeper" in whom:
            self.keeper.kill()
        if "keeper" in whom:
            self.keeper.wait(20)
        self._ended(sync)
        self.revive()
        return True

    def revive(self) -> None:
        """Let the keeper run again, as whoever looks after it would."""
        if self.keeper.poll() is not None:
            self.keeper = start_keeper(self.program)
            await_keeper(self.program, self.keeper)

    def anew(self) -> None:
        """Forget the ledger; the keys stay."""
        forget_ledger(self.program.home)

    @staticmethod
    def _ended(sync: subprocess.Popen[bytes]) -> list[dict[str, Any]] | None:
        """What a sync told at its end; None of one that was killed."""
        try:
            told, words = sync.communicate(timeout=_NOTICES)
        except subprocess.TimeoutExpired:
            sync.send_signal(signal.SIGABRT)  # it tells where each of its threads stands
            raise AssertionError(f"the sync does not end:\n{sync.communicate()[1].decode()}") from None
        assert told or sync.returncode < 0, words
        found: list[dict[str, Any]] | None = json.loads(told) if told else None
        return found


@contextmanager
def victim(folder: Path, sandbox: Sandbox, *exchanges: str) -> Iterator[Victim]:
    """A home with the read-only keys of these exchanges, not yet synced. In the end its journal must be intact."""
    sandbox.unlimited()
    program = new_home(folder, sandbox)
    made = Victim(program, start_keeper(program))
    try:
        await_keeper(program, made.keeper)
        for exchange in exchanges:
            code, told = program.connect(exchange, sandbox.key(exchange))
            assert code == 0, told
        yield made
        assert program.json("journal", "verify")[1]["intact"]
        assert unlisted(program, sandbox) == []
    finally:
        made.keeper.terminate()
        made.keeper.wait(20)


def spread(kills: int, seed: int) -> Iterator[Round]:
    """One sync from nothing, killed again and again on its way."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    yield Round((), tuple(Kill(chance.choice(WHOM), chance.uniform(0.3, 1) / kills) for _ in range(kills)))


def scattered(seed: int) -> Iterator[Round]:
    """Rounds without end: some are killed once and late, others early and often; some read all that is there again."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    while True:
        part = chance.choice((1, 1, 0.5, 0.2))
        kills = tuple(
            Kill(chance.choice(WHOM), chance.uniform(0.02, part)) for _ in range(chance.randint(1, round(3 / part)))
        )
        yield Round(chance.choice(((), (), ("--full",))), kills)


def campaign(one: Victim, rounds: Iterable[Round], kills: int) -> Iterator[bytes]:
    """The ledger of a sync that nobody disturbs, then that of each round, until so many kills were made."""
    begun = time.monotonic()
    undisturbed = one.finish()
    seconds = time.monotonic() - begun
    yield undisturbed
    for each in rounds:
        if not each.more:
            one.anew()
        more = each.more
        for kill in each.kills:
            if not one.kill(kill.whom, kill.after * seconds, *more):
                break  # it was quicker
            one.killed.append(kill)
            more = ()
        yield one.finish()
        if len(one.killed) >= kills:
            return
