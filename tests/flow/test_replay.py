"""Stored answers: only those that told something are kept, and the books can be made of them again at any time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NoReturn

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import history, syncing, transfers
from tallyglass.app.session import Session
from tallyglass.app.views import SyncPartView, TransfersView
from tallyglass.exchanges.kraken.history import LedgerStream
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset, amount
from tallyglass.store import history as stored
from tallyglass.sync import imports

EXCHANGES = ("kraken", "binance", "coinbase")
Books = tuple[list[tuple[str, Entry]], list[tuple[str, Entry]], list[Any], TransfersView]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=11) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *EXCHANGES) as opened:
        sync(opened)
        yield opened


def sync(session: Session) -> None:
    assert faulty(syncing.sync(session)) == []


def faulty(parts: list[SyncPartView]) -> list[tuple[str, str, str | None]]:
    """What went wrong, but for what Binance lets nobody ask so often in an hour."""
    return [
        (part["connection"], part["stream"], part["fault"])
        for part in parts
        if part["fault"] and (part["fault"], part["stream"].split(".")[0]) != ("rate_limited", "fiat")
    ]


def replay(session: Session) -> None:
    parts = syncing.replay(session)
    assert [part for part in parts if part["fault"] or part["new"]] == []
    assert {part["connection"] for part in parts} == set(EXCHANGES)


def books(session: Session) -> Books:
    """All that is told of the history of every connection, in its order."""
    done, waiting = (
        [(each.connection, each.entry) for each in stored.list_entries(session.store, limit=10_000, done=done)]
        for done in (True, False)
    )
    assert len(done) > 100
    by_connection = [sorted(each, key=itemgetter(0)) for each in (done, waiting)]
    return by_connection[0], by_connection[1], history.unparsed(session), transfers.transfers(session)


def pages(session: Session) -> int:
    with session.store.read() as db:
        return sum(
            1 for name in EXCHANGES for stream in stored.raw_streams(db, name) for _ in stored.raw_of(db, name, stream)
        )


def test_idle_syncs_keep_no_answer_and_a_replay_gives_the_same_books(session: Session) -> None:
    before, kept = books(session), pages(session)
    for _ in range(2):
        sync(session)
        assert pages(session) == kept
    replay(session)
    assert books(session) == before
    sync(session)
    assert (books(session), pages(session)) == (before, kept)


def test_what_happens_and_what_changes_is_kept(session: Session, sandbox: Sandbox) -> None:
    kept = pages(session)
    for exchange in EXCHANGES:
        sandbox.happen(exchange, "deposit", asset="BTC", amount="0.5")
        sandbox.happen(exchange, "trade")
    sandbox.happen("coinbase", "unknown_type")
    sync(session)
    assert pages(session) > kept
    before = books(session)
    replay(session)
    assert books(session) == before


def test_what_an_older_version_got_wrong_is_put_right(session: Session) -> None:
    before = books(session)
    bonus = (Leg("bonus", "spot", Asset("BTC"), amount("5")),)
    for name in EXCHANGES:
        right = next(each for each in stored.list_entries(session.store, limit=10_000) if each.connection == name)
        with session.store.write() as db:
            page = stored.raw_ids(
                db, name, [each for each in stored.raw_streams(db, name) if ":" in each or each == "ledger"]
            )[0]
            made_up = Entry("never", right.entry.time, "reward", bonus)
            spoilt = Entry(right.entry.id, right.entry.time, right.entry.kind, bonus)
            assert stored.add_entries(db, name, [made_up, spoilt], page) == 1
    assert books(session) != before
    for part in syncing.replay(session):
        assert (part["fault"], part["new"]) == (None, 0)
    assert books(session) == before


def test_an_error_of_ours_in_one_part_hides_no_other(
    session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(*_: object) -> NoReturn:
        raise RuntimeError("words of which nobody knows what they hold")

    monkeypatch.setattr(LedgerStream, "page", wrong)
    with caplog.at_level(logging.ERROR):
        parts = syncing.sync(session)

    assert faulty(parts) == [("kraken", "ledger", "internal")]
    [told] = [part for part in parts if part["fault"] == "internal"]
    assert "RuntimeError" in told["text"]
    assert "nobody knows" not in str(told)
    assert {part["connection"] for part in parts} == set(EXCHANGES)
    assert any(record.exc_info for record in caplog.records)


def test_an_error_of_ours_around_one_connection_hides_no_other(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = imports.around

    def wrong(held: object, *rest: object) -> object:
        if getattr(held, "name", "") == "binance":
            raise RuntimeError("words of which nobody knows what they hold")
        return whole(held, *rest)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(imports, "around", wrong)
    parts = syncing.sync(session)

    assert faulty(parts) == [("binance", "all", "internal")]
    assert "nobody knows" not in str(parts)
    assert {part["connection"] for part in parts if not part["fault"]} == {"kraken", "coinbase"}
    monkeypatch.undo()
    sync(session)
