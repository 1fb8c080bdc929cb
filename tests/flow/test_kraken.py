"""Kraken from end to end: every kind of row, every wallet, what is on its way, and what is told beside the ledger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from support.truth import untrue
from tallyglass.app import reconciling, syncing
from tallyglass.app.session import Session
from tallyglass.ledger.entries import Entry
from tallyglass.store import books, history, present

BESIDE = ("trades", "trades.orders", "deposits", "withdrawals")
#: As `POST /_control/account/kraken` knows them.
KINDS = (
    *("dust", "fee_credits", "airdrop", "named_airdrop", "opt_in", "migration", "opt_out", "earn_reward"),
    *("split_fill", "credited_fill", "to_futures", "from_futures", "to_custody", "adjustment", "delisting"),
    *("conversion", "sale", "credit", "bonus", "plain_reward", "dividend", "picture", "open_position", "rollover"),
    *("close_position", "open_position", "rollover", "settle_position", "failed_deposit", "failed_withdrawal"),
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, "kraken") as opened:
        yield opened


def sync(session: Session) -> dict[str, int]:
    """Requests by stream."""
    parts = syncing.sync(session)
    assert [part for part in parts if part["fault"] or part["unparsed"]] == []
    return {part["stream"]: part["requests"] for part in parts}


def listed(session: Session, *, done: bool = True) -> list[Entry]:
    found = history.list_entries(session.store, limit=100_000, done=done, connection="kraken")
    return [each.entry for each in found]


def adds_up(session: Session, sandbox: Sandbox) -> None:
    assert untrue(session.store, sandbox, "kraken") == []
    assert reconciling.reconcile(session) == []


def test_every_kind_of_row_is_booked_in_its_wallet(session: Session, sandbox: Sandbox) -> None:
    sync(session)
    for kind in KINDS:
        sandbox.happen("kraken", kind)
    sync(session)
    adds_up(session, sandbox)
    with session.store.read() as db:
        computed = {place: amount for place, amount in books.sums(db)["kraken"].items() if amount}
        reported = {(each.account, each.asset): each.total for each in present.balances_of(db, "kraken")[0]}
    assert computed == {place: amount for place, amount in reported.items() if amount}
    assert len({wallet for wallet, _ in computed}) > 4


def test_where_nothing_is_new_each_list_is_asked_once(session: Session) -> None:
    before = listed(session)
    assert sync(session) == dict.fromkeys(("balances", "orders", "ledger", *BESIDE), 1)
    assert listed(session) == before


def test_a_trade_tells_its_market_price_and_order(session: Session, sandbox: Sandbox) -> None:
    done = sandbox.happen("kraken", "trade", market="BTC/EUR", side="buy", amount="0.001", price="50000")
    sync(session)
    [name] = [entry["id"] for entry in done["entries"] if entry["kind"] == "trade"]
    [trade] = [entry for entry in listed(session) if entry.id == name]
    told = dict(trade.facts)
    assert {n: told[n] for n in ("market", "side", "price", "limit")} == {
        "market": "BTC/EUR",
        "side": "buy",
        "price": "50000",
        "limit": "50000",
    }
    assert told["order"].startswith("O")
    spot = [entry for entry in listed(session) if entry.note.startswith("trade")]
    assert all({"market", "price", "order"} <= set(dict(entry.facts)) for entry in spot)


def test_transfers_have_their_transactions(session: Session, sandbox: Sandbox) -> None:
    done = sandbox.happen("kraken", "deposit", asset="BTC", amount="0.01", txid="a1" * 32)
    sync(session)
    found = {entry.id: entry.txid for entry in listed(session)}
    assert [found[entry["id"]] for entry in done["entries"]] == ["a1" * 32]


def test_what_is_on_its_way_waits_beside_the_history_and_arrives_once(session: Session, sandbox: Sandbox) -> None:
    sandbox.happen("kraken", "pending_deposit")
    sandbox.happen("kraken", "held_withdrawal")
    sync(session)
    waiting = [entry for entry in listed(session, done=False) if entry.status == "pending"]
    assert [(entry.kind, len(entry.legs)) for entry in waiting] == [("deposit", 1)]
    adds_up(session, sandbox)

    sandbox.happen("kraken", "deposits_arrive")
    sandbox.happen("kraken", "withdrawals_return")
    sync(session)
    assert [entry for entry in listed(session, done=False) if entry.status == "pending"] == []
    adds_up(session, sandbox)
    [arrived] = [entry for entry in listed(session) if entry.id == waiting[0].id]
    assert (arrived.status, bool(arrived.txid)) == ("done", True)


def test_a_deposit_that_goes_back_is_no_more_on_its_way(session: Session, sandbox: Sandbox) -> None:
    sandbox.happen("kraken", "pending_deposit")
    sync(session)
    sandbox.happen("kraken", "deposits_return")
    sync(session)
    assert [entry.status for entry in listed(session, done=False) if entry.kind == "deposit"] == ["failed"]
    adds_up(session, sandbox)


def test_all_of_it_is_told_again_by_the_stored_answers(session: Session, sandbox: Sandbox) -> None:
    before = sorted(listed(session), key=lambda entry: entry.id)
    asked = len(sandbox.requests("kraken"))
    assert {(part["fault"], part["new"]) for part in syncing.replay(session)} == {(None, 0)}
    assert sorted(listed(session), key=lambda entry: entry.id) == before
    assert len(sandbox.requests("kraken")) == asked


def test_a_key_that_may_not_read_trades_still_reads_the_ledger(session: Session, sandbox: Sandbox) -> None:
    sandbox.fault("denied", "kraken", "/0/private/TradesHistory")
    sandbox.fault("denied", "kraken", "/0/private/ClosedOrders")
    sandbox.happen("kraken", "trade")
    parts = syncing.sync(session)
    assert [part for part in parts if part["fault"]] == []
    told = {part["stream"]: part["text"] for part in parts if part["text"]}
    assert set(told) == {"trades", "trades.orders"}
    assert all("permission" in words for words in told.values())
    adds_up(session, sandbox)
    sandbox.calm()
    sync(session)
    assert all("market" in dict(entry.facts) for entry in listed(session) if entry.note.startswith("trade"))
