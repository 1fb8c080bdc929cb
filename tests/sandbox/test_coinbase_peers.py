"""Clients that nobody here wrote, against the fake Coinbase: the official one, and ccxt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from support import warm
from support.coinbase import Caller
from support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.peers

Job = tuple[str, str]
Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("coinbase-peers"), seed=11, tls=True) as running:
        running.happen("coinbase", "no_limits")
        yield running


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    """Run a peer's script: `run("ccxt", ("everything", "read_only"), …)`, a job being what to do and with which key."""

    def peer(name: str, *jobs: Job, **change: str) -> list[dict[str, Any]]:
        where = urlsplit(sandbox.host("coinbase"))
        told = [{"do": do} | sandbox.key("coinbase", kind) | change for do, kind in jobs]
        given = json.dumps({"host": where.netloc + where.path, "jobs": told})
        env = {"REQUESTS_CA_BUNDLE": str(sandbox.ca), "PATH": "/usr/bin:/bin"}
        code, out, err = warm.run(str(warm.PEERS / f"coinbase_{name}.py"), [], env, given)
        assert code == 0, err[-3000:]
        answers: list[dict[str, Any]] = json.loads(out)
        return answers

    return peer


def _spot(sandbox: Sandbox, *others: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for entry in sandbox.truth("coinbase")["entries"]:
        for leg in entry["legs"]:
            if leg["account"] in ("spot", *others):
                sums[leg["asset"]] = sums.get(leg["asset"], Decimal(0)) + Decimal(leg["amount"])
    return sums


@pytest.mark.parametrize("kind", ["read_only", "read_only_ed25519"])
def test_the_official_client_reads_the_whole_account(sandbox: Sandbox, run: Run, kind: str) -> None:
    [told] = run("official", ("everything", kind))
    assert told.get("error") is None
    assert told["permissions"] == [True, False, False]
    assert told["portfolio"] == told["breakdown"]
    held = {name: Decimal(free) + Decimal(hold) for name, (free, hold) in told["balances"].items()}
    spot = _spot(sandbox)
    assert {name: amount for name, amount in held.items() if amount} == {n: a for n, a in spot.items() if a}
    for wallet, rows in told["rows"].items():
        kind_of, currency = wallet.split(":")
        if kind_of != "other":
            sums = sum((Decimal(amount) for _, status, amount in rows if status == "completed"), Decimal(0))
            assert sums == spot.get(currency, Decimal(0)), wallet
        assert len({each[0] for each in rows}) == len(rows)
    assert {each[0] for each in told["fills"]} == {each["entry_id"] for each in Caller(sandbox).fills()}
    truth = sandbox.truth("coinbase")
    assert {each[0] for each in told["open"]} == {each["id"] for each in truth["open_orders"]}
    assert told["order"] in {each[0] for each in told["open"]}


def test_ccxt_reads_the_whole_account(sandbox: Sandbox, run: Run) -> None:
    told, with_ed25519 = run("ccxt", ("everything", "read_only"), ("everything", "read_only_ed25519"))
    assert told.get("error") is None, told
    assert told | {"time": 0} == with_ed25519 | {"time": 0}
    spot = {name: amount for name, amount in _spot(sandbox, "staked").items() if amount}
    total = {name: Decimal(amount) for name, amount in told["total"].items()}
    assert {name: amount for name, amount in total.items() if amount} == spot
    mine = Caller(sandbox)
    for code, rows in told["ledger"].items():
        assert sorted(each[0] for each in rows) == sorted(each["id"] for each in mine.rows(code))
    assert {each[0] for each in told["trades"]} == {each["entry_id"] for each in mine.fills()}
    assert {each[0] for each in told["open"]} == {each["id"] for each in sandbox.truth("coinbase")["open_orders"]}
    assert told["deposits"] > 0
    assert told["ohlcv"] > 0


_SHUT = [("everything", kind) for kind in ("ip_bound_elsewhere", "expired", "revoked")]


def test_both_tell_the_exchange_s_own_refusals(sandbox: Sandbox, run: Run) -> None:
    wrong = {"secret": sandbox.key("coinbase", "can_trade")["secret"]}
    official = run("official", ("everything", "read_only"), **wrong) + run("official", *_SHUT)
    assert [each["error"] for each in official] == ["401 Client Error: Unauthorized Unauthorized"] * 4
    ccxt = run("ccxt", ("everything", "read_only"), **wrong) + run("ccxt", *_SHUT)
    assert [each["error"] for each in ccxt] == ["AuthenticationError"] * 4

    for told in run("official", ("trade", "read_only"), ("move", "can_trade"), ("trade", "can_withdraw")):
        assert told["status"] == 403
        assert "Missing Required Scopes" in told["error"]
    ordering, sending = run("ccxt", ("trade", "read_only"), ("withdraw", "can_trade"))
    assert ordering["error"] == "PermissionDenied"
    assert "invalid_scope" in sending["text"]


def test_their_writes_act_and_are_in_the_log(sandbox: Sandbox, run: Run) -> None:
    done, moved = run("official", ("trade", "can_trade"), ("move", "can_withdraw"))
    assert done == {
        "errs": [],
        "placed": True,
        "shown": True,
        "edited": True,
        "cancelled": True,
        "bought": True,
        "refused": [False, "INSUFFICIENT_FUND"],
        "order": done["order"],
    }
    assert moved == {"moved": True}
    before = sum(Caller(sandbox).balances()["ETH"])
    ordered, sent = run("ccxt", ("trade", "can_trade"), ("withdraw", "can_withdraw"))
    assert (ordered["shown"], ordered["status"]) == (True, "canceled")
    assert ordered["refused"]
    assert sent["status"] == "pending"
    sandbox.happen("coinbase", "confirm_sends")
    assert before - sum(Caller(sandbox).balances()["ETH"]) == Decimal(sent["amount"])
    assert Decimal(sent["fee"]) > 0
    logged = {(each["method"], each["path"].rsplit("/", 1)[-1]) for each in sandbox.requests("coinbase")}
    for write in ("orders", "preview", "edit", "batch_cancel", "move_funds", "transactions"):
        assert ("POST", write) in logged
