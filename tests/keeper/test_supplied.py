"""Keys that are kept elsewhere: in no file of the keeper, used after they were brought, gone at the next lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.keeper import PASSPHRASE, FakeExchange, fake_exchange, kraken_key, running
from tallyglass.keeper.client import REFERENCE, BadKey, Keeper, NotAllowed, Unsupplied
from tallyglass.keeper.vault import Vault

WHERE = "pass:exchanges/kraken"
KEPT = {**kraken_key(), REFERENCE: WHERE}


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with fake_exchange() as made:
        yield made


def test_the_vault_holds_where_the_key_is_and_not_the_key(tmp_path: Path, exchange: FakeExchange) -> None:
    home = tmp_path / "home"
    with running(home, sandbox=exchange.url) as process:
        keeper = process.keeper
        keeper.create(PASSPHRASE)
        assert keeper.admit("kraken", KEPT).connection == "kraken"
        assert [each.reference for each in keeper.connections()] == [WHERE]
        vault = Vault.open(home / "vault.db", PASSPHRASE)
        assert vault.secret("kraken") == {}
        assert kraken_key()["secret"] not in repr(vault.records())
        keeper.read("kraken", "balances")  # it was just handed over
        assert keeper.unsupplied() == []
        _gone_at_the_lock(keeper, exchange)
        keeper.forget("kraken")
        assert keeper.unsupplied() == []


def _gone_at_the_lock(keeper: Keeper, exchange: FakeExchange) -> None:
    keeper.lock()
    keeper.unlock(PASSPHRASE)
    [lacking] = keeper.unsupplied()
    asked = len(exchange.seen)
    for act in (keeper.recheck, keeper.thaw, lambda name: keeper.read(name, "balances")):
        with pytest.raises(Unsupplied) as told:
            act("kraken")
        assert WHERE in told.value.text
    assert len(exchange.seen) == asked
    keeper.supply(lacking, kraken_key())
    keeper.read("kraken", "balances")
    assert keeper.verify_journal().intact


def test_only_the_key_that_was_connected_is_taken(tmp_path: Path, exchange: FakeExchange) -> None:
    with running(tmp_path / "home", sandbox=exchange.url) as process:
        keeper = process.keeper
        keeper.create(PASSPHRASE)
        keeper.admit("kraken", KEPT)
        keeper.lock()
        keeper.unlock(PASSPHRASE)
        [lacking] = keeper.unsupplied()
        with pytest.raises(BadKey) as other:
            keeper.supply(lacking, kraken_key("two"))
        assert other.value.code == "other_key"
        assert keeper.unsupplied() == [lacking]


def test_a_key_in_the_vault_is_brought_from_nowhere_else(tmp_path: Path, exchange: FakeExchange) -> None:
    with running(tmp_path / "home", sandbox=exchange.url) as process:
        keeper = process.keeper
        keeper.create(PASSPHRASE)
        keeper.admit("kraken", kraken_key())
        with pytest.raises(NotAllowed):
            keeper.supply(keeper.connections()[0], kraken_key())
        with pytest.raises(NotAllowed):
            keeper.admit("kraken", {**kraken_key("two"), REFERENCE: "pass:a\nb"})


def test_a_rotation_keeps_neither_the_old_nor_the_new_key_in_the_vault(tmp_path: Path, exchange: FakeExchange) -> None:
    home, moved = tmp_path / "home", "pass:exchanges/kraken-new"
    with running(home, sandbox=exchange.url) as process:
        keeper = process.keeper
        keeper.create(PASSPHRASE)
        keeper.admit("kraken", KEPT)
        assert keeper.rotate("kraken", {**kraken_key("two"), REFERENCE: moved}).verdict == "accepted"
        [known] = keeper.connections()
        assert known.old is not None
        assert (known.reference, known.old.reference) == (moved, WHERE)
        vault = Vault.open(home / "vault.db", PASSPHRASE)
        assert (vault.secret("kraken"), vault.secret("kraken/old")) == ({}, {})
        keeper.lock()
        keeper.unlock(PASSPHRASE)
        with pytest.raises(Unsupplied):
            keeper.prove_dead("kraken", old=True)
        for key in ("one", "two"):  # each finds its place by itself
            keeper.supply(known, kraken_key(key))
        assert keeper.prove_dead("kraken", old=True).answer == "alive"
        keeper.read("kraken", "balances")
