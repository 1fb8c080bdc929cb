"""Keys out of password managers, and pairs made here: connected, read with, and nowhere on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.canary import files
from support.managers import TOKENS, desktop, has_key_store, password_store, put_into_key_store, stand_in
from support.program import DONE, FAILED, LOCKED, PASSPHRASE, USAGE, Ended, Program, new_home, running_keeper
from support.sandbox import Sandbox, running_sandbox
from tallyglass.keeper.vault import Vault

#: Each is a whole process of its own, often more than one: a busy machine may take its time.
pytestmark = pytest.mark.timeout(600)
BWS = "be8e0ad8-d545-4017-a55a-b02f014d4158"


@dataclass(slots=True)
class Place:
    """A home before a sandbox, and a user with password managers."""

    program: Program
    sandbox: Sandbox
    bin: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str | None = None) -> Ended:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return self.program.run(*arguments, stdin=stdin, env={"PATH": path, **TOKENS, **self.environment})

    def lock(self, *, again_open: bool) -> None:
        """Let the keeper forget every secret."""
        self.program.keeper.lock()
        if again_open:
            self.program.keeper.unlock(PASSPHRASE)

    def stored(self, connection: str) -> dict[str, str]:
        return Vault.open(self.program.home / "vault.db", PASSPHRASE).secret(connection)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("town"), seed=47_121) as made:
        made.unlimited()
        yield made


@pytest.fixture
def place(tmp_path: Path, sandbox: Sandbox) -> Iterator[Place]:
    (tmp_path / "bin").mkdir()
    program = new_home(tmp_path / "here", sandbox)
    with running_keeper(program):
        yield Place(program, sandbox, tmp_path / "bin")


def test_a_reference_is_fetched_anew_and_the_key_is_stored_nowhere(place: Place) -> None:
    """`pass`, the real one where it is installed; the key as its users write it."""
    key = place.sandbox.key("kraken")
    with password_store(place.bin, {"exchanges/kraken": f"{key['secret']}\nkey: {key['key']}"}) as told:
        place.environment = told
        ended = place.run(
            *("connect", "kraken", "--key-from", "pass:exchanges/kraken", "--keep-reference", "--label", "Long term")
        )
        assert ended.code == DONE, ended.words
        assert place.stored("kraken") == {}
        assert [each["reference"] for each in place.run("keys", "--json").json()] == ["pass:exchanges/kraken"]
        place.lock(again_open=True)
        synced = place.run("sync", "kraken", "--json")
        assert synced.code == DONE, synced.words
        assert [each["fault"] for each in synced.json() if each["fault"]] == []
    assert place.program.traces({"secret": key["secret"]}) == []
    place.lock(again_open=True)
    gone = place.run("sync", "kraken", "--json")
    assert {each["fault"] for each in gone.json() if each["connection"] == "kraken"} == {"manager_failed"}, gone.words


def test_a_key_is_sealed_into_the_vault_unless_its_reference_is_kept(place: Place) -> None:
    """1Password and Bitwarden, by programs with their documented interface: each way a key may lie in them."""
    kraken, binance, coinbase = (place.sandbox.key(each) for each in ("kraken", "binance", "coinbase"))
    item = json.dumps({"username": kraken["key"], "credential": kraken["secret"]})
    stand_in(place.bin, "op", {"op://Private/Kraken": item, "op://Private/Binance/secret": binance["secret"]})
    stand_in(place.bin, "bws", {BWS: json.dumps(coinbase)})
    for exchange, more in (
        ("kraken", ["--key-from", "op://Private/Kraken"]),
        ("binance", ["--key-from", "op://Private/Binance/secret", "--key-id", binance["key"]]),
        ("coinbase", ["--key-from", f"bws:{BWS}"]),
    ):
        ended = place.run("connect", exchange, *more)
        assert ended.code == DONE, ended.words
    for exchange, key in (("kraken", kraken), ("binance", binance), ("coinbase", coinbase)):
        assert place.stored(exchange)["secret"].split() == key["secret"].split()
        for each in ("op", "bws"):
            (place.bin / each).unlink(missing_ok=True)  # they are needed no more
    assert place.run("sync", "coinbase").code == DONE


def test_the_key_store_of_the_system_gives_keys_and_the_passphrase(place: Place) -> None:
    """The real one where it is installed; a system without one says so in plain words."""
    if not has_key_store():
        for line in (("connect", "kraken", "--key-from", "keyring:kraken/me"), ("passphrase", "--remember")):
            ended = place.run(*line)
            assert (ended.code, "has no key store that encrypts" in ended.words) == (FAILED, True), ended.words
        return
    with desktop() as told:
        place.environment = told
        put_into_key_store(told, "kraken", "me", json.dumps(place.sandbox.key("kraken")))
        ended = place.run("connect", "kraken", "--key-from", "keyring:kraken/me", "--keep-reference")
        assert ended.code == DONE, ended.words
        assert place.stored("kraken") == {}
        assert place.run("passphrase", "--remember").code == DONE
        place.lock(again_open=False)
        keys = place.program.run("keys", "--json", passphrase=False, env=told)
        assert [each["connection"] for each in keys.json()] == ["kraken"]
        assert PASSPHRASE.encode() not in b"".join(files(place.program.home).values())
        assert place.run("passphrase", "--forget").code == DONE
        place.lock(again_open=False)
        assert place.program.run("keys", passphrase=False, env=told).code == LOCKED


def test_a_pair_is_made_pasted_and_connected(place: Place) -> None:
    shown = place.run("connect", "binance", "--make-key", "--json")
    assert shown.code == DONE, shown.words
    view = shown.json()
    assert place.run("connect", "binance", "--make-key", "--json").json()["public_key"] == view["public_key"]
    assert "Self-generated" in view["markdown"]
    secret = place.stored("@made:binance")
    assert secret["secret"] not in shown.out
    place.sandbox.change_key("binance", "read_only_ed25519", public_key=view["public_key"])
    api_key = place.sandbox.key("binance", "read_only_ed25519")["key"]
    assert place.run("inspect", "binance", "--key-id", api_key).code == DONE
    ended = place.run("connect", "binance", "--key-id", api_key)
    assert ended.code == DONE, ended.words
    assert (place.stored("binance")["secret"], place.stored("@made:binance")) == (secret["secret"], {})
    assert place.run("connect", "kraken", "--make-key").code == FAILED
    again = place.run("connect", "binance", "--key-id", api_key)
    assert (again.code, "--make-key" in again.words) == (USAGE, True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--key-from", "s3cr3t-of-mine"], "none such place"),
        (["--key-from", "op://Vault"], "op://Vault/Item"),
        (["--key-from", "pass:-c/kraken"], "does not name a place"),
        (["--key-from", "bws:kraken"], "the secret's id"),
        (["--key-from", "fd:7777"], "cannot be read"),
        (["--key-from", "fd:3", "--keep-reference"], "one command alone"),
        (["--keep-reference"], "--key-from"),
        (["--key-file", "-", "--key-id", "x"], "one place"),
    ],
)
def test_what_names_no_key_is_refused_without_being_said_again(
    tmp_path: Path, sandbox: Sandbox, given: list[str], words: str
) -> None:
    program = Program(tmp_path, sandbox.base_url, tmp_path / "none")
    ended = program.run("connect", "kraken", *given)
    assert (ended.code, words in ended.words) == (USAGE, True), ended.words
    assert "s3cr3t" not in ended.words


def test_a_manager_that_is_not_there_or_fails_is_told_with_the_way_on(place: Place) -> None:
    missing = place.run("connect", "kraken", "--key-from", "op://Private/Kraken")
    assert (missing.code, "is not installed here" in missing.words) == (FAILED, True)
    stand_in(place.bin, "op", {})
    failed = place.run("connect", "kraken", "--key-from", "op://Private/Kraken")
    assert failed.code == FAILED
    assert "could not find item" in failed.words  # its own words
    assert "op signin" in failed.words
