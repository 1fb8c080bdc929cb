"""A stolen key from the button to the last report: the key that took its place stays, and nothing done is missed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.app import App, running_app, wait
from support.program import DONE, PARTIAL, Program, running_home
from support.sandbox import Sandbox, running_sandbox

#: Another read-only key of the same account.
SECOND = {"kraken": "can_trade", "binance": "read_only_ed25519", "coinbase": "read_only_ed25519"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=4) as running:
        running.change_key("kraken", "can_trade", revoke=["trade"])
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    with running_home(tmp_path_factory.mktemp("incident"), sandbox) as made:
        yield made


@pytest.fixture(autouse=True)
def afresh(program: Program, sandbox: Sandbox) -> Iterator[None]:
    yield
    program.forget_all()
    for exchange, second in SECOND.items():
        for kind in ("read_only", second):
            sandbox.change_key(exchange, kind, dead=False, revoke=["trade"])


def connected(program: Program, sandbox: Sandbox, exchange: str) -> str:
    told = program.keeper.admit(exchange, sandbox.key(exchange))
    assert told.connection
    return told.connection


def rotated(program: Program, sandbox: Sandbox, connection: str, exchange: str) -> None:
    fields = json.dumps(sandbox.key(exchange, SECOND[exchange]))
    code, told = program.json("rotate", connection, "--key-file", "-", stdin=fields)
    assert (code, told["verdict"]) == (DONE, "accepted"), told


def done(told: dict[str, Any]) -> dict[str, bool | None]:
    return {each["id"]: each["done"] for each in told["steps"]}


def state(program: Program, connection: str) -> str:
    return next(each.state for each in program.keeper.connections() if each.id == connection)


def ids(sandbox: Sandbox, exchange: str) -> tuple[set[str], dict[str, str]]:
    """Open orders, and entries with their kinds, as the account's own books have them."""
    truth = sandbox.truth(exchange)
    return {each["id"] for each in truth["open_orders"]}, {each["id"]: each["kind"] for each in truth["entries"]}


def theft(sandbox: Sandbox, exchange: str) -> tuple[set[str], set[str], set[str]]:
    """What somebody else now does with the account: the ids of open orders, of withdrawals, of trades."""
    orders, entries = ids(sandbox, exchange)
    for act in ("order", "withdrawal", "trade", "order", "withdrawal"):
        sandbox.happen(exchange, act)
    after, made = ids(sandbox, exchange)
    new = {f"{exchange}/{each}": made[each] for each in made.keys() - entries.keys()}
    withdrawals, trades = ({each for each, kind in new.items() if kind == one} for one in ("withdrawal", "trade"))
    return after - orders, withdrawals, trades


@pytest.mark.parametrize("exchange", SECOND)
def test_from_the_button_to_a_report_that_lists_exactly_what_was_done(
    program: Program, sandbox: Sandbox, exchange: str, tmp_path: Path
) -> None:
    connection = connected(program, sandbox, exchange)
    assert program.json("sync", connection)[0] == DONE
    since = datetime.now(UTC).isoformat()
    orders, withdrawals, trades = theft(sandbox, exchange)  # between two syncs
    assert orders
    assert withdrawals
    first = program.json("compromised", connection, "--since", since)[1]
    assert (first["state"], first["new_key"], first["withdrawals"]) == ("frozen", None, [])
    assert any(f"tallyglass rotate {connection}" in gap for gap in first["gaps"]), "how to have the rest is said"

    sandbox.change_key(exchange, dead=True)  # deleted on the exchange's page
    rotated(program, sandbox, connection, exchange)
    told = program.json("compromised", connection, "--since", since)[1]
    assert any(f"tallyglass sync {connection}" in gap for gap in told["gaps"])
    assert (done(told)["new"], done(told)["read"]) == (True, False)
    assert program.json("sync", connection)[0] == DONE

    paper = tmp_path / "incident.md"
    code, told = program.json("compromised", connection, "--since", since, "--check", "--report", str(paper))
    if exchange == "coinbase":  # its refusal alone never proves a death: there the page of keys does
        assert (code, told["proof"]["answer"]) == (PARTIAL, "cannot_tell")
        assert program.json("rotate", connection, "--forget")[0] == DONE
        code, told = program.json("compromised", connection, "--since", since, "--report", str(paper))
        assert (code, done(told)["delete"], done(told)["proof"]) == (DONE, None, None)
        assert program.json("compromised", connection, "--check")[1]["proof"]["answer"] == "cannot_tell"
    else:
        assert (code, told["proof"]["answer"], told["state"]) == (DONE, "dead", "dead"), told["proof"]
    assert {each["id"] for each in told["orders"]} == orders
    assert {each["id"] for each in told["withdrawals"]} == withdrawals
    assert {each["id"] for each in told["trades"]} == trades
    assert all(each is not False for each in done(told).values()), told["steps"]
    assert told["frozen_at"] == first["frozen_at"]
    assert program.keeper.connections()[0].state == "active"
    words = paper.read_text()
    assert f"### Withdrawals: {len(withdrawals)}" in words
    assert f"### Open orders placed since: {len(orders)}" in words
    assert program.json("sync", connection)[0] == DONE, "the new key goes on"


def test_once_it_is_replaced_the_report_is_about_the_old_key_and_the_new_one_goes_on(
    program: Program, sandbox: Sandbox
) -> None:
    kraken, old, new = connected(program, sandbox, "kraken"), sandbox.key("kraken"), sandbox.key("kraken", "can_trade")
    first = program.json("compromised", kraken)[1]
    rotated(program, sandbox, kraken, "kraken")
    urgent = [each["code"] for each in program.json("audit")[1]["findings"] if each["severity"] == "urgent"]
    assert urgent == ["rotation_open"], "whoever has a copy of the old one can use it: that is still urgent"

    code, told = program.json("compromised", kraken)
    assert (code, told["state"], state(program, kraken)) == (DONE, "frozen", "active")
    assert (told["key_name"], told["new_key"]) == (old["key"], new["key"])
    assert told["frozen_at"] == first["frozen_at"]
    assert {each["read"] for each in told["uses"]} == {each["read"] for each in first["uses"]}
    words = program.run("compromised", kraken)
    assert (
        f"was not stopped. Do you suspect that one too? Then: tallyglass compromised {kraken} --new-key" in words.words
    )
    assert all(len(line) <= 80 for line in words.out.splitlines()), words.out

    assert program.json("compromised", kraken, "--check")[0] == PARTIAL  # the old one, which still lives
    sandbox.change_key("kraken", dead=True)
    code, told = program.json("compromised", kraken, "--check")
    assert (code, told["state"], state(program, kraken)) == (DONE, "dead", "active")
    assert (done(told)["proof"], done(told)["new"]) == (True, True)
    code, told = program.json("compromised", kraken)  # the vault has forgotten its secret, and not the case
    assert (told["key_name"], told["state"], state(program, kraken)) == (old["key"], "dead", "active")


def test_a_key_seen_dead_before_it_was_replaced_is_still_the_one_that_is_meant(
    program: Program, sandbox: Sandbox
) -> None:
    kraken = connected(program, sandbox, "kraken")
    stopped = program.json("compromised", kraken)[1]["frozen_at"]
    sandbox.change_key("kraken", dead=True)
    code, told = program.json("compromised", kraken, "--check")
    assert (code, told["state"], told["frozen_at"]) == (DONE, "dead", stopped)
    rotated(program, sandbox, kraken, "kraken")
    told = program.json("compromised", kraken)[1]
    assert (told["key_name"], told["frozen_at"]) == (sandbox.key("kraken")["key"], stopped)
    assert state(program, kraken) == "active"


def test_the_new_key_is_stopped_when_that_is_said_and_the_case_is_its_own(program: Program, sandbox: Sandbox) -> None:
    kraken, new = connected(program, sandbox, "kraken"), sandbox.key("kraken", "can_trade")
    program.json("compromised", kraken)
    rotated(program, sandbox, kraken, "kraken")
    code, told = program.json("compromised", kraken, "--new-key")
    assert (code, told["key_name"], told["new_key"], told["state"]) == (DONE, new["key"], None, "frozen")
    assert state(program, kraken) == "frozen"
    assert program.json("compromised", kraken)[1]["key_name"] == new["key"]


def test_a_key_that_was_replaced_without_a_suspicion_leaves_the_one_in_use_to_be_stopped(
    program: Program, sandbox: Sandbox
) -> None:
    kraken, new = connected(program, sandbox, "kraken"), sandbox.key("kraken", "can_trade")
    program.keeper.freeze(kraken, "on holiday")
    rotated(program, sandbox, kraken, "kraken")
    told = program.json("compromised", kraken)[1]
    assert (told["key_name"], told["state"], state(program, kraken)) == (new["key"], "frozen", "frozen")


def test_a_key_that_the_keeper_froze_is_the_one_that_is_meant(program: Program, sandbox: Sandbox) -> None:
    kraken = connected(program, sandbox, "kraken")
    sandbox.change_key("kraken", grant=["trade"])
    program.keeper.recheck(kraken)
    sandbox.change_key("kraken", revoke=["trade"])
    rotated(program, sandbox, kraken, "kraken")
    told = program.json("compromised", kraken)[1]
    assert (told["key_name"], state(program, kraken)) == (sandbox.key("kraken")["key"], "active")


def test_the_page_goes_the_same_way(tmp_path: Path, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox, "kraken") as app:
        visitor, keeper = app.enter(), app.service.session().keeper
        since = datetime.now(UTC).isoformat()
        case = f"/compromised?connection=kraken&since={quote(since)}"
        orders, withdrawals, trades = theft(sandbox, "kraken")
        assert visitor.press("/compromised", connection="kraken").status == 303
        assert "tallyglass rotate kraken" in visitor.page(case)
        sandbox.change_key("kraken", dead=True)
        assert keeper.rotate("kraken", sandbox.key("kraken", SECOND["kraken"])).connection == "kraken"

        assert visitor.press("/compromised", connection="kraken").status == 303
        assert keeper.connections()[0].state == "active", "the innocent key was stopped"
        page = visitor.page(case)
        assert "The old key of Kraken is stopped" in page
        assert "Read the rest with the new key" in page
        answer = visitor.press("/sync", back=case)
        assert (answer.status, answer.headers["location"]) == (303, case)
        wait(lambda: not app.service.syncing)
        assert shown(visitor.page(case)) == orders | withdrawals | trades
        assert b"refuses" in visitor.press("/compromised/check", connection="kraken", since=since).body
        page = visitor.page(case)
        assert "The old key of Kraken is dead" in page
        assert "Read the rest" in page, "between the last read and its death something may have come"
        visitor.press("/sync", back=case)
        wait(lambda: not app.service.syncing)
        page = visitor.page(case)
        assert "Read the rest" not in page
        assert shown(page) == orders | withdrawals | trades

        assert visitor.press("/compromised", connection="kraken", new_key="yes").status == 303
        assert keeper.connections()[0].state == "frozen"


def shown(page: str) -> set[str]:
    return set(re.findall(r'data-entry="([^"]+)"', page))


def test_a_form_leads_nowhere_but_back_to_a_page_of_ours(app: App) -> None:
    visitor = app.enter()
    for back in ("//evil.example/compromised", "https://evil.example/", "/\\evil.example", "/enter?key=x", ""):
        assert visitor.press("/sync", back=back).headers["location"] == "/"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with running_app(tmp_path) as running:
        yield running
