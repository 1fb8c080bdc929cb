"""Booking: an entry told again is joined, a change leaves a trace, and the running sums are those of a full recount."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import structs
from sqlalchemy import text

from tallyglass.exchanges.streams import Ask, Unparsed
from tallyglass.ledger.entries import Entry, Leg
from tallyglass.money import Asset, amount
from tallyglass.store import booking, books, history, imports, sums
from tallyglass.store.base import Db, Store
from tallyglass.store.sqlcipher import open_store

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WITHDRAWAL = Entry("W1", NOW, "withdrawal", (Leg("out", "spot", Asset("BTC"), amount("-2")),), status="pending")


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("store") / "portfolio.db", bytes(32))
    yield opened
    opened.close()


def page(db: Db, *, stream: str = "ledger", hours: int = 0) -> int:
    at = NOW + timedelta(hours=hours)
    return history.keep_raw(db, history.RawPage(0, "kraken", stream, Ask("ledger"), {}, at, b"{}"))


def add(store: Store, *entries: Entry, hours: int = 0) -> history.Booked:
    with store.write() as db:
        return history.book(db, "kraken", entries, page(db, hours=hours))


def the_one(store: Store, *, done: bool = True) -> Entry:
    [found] = history.list_entries(store, limit=9, done=done)
    return found.entry


def traces(store: Store) -> list[tuple[datetime, Any]]:
    with store.read() as db:
        return booking.changes_of(db, "kraken", ["W1"]).get("W1", [])


def test_what_was_pending_and_is_done_keeps_what_it_was(store: Store) -> None:
    add(store, WITHDRAWAL)
    add(store, structs.replace(WITHDRAWAL, status="done", txid="ab" * 32), hours=3)
    assert (the_one(store).status, the_one(store).txid) == ("done", "ab" * 32)

    [(at, was)] = traces(store)
    assert at == NOW + timedelta(hours=3)
    leg = {"id": "out", "account": "spot", "asset": "BTC", "amount": "-2", "role": "principal"}
    assert (was["status"], was["legs"]) == ("pending", [leg])


def test_another_amount_and_a_reversal_are_traced_and_sums_follow(store: Store) -> None:
    done = structs.replace(WITHDRAWAL, status="done")
    add(store, done)
    add(store, structs.replace(done, legs=(structs.replace(done.legs[0], amount=amount("-2.5")),)), hours=1)
    with store.read() as db:
        assert books.sums(db)["kraken"] == {("spot", "BTC"): amount("-2.5")}
    add(store, structs.replace(done, legs=(), status="done"), hours=2)
    add(store, structs.replace(done, status="failed"), hours=3)

    with store.read() as db:
        assert books.sums(db) == {}
    assert [(at.hour, was["status"], was["legs"][0]["amount"]) for at, was in traces(store)] == [
        (13, "done", "-2"),
        (15, "done", "-2.5"),
    ]


def test_a_fee_that_is_no_more_in_its_row_has_been_taken_back(store: Store) -> None:
    out = Leg("L1", "spot", Asset("EUR"), amount("-100"))
    told = Entry("W1", NOW, "withdrawal", (out, Leg("L1:fee", "spot", Asset("EUR"), amount("-1.5"), "fee")))
    add(store, told)
    add(store, structs.replace(told, legs=(out,)), hours=3)
    assert the_one(store).legs == (out,)
    [(_, was)] = traces(store)
    assert [leg["amount"] for leg in was["legs"]] == ["-100", "-1.5"]
    with store.read() as db:
        assert books.sums(db) == {"kraken": {("spot", "EUR"): amount("-100")}}


def test_a_piece_goes_when_its_row_is_understood(store: Store) -> None:
    entry = Entry("E1", NOW, "reward", (Leg("L7", "spot", Asset("EUR"), amount(1)),))
    with store.write() as db:
        for name in ("L7", "L8"):
            piece = Unparsed(name, "the type moonrebate is not known", "{}")
            history.add_unparsed(db, "kraken", "ledger", [piece], raw_page=page(db), now=NOW)
        history.drop_understood(db, "kraken", "ledger", [entry])
    assert [each.piece.id for each in history.list_unparsed(store)] == ["L8"]


def test_more_of_an_entry_is_no_change_of_it(store: Store) -> None:
    fee = Leg("fee", "spot", Asset("BTC"), amount("-0.1"), "fee")
    add(store, WITHDRAWAL)
    assert not add(store, WITHDRAWAL).changed
    assert add(store, structs.replace(WITHDRAWAL, legs=(fee,), facts=(("network", "BTC"),))).changed
    assert add(store, structs.replace(WITHDRAWAL, legs=(), txid="cd")).changed

    assert traces(store) == []
    whole = the_one(store, done=False)
    assert ({leg.id for leg in whole.legs}, whole.txid, whole.facts) == ({"out", "fee"}, "cd", (("network", "BTC"),))


TRADE = Entry("T1", NOW, "trade", (Leg("L1", "spot", Asset("BTC"), amount("1")),), note="tradespot")
TOLD = Entry("T1", NOW + timedelta(seconds=1), "trade", (), "limit", facts=(("order", "O9"), ("price", "7")))


@pytest.mark.parametrize("parts", [(TRADE, TOLD), (TOLD, TRADE)], ids=["facts-later", "facts-first"])
@pytest.mark.parametrize("size", [1, 2], ids=["two-pages", "one-page"])
def test_facts_join_the_entry_of_the_same_id_whichever_comes_first(
    store: Store, parts: tuple[Entry, Entry], size: int
) -> None:
    for start in range(0, 2, size):
        add(store, *parts[start : start + size])

    assert the_one(store) == structs.replace(TRADE, facts=TOLD.facts)


def test_a_replay_leaves_the_traces_that_the_answers_leave(store: Store) -> None:
    add(store, WITHDRAWAL)
    add(store, structs.replace(WITHDRAWAL, status="done"), hours=3)
    before = traces(store)
    with store.write() as db:
        history.unbook(db, "kraken", {"ledger"})
        assert books.sums(db) == {}
        pages = history.raw_ids(db, "kraken", {"ledger"})
        history.book(db, "kraken", [WITHDRAWAL], pages[0])
        history.book(db, "kraken", [structs.replace(WITHDRAWAL, status="done")], pages[1])

    assert traces(store) == before


def test_a_wrong_running_sum_is_found_and_put_right(store: Store) -> None:
    add(store, structs.replace(WITHDRAWAL, status="done"))
    with store.write() as db:
        assert sums.mend(db) == []
        db.execute(text("UPDATE sums SET amount = '5'"))
        assert sums.mend(db) == [("kraken", ("spot", "BTC"))]
        assert books.sums(db) == {"kraken": {("spot", "BTC"): amount("-2")}}


ENTRIES = st.lists(
    st.builds(
        Entry,
        id=st.sampled_from(["a", "b", "trade:X:1", "trade:X:2"]),
        time=st.just(NOW),
        kind=st.sampled_from(["trade", "deposit"]),
        legs=st.lists(
            st.builds(
                Leg,
                id=st.sampled_from(["1", "2"]),
                account=st.sampled_from(["spot", "earn"]),
                asset=st.sampled_from(["BTC", "EUR"]),
                amount=st.decimals(-(10**30), 10**30, places=18),
                role=st.just("principal"),
            ),
            max_size=3,
            unique_by=lambda leg: leg.id,
        ).map(tuple),
        status=st.sampled_from(["done", "done", "pending", "failed"]),
        facts=st.sampled_from([(), (("order", "1"),)]),
    ),
    max_size=5,
)


class Sums(RuleBasedStateMachine):
    """Whatever is booked, told otherwise, unbooked, imported and taken back."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        with self.store.write() as db:
            history.forget(db, "kraken")

    @rule(found=ENTRIES, stream=st.sampled_from(["ledger", "trades", f"{history.FILES}kraken"]))
    def book(self, found: list[Entry], stream: str) -> None:
        with self.store.write() as db:
            history.book(db, "kraken", found, page(db, stream=stream))

    @rule(found=ENTRIES)
    def say(self, found: list[Entry]) -> None:
        with self.store.write() as db:
            history.book(db, "kraken", found, None)

    @rule(stream=st.sampled_from(["ledger", "trades"]))
    def unbook(self, stream: str) -> None:
        with self.store.write() as db:
            history.unbook(db, "kraken", {stream})

    @rule(name=st.sampled_from(["a", "b"]))
    def take_back(self, name: str) -> None:
        with self.store.write() as db:
            books.remove_entry(db, "kraken", name)

    @rule(found=ENTRIES)
    def settle_files(self, found: list[Entry]) -> None:
        with self.store.write() as db:
            pages = history.file_pages(db, "kraken")
            free = {entry.id: entry for entry in found if not booking.named(db, "kraken", [entry.id])}
            imports.put(db, "kraken", {pages[0]: list(free.values())} if pages else {})

    @invariant()
    def sums_are_a_recount(self) -> None:
        with self.store.read() as db:
            kept, counted = sums.kept(db), sums.recounted(db)
            assert kept == counted
            listed = [each.entry for each in history.list_entries(self.store, limit=1000)]
            assert {place: each.amount for place, each in kept.get("kraken", {}).items()} == {
                place: each.amount for place, each in sums.of(listed).items()
            }


def test_running_sums_are_those_of_a_recount_after_anything(store: Store) -> None:
    Sums.store = store
    case = Sums.TestCase
    case.settings = settings(max_examples=8, stateful_step_count=10, deadline=None)
    case("runTest").runTest()
