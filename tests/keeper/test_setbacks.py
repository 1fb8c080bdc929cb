"""Files put back, a disk without room, a clock set back: nothing that was stopped or forgotten comes back unseen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from support.keeper import (
    PASSPHRASE,
    READ,
    FakeExchange,
    Planned,
    Process,
    Seen,
    fake_exchange,
    kraken_key,
    kraken_rights,
    running,
)
from tallyglass.exchanges import registry
from tallyglass.keeper import __main__ as keeper_process
from tallyglass.keeper import journal as journals
from tallyglass.keeper.client import (
    ExchangeRefused,
    Frozen,
    JournalBroken,
    Keeper,
    KeeperError,
    VaultAltered,
    VaultUnwritten,
    WrongPassphrase,
)
from tallyglass.keeper.door import Door
from tallyglass.keeper.journal import Head, Journal
from tallyglass.keeper.uses import Held, Uses
from tallyglass.keeper.vault import Vault

KEY_INFO = "/0/private/GetApiKeyInfo"
NEW = "nine herons nap at noon"


def rights(exchange: FakeExchange, *words: str) -> None:
    """What the exchange tells of every key; each belongs to another account."""
    exchange.plans[KEY_INFO] = lambda seen: Planned(kraken_rights(*words, account=f"AA {seen.headers['api-key'][:20]}"))


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with fake_exchange() as made:
        rights(made, *READ)
        yield made


@pytest.fixture
def home(tmp_path: Path, exchange: FakeExchange) -> Path:
    """With two connections."""
    with running(tmp_path / "home", sandbox=exchange.url) as first:
        first.keeper.create(PASSPHRASE)
        first.keeper.admit("kraken", kraken_key("one"))
        first.keeper.admit("kraken", kraken_key("two"))
        assert first.stop() == 0
    return tmp_path / "home"


def drift(keeper: Keeper, exchange: FakeExchange) -> None:
    rights(exchange, *READ, "withdraw-funds")
    keeper.recheck("kraken")


ACTS: Mapping[str, Callable[[Keeper, FakeExchange], object]] = {
    "freeze": lambda keeper, _: keeper.freeze("kraken"),
    "forget": lambda keeper, _: keeper.forget("kraken"),
    "passphrase": lambda keeper, _: keeper.change_passphrase(PASSPHRASE, NEW),
    "admit": lambda keeper, _: keeper.admit("kraken", kraken_key("three")),
    "drift": drift,
}


@pytest.mark.parametrize("act", ACTS)
def test_an_older_vault_alone_is_not_taken_for_the_newest(home: Path, exchange: FakeExchange, act: str) -> None:
    with running(home, sandbox=exchange.url) as keeper:
        keeper.keeper.unlock(PASSPHRASE)
        older = (home / "vault.db").read_bytes()
        ACTS[act](keeper.keeper, exchange)
    newest = (home / "vault.db").read_bytes()
    (home / "vault.db").write_bytes(older)
    with running(home, sandbox=exchange.url) as again:
        with pytest.raises(VaultAltered, match="older than the journal") as altered:
            again.keeper.unlock(PASSPHRASE)
        assert "journal restart" in altered.value.fix
        assert again.keeper.health().state == "locked"
        (home / "vault.db").write_bytes(newest)
        again.keeper.unlock(NEW if act == "passphrase" else PASSPHRASE)
        assert again.keeper.verify_journal().intact


def test_who_has_only_an_older_vault_gets_in_by_putting_the_journal_aside(home: Path, exchange: FakeExchange) -> None:
    older = (home / "vault.db").read_bytes()
    with running(home, sandbox=exchange.url) as first:
        first.keeper.unlock(PASSPHRASE)
        first.keeper.freeze("kraken")
    (home / "vault.db").write_bytes(older)
    for name in ("journal.jsonl", "journal.head"):
        (home / name).rename(home.parent / name)
    with running(home, sandbox=exchange.url) as again:
        again.keeper.unlock(PASSPHRASE)
        with pytest.raises(JournalBroken):
            again.keeper.read("kraken", "balances")
        again.keeper.restart_journal("an old copy was all there was")
        again.keeper.read("kraken", "balances")
        older = (home / "vault.db").read_bytes()
        again.keeper.freeze("kraken")
    (home / "vault.db").write_bytes(older)
    with running(home, sandbox=exchange.url) as third, pytest.raises(VaultAltered, match="older than the journal"):
        third.keeper.unlock(PASSPHRASE)


@pytest.mark.parametrize("act", ["freeze", "forget", "passphrase"])
def test_a_keeper_killed_between_the_vault_and_its_line_goes_on(home: Path, exchange: FakeExchange, act: str) -> None:
    passphrase = NEW if act == "passphrase" else PASSPHRASE
    with running(home, sandbox=exchange.url) as keeper:
        keeper.keeper.unlock(PASSPHRASE)
        ACTS[act](keeper.keeper, exchange)
    *before, last = (home / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert b'"vault":' in last
    (home / "journal.jsonl").write_bytes(b"".join(before))
    head = Head(len(before), bytes.fromhex(json.loads(before[-1])["mac"]))
    written = Journal(home, Vault.open(home / "vault.db", passphrase).key("journal"), None)
    (home / "journal.head").write_bytes(written._signed(head))
    with running(home, sandbox=exchange.url) as again:
        again.keeper.unlock(passphrase)
        assert again.keeper.verify_journal().intact
        state = {each.id: each.state for each in again.keeper.connections()}
        assert state.get("kraken", "gone") == {"freeze": "frozen", "forget": "gone"}.get(act, "active")


def test_journal_and_head_gone_together_are_missed_before_there_is_any_connection(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    home = tmp_path / "home"
    with running(home, sandbox=exchange.url) as first:
        first.keeper.create(PASSPHRASE)
    (home / "journal.jsonl").unlink()
    (home / "journal.head").unlink()
    with running(home, sandbox=exchange.url) as second:
        second.keeper.unlock(PASSPHRASE)
        assert not second.keeper.verify_journal().intact
        with pytest.raises(JournalBroken):
            second.keeper.inspect("kraken", kraken_key())


def fill(home: Path) -> Callable[[], None]:
    """As if the disk were full: no draft of vault or head can be made. Gives what makes room again."""
    drafts = [home / "vault.db.new", home / "journal.head.new"]
    for each in drafts:
        each.mkdir()

    def room() -> None:
        for each in drafts:
            each.rmdir()

    return room


@pytest.fixture
def process(home: Path, exchange: FakeExchange) -> Iterator[Process]:
    with running(home, sandbox=exchange.url) as made:
        made.keeper.unlock(PASSPHRASE)
        yield made


def test_a_key_is_stopped_on_a_full_disk_and_stays_so_when_there_is_room(
    process: Process, exchange: FakeExchange
) -> None:
    keeper, asked = process.keeper, len(exchange.seen)
    room = fill(process.home)
    with pytest.raises(VaultUnwritten, match="kraken is stopped while this keeper runs") as told:
        keeper.freeze("kraken", "a strange e-mail")
    assert "Make room" in told.value.fix
    room()
    for _ in range(2):
        assert keeper.connections()[0].state == "frozen"
        with pytest.raises(Frozen, match="a strange e-mail"):
            keeper.read("kraken", "balances")
        keeper.lock()
        keeper.unlock(PASSPHRASE)
    assert len(exchange.seen) == asked
    process.kill()
    with running(process.home, sandbox=exchange.url) as again:  # written by the lock, as there was room
        again.keeper.unlock(PASSPHRASE)
        assert again.keeper.connections()[0].state == "frozen"
        assert again.keeper.verify_journal().intact


def test_a_key_that_gained_a_right_is_stopped_on_a_full_disk_too(process: Process, exchange: FakeExchange) -> None:
    rights(exchange, *READ, "withdraw-funds")
    (process.home / "vault.db.new").mkdir()
    with pytest.raises(VaultUnwritten):
        process.keeper.recheck("kraken")
    (process.home / "vault.db.new").rmdir()
    with pytest.raises(Frozen, match="withdraw"):
        process.keeper.read("kraken", "balances")


def test_what_cannot_be_written_is_told_and_has_not_happened(process: Process) -> None:
    (process.home / "vault.db.new").mkdir()
    for act in (
        partial(process.keeper.forget, "kraken"),
        partial(process.keeper.change_passphrase, PASSPHRASE, NEW),
        partial(process.keeper.admit, "kraken", kraken_key("three")),
    ):
        with pytest.raises(VaultUnwritten, match="cannot be written"):
            act()
    assert [each.id for each in process.keeper.connections()] == ["kraken", "kraken-2"]
    process.keeper.lock()
    with pytest.raises(WrongPassphrase):
        process.keeper.unlock(NEW)
    process.keeper.unlock(PASSPHRASE)


def test_a_full_disk_and_a_kill_do_not_make_the_vault_look_old(process: Process, exchange: FakeExchange) -> None:
    room = fill(process.home)
    for each in ("kraken", "kraken-2"):
        for _ in range(3):
            with pytest.raises(VaultUnwritten):
                process.keeper.freeze(each)
    room()
    process.kill()
    with running(process.home, sandbox=exchange.url) as again:
        again.keeper.unlock(PASSPHRASE)
        assert again.keeper.verify_journal().intact


def test_what_was_sealed_is_opened_once(process: Process) -> None:
    keeper = process.keeper
    sealed = keeper._seal("key", "kraken", kraken_key("three"))
    assert keeper.inspect_sealed("kraken", sealed).verdict == "accepted"
    for act in (keeper.admit_sealed, keeper.inspect_sealed):
        with pytest.raises(KeeperError, match="opened before") as refused:
            act("kraken", sealed)
        assert refused.value.code == "not_sealed"
    assert keeper.admit("kraken", kraken_key("three")).connection == "kraken-3"


def test_each_attempt_with_a_key_is_in_the_journal(process: Process, exchange: FakeExchange) -> None:
    late = Planned(b'{"error":["EAPI:Invalid nonce"]}')

    def once(_: Seen) -> Planned:
        return late if exchange.paths().count("/0/private/BalanceEx") == 1 else Planned()

    exchange.plans["/0/private/BalanceEx"] = once
    process.keeper.read("kraken", "balances")
    assert [each.status for each in process.keeper.journal(limit=2)] == ["200", "nonce"]
    exchange.plans["/0/private/BalanceEx"] = late
    with pytest.raises(ExchangeRefused):
        process.keeper.read("kraken", "balances")
    assert [each.status for each in process.keeper.journal(limit=3)] == ["nonce", "nonce", "200"]
    rows = [each for each in process.keeper.journal() if each.read == "balances"]
    assert len(rows) == exchange.paths().count("/0/private/BalanceEx") == 4


def test_nonces_rise_through_restarts_after_the_clock_was_set_back(
    tmp_path: Path, exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = registry.manifest("kraken")
    held = Held(manifest, "0f0f", kraken_key()["key"], kraken_key(), "kraken")
    tomorrow = time.time_ns() + 86_400 * 10**9

    async def session() -> None:
        door = Door(exchange.url)
        await door.start()
        try:
            for _ in range(3):
                await Uses(door, Journal(tmp_path, bytes(32), None)).use(held, "key_info", {}, "read")
        finally:
            await door.close()

    with monkeypatch.context() as ahead:
        told = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        ahead.setattr(journals, "_now", lambda: told)
        ahead.setattr(time, "time_ns", lambda: tomorrow)
        asyncio.run(session())
    for _ in range(3):
        asyncio.run(session())
    nonces = [int(each.form["nonce"][0]) for each in exchange.seen]
    assert nonces == sorted(set(nonces))
    assert len(nonces) == 12


@pytest.mark.parametrize("pace", ["fast", "0", "-3", "nan", "inf"])
def test_a_pace_that_is_none_is_refused_in_words(pace: str) -> None:
    with pytest.raises(ValueError, match="TALLYGLASS_SANDBOX_PACE must be a number above 0"):
        keeper_process._pace(pace)
    assert keeper_process._pace("0.5") == 0.5
