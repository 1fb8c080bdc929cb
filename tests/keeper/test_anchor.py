"""The journal's end in the vault never goes back: a journal from which a counted line is gone stays broken."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.keeper import PASSPHRASE, READ, FakeExchange, Planned, fake_exchange, kraken_key, kraken_rights
from tallyglass.keeper import sealing
from tallyglass.keeper import vault as vaults
from tallyglass.keeper.client import KeeperError
from tallyglass.keeper.door import Door
from tallyglass.keeper.service import Service

PAIR = ("journal.jsonl", "journal.head")
Files = Mapping[str, bytes]


@pytest.fixture(scope="module")
def exchange() -> Iterator[FakeExchange]:
    with fake_exchange() as made:
        made.plans["/0/private/GetApiKeyInfo"] = Planned(kraken_rights(*READ))
        yield made


def pair(home: Path) -> Files:
    return {each: (home / each).read_bytes() for each in PAIR if (home / each).exists()}


def put(home: Path, files: Files) -> None:
    """Back in place, and nothing else there."""
    for each in PAIR:
        (home / each).unlink(missing_ok=True)
        if each in files:
            (home / each).write_bytes(files[each])


class House:
    """A keeper that is used, stopped, killed and robbed; `counted`: the lines that its vault has ever counted."""

    def __init__(self, home: Path, door: Door, url: str) -> None:
        self.home = home
        self._made = partial(Service, home, door, sandbox=url)
        self.service = self._made()
        self.counted: list[bytes] = []
        self.saved: Files = {}
        #: The last MAC of every journal that there was → its lines.
        self._known: dict[str, list[bytes]] = {}
        #: The journal when it was last whole.
        self.longest: Files = {}
        self._keys = 0

    def sealed(self, purpose: str, exchange: str, told: Mapping[str, str]) -> str:
        to = self.service.seal_key()
        return sealing.seal(to.public_key, sealing.info(purpose, to.install_id, exchange), told)

    def key(self) -> str:
        self._keys += 1
        return self.sealed("key", "kraken", kraken_key(str(self._keys)))

    async def begin(self) -> None:
        await self.service.create(self.sealed("passphrase", "", {"new": PASSPHRASE}))
        await self.service.admit("kraken", self.key(), "", accept_unproven=False)
        self.saved = pair(self.home)
        self._look()

    def _look(self) -> list[bytes]:
        """The lines that there are, remembered."""
        lines = pair(self.home).get("journal.jsonl", b"").splitlines(keepends=True)
        self._known |= {json.loads(line)["mac"]: lines[:number] for number, line in enumerate(lines, 1)}
        return lines

    async def act(self, what: str, number: int) -> None:
        """One thing that the user, a crash or a thief does; what the keeper refuses meanwhile is no matter."""
        with contextlib.suppress(KeeperError):
            await getattr(self, f"_{what}")(number)
        self._look()

    async def _use(self, _: int) -> None:
        await self.service.read("kraken", "balances", {})

    async def _sync(self, _: int) -> None:
        for each in ("balances", "ledger", "trades"):
            await self.service.read("kraken", each, {})

    async def _rotate(self, _: int) -> None:
        await self.service.rotate("kraken", self.key(), accept_unproven=False, same_account=True)

    async def _admit(self, _: int) -> None:
        await self.service.admit("kraken", self.key(), "", accept_unproven=False)

    async def _freeze(self, _: int) -> None:
        self.service.freeze("kraken", "a doubt")

    async def _thaw(self, _: int) -> None:
        await self.service.thaw("kraken")

    async def _lock(self, _: int) -> None:
        self.service.lock()

    async def _kill(self, _: int) -> None:
        self.service = self._made()

    async def _unlock(self, _: int) -> None:
        await self.service.unlock_with(PASSPHRASE)

    async def _save(self, _: int) -> None:
        self.saved = pair(self.home)

    async def _rollback(self, _: int) -> None:
        put(self.home, self.saved)

    async def _delete(self, _: int) -> None:
        put(self.home, {})

    async def _behead(self, _: int) -> None:
        (self.home / "journal.head").unlink(missing_ok=True)

    async def _cut(self, number: int) -> None:
        files = dict(pair(self.home))
        files["journal.jsonl"] = b"".join(files.get("journal.jsonl", b"").splitlines(keepends=True)[:-number])
        put(self.home, files)

    async def _mend(self, _: int) -> None:
        put(self.home, self.longest)

    async def check(self) -> None:
        """What must hold after whatever was done."""
        if self.service.health().state != "unlocked":
            await self.service.unlock_with(PASSPHRASE)
        told = vaults.Vault.open(self.home / "vault.db", PASSPHRASE).record("@journal")
        files, lines = pair(self.home), self._look()
        assert told["count"] >= len(self.counted), "the vault counts fewer lines than it did"
        self.counted = self._known[told["mac"]]
        if lines[: len(self.counted)] != self.counted:
            assert not self.service.verify_journal().intact
            with pytest.raises(KeeperError):
                await self.service.recheck("kraken")
        elif len(files) == len(PAIR) and lines[: len(self._most)] == self._most:
            assert self.service.verify_journal().intact, "a false alarm"
            self.longest = files

    @property
    def _most(self) -> list[bytes]:
        return self.longest.get("journal.jsonl", b"").splitlines(keepends=True)


QUIET = ("use", "sync", "rotate", "admit", "freeze", "thaw", "lock", "unlock", "kill", "save")
THEFT = ("rollback", "delete", "behead", "cut", "mend")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(QUIET + THEFT), st.integers(1, 12)), max_size=14))
def test_whatever_happens_a_counted_line_that_is_gone_is_missed(
    exchange: FakeExchange, acts: list[tuple[str, int]]
) -> None:
    async def scenario(home: Path) -> None:
        door = Door(exchange.url)
        await door.start()
        try:
            house = House(home, door, exchange.url)
            await house.begin()
            await house.check()
            for what, number in acts:
                await house.act(what, number)
                if what not in ("lock", "kill"):
                    await house.check()
            await house.check()
        finally:
            await door.close()

    def quick(head: vaults.Header, passphrase: str) -> bytes:
        return hashlib.sha256(head.salt + passphrase.encode()).digest()

    with tempfile.TemporaryDirectory() as name, mock.patch.object(vaults, "_kek", quick):
        asyncio.run(scenario(Path(name)))
