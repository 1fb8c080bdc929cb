"""What Tallyglass says is what is so: every entry, every balance, every open order, the worth to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import history, syncing, worth
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView
from tallyglass.exchanges import registry
from tallyglass.money import amount, text, total

EXCHANGES = ("kraken", "binance", "coinbase")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=3) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *EXCHANGES) as opened:
        parts = syncing.sync(opened)
        assert [part for part in parts if part["fault"]] == []
        yield opened


def entries(session: Session, connection: str = "") -> list[EntryView]:
    found: list[EntryView] = []
    after = ""
    while True:
        page = history.history(session, history.Question(limit=100, after=after, connection=connection))
        found += page["items"]
        if page["next"] is None:
            return found
        after = page["next"]


def legs(entry: Any) -> list[tuple[str, str, str, str]]:
    return sorted((leg["account"], leg["asset"], leg["amount"], leg["role"]) for leg in entry["legs"])


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_entry_is_there_exactly_once(session: Session, sandbox: Sandbox, exchange: str) -> None:
    true = {entry["id"]: (entry["kind"], legs(entry)) for entry in sandbox.truth(exchange)["entries"]}
    ours = entries(session, exchange)
    done = {each["id"].removeprefix(f"{exchange}/"): (each["kind"], legs(each)) for each in ours}

    assert len(ours) == len({each["id"] for each in ours})
    assert done == true


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_entries_add_up_to_the_balances_that_the_exchange_reports(
    session: Session, sandbox: Sandbox, exchange: str
) -> None:
    sums: dict[str, list[str]] = {}
    for entry in entries(session, exchange):
        for leg in entry["legs"]:
            sums.setdefault(leg["asset"], []).append(leg["amount"])
    computed = {asset: text(total(map(amount, figures))) for asset, figures in sums.items()}

    assert {asset: sum_ for asset, sum_ in computed.items() if sum_ != "0"} == sandbox.truth(exchange)["balances"]


def test_open_orders_are_those_that_are_open(session: Session, sandbox: Sandbox) -> None:
    true = [
        {**order, "connection": exchange} for exchange in EXCHANGES for order in sandbox.truth(exchange)["open_orders"]
    ]
    ours = history.orders(session)

    def facts(order: Any) -> tuple[Any, ...]:
        names = ("connection", "id", "market", "side", "price", "amount", "filled")
        return tuple(text(amount(order[n])) if n in names[4:] else order[n] for n in names)

    assert sorted(map(facts, ours)) == sorted(map(facts, true))
    assert ours


def test_net_worth_is_true_to_the_last_digit(session: Session, sandbox: Sandbox) -> None:
    found = worth.worth_view(session)

    assert found["complete"], found["causes"]
    assert found["total"] == text(amount(str(sandbox.truth()["worth"])))


def test_a_second_sync_finds_nothing_new_and_asks_little(session: Session, sandbox: Sandbox) -> None:
    before = entries(session)
    asked = len(sandbox.requests())
    parts = syncing.sync(session)

    assert sum(part["new"] for part in parts) == 0
    assert entries(session) == before
    assert len(sandbox.requests()) - asked < asked / 2


def test_a_replay_changes_nothing_and_asks_nobody(session: Session, sandbox: Sandbox) -> None:
    before = [entries(session, name) for name in EXCHANGES]
    asked = len(sandbox.requests())
    parts = syncing.replay(session)

    assert sum(part["new"] for part in parts) == 0
    assert sum(part["entries"] for part in parts) >= sum(map(len, before))
    assert [entries(session, name) for name in EXCHANGES] == before
    assert len(sandbox.requests()) == asked


def test_only_listed_reads_were_ever_asked(session: Session, sandbox: Sandbox) -> None:
    assert entries(session)
    listed = {
        (name, read.method, read.path) for name, page in registry.manifests().items() for read in page.reads.values()
    }
    for request in sandbox.requests():
        assert any(
            (request["exchange"], request["method"]) == (exchange, method) and matches(path, request["path"])
            for exchange, method, path in listed
        ), request


def matches(pattern: str, path: str) -> bool:
    wanted, given = pattern.split("/"), path.split("?", maxsplit=1)[0].split("/")
    return len(wanted) == len(given) and all(
        w == g or ("{" in w and g.startswith(w.partition("{")[0])) for w, g in zip(wanted, given, strict=True)
    )


def test_something_new_at_the_exchange_is_there_after_the_next_sync(session: Session, sandbox: Sandbox) -> None:
    done = sandbox.happen("coinbase", "deposit", asset="BTC", amount="0.5")
    syncing.sync(session, "coinbase")

    new = {entry["id"] for entry in done["entries"]}
    assert new
    assert new <= {each["id"].removeprefix("coinbase/") for each in entries(session, "coinbase")}
