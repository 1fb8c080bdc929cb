"""Every kind of key of every exchange, handed to the real program: verdict, reason, next step, exit code, no trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.program import (
    DONE,
    EXCHANGE,
    FAILED,
    PARTIAL,
    REFUSED,
    UNPROVEN,
    Program,
    running_home,
    unlisted,
)
from support.sandbox import Sandbox, running_sandbox

KRAKEN, BINANCE = "At Kraken, open Settings → API", "At Binance, open Account → API Management"
COINBASE = "At Coinbase, open portal.cdp.coinbase.com → API Keys → Secret API Keys"
AGAIN = "check again: run the same command once more"
RIGHTS = ("read", "trade", "withdraw", "transfer", "manage")


@dataclass(frozen=True)
class Told:
    """What a user has to be told of a key."""

    code: int
    #: The verdict's reasons, or the code of the exchange's refusal.
    codes: tuple[str, ...]
    #: Pieces of the text and of the next step.
    says: tuple[str, ...]
    granted: tuple[str, ...] = ("read",)
    bound: str = "no"


def unbound(place: str, field: str) -> Told:
    return Told(DONE, ("ip_unbound",), ("works from any address in the world", place, f"into “{field}”", AGAIN))


def may(place: str, boxes: str, *rights: str, bound: str = "no") -> Told:
    codes = tuple(f"{right}_granted" for right in rights)
    return Told(REFUSED, codes, (place, f"untick {boxes}", AGAIN), ("read", *rights), bound)


def mixed(name: str, said: str, *causes: str) -> Told:
    says = (f"{name} gives one answer for several causes", f"{name} said: “{said}”", "Check one after the other", AGAIN)
    return Told(EXCHANGE, ("ambiguous",), (*says, *causes), ())


KRAKEN_READ = unbound(KRAKEN, "IP address restriction")
KRAKEN_INVALID = mixed(
    "Kraken",
    "EAPI:Invalid key",
    "does not know this key",
    "Compare it with the list at Settings → API",
    "the key has expired",
    "Make a new one at Settings → API",
    "bound to other IP addresses",
    "add the addresses that `tallyglass egress` shows",
    "belongs to another product",
)
BINANCE_READ = unbound(BINANCE, "Restrict access to trusted IPs only (Recommended)")
BINANCE_2015 = mixed(
    "Binance",
    "Invalid API-key, IP, or permissions for action",
    "does not know this key",
    "Compare it with the list at Account → API Management",
    "bound to other IP addresses",
    "add the addresses that `tallyglass egress` shows",
    "lacks a permission",
    "tick “Enable Reading”, nothing more",
    "shut out this computer's address",
)
COINBASE_READ = Told(
    DONE,
    ("ip_not_told",),
    ("does not tell whether this key is bound", COINBASE.lower()[3:].split(",")[0], "“IP allowlist”"),
    bound="unknown",
)
COINBASE_401 = mixed(
    "Coinbase",
    "Unauthorized",
    "does not know this key",
    "Compare it with the list at portal.cdp.coinbase.com",
    "the secret does not belong to this key",
    "The secret is shown only once",
    "bound to other IP addresses",
    "add the addresses that `tallyglass egress` shows",
    "the key is new and not active yet",
)

EXPECTED: dict[tuple[str, str], Told] = {
    ("kraken", "read_only"): KRAKEN_READ,
    ("kraken", "wrong_account"): KRAKEN_READ,  # a second account is as good as the first
    ("kraken", "can_trade"): may(KRAKEN, "“Create & modify orders”, “Cancel & close orders”", "trade"),
    ("kraken", "can_withdraw"): may(KRAKEN, "“Funds: Withdraw”", "withdraw", "transfer"),
    ("kraken", "ip_bound_elsewhere"): KRAKEN_INVALID,
    ("kraken", "expired"): KRAKEN_INVALID,
    ("kraken", "revoked"): KRAKEN_INVALID,
    ("binance", "read_only"): BINANCE_READ,
    ("binance", "read_only_ed25519"): BINANCE_READ,
    ("binance", "wrong_account"): BINANCE_READ,
    ("binance", "can_trade"): may(BINANCE, "“Enable Spot & Margin Trading”", "trade"),
    ("binance", "can_withdraw"): may(BINANCE, "“Enable Withdrawals”", "withdraw", bound="yes"),
    ("binance", "ip_bound_elsewhere"): BINANCE_2015,
    ("binance", "expired"): BINANCE_2015,
    ("binance", "revoked"): Told(
        EXCHANGE,
        ("bad_key",),
        ("Binance does not know this key", "said: “Invalid Api-Key ID”", "with the list at Account →", AGAIN),
        (),
    ),
    ("coinbase", "read_only"): COINBASE_READ,
    ("coinbase", "read_only_ed25519"): COINBASE_READ,
    ("coinbase", "wrong_account"): COINBASE_READ,
    ("coinbase", "can_trade"): may(COINBASE, "“Trade”", "trade", bound="unknown"),
    ("coinbase", "can_withdraw"): may(COINBASE, "“Transfer”", "withdraw", "transfer", bound="unknown"),
    ("coinbase", "ip_bound_elsewhere"): COINBASE_401,
    ("coinbase", "expired"): COINBASE_401,
    ("coinbase", "revoked"): COINBASE_401,
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    with running_home(tmp_path_factory.mktemp("program"), sandbox) as running:
        yield running


def test_every_key_of_the_sandbox_is_judged_here(sandbox: Sandbox) -> None:
    kinds = {(name, kind) for name, each in sandbox.state["exchanges"].items() for kind in each["keys"]}
    assert kinds == set(EXPECTED)


def codes(answer: dict[str, Any]) -> tuple[str, ...]:
    if "error" in answer:
        return (answer["error"]["code"],)
    return tuple(reason["code"] for reason in answer["reasons"])


@pytest.mark.parametrize(("exchange", "kind"), EXPECTED)
def test_inspect_says_in_words_what_is_so_and_what_to_do(
    exchange: str, kind: str, program: Program, sandbox: Sandbox
) -> None:
    key, told = sandbox.key(exchange, kind), EXPECTED[exchange, kind]
    ended = program.run("inspect", exchange, "--key-file", "-", stdin=json.dumps(key))
    assert ended.code == told.code, ended.words
    for piece in told.says:
        assert piece in ended.words
    assert f"SANDBOX: made-up exchanges at {sandbox.base_url}" in ended.words
    assert ("Nothing was stored" in ended.words) == (told.code != EXCHANGE)
    assert key["secret"] not in ended.out + ended.err
    assert program.traces(key) == []


@pytest.mark.parametrize(("exchange", "kind"), EXPECTED)
def test_connect_stores_what_is_proven_read_only_and_no_trace_of_anything_else(
    exchange: str, kind: str, program: Program, sandbox: Sandbox
) -> None:
    key, told = sandbox.key(exchange, kind), EXPECTED[exchange, kind]
    vault = (program.home / "vault.db").read_bytes()
    code, answer = program.connect(exchange, key)

    assert (code, codes(answer)) == (told.code, told.codes), answer
    if told.code == EXCHANGE:
        assert answer.keys() == {"error"}
        assert answer["error"]["fix"]
    else:
        verdict = "accepted" if told.code == DONE else "refused"
        granted = tuple(right for right in RIGHTS if answer["grants"][right] == "granted")
        assert (answer["exchange"], answer["verdict"], granted) == (exchange, verdict, told.granted)
        assert {answer["grants"][right] for right in RIGHTS if right not in told.granted} == {"absent"}
        assert answer["ip"]["bound"] == told.bound
        assert bool(answer["account"]) == (told.code == DONE) or exchange != "binance"  # asked last, of good keys alone
        assert all(reason["text"] and reason["fix"] for reason in answer["reasons"])
    assert program.traces(key) == []
    if told.code == DONE:
        assert program.connections() == [answer["connection"]]
        program.forget_all()
    else:
        assert answer.get("connection") is None
        assert (program.home / "vault.db").read_bytes() == vault


@pytest.mark.parametrize("exchange", ["kraken", "binance", "coinbase"])
def test_a_permission_never_seen_before_is_not_taken_for_harmless(
    exchange: str, program: Program, sandbox: Sandbox
) -> None:
    key = sandbox.key(exchange)
    sandbox.change_key(exchange, also=["fly-to-moon"])
    try:
        ended = program.run("inspect", exchange, "--key-file", "-", stdin=json.dumps(key))
        assert ended.code == UNPROVEN
        for piece in ("Not proven to be read-only", "“fly-to-moon”", "untick whatever", AGAIN, "--accept-unproven"):
            assert piece in ended.words
        code, answer = program.connect(exchange, key)
        assert (code, answer["verdict"], answer["connection"]) == (UNPROVEN, "unproven", None)
        assert codes(answer) == ("unknown_permission",)
        assert program.connections() == []
        assert program.traces(key) == []

        code, answer = program.connect(exchange, key, "--accept-unproven", "--label", "on my own word")
        assert (code, answer["verdict"], answer["connection"] is None) == (DONE, "unproven", False)
        (row,) = program.json("keys")[1]
        assert row["unproven"]
        assert "unproven" in [finding["code"] for finding in row["findings"]]
        assert "(unproven)" in program.run("keys").words
    finally:
        sandbox.change_key(exchange, also=[])
        program.forget_all()


def test_a_dangerous_right_is_refused_even_on_the_users_word(program: Program, sandbox: Sandbox) -> None:
    sandbox.change_key("kraken", also=["fly-to-moon", "withdraw-funds"])
    try:
        code, answer = program.connect("kraken", sandbox.key("kraken"), "--accept-unproven")
        assert (code, answer["verdict"], answer["connection"]) == (REFUSED, "refused", None)
    finally:
        sandbox.change_key("kraken", also=[])
    assert program.connections() == []


@pytest.mark.parametrize(
    ("exchange", "first", "second"),
    [
        ("kraken", "read_only", "read_only"),
        ("binance", "read_only", "read_only_ed25519"),
        ("coinbase", "read_only", "read_only_ed25519"),
    ],
)
def test_one_account_is_connected_once(
    exchange: str, first: str, second: str, program: Program, sandbox: Sandbox
) -> None:
    connection = program.connect(exchange, sandbox.key(exchange, first))[1]["connection"]
    try:
        code, answer = program.connect(exchange, sandbox.key(exchange, second))
        assert (code, answer["verdict"], answer["connection"]) == (REFUSED, "refused", None)
        (reason,) = answer["reasons"]
        assert reason["code"] == "duplicate_account"
        assert f"already connected, as {connection}" in reason["text"]
        assert f"tallyglass rotate {connection}" in reason["fix"]
        assert program.connections() == [connection]

        other = program.connect(exchange, sandbox.key(exchange, "wrong_account"))
        assert other[0] == DONE
        assert program.connections() == [connection, other[1]["connection"]]
    finally:
        program.forget_all()


def test_a_key_that_gains_a_right_is_frozen_left_alone_and_thawed_when_it_is_mended(
    program: Program, sandbox: Sandbox
) -> None:
    kraken = program.connect("kraken", sandbox.key("kraken"))[1]["connection"]
    coinbase = program.connect("coinbase", sandbox.key("coinbase"))[1]["connection"]
    assert program.json("sync")[0] == DONE
    code, whole = program.json("worth")
    assert (code, whole["complete"]) == (DONE, True)

    sandbox.change_key("kraken", grant=["trade"])
    try:
        ended = program.run("thaw", kraken)
        assert ended.code == REFUSED
        for piece in ("This key may trade", "untick “Create & modify orders”", f"{kraken} is frozen: its key is not"):
            assert piece in ended.words
        rows = {row["connection"]: row for row in program.json("keys")[1]}
        assert (rows[kraken]["state"], rows[coinbase]["state"]) == ("frozen", "active")
        assert "frozen" in [finding["code"] for finding in rows[kraken]["findings"]]

        before = len(sandbox.requests("kraken"))
        code, parts = program.json("sync")
        assert code == PARTIAL
        assert [part["fault"] for part in parts if part["connection"] == kraken] == ["frozen"]
        assert not any(part["fault"] for part in parts if part["connection"] == coinbase)
        assert not [each for each in sandbox.requests("kraken")[before:] if each["key"]]
        code, answer = program.json("sync", kraken)
        assert (code, answer["error"]["code"]) == (FAILED, "frozen")
        assert f"tallyglass thaw {kraken}" in answer["error"]["fix"]

        code, partial = program.json("worth")
        assert (code, partial["complete"]) == (PARTIAL, False)
        assert [(cause["code"], cause["about"]) for cause in partial["causes"]] == [("source_frozen", kraken)]
        assert "partial" in program.run("worth").words
    finally:
        sandbox.change_key("kraken", revoke=["trade"])
    code, answer = program.json("thaw", kraken)
    assert (code, answer["verdict"], answer["state"]) == (DONE, "accepted", "active")
    assert program.json("sync")[0] == DONE
    assert program.json("worth")[0] == DONE
    program.forget_all()


def test_a_key_that_answers_for_another_account_is_frozen(program: Program, sandbox: Sandbox) -> None:
    connection = program.connect("kraken", sandbox.key("kraken"))[1]["connection"]
    sandbox.change_key("kraken", account="other")
    try:
        code, answer = program.json("thaw", connection)
        assert (code, codes(answer), answer["state"]) == (REFUSED, ("wrong_account",), "frozen")
        assert f"tallyglass disconnect {connection}" in answer["reasons"][0]["fix"]
    finally:
        sandbox.change_key("kraken", account="main")
        program.forget_all()


def test_a_connected_key_that_is_deleted_at_the_exchange_says_so_and_counts_nothing_as_fresh(
    program: Program, sandbox: Sandbox
) -> None:
    connection = program.connect("kraken", sandbox.key("kraken"))[1]["connection"]
    sandbox.change_key("kraken", dead=True)
    try:
        code, parts = program.json("sync", connection)
        assert code == EXCHANGE
        assert {part["fault"] for part in parts} == {"ambiguous"}
        assert all("EAPI:Invalid key" in part["text"] and AGAIN in part["fix"] for part in parts)
        assert program.json("worth")[0] == PARTIAL
    finally:
        sandbox.change_key("kraken", dead=False)
        program.forget_all()


def test_nothing_was_asked_of_any_exchange_but_listed_reads(program: Program, sandbox: Sandbox) -> None:
    asked = {each["exchange"] for each in sandbox.requests()}
    assert {"kraken", "binance", "coinbase"} <= asked
    assert unlisted(program, sandbox) == []
