"""The life of a key from outside: frozen before the next read, replaced without a gap, parted from with a proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.dump import open_ledger
from support.program import DONE, EXCHANGE, FAILED, PARTIAL, REFUSED, USAGE, Program, running_home
from support.sandbox import Sandbox, running_sandbox
from support.truth import untrue

KEY_INFO = {
    "kraken": "/0/private/GetApiKeyInfo",
    "binance": "/sapi/v1/account/apiRestrictions",
    "coinbase": "/api/v3/brokerage/key_permissions",
}
#: Another read-only key of the same account.
SECOND = {"kraken": "can_trade", "binance": "read_only_ed25519", "coinbase": "read_only_ed25519"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=4) as running:
        running.change_key("kraken", "can_trade", revoke=["trade"])
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    with running_home(tmp_path_factory.mktemp("rotation"), sandbox) as made:
        yield made


@pytest.fixture(autouse=True)
def afresh(program: Program, sandbox: Sandbox) -> Iterator[None]:
    """Every key lives, may read from anywhere, and belongs to the main account; nothing is connected."""
    yield
    program.forget_all()
    for exchange, second in SECOND.items():
        for kind in ("read_only", second):
            sandbox.change_key(exchange, kind, dead=False, ip_list=[], revoke=["trade"], account="main")


def connected(program: Program, sandbox: Sandbox, exchange: str) -> str:
    told = program.keeper.admit(exchange, sandbox.key(exchange))
    assert told.connection
    return told.connection


def rotate(program: Program, connection: str, fields: dict[str, str]) -> tuple[int, Any]:
    return program.json("rotate", connection, "--key-file", "-", stdin=json.dumps(fields))


def true(program: Program, sandbox: Sandbox, exchange: str) -> bool:
    with open_ledger(program) as store:
        return untrue(store, sandbox, exchange) == []


def test_a_key_is_replaced_without_losing_an_entry_and_the_old_one_is_seen_dead(
    program: Program, sandbox: Sandbox
) -> None:
    kraken, old, new = connected(program, sandbox, "kraken"), sandbox.key("kraken"), sandbox.key("kraken", "can_trade")
    assert program.json("sync", kraken)[0] == DONE
    sandbox.happen("kraken", "trade")
    code, told = rotate(program, kraken, new)
    assert (code, told["verdict"], told["connection"], told["state"]) == (DONE, "accepted", kraken, "active")
    sandbox.happen("kraken", "deposit")
    before = len(sandbox.requests("kraken"))
    assert program.json("sync", kraken)[0] == DONE
    assert {each["key"] for each in sandbox.requests("kraken")[before:] if each["key"]} == {new["key"]}
    assert true(program, sandbox, "kraken")

    rows = [(row["state"], row["key_name"]) for row in program.json("keys")[1]]
    assert rows == [("active", new["key"]), ("retiring", old["key"])]

    code, told = rotate(program, kraken, sandbox.key("kraken", "wrong_account"))
    assert (code, told["error"]["code"]) == (FAILED, "rotation_open")
    assert f"tallyglass rotate {kraken} --check" in told["error"]["fix"]
    code, told = program.json("rotate", kraken, "--check")
    assert (code, told["answer"], told["key_name"]) == (FAILED, "alive", old["key"])

    sandbox.change_key("kraken", dead=True)
    before = len(sandbox.requests("kraken"))
    ended = program.run("rotate", kraken, "--check")
    assert (ended.code, "is dead" in ended.words, "gone from the vault" in ended.words) == (DONE, True, True)
    asked = [(each["path"], each["key"]) for each in sandbox.requests("kraken")[before:] if each["key"]]
    assert asked == [(KEY_INFO["kraken"], old["key"]), (KEY_INFO["kraken"], new["key"])]
    assert program.json("rotate", kraken, "--check")[1]["error"]["code"] == "no_old_key"
    assert program.traces(old) == []
    assert program.json("sync", kraken)[0] == DONE
    assert program.json("journal", "verify")[1]["intact"]


@pytest.mark.parametrize("exchange", SECOND)
def test_at_every_exchange_only_a_key_of_the_same_account_takes_over_and_death_is_told(
    exchange: str, program: Program, sandbox: Sandbox
) -> None:
    keeper, connection = program.keeper, connected(program, sandbox, exchange)
    refused = keeper.rotate(connection, sandbox.key(exchange, "wrong_account"))
    assert [each.code for each in refused.reasons] == ["wrong_account"]
    assert keeper.connections()[0].key_name == sandbox.key(exchange)["key"]
    assert keeper.connections()[0].old is None
    assert keeper.rotate(connection, sandbox.key(exchange, SECOND[exchange])).connection == connection
    assert keeper.prove_dead(connection, old=True).answer == "alive"
    sandbox.change_key(exchange, ip_list=["203.0.113.9"])
    sandbox.change_key(exchange, SECOND[exchange], ip_list=["203.0.113.9"])
    assert keeper.prove_dead(connection, old=True).answer == "cannot_tell"  # it is our address that is refused
    sandbox.change_key(exchange, SECOND[exchange], ip_list=[])
    sandbox.change_key(exchange, dead=True, ip_list=[])
    found = keeper.prove_dead(connection, old=True)
    if exchange == "coinbase":
        assert (found.answer, "IP allowlist" in found.text) == ("cannot_tell", True)
    else:
        assert (found.answer, keeper.connections()[0].old) == ("dead", None)


def test_coinbase_says_nothing_that_proves_a_death_and_the_user_is_told_what_does(
    program: Program, sandbox: Sandbox
) -> None:
    """The new key is answered from here; the old one lives, bound to other addresses, of which nothing is told."""
    connection, old = connected(program, sandbox, "coinbase"), sandbox.key("coinbase")
    new = sandbox.key("coinbase", SECOND["coinbase"])
    assert rotate(program, connection, new)[0] == DONE
    sandbox.change_key("coinbase", ip_list=["203.0.113.9"])
    before = len(sandbox.requests("coinbase"))
    code, told = program.json("rotate", connection, "--check")
    assert (code, told["answer"], told["key_name"]) == (EXCHANGE, "cannot_tell", old["key"])
    assert {each["key"] for each in sandbox.requests("coinbase")[before:] if each["key"]} == {old["key"], new["key"]}
    for piece in ("Secret API Keys", "that page is the proof", f"tallyglass rotate {connection} --forget"):
        assert piece in told["fix"], piece

    assert program.run("rotate", connection, "--check", "--forget").code == USAGE
    ended = program.run("rotate", connection, "--forget")
    assert ended.code == DONE
    for piece in ("without a proof", "Secret API Keys"):
        assert piece in ended.words, piece
    assert program.traces(old) == []
    assert [each.key_name for each in program.keeper.connections()] == [new["key"]]
    code, told = program.json("rotate", connection, "--forget")
    assert (code, told["error"]["code"]) == (FAILED, "no_old_key")
    assert program.json("journal", "verify")[1]["intact"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"grant": ["trade"]}, "trade_granted"),
        ({"account": "other"}, "wrong_account"),
        ({"ip_list": []}, "ip_binding_lost"),
    ],
)
def test_what_has_become_worse_is_frozen_before_the_next_read_and_nothing_else_is_disturbed(
    change: dict[str, Any], code: str, program: Program, sandbox: Sandbox
) -> None:
    sandbox.change_key("kraken", ip_list=["127.0.0.0/8"])
    kraken, coinbase = connected(program, sandbox, "kraken"), connected(program, sandbox, "coinbase")
    sandbox.change_key("kraken", **change)
    before = len(sandbox.requests("kraken"))
    ended, parts = program.json("sync")
    assert ended == PARTIAL
    assert [part["fault"] for part in parts if part["connection"] == kraken] == ["frozen"]
    assert [part["fault"] for part in parts if part["connection"] == coinbase and part["fault"]] == []
    assert {each["path"] for each in sandbox.requests("kraken")[before:] if each["key"]} == {KEY_INFO["kraken"]}
    known = {each.id: each for each in program.keeper.connections()}
    assert (known[kraken].state, known[coinbase].state) == ("frozen", "active")
    assert "permissions" in known[kraken].evidence
    rows = {row["connection"]: row for row in program.json("keys")[1]}
    assert [each["code"] for each in rows[kraken]["findings"]] == ["frozen"], "one change, told once"
    assert "permissions" in rows[kraken]["evidence"]
    assert program.keeper.recheck(kraken).reasons[0].code == (code if code != "ip_binding_lost" else "ip_unbound")


def test_a_key_that_lives_is_not_parted_from_without_saying_so(program: Program, sandbox: Sandbox) -> None:
    kraken, key = connected(program, sandbox, "kraken"), sandbox.key("kraken")
    for how in ((), ("--proven",)):
        code, told = program.json("disconnect", kraken, *how)
        assert (code, told["state"], told["proofs"][0]["answer"]) == (FAILED, "active", "alive")
        assert told["remains"] == [key["key"]]
    assert program.connections() == [kraken]
    assert program.run("disconnect", kraken, "--proven", "--forget").code == USAGE
    ended = program.run("disconnect", kraken, "--forget")
    assert (ended.code, program.connections()) == (DONE, [])
    for piece in ("without a proof", key["key"], "at Kraken", "delete it"):
        assert piece in ended.words, piece


def test_where_a_list_of_addresses_may_be_the_cause_nothing_is_removed(program: Program, sandbox: Sandbox) -> None:
    """Coinbase says the same to a deleted key and to one used from another address, and tells of no list."""
    connection = connected(program, sandbox, "coinbase")
    sandbox.change_key("coinbase", dead=True)
    code, told = program.json("disconnect", connection)
    assert (code, told["state"]) == (EXCHANGE, "active")
    assert program.connections() == [connection]
    assert program.run("disconnect", connection, "--forget").code == DONE


@pytest.mark.parametrize("exchange", [each for each in SECOND if each != "coinbase"])
def test_a_key_that_was_deleted_is_parted_from_with_a_proof(exchange: str, program: Program, sandbox: Sandbox) -> None:
    connection = connected(program, sandbox, exchange)
    sandbox.change_key(exchange, dead=True)
    before = len(sandbox.requests(exchange))
    code, told = program.json("disconnect", connection, "--proven")
    assert (code, told["state"], told["remains"]) == (DONE, "gone", [])
    asked = [each for each in sandbox.requests(exchange)[before:] if each["key"]]
    assert [(each["path"], each["key"]) for each in asked] == [(KEY_INFO[exchange], sandbox.key(exchange)["key"])]
    assert program.connections() == []


def test_an_exchange_that_is_down_proves_nothing(program: Program, sandbox: Sandbox) -> None:
    kraken = connected(program, sandbox, "kraken")
    sandbox.change_key("kraken", dead=True)
    sandbox.fault("status", "kraken", value=503)
    try:
        code, told = program.json("disconnect", kraken, "--proven")
        assert (code, told["state"], told["proofs"][0]["answer"]) == (EXCHANGE, "active", "cannot_tell")
    finally:
        sandbox.calm()
    assert program.connections() == [kraken]


def test_a_new_key_that_may_trade_is_refused_in_words(program: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    kraken = connected(program, sandbox, "kraken")
    sandbox.change_key("kraken", "can_trade", grant=["trade"])
    file = tmp_path / "key.json"
    file.write_text(json.dumps(sandbox.key("kraken", "can_trade")))
    ended = program.run("rotate", kraken, "--key-file", str(file))
    assert ended.code == REFUSED
    for piece in ("This key may trade", f"{kraken} goes on with its present key"):
        assert piece in ended.words
    assert program.json("sync", kraken)[0] == DONE
