"""When an exchange fails, lies or speaks of the unknown: the numbers say so, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import connections, history, hygiene, price_words, status, syncing, worth
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import SyncPartView
from tallyglass.exchanges.streams import Ask, Unparsed
from tallyglass.store import history as stored


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running:
        # Each test has a keeper of its own, with fresh budgets, and all of them share one address.
        running.happen("coinbase", "no_limits")
        yield running


@pytest.fixture
def session(tmp_path: Path, sandbox: Sandbox) -> Iterator[Session]:
    sandbox.calm()
    with open_home(tmp_path, sandbox, "coinbase") as opened:
        yield opened
    sandbox.calm()


def faults(parts: list[SyncPartView]) -> dict[str, str]:
    return {part["stream"]: part["fault"] for part in parts if part["fault"]}


def ours(session: Session) -> list[str]:
    return sorted(
        entry["id"].removeprefix("coinbase/")
        for entry in history.history(session, history.Question(limit=1000))["items"]
    )


def true(session: Session, sandbox: Sandbox) -> list[str]:
    """What happened, but for what an earlier test has made up to be not understood."""
    unknown = {f"tx:{piece['id']}" for piece in history.unparsed(session)}
    return sorted(entry["id"] for entry in sandbox.truth("coinbase")["entries"] if entry["id"] not in unknown)


@pytest.mark.parametrize(
    ("fault", "more", "code"),
    [
        ("status", {"value": 500}, "down"),
        ("status", {"value": 503}, "down"),
        ("status", {"value": 429}, "rate_limited"),
        ("html", {}, "not_json"),
        ("truncate", {}, "not_json"),
        ("reset", {}, "down"),
    ],
)
def test_a_source_that_fails_keeps_its_old_number_and_makes_the_total_partial(
    session: Session, sandbox: Sandbox, fault: str, more: dict[str, float], code: str
) -> None:
    syncing.sync(session)
    before = worth.worth_view(session)
    assert before["complete"], before["causes"]
    sandbox.fault(fault, "coinbase", "/api/v3/brokerage/accounts", **more)
    parts = syncing.sync(session)
    after = worth.worth_view(session)

    assert faults(parts) == {"balances": code}
    assert after["total"] == before["total"]
    assert not after["complete"]
    assert [cause["code"] for cause in after["causes"]] == ["source_failed"]
    assert after["sources"][0]["status"] == "failed"
    assert after["sources"][0]["fresh_at"] == before["sources"][0]["fresh_at"]
    sandbox.calm()
    assert faults(syncing.sync(session)) == {}
    assert worth.worth_view(session)["complete"]


def test_a_source_that_has_never_answered_is_not_taken_for_empty(session: Session, sandbox: Sandbox) -> None:
    sandbox.fault("status", "coinbase", "/api/v3/brokerage/accounts", value=500)
    syncing.sync(session)
    found = worth.worth_view(session)

    assert found["total"] == "0"
    assert [cause["code"] for cause in found["causes"]] == ["source_never"]


def test_prices_that_cannot_be_had_are_missing_and_not_zero(session: Session, sandbox: Sandbox) -> None:
    for source in ("coingecko", "defillama"):  # nobody else is asked
        price_words.switch(session, source, on=False)
    sandbox.fault("status", "coinbase", "/api/v3/brokerage/market", value=500)
    parts = syncing.sync(session)
    found = worth.worth_view(session)

    assert faults(parts) == {}
    assert {cause["code"] for cause in found["causes"]} == {"price_missing"}
    assert all(holding["value"] is None for holding in found["holdings"] if holding["price"] is None)
    assert any(source["part"] == "tickers" and source["fault"] == "down" for source in status.sources(session))


def test_prices_that_have_grown_old_because_nobody_answers_are_named(session: Session, sandbox: Sandbox) -> None:
    syncing.sync(session)
    before = worth.worth_view(session)
    sandbox.fault("status", "coinbase", "/api/v3/brokerage/market", value=500)
    syncing.sync(session)
    after = worth.worth_view(session)

    assert (after["total"], after["complete"]) == (before["total"], False)
    assert [(cause["code"], cause["about"]) for cause in after["causes"]] == [("price_source_failed", "coinbase")]


def test_a_balance_that_is_not_understood_is_missed(session: Session) -> None:
    syncing.sync(session)
    with session.store.write() as db:
        piece = Unparsed("XYZ", "no amount", "{}")
        raw = stored.keep_raw(db, stored.RawPage(0, "coinbase", "balances", Ask("balances"), {}, session.now(), b""))
        stored.add_unparsed(db, "coinbase", "balances", [piece], raw_page=raw, now=session.now())
    assert [cause["code"] for cause in worth.worth_view(session)["causes"]] == ["balance_unparsed"]

    syncing.sync(session)
    assert worth.worth_view(session)["complete"]


def test_what_a_disconnected_exchange_once_said_is_nobody_s_price(session: Session, sandbox: Sandbox) -> None:
    connections.connect(session.keeper, "kraken", sandbox.key("kraken"))
    syncing.sync(session)
    assert any("coinbase" in (h["price_source"] or "") for h in worth.worth_view(session)["holdings"])
    connections.disconnect(session, "coinbase", forget_history=True)

    assert not any("coinbase" in (h["price_source"] or "") for h in worth.worth_view(session)["holdings"])


def test_a_page_cut_off_in_the_middle_of_history_is_asked_for_again(session: Session, sandbox: Sandbox) -> None:
    sandbox.fault("truncate", "coinbase", "/v2/accounts/", times=2)

    assert faults(syncing.sync(session)) == {}
    assert ours(session) == true(session, sandbox)


def test_a_history_that_is_always_cut_off_is_told_and_read_by_the_next_sync(session: Session, sandbox: Sandbox) -> None:
    sandbox.fault("truncate", "coinbase", "/v2/accounts/")
    assert set(faults(syncing.sync(session)).values()) == {"not_json"}
    sandbox.calm()
    assert faults(syncing.sync(session)) == {}

    assert ours(session) == true(session, sandbox)


def test_rows_that_come_twice_are_one(session: Session, sandbox: Sandbox) -> None:
    sandbox.fault("duplicate", "coinbase", "/v2/accounts/")
    syncing.sync(session)
    sandbox.calm()
    syncing.sync(session)

    assert ours(session) == true(session, sandbox)


def test_a_frozen_connection_is_not_asked_and_its_number_is_marked(session: Session, sandbox: Sandbox) -> None:
    syncing.sync(session)
    connections.freeze(session.keeper, "coinbase", "a test")
    asked = len(sandbox.requests("coinbase"))
    syncing.sync(session)
    found = worth.worth_view(session)

    signed = [r for r in sandbox.requests("coinbase")[asked:] if r["key"]]
    assert signed == []
    assert [cause["code"] for cause in found["causes"]] == ["source_frozen"]
    assert found["total"] != "0"
    assert connections.thaw(session.keeper, "coinbase")["verdict"] == "accepted"
    syncing.sync(session)
    assert worth.worth_view(session)["complete"]


def test_a_key_that_gains_a_right_is_frozen_at_the_next_look(session: Session, sandbox: Sandbox) -> None:
    sandbox.change_key("coinbase", grant=["trade"])
    try:
        view = connections.thaw(session.keeper, "coinbase")
        assert view["verdict"] == "refused"
        (key,) = hygiene.keys(session)
        assert key["state"] == "frozen"
        assert key["findings"][0]["code"] == "frozen"
    finally:
        sandbox.change_key("coinbase", revoke=["trade"])


def test_what_is_on_its_way_has_not_happened_but_is_shown(session: Session) -> None:
    syncing.sync(session)
    shown = history.history(session, history.Question(pending=True))["items"]
    (deposit,) = (entry for entry in shown if entry["status"] == "pending")

    assert (deposit["kind"], deposit["status"], deposit["legs"][0]["asset"]) == ("deposit", "pending", "LTC")
    assert {entry["status"] for entry in shown} == {"pending", "failed"}
    assert deposit["id"] not in {
        entry["id"] for entry in history.history(session, history.Question(limit=1000))["items"]
    }


def test_counting_in_another_currency(session: Session) -> None:
    syncing.sync(session)
    with pytest.raises(Problem, match="no price"):
        worth.set_currency(session, "moonbeams")
    worth.set_currency(session, "eur")
    found = worth.worth_view(session)

    assert found["currency"] == "EUR"
    assert found["complete"]
    euro = next(h for h in found["holdings"] if h["asset"] == "EUR")
    assert euro["price"] == "1"
    worth.set_currency(session, "btc")
    assert worth.worth_view(session)["complete"]


def test_what_is_not_understood_is_kept_counted_and_shown(session: Session, sandbox: Sandbox) -> None:
    syncing.sync(session)
    known = len(history.unparsed(session))
    sandbox.happen("coinbase", "unknown_type")
    parts = syncing.sync(session)

    assert sum(part["unparsed"] for part in parts) >= 1
    kept = history.unparsed(session)
    assert len(kept) == known + 1
    assert kept[-1]["connection"] == "coinbase"
    assert kept[-1]["raw"]
    syncing.sync(session)
    syncing.replay(session)
    assert len(history.unparsed(session)) == known + 1
