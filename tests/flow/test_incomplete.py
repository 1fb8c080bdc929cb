"""What is missing is told: a stream that is gone, a type never seen, a history cut; and all is complete again after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.program import DONE, PARTIAL, Program, running_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.keeper.client import Keeper, socket_path
from tallyglass.money import amount, text, total
from tallyglass.store.sqlcipher import open_store

EXCHANGES = ("kraken", "binance", "coinbase")
#: The streams that tell of deposits.
DEPOSITS = {
    "kraken": "/0/private/Ledgers",
    "binance": "/sapi/v1/capital/deposit/hisrec",
    "coinbase": "/v2/accounts/",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=4) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    """A home with all three, complete. Each test leaves it so."""
    with running_home(tmp_path_factory.mktemp("home"), sandbox) as running:
        for exchange in EXCHANGES:
            assert running.connect(exchange, sandbox.key(exchange))[0] == DONE
        assert running.run("sync").code == DONE
        all_is_complete(running)
        yield running


def all_is_complete(program: Program) -> None:
    assert program.json("reconcile") == (DONE, [])
    code, worth = program.json("worth")
    assert (code, worth["complete"], worth["causes"]) == (DONE, True, [])
    assert marks(program) == dict.fromkeys(EXCHANGES, True)


def marks(program: Program) -> dict[str, bool]:
    """Whether the newest balances of each connection are stored as complete."""
    store = open_store(program.home / "portfolio.db", Keeper(socket_path(program.home)).store_key())
    query = "SELECT connection, complete FROM snapshots WHERE id IN (SELECT max(id) FROM snapshots GROUP BY connection)"
    with store.read() as db:
        found = {name: bool(complete) for name, complete in db.exec_driver_sql(query)}
    store.close()
    return found


def told(program: Program) -> dict[str, Any]:
    """The gaps, one of each connection; the total is partial for their sake, and no balances count as complete."""
    code, rows = program.json("reconcile")
    assert (code, sorted(row["connection"] for row in rows)) == (PARTIAL, sorted(EXCHANGES))
    code, worth = program.json("worth")
    assert (code, worth["complete"]) == (PARTIAL, False)
    said = {cause["about"]: cause["text"] for cause in worth["causes"] if cause["code"] == "gap"}
    assert said.keys() == {f"{row['connection']}/{row['asset']}" for row in rows}
    for row in rows:
        words = said[f"{row['connection']}/{row['asset']}"]
        assert f" {row['gap'].removeprefix('-')} {row['asset']} " in words
        assert row["since"][:16].replace("T", " ") in words
    assert marks(program) == dict.fromkeys(EXCHANGES, False)
    return {row["connection"]: row for row in rows}


def when(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def moved(entries: list[dict[str, Any]]) -> dict[str, str]:
    """What entries of the truth come to, by asset; nothing for what comes to nothing."""
    sums: dict[str, Decimal] = {}
    for leg in (leg for entry in entries for leg in entry["legs"]):
        sums[leg["asset"]] = total((sums.get(leg["asset"], Decimal(0)), amount(leg["amount"])))
    return {asset: text(figure) for asset, figure in sums.items() if figure}


def test_a_stream_that_is_gone(program: Program, sandbox: Sandbox) -> None:
    truth: dict[str, dict[str, Any]] = {}
    for number, exchange in enumerate(EXCHANGES):
        sandbox.fault("gone", exchange, DEPOSITS[exchange])
        (truth[exchange],) = sandbox.happen(exchange, "deposit", asset="LTC", amount=f"1.{number}7")["entries"]
    assert program.run("sync").code == PARTIAL
    rows = told(program)

    for exchange, entry in truth.items():
        row = rows[exchange]
        assert {row["asset"]: row["gap"]} == moved([entry])
        assert row["cause"] == "stream_unread"
        assert when(row["clean_at"]) < when(entry["time"]) <= when(row["since"])
        assert f"tallyglass sync {exchange}" in row["fix"]
    failed = [c["about"] for c in program.json("worth")[1]["causes"] if c["code"] == "history_failed"]
    assert failed == list(rows), "and by itself, too"

    sandbox.calm()
    assert program.run("sync").code == DONE
    all_is_complete(program)


def test_an_entry_type_never_seen(program: Program, sandbox: Sandbox) -> None:
    truth = {exchange: sandbox.happen(exchange, "unknown_type")["entries"] for exchange in EXCHANGES}
    synced = program.json("sync")[1]
    assert {part["connection"] for part in synced if part["unparsed"]} == set(EXCHANGES)
    rows = told(program)

    for exchange, entries in truth.items():
        row = rows[exchange]
        assert {row["asset"]: row["gap"]} == moved(entries)
        assert row["cause"] == "unparsed"
        assert abs(when(row["since"]) - when(entries[0]["time"])) < timedelta(seconds=1), "told by the piece itself"
        assert "tallyglass unparsed" in row["fix"]
        assert "tallyglass replay" in row["fix"]
    assert program.json("status")[1]["gaps"] == len(rows)
    kept = program.json("unparsed")[1]
    assert {piece["connection"] for piece in kept} == set(EXCHANGES)
