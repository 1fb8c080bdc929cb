"""Key pairs that the keeper makes: the public half is told, the private half never; and it is shown to work."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from support.keeper import PASSPHRASE, kraken_key, running
from support.sandbox import Sandbox, running_sandbox
from tallyglass.keeper.client import MADE, BadKey, Keeper, NotAllowed
from tallyglass.keeper.vault import Vault

ID = {MADE: "yes"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("town"), seed=47_120) as made:
        yield made


def waiting(home: Path) -> dict[str, str]:
    """The pair in the vault, read without the keeper."""
    return Vault.open(home / "vault.db", PASSPHRASE).secret("@made:binance")


def public_half(secret: str) -> str:
    private = load_der_private_key(base64.b64decode(secret), None)
    assert isinstance(private, Ed25519PrivateKey)
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_a_pair_made_here_is_registered_connected_and_read_with(tmp_path: Path, sandbox: Sandbox) -> None:
    home = tmp_path / "home"
    with running(home, sandbox=sandbox.base_url) as process:
        keeper = process.keeper
        keeper.create(PASSPHRASE)
        told = keeper.make_key("binance")
        assert told.algorithm == "Ed25519"
        assert told.public_key.startswith("-----BEGIN PUBLIC KEY-----\n")
        assert waiting(home)["secret"] not in repr(told)
        assert told.public_key == public_half(waiting(home)["secret"])
        assert keeper.connections() == []
        sandbox.change_key("binance", "read_only", public_key=told.public_key)
        fields = {"key": sandbox.key("binance")["key"], **ID}
        assert keeper.inspect("binance", fields).verdict == "accepted"
        assert keeper.admit("binance", fields).connection == "binance"
        assert waiting(home) == {}
        assert b"balances" in keeper.read("binance", "balances").body
        assert keeper.verify_journal().intact


def test_a_pair_waits_through_a_restart_and_a_refusal_until_another_is_made(tmp_path: Path, sandbox: Sandbox) -> None:
    home = tmp_path / "home"
    with running(home, sandbox=sandbox.base_url) as first:
        first.keeper.create(PASSPHRASE)
        told = first.keeper.make_key("binance")
    with running(home, sandbox=sandbox.base_url) as second:
        keeper = second.keeper
        keeper.unlock(PASSPHRASE)
        assert keeper.make_key("binance") == told
        sandbox.change_key("binance", "can_trade", public_key=told.public_key)
        refused = keeper.admit("binance", {"key": sandbox.key("binance", "can_trade")["key"], **ID})
        assert [refused.verdict, refused.connection] == ["refused", None]
        assert keeper.make_key("binance") == told
        other = keeper.make_key("binance", anew=True)
        assert other.public_key != told.public_key
        assert public_half(waiting(home)["secret"]) == other.public_key


def test_no_pair_where_none_was_made_and_none_where_the_exchange_takes_none(tmp_path: Path, sandbox: Sandbox) -> None:
    with running(tmp_path / "home", sandbox=sandbox.base_url) as process:
        process.keeper.create(PASSPHRASE)
        with pytest.raises(BadKey) as none:
            process.keeper.admit("binance", {"key": sandbox.key("binance")["key"], **ID})
        assert none.value.code == "no_made_key"
        with pytest.raises(NotAllowed) as kraken:
            process.keeper.make_key("kraken")
        assert "takes no public key" in kraken.value.text


def test_a_killed_keeper_keeps_the_pair(tmp_path: Path, sandbox: Sandbox) -> None:
    """What was pasted at the exchange must not become worthless."""
    home = tmp_path / "home"
    with running(home, sandbox=sandbox.base_url) as first:
        first.keeper.create(PASSPHRASE)
        told = first.keeper.make_key("binance")
        first.child.kill()
        first.child.wait()
    with running(home, sandbox=sandbox.base_url) as second:
        second.keeper.unlock(PASSPHRASE)
        assert second.keeper.make_key("binance") == told
        _others_stay(second.keeper, sandbox)
        assert second.keeper.make_key("binance") == told


def _others_stay(keeper: Keeper, sandbox: Sandbox) -> None:
    """A key that has nothing to do with the pair takes nothing from it."""
    assert keeper.admit("kraken", sandbox.key("kraken")).connection == "kraken"
    assert [each.id for each in keeper.connections()] == ["kraken"]
    assert json.dumps(kraken_key()) not in repr(keeper.connections())
