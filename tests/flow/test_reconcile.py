"""What the exchanges report beside what their entries add up to: no gap that is not there, none that is not told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text as text_

from support.home import open_home
from support.program import DONE, FAILED, PARTIAL, USAGE, running_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import connections, history, proof, reconciling, status, syncing, transfers, worth
from tallyglass.app.problems import Problem
from tallyglass.app.reconciling import reconcile
from tallyglass.app.session import Session
from tallyglass.money import add, amount, text, total
from tallyglass.store import booking, lease, present
from tallyglass.sync.report import PartReport

EXCHANGES = ("kraken", "binance", "coinbase")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=11) as running:
        for exchange in EXCHANGES:
            # Each home has a keeper of its own, with fresh budgets, and all of them share one address.
            running.happen(exchange, "no_limits")
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    """A home with all three, synced. Each test but the last leaves it as it was: without a gap."""
    with open_home(tmp_path_factory.mktemp("whole"), sandbox, *EXCHANGES) as opened:
        syncing.sync(opened)
        yield opened


@pytest.fixture
def calm(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, whose faults end with the test."""
    yield sandbox
    sandbox.calm()


def when(told: str | None) -> datetime:
    assert told is not None
    return datetime.fromisoformat(told)


def test_a_clean_account_adds_up_to_the_last_digit_and_so_after_more_has_happened(
    whole: Session, sandbox: Sandbox
) -> None:
    assert reconcile(whole) == []
    for exchange in EXCHANGES:
        sandbox.happen(exchange, "deposit", asset="BTC", amount="0.51")
        sandbox.happen(exchange, "trade")
    syncing.sync(whole)
    assert reconcile(whole) == []
    rows = reconcile(whole, everything=True)

    assert {row["gap"] for row in rows} == {"0"}
    assert {row["cause"] for row in rows} == {None}
    for exchange in EXCHANGES:
        true = sandbox.truth(exchange)["balances"]
        assert {row["asset"]: row["computed"] for row in rows if row["connection"] == exchange} == true
        assert {row["asset"]: row["reported"] for row in rows if row["connection"] == exchange} == true


def test_a_stream_that_fails_is_named_and_the_gap_closes_when_it_is_read(whole: Session, calm: Sandbox) -> None:
    before = whole.now()
    calm.fault("status", "binance", "/sapi/v1/capital/deposit/hisrec", value=503)
    calm.happen("binance", "deposit", asset="BTC", amount="0.75")
    syncing.sync(whole, "binance")
    (row,) = reconcile(whole)

    assert (row["asset"], row["gap"], row["cause"]) == ("BTC", "0.75", "stream_unread")
    assert "`deposits`" in row["text"]
    assert when(row["clean_at"]) <= before <= when(row["since"])
    with pytest.raises(Problem, match="no opening balance") as refused:
        reconciling.open_balance(whole, "binance", "BTC")
    assert "`deposits`" in refused.value.text
    calm.calm()
    syncing.sync(whole, "binance")
    assert reconcile(whole) == []


def test_a_sync_that_was_killed_between_balances_and_history_leaves_no_complete_total(whole: Session) -> None:
    assert worth.worth_view(whole)["complete"]
    with whole.store.write() as db:
        before, _ = present.balances_of(db, "kraken")
        now = [replace(each, total=add(each.total, amount("5"))) if each.asset == "BTC" else each for each in before]
        present.set_balances(db, "kraken", now, whole.now())
    after = worth.worth_view(whole)
    assert (after["complete"], [each["code"] for each in after["causes"]]) == (False, ["history_unread"])

    held = syncing.claim(whole, "kraken")  # while a sync runs, it is on its way
    assert held is not None
    assert worth.worth_view(whole)["complete"]
    lease.release(whole.store, held, whole.now(), next_due=None, failed=False)
    syncing.sync(whole, "kraken")
    assert worth.worth_view(whole)["complete"]


def lose(session: Session, connection: str, symbol: str) -> str:
    """The oldest deposit of this asset is gone, as where an API does not reach back. Of how much it was."""
    entries = history.history(session, history.Question(limit=1000, connection=connection))["items"]
    deposits = [entry for entry in entries if entry["kind"] == "deposit" and entry["legs"][0]["asset"] == symbol]
    lose_entry(session, deposits[-1]["id"])
    return text(total(amount(leg["amount"]) for leg in deposits[-1]["legs"]))


def lose_entry(session: Session, name: str) -> None:
    connection, _, entry = name.partition("/")
    with session.store.write() as db:
        assert booking.remove(db, connection, [entry]) == 1


def test_a_recount_tells_of_a_wrong_running_sum_and_mends_it(whole: Session) -> None:
    with whole.store.write() as db:
        assert db.execute(text_("UPDATE sums SET amount = '1' WHERE connection = 'kraken' AND asset = 'BTC'")).rowcount
    assert any(row["asset"] == "BTC" for row in reconcile(whole))

    assert [place for place in reconciling.recount(whole) if place.endswith(" BTC")]
    assert reconciling.recount(whole) == []
    assert reconcile(whole) == []


def test_an_opening_balance_is_the_users_word_survives_a_sync_and_can_be_taken_back(whole: Session) -> None:
    lost = lose(whole, "binance", "EUR")
    (row,) = reconcile(whole)
    assert (row["asset"], row["gap"], row["cause"], row["clean_at"]) == ("EUR", lost, "history_limit", None)
    assert "reconcile open binance EUR" in row["fix"]

    done = reconciling.open_balance(whole, "binance", "eur")
    assert (done["gap"], done["opening"], done["cause"]) == ("0", lost, None)
    syncing.sync(whole, "binance")
    assert reconcile(whole) == []
    oldest = history.history(whole, history.Question(limit=1000, connection="binance"))["items"][-1]
    assert (oldest["id"], oldest["kind"]) == ("binance/opening:EUR", "adjustment")
    assert "your word" in oldest["note"]

    syncing.replay(whole, "binance")
    (row,) = reconcile(whole)
    assert (row["gap"], row["cause"], row["opening"]) == (f"-{lost}", "opening", lost)
    assert "--undo" in row["fix"]
    assert reconciling.undo_opening(whole, "binance", "EUR")["gap"] == "0"
    assert reconcile(whole) == []


def test_what_left_another_account_and_is_not_known_to_have_arrived_is_named(whole: Session) -> None:
    moved = transfers.transfers(whole)["matched"][0]
    sent, received = moved["sent"], moved["received"]
    lose_entry(whole, received["id"])
    (row,) = reconcile(whole)

    assert (row["connection"], row["asset"], row["gap"]) == (
        received["connection"],
        received["asset"],
        received["amount"],
    )
    assert (row["cause"], row["since"]) == ("missing_transfer", sent["time"])
    assert sent["id"] in row["text"]
    syncing.replay(whole, received["connection"])
    assert reconcile(whole) == []


@pytest.mark.parametrize(
    ("connection", "symbol", "words"),
    [("binance", "EUR", "adds up"), ("binance", "NOSUCH", "never had"), ("nobody", "EUR", "No connection")],
)
def test_nothing_is_opened_that_is_not_there(whole: Session, connection: str, symbol: str, words: str) -> None:
    with pytest.raises(Problem, match=words):
        reconciling.open_balance(whole, connection, symbol)
    with pytest.raises(Problem, match="no opening balance" if words == "adds up" else words):
        reconciling.undo_opening(whole, connection, symbol)


def test_a_history_that_was_never_read_lacks_everything(tmp_path: Path, calm: Sandbox) -> None:
    calm.fault("status", "kraken", "/0/private/Ledgers", value=503)
    with open_home(tmp_path, calm, "kraken") as session:
        syncing.sync(session)
        rows, gaps = reconcile(session), status.status(session.home, session)["gaps"]

    assert {row["asset"]: row["gap"] for row in rows} == calm.truth("kraken")["balances"]
    assert {row["cause"] for row in rows} == {"stream_unread"}
    assert all("`ledger` was never read" in row["text"] for row in rows)
    assert {row["clean_at"] for row in rows} == {None}
    assert gaps == len(rows)


def test_while_a_history_is_read_for_the_first_time_no_gap_is_invented(tmp_path: Path, calm: Sandbox) -> None:
    seen: list[tuple[int, set[tuple[str | None, str | None]]]] = []

    with open_home(tmp_path, calm, "kraken") as session:

        def look(part: PartReport) -> None:
            if part.stream == "ledger" and not part.fault:
                told = {(row["cause"], row["since"]) for row in reconcile(session)}
                seen.append((proof.count_gaps(session), told))

        syncing.sync(session, watch=look)
        assert len(seen) > 1
        assert {count for count, _ in seen} == {0}
        assert {("still_read", None)} in [told for _, told in seen]
        assert all(told <= {("still_read", None)} for _, told in seen)
        assert reconcile(session) == []

        assert {each["source"] for each in status.sources(session)} >= {"kraken"}
        connections.disconnect(session, "kraken")
        left = status.sources(session)
        assert {(each["source"], each["part"]) for each in left if each["source"] == "kraken"} <= {
            ("kraken", "markets"),
            ("kraken", "tickers"),
        }, "no key reads them any more"


def test_balances_never_read_are_not_taken_for_right_and_old_ones_not_for_new(tmp_path: Path, calm: Sandbox) -> None:
    with open_home(tmp_path, calm, "coinbase") as session:
        calm.fault("status", "coinbase", "/api/v3/brokerage/accounts", value=503)
        syncing.sync(session)
        (row,) = reconcile(session)
        assert (row["connection"], row["asset"], row["gap"], row["cause"]) == ("coinbase", None, None, "never_read")
        with pytest.raises(Problem, match="never read"):
            reconciling.open_balance(session, "coinbase", "BTC")

        calm.calm()
        syncing.sync(session)
        assert reconcile(session) == []
        calm.fault("status", "coinbase", "/api/v3/brokerage/accounts", value=503)
        calm.happen("coinbase", "deposit", asset="LTC", amount="3")
        assert sum(part["new"] for part in syncing.sync(session)) == 1
        assert reconcile(session) == []

        connections.disconnect(session, "coinbase")
        assert reconcile(session, everything=True) == []


@pytest.mark.parametrize(
    ("connection", "symbol", "size"), [("kraken", "EUR", "0.12"), ("coinbase", "USDC", "1.234567")]
)
def test_a_type_never_seen_is_a_gap_of_its_asset_size_and_time(
    whole: Session, sandbox: Sandbox, connection: str, symbol: str, size: str
) -> None:
    before = whole.now()
    sandbox.happen(connection, "unknown_type")
    after = whole.now()
    syncing.sync(whole, connection)
    (row,) = (each for each in reconcile(whole) if each["connection"] == connection)

    assert (row["asset"], row["gap"], row["cause"]) == (symbol, size, "unparsed")
    assert "unknown type" in row["text"]
    assert before - timedelta(seconds=1) <= when(row["since"]) <= after
    assert when(row["clean_at"]) <= before
    assert [each["account"] for each in row["accounts"] if each["gap"] == size] == ["spot"]
    assert ("gap", f"{connection}/{symbol}") in [(c["code"], c["about"]) for c in worth.worth_view(whole)["causes"]]
    assert status.status(whole.home, whole)["gaps"] == len(reconcile(whole))


def test_the_command_tells_gaps_by_its_exit_code_and_opens_only_when_told_to(tmp_path: Path, calm: Sandbox) -> None:
    with running_home(tmp_path, calm) as program:
        assert program.connect("coinbase", calm.key("coinbase"))[0] == DONE
        code, rows = program.json("reconcile")
        assert (code, [row["cause"] for row in rows]) == (PARTIAL, ["never_read"])
        program.run("sync")
        known = {row["asset"] for row in program.json("reconcile")[1]}
        code, rows = program.json("reconcile", "--all")
        assert {row["asset"]: row["reported"] for row in rows} == calm.truth("coinbase")["balances"]

        calm.happen("coinbase", "unknown_type")
        program.run("sync")
        ended = program.run("reconcile")
        assert ended.code == PARTIAL
        assert "coinbase USDC: " in ended.words
        assert "tallyglass unparsed" in ended.words
        assert program.json("status")[1]["gaps"] == len(known | {"USDC"})

        assert program.run("reconcile", "open", "coinbase", "USDC").code == FAILED
        assert program.run("reconcile", "open", "coinbase", "NOSUCH").code == USAGE
        assert program.run("reconcile", "open", "nobody", "USDC").code == USAGE
        code, row = program.json("reconcile", "open", "coinbase", "USDC", "--anyway")
        assert (code, row["gap"]) == (DONE, "0")
        assert amount(row["opening"]) > 0
        assert "coinbase USDC: " + row["opening"] in program.run("reconcile", "--all").words
        assert program.run("reconcile", "open", "coinbase", "USDC", "--undo").code == DONE
        assert program.run("reconcile").code == PARTIAL
