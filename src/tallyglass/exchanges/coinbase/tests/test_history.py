from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.coinbase.history import PATIENCE, Transactions, streams
from tallyglass.exchanges.streams import Ask, Cursor, Known, NotReadable, Page
from tallyglass.ledger.entries import Entry
from tallyglass.money import Asset

NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
STREAM = Transactions("w", "spot")
STATES = {"completed": "done", "pending": "pending", "failed": "failed"}


class NotFoundError(LookupError):
    """Coinbase's 404 for a row that is not there."""


@dataclass
class Exchange:
    """Coinbase's paging rules over one wallet: newest first, behind an id, a page at a time."""

    size: int
    #: Oldest first.
    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    #: A server that names a next page for ever.
    endless: bool = False
    made: int = 0

    def add(self, status: str = "completed", time: datetime = START) -> dict[str, Any]:
        name = f"t{self.made}"
        self.made += 1
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

    def pending(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["status"] == "pending"]

    def answer(self, ask: Ask) -> bytes:
        self.asked += 1
        call = registry.manifest("coinbase").read(ask.read).call(ask.params)
        params = dict(call.params)
        assert (call.path, params["limit"]) == ("/v2/accounts/w/transactions", "100")
        if params["order"] == "asc":
            return json.dumps({"data": self.rows[: self.size], "pagination": {"next_uri": None}}).encode()
        newest_first = self.rows[::-1]
        ids = [row["id"] for row in newest_first]
        after = params.get("starting_after")
        if after and after not in ids:
            raise NotFoundError(after)
        begin = ids.index(after) + 1 if after else 0
        rows = newest_first[begin : begin + self.size]
        more = bool(rows) and (self.endless or begin + self.size < len(newest_first))
        uri = f"{call.path}?limit={self.size}&starting_after={rows[-1]['id']}" if more else None
        return json.dumps({"data": rows, "pagination": {"order": "desc", "next_uri": uri}}).encode()


@dataclass
class Store:
    """What a sync keeps: entries by id, and the cursor of the last page."""

    entries: dict[str, Entry] = field(default_factory=dict)
    cursor: Cursor = field(default_factory=dict)

    def step(self, exchange: Exchange) -> Page:
        """One page. Where the row that the cursor names is gone, the walk begins anew."""
        ask = STREAM.ask(self.cursor, NOW)
        try:
            body = exchange.answer(ask)
        except NotFoundError:
            self.cursor = STREAM.restart(self.cursor)
            return Page((), self.cursor, done=False)
        page = STREAM.page(self.cursor, ask, body, Known())
        assert page.done or dict(page.cursor) != dict(self.cursor)
        assert page.left != 0 or page.done
        self.entries |= {entry.id: entry for entry in page.entries}
        self.cursor = json.loads(json.dumps(dict(page.cursor)))
        return page

    def sync(self, exchange: Exchange, between: Callable[[], object] = lambda: None) -> None:
        for _ in range(6 * len(exchange.rows) + 200):
            if self.step(exchange).done:
                return
            between()
        raise AssertionError("the walk does not end")


def has_all(store: Store, exchange: Exchange) -> bool:
    """Every row of the exchange is an entry, in the state it is in; what vanished there has failed here."""
    told = {f"tx:{row['id']}": STATES[row["status"]] for row in exchange.rows}
    held = {entry.id: entry.status for entry in store.entries.values()}
    return {name: held.get(name) for name in told} == told and {
        state for name, state in held.items() if name not in told
    } <= {"failed"}


def test_each_wallet_has_its_stream_and_vaults_and_staked_ones_keep_their_name() -> None:
    known = Known(
        wallets={"w2": Asset("EUR"), "vault:w1": Asset("BTC"), "staked:w3": Asset("ETH"), "BTC": Asset("BTC")}
    )
    found = [each for each in streams(known) if isinstance(each, Transactions)]
    assert {(each.name, each.account) for each in found} == {
        ("transactions:w1", "vault"),
        ("transactions:w2", "spot"),
        ("transactions:w3", "staked"),
        ("transactions:BTC", "spot"),
    }
    assert [each.name for each in streams(Known())] == ["fills"]


def test_a_vault_s_stream_books_to_the_vault() -> None:
    exchange = Exchange(size=5)
    exchange.add()
    stream = Transactions("w", "vault")
    ask = stream.ask({}, NOW)
    (entry,) = stream.page({}, ask, exchange.answer(ask), Known()).entries
    assert [leg.account for leg in entry.legs] == ["vault"]


statuses = st.sampled_from(["completed", "completed", "completed", "pending", "failed"])


@given(size=st.integers(1, 40), first=st.lists(statuses, max_size=60), data=st.data())
def test_every_row_arrives_whatever_comes_changes_or_vanishes_in_between(
    size: int, first: list[str], data: st.DataObject
) -> None:
    exchange, store = Exchange(size), Store()
    for status in first:
        exchange.add(status)
    extra = data.draw(st.lists(statuses, max_size=12))

    def disturb() -> None:
        happens = data.draw(st.sampled_from(["nothing", "nothing", "arrives", "settles", "vanishes"]))
        waiting = exchange.pending()
        if happens == "arrives" and extra:
            exchange.add(extra.pop())
        elif happens == "settles" and waiting:
            data.draw(st.sampled_from(waiting))["status"] = "completed"
        elif happens == "vanishes" and waiting:
            exchange.rows.remove(data.draw(st.sampled_from(waiting)))

    for _ in range(2):
        store.sync(exchange, disturb)
        disturb()
    store.sync(exchange)
    assert has_all(store, exchange)
    for row in exchange.pending():
        row["status"] = "completed"
    store.sync(exchange)
    assert has_all(store, exchange)


@given(size=st.integers(1, 30), count=st.integers(0, 40), stops=st.lists(st.integers(1, 4), max_size=6))
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
        exchange.add()
    store.sync(exchange)
    store.sync(exchange)
    assert has_all(store, exchange)


@pytest.mark.soak
@pytest.mark.parametrize(
    "walks",
    [
        test_every_row_arrives_whatever_comes_changes_or_vanishes_in_between,
        test_a_sync_may_stop_after_any_page_and_go_on,
    ],
)
def test_the_same_for_long(walks: Callable[[], None]) -> None:
    settings(max_examples=4_000, deadline=None)(walks)()


def test_the_newest_rows_come_first_and_how_far_back_and_how_long_is_told() -> None:
    exchange, store = Exchange(size=10), Store()
    for day in range(100):
        exchange.add(time=START + timedelta(days=day))
    steps = []
    while not (page := store.step(exchange)).done:
        steps.append((page.reached and (page.reached - START).days, page.left))
    assert steps[:4] == [(90, None), (None, None), (80, 10), (70, 9)]  # the second asks how far it will go
    assert steps[-2:] == [(10, 3), (0, 1)]
    assert len(store.entries) == 100


def test_a_long_walk_to_what_is_known_tells_how_long_it_is() -> None:
    exchange, store = Exchange(size=10), Store()
    for day in range(200):
        exchange.add(time=START + timedelta(days=day))
        if day == 100:
            store.sync(exchange)
    assert store.step(exchange).left == 12  # from day 190 to 91 as the nine days before, and the top once more
    store.sync(exchange)
    assert has_all(store, exchange)


def test_what_came_during_a_long_walk_is_read_in_the_same_sync() -> None:
    exchange, store = Exchange(size=10), Store()
    for _ in range(95):
        exchange.add()
    store.sync(exchange, exchange.add)
    assert len(store.entries) >= 95 + 9
    store.sync(exchange)
    assert has_all(store, exchange)


def test_a_later_sync_asks_one_page_and_no_more() -> None:
    exchange, store = Exchange(size=30), Store()
    for _ in range(95):
        exchange.add()
    store.sync(exchange)
    assert exchange.asked == 6  # four pages, the oldest rows, and the top once more
    for _ in range(3):
        exchange.add()
        store.sync(exchange)
        assert has_all(store, exchange)
    store.sync(exchange)
    assert exchange.asked == 10


def test_a_row_written_late_a_little_below_the_top_is_found() -> None:
    exchange, store = Exchange(size=100), Store()
    for _ in range(300):
        exchange.add()
    store.sync(exchange)
    late = exchange.add()
    exchange.rows.insert(-20, exchange.rows.pop())
    for _ in range(200):
        exchange.add()
    store.sync(exchange)
    assert f"tx:{late['id']}" in store.entries


def test_the_row_down_to_which_all_is_known_may_vanish() -> None:
    exchange, store = Exchange(size=30), Store()
    for hour in range(300):
        exchange.add(time=START + timedelta(hours=hour))
    store.sync(exchange)
    before = exchange.asked
    del exchange.rows[-60:-20]
    exchange.add(time=START + timedelta(hours=400))
    store.sync(exchange)
    assert {f"tx:{row['id']}" for row in exchange.rows} <= set(store.entries)
    assert exchange.asked <= before + 3


@given(size=st.integers(1, 5), status=st.lists(statuses, min_size=1, max_size=6))
def test_a_server_that_repeats_one_page_for_ever_brings_no_false_end(size: int, status: list[str]) -> None:
    exchange = Exchange(size, endless=True)
    for each in status:
        exchange.add(each)
    body = exchange.answer(STREAM.ask({}, NOW))
    cursor: Cursor = {}
    for _ in range(6):
        page = STREAM.page(cursor, STREAM.ask(cursor, NOW), body, Known())
        assert not page.done
        assert dict(page.cursor) != dict(cursor)
        cursor = page.cursor


def test_a_page_that_comes_twice_loses_nothing() -> None:
    exchange, store = Exchange(size=10), Store()
    for _ in range(35):
        exchange.add()
    bodies = [exchange.answer(STREAM.ask({}, NOW))] * 2
    for body in bodies:
        page = STREAM.page(store.cursor, STREAM.ask(store.cursor, NOW), body, Known())
        store.entries |= {entry.id: entry for entry in page.entries}
        store.cursor = page.cursor
    store.sync(exchange)
    assert has_all(store, exchange)


@pytest.mark.parametrize("spoil", ["shuffled", "short", "overlapping", "doubled", "jumping"])
def test_pages_that_are_spoilt_lose_no_row(spoil: str) -> None:
    """All but the last page: where no page is said to follow, nothing tells that rows are missing."""
    exchange, store = Exchange(size=10), Store()
    for number in range(95):
        exchange.add("pending" if number % 7 == 3 else "completed")

    def spoilt(body: bytes) -> bytes:
        page = json.loads(body)
        data, following = page["data"], page["pagination"]["next_uri"]
        if following and spoil == "shuffled":
            data = [*data[1::2], *data[::2]]
        elif following and spoil in ("short", "jumping"):
            data = data[:4]
            if spoil == "short":
                page["pagination"]["next_uri"] = f"{following.rpartition('=')[0]}={data[-1]['id']}"
        elif spoil == "doubled":
            data = [row for row in data for _ in range(2)]
        elif spoil == "overlapping":
            at = [row["id"] for row in exchange.rows[::-1]].index(data[0]["id"])
            data = [*exchange.rows[::-1][max(0, at - 3) : at], *data]
        return json.dumps({**page, "data": data}).encode()

    for _ in range(300):
        page = STREAM.page(store.cursor, ask := STREAM.ask(store.cursor, NOW), spoilt(exchange.answer(ask)), Known())
        store.entries |= {entry.id: entry for entry in page.entries}
        store.cursor = page.cursor
        if page.done:
            break
    assert has_all(store, exchange)


def test_equal_times_lose_no_row() -> None:
    exchange, store = Exchange(size=2), Store()
    for _ in range(9):
        exchange.add(time=START)
    store.sync(exchange)
    assert len(store.entries) == 9


def test_a_pending_row_far_down_is_read_again_until_it_is_settled() -> None:
    exchange, store = Exchange(size=30), Store()
    early = exchange.add("pending")
    for hour in range(100):
        exchange.add(time=START + timedelta(hours=hour))
    store.sync(exchange)
    assert has_all(store, exchange)
    early["status"] = "completed"
    store.sync(exchange)
    assert has_all(store, exchange)
    before = exchange.asked
    store.sync(exchange)
    assert exchange.asked == before + 1


def test_a_row_that_stays_pending_is_given_up_and_the_younger_ones_are_not() -> None:
    exchange, store = Exchange(size=10), Store()
    exchange.add("pending", START)
    for day in range(40):
        exchange.add(time=START + timedelta(days=day))
    younger = exchange.add("pending", START + timedelta(days=41))
    for hour in range(60):
        exchange.add(time=START + PATIENCE + timedelta(hours=hour))
    store.sync(exchange)
    younger["status"] = "completed"
    store.sync(exchange)
    assert store.entries[f"tx:{younger['id']}"].status == "done"
    before = exchange.asked
    store.sync(exchange)
    assert exchange.asked == before + 1  # the row given up costs nothing any more


def test_a_pending_row_that_vanishes_has_failed() -> None:
    exchange, store = Exchange(size=3), Store()
    for status in ("completed", "completed", "pending", "completed", "pending"):
        exchange.add(status)
    store.sync(exchange)
    assert store.entries["tx:t2"].status == "pending"
    exchange.rows = [row for row in exchange.rows if row["status"] != "pending"]
    store.sync(exchange)
    assert {name: entry.status for name, entry in store.entries.items()} == {
        **dict.fromkeys(("tx:t0", "tx:t1", "tx:t3"), "done"),
        **dict.fromkeys(("tx:t2", "tx:t4"), "failed"),
    }
    vanished = store.entries["tx:t2"]
    assert (vanished.kind, vanished.time) == ("deposit", START)
    assert [leg.amount for leg in vanished.legs] == [1]


def test_a_row_of_an_unknown_kind_stops_nothing() -> None:
    exchange, store = Exchange(size=2), Store()
    for _ in range(6):
        exchange.add()
    exchange.rows[5]["type"] = "a_type_of_tomorrow"
    exchange.rows[3]["amount"] = None
    ask = STREAM.ask({}, NOW)
    assert [piece.id for piece in STREAM.page({}, ask, exchange.answer(ask), Known()).unparsed] == ["t5"]
    store.sync(exchange)
    assert set(store.entries) == {"tx:t0", "tx:t1", "tx:t2", "tx:t4"}


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


def test_where_an_earlier_version_stood_is_no_place_and_all_is_read_again() -> None:
    exchange = Exchange(size=3)
    for _ in range(8):
        exchange.add()
    store = Store(cursor={"after": "t4", "open": "t2", "open_at": "2026-01-01T00:00:00Z", "waived": "x"})
    store.sync(exchange)
    assert has_all(store, exchange)


@pytest.mark.parametrize("spoilt", [b"", b"{}", b"<html>", b'{"data": [{"id": "'])
def test_an_answer_that_is_none_moves_nothing(spoilt: bytes) -> None:
    with pytest.raises(NotReadable):
        STREAM.page({}, STREAM.ask({}, NOW), spoilt, Known())
