from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.coinbase.history import PATIENCE, Transactions, streams
from tallyglass.exchanges.streams import Ask, Cursor, Known, NotReadable, Page
from tallyglass.ledger.entries import Entry
from tallyglass.money import Asset

NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
STREAM = Transactions("w", "spot")


@dataclass
class Exchange:
    """Coinbase's paging rules over one wallet: oldest first, behind an id, a page at a time."""

    size: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    #: A server that names a next page for ever.
    endless: bool = False

    def add(self, status: str = "completed", time: datetime = START) -> dict[str, Any]:
        name = f"t{len(self.rows)}"
        row = {
            "id": name,
            "type": "receive",
            "status": status,
            "amount": {"amount": "1", "currency": "BTC"},
            "created_at": time.isoformat(),
            "resource_path": f"/v2/accounts/w/transactions/{name}",
        }
        self.rows.append(row)
        return row

    def answer(self, ask: Ask) -> bytes:
        self.asked += 1
        call = registry.manifest("coinbase").read(ask.read).call(ask.params)
        params = dict(call.params)
        assert (call.path, params["order"], params["limit"]) == ("/v2/accounts/w/transactions", "asc", "100")
        after = params.get("starting_after")
        ids = [row["id"] for row in self.rows]
        begin = ids.index(after) + 1 if after else 0
        rows = self.rows[begin : begin + self.size]
        more = bool(rows) and (self.endless or begin + self.size < len(self.rows))
        uri = f"{call.path}?limit={self.size}&order=asc&starting_after={rows[-1]['id']}" if more else None
        return json.dumps({"data": rows, "pagination": {"order": "asc", "next_uri": uri}}).encode()


@dataclass
class Store:
    """What a sync keeps: entries by id, and the cursor of the last page."""

    entries: dict[str, Entry] = field(default_factory=dict)
    cursor: Cursor = field(default_factory=dict)

    def step(self, exchange: Exchange) -> Page:
        ask = STREAM.ask(self.cursor, NOW)
        page = STREAM.page(self.cursor, ask, exchange.answer(ask), Known())
        self.entries |= {entry.id: entry for entry in page.entries}
        self.cursor = json.loads(json.dumps(dict(page.cursor)))
        return page

    def sync(self, exchange: Exchange, between: Callable[[], object] = lambda: None) -> None:
        for _ in range(3 * len(exchange.rows) + 200):
            if self.step(exchange).done:
                return
            between()
        raise AssertionError("the walk does not end")


def has_all(store: Store, exchange: Exchange) -> bool:
    states = {"completed": "done", "pending": "pending", "failed": "failed"}
    return {entry.id: entry.status for entry in store.entries.values()} == {
        f"tx:{row['id']}": states[row["status"]] for row in exchange.rows
    }


def test_each_wallet_has_its_stream_and_vaults_keep_their_name() -> None:
    found = list(streams(Known(wallets={"w2": Asset("EUR"), "vault:w1": Asset("BTC"), "BTC": Asset("BTC")})))
    assert {(each.name, each.account) for each in found} == {
        ("transactions:w1", "vault"),
        ("transactions:w2", "spot"),
        ("transactions:BTC", "spot"),
    }
    assert not list(streams(Known()))


def test_a_vault_s_stream_books_to_the_vault() -> None:
    exchange = Exchange(size=5)
    exchange.add()
    stream = Transactions("w", "vault")
    ask = stream.ask({}, NOW)
    (entry,) = stream.page({}, ask, exchange.answer(ask), Known()).entries
    assert [leg.account for leg in entry.legs] == ["vault"]


statuses = st.sampled_from(["completed", "completed", "completed", "pending", "failed"])


@given(size=st.integers(1, 7), first=st.lists(statuses, max_size=25), data=st.data())
def test_every_row_arrives_whatever_comes_in_between(size: int, first: list[str], data: st.DataObject) -> None:
    exchange, store = Exchange(size), Store()
    for status in first:
        exchange.add(status)
    extra = data.draw(st.lists(statuses, max_size=12))

    def disturb() -> None:
        comes, settles = data.draw(st.booleans()), data.draw(st.booleans())
        if comes and extra:
            exchange.add(extra.pop())
        waiting = [row for row in exchange.rows if row["status"] == "pending"]
        if settles and waiting:
            data.draw(st.sampled_from(waiting))["status"] = "completed"

    store.sync(exchange, disturb)
    store.sync(exchange)
    assert has_all(store, exchange)
    for row in exchange.rows:
        row["status"] = "failed" if row["status"] == "failed" else "completed"
    store.sync(exchange)
    assert has_all(store, exchange)


@given(size=st.integers(1, 5), count=st.integers(0, 20), stops=st.lists(st.integers(1, 4), max_size=6))
def test_a_sync_may_stop_after_any_page_and_go_on(size: int, count: int, stops: list[int]) -> None:
    exchange, store = Exchange(size), Store()
    for index in range(count):
        exchange.add("pending" if index % 4 == 1 else "completed")
    for steps in stops:
        again = Store(dict(store.entries), store.cursor)  # a crash: only what was committed is left
        for _ in range(steps):
            if again.step(exchange).done:
                break
        store = again
    store.sync(exchange)
    store.sync(exchange)
    assert has_all(store, exchange)


@given(size=st.integers(1, 5), status=st.lists(statuses, max_size=15))
def test_a_server_that_always_names_a_next_page_is_left(size: int, status: list[str]) -> None:
    exchange, store = Exchange(size, endless=True), Store()
    for each in status:
        exchange.add(each)
    store.sync(exchange)
    assert has_all(store, exchange)


@given(status=st.lists(statuses, min_size=1, max_size=6))
def test_a_server_that_repeats_one_page_for_ever_is_left(status: list[str]) -> None:
    exchange, store = Exchange(10), Store()
    for each in status:
        exchange.add(each)
    last = exchange.rows[-1]["id"]
    page = json.dumps({"data": exchange.rows, "pagination": {"next_uri": f"/x?starting_after={last}"}}).encode()
    ends: list[bool] = []
    while not any(ends) and len(ends) < 4:
        found = STREAM.page(store.cursor, STREAM.ask(store.cursor, NOW), page, Known())
        store.cursor = found.cursor
        ends.append(found.done)
    assert any(ends)


def test_a_later_sync_asks_one_page_and_no_more() -> None:
    exchange, store = Exchange(size=10), Store()
    for _ in range(95):
        exchange.add()
    store.sync(exchange)
    assert exchange.asked == 10
    exchange.add()
    store.sync(exchange)
    assert exchange.asked == 11
    assert has_all(store, exchange)


def test_equal_times_lose_no_row() -> None:
    exchange, store = Exchange(size=2), Store()
    for _ in range(9):
        exchange.add(time=START)
    store.sync(exchange)
    assert len(store.entries) == 9


def test_a_pending_row_far_back_is_read_again_until_it_is_settled() -> None:
    exchange, store = Exchange(size=3), Store()
    early = exchange.add("pending")
    for day in range(20):
        exchange.add(time=START + timedelta(days=day))
    store.sync(exchange)
    assert has_all(store, exchange)
    early["status"] = "completed"
    store.sync(exchange)
    assert has_all(store, exchange)
    before = exchange.asked
    store.sync(exchange)
    assert exchange.asked == before + 1


def test_a_row_that_stays_pending_is_given_up_and_the_younger_ones_are_not() -> None:
    exchange, store = Exchange(size=2), Store()
    exchange.add("pending", START)
    younger_at = START + PATIENCE
    exchange.add()
    exchange.add()
    younger = exchange.add("pending", younger_at)
    for day in range(1, 9):
        exchange.add(time=younger_at + timedelta(days=day))
    for _ in range(3):
        store.sync(exchange)
    younger["status"] = "completed"
    store.sync(exchange)
    assert store.entries["tx:t3"].status == "done"
    store.sync(exchange)
    before = exchange.asked
    store.sync(exchange)
    assert exchange.asked == before + 1  # the row given up costs nothing any more


def test_a_pending_row_may_vanish() -> None:
    exchange, store = Exchange(size=3), Store()
    for status in ("completed", "completed", "pending", "completed", "pending"):
        exchange.add(status)
    store.sync(exchange)
    exchange.rows = [row for row in exchange.rows if row["status"] != "pending"]
    store.sync(exchange)
    assert {"tx:t0", "tx:t1", "tx:t3"} <= set(store.entries)


def test_a_row_of_an_unknown_kind_stops_nothing() -> None:
    exchange, store = Exchange(size=2), Store()
    for _ in range(6):
        exchange.add()
    exchange.rows[1]["type"] = "a_type_of_tomorrow"
    exchange.rows[3]["amount"] = None
    ask = STREAM.ask({}, NOW)
    assert [piece.id for piece in STREAM.page({}, ask, exchange.answer(ask), Known()).unparsed] == ["t1"]
    store.sync(exchange)
    assert set(store.entries) == {"tx:t0", "tx:t2", "tx:t4", "tx:t5"}


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+07:00", 5, None])
def test_a_row_with_an_unreadable_time_stops_nothing(time: object) -> None:
    exchange, store = Exchange(size=2), Store()
    exchange.add("pending")
    for _ in range(5):
        exchange.add()
    for at in (0, 3, 5):
        exchange.rows[at]["created_at"] = time
    store.sync(exchange)
    store.sync(exchange)
    assert set(store.entries) == {"tx:t1", "tx:t2", "tx:t4"}


@pytest.mark.parametrize("spoilt", [b"", b"{}", b"<html>", b'{"data": [], "pagination": {"order": "desc"}}'])
def test_an_answer_that_is_none_moves_nothing(spoilt: bytes) -> None:
    with pytest.raises(NotReadable):
        STREAM.page({}, STREAM.ask({}, NOW), spoilt, Known())
