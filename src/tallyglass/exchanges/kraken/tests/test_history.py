"""The walk through the ledger: against a fake of Kraken's paging, every row is read, and the walk ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.kraken.history import LedgerStream, streams
from tallyglass.exchanges.kraken.walk import OVERLAP
from tallyglass.exchanges.streams import Ask, Cursor, Known, NotReadable, enriches
from tallyglass.money import Amount

START = Decimal(1795000000)
NOW = datetime.fromtimestamp(1795500000, UTC)


@dataclass
class Exchange:
    """Kraken's ledger as documented: newest first, `ofs` from the newest, start exclusive, end inclusive."""

    size: int = 50
    counts: bool = True
    #: (time, row id, amount), in the order of writing.
    rows: list[tuple[Decimal, str, int]] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)

    def write(self, time: Decimal) -> None:
        number = len(self.rows) + 1
        self.rows.append((time, f"L{number:05}", number))

    def answer(self, ask: Ask) -> bytes:
        assert ask.read == "ledger"
        registry.manifest("kraken").read("ledger").call(ask.params)
        self.asked.append(ask)
        start, end = ask.params.get("start"), ask.params.get("end")
        window = [row for row in self.rows if (not start or row[0] > int(start)) and (not end or row[0] <= int(end))]
        newest_first = sorted(window, reverse=True)
        ofs = int(ask.params.get("ofs", "0"))
        return self.page(newest_first[ofs : ofs + self.size], len(window))

    def page(self, rows: list[tuple[Decimal, str, int]], count: int) -> bytes:
        ledger = ",".join(
            f'"{row_id}":{{"refid":"R{row_id[-1]}","time":{time},"type":"deposit","subtype":"","aclass":"currency",'
            f'"asset":"ZEUR","amount":"{number}","fee":"0"}}'
            for time, row_id, number in rows
        )
        told = f',"count":{count}' if self.counts else ""
        return f'{{"error":[],"result":{{"ledger":{{{ledger}}}{told}}}}}'.encode()

    def truth(self) -> dict[str, int]:
        return {row_id: number for _, row_id, number in self.rows}


@dataclass
class Reader:
    """What a store would hold: legs by id, and the cursor, through JSON as a store keeps it."""

    cursor: Cursor = field(default_factory=dict)
    legs: dict[str, Amount] = field(default_factory=dict)
    stuck: bool = False

    def step(self, serve: Callable[[Ask], bytes], now: datetime = NOW) -> bool:
        stream = LedgerStream()
        ask = stream.ask(self.cursor, now)
        page = stream.page(self.cursor, ask, serve(ask), Known())
        for entry in page.entries:
            self.legs |= {leg.id: leg.amount for leg in entry.legs}
        self.cursor = json.loads(json.dumps(dict(page.cursor)))
        return page.done

    def sync(self, serve: Callable[[Ask], bytes], limit: int = 1000, between: Callable[[], None] = lambda: None) -> int:
        for steps in range(1, limit):
            before = self.cursor
            if self.step(serve):
                return steps
            if self.cursor == before:  # which the engine tells as an exchange that repeats itself
                self.stuck = True
                return steps
            between()
        raise AssertionError("the walk does not end")


def read(exchange: Exchange) -> Reader:
    reader = Reader()
    reader.sync(exchange.answer)
    return reader


def test_the_ledger_comes_first_and_all_others_only_enrich_it() -> None:
    first, *others = streams(Known())
    assert first.ask({}, NOW) == Ask("ledger", {})
    assert (first.name, enriches(first)) == ("ledger", False)
    assert {stream.name: enriches(stream) for stream in others} == {
        "trades": True,
        "trades.orders": True,
        "deposits": True,
        "withdrawals": True,
    }


def test_a_long_history_is_read_in_a_window_that_stands_still() -> None:
    exchange = Exchange()
    for number in range(120):
        exchange.write(START + number)
    assert read(exchange).legs == exchange.truth()
    assert [dict(ask.params) for ask in exchange.asked] == [
        {},
        {"end": "1795000120", "ofs": "50"},
        {"end": "1795000120", "ofs": "100"},
    ]


def test_a_walk_tells_how_far_back_it_is_and_how_much_is_left() -> None:
    exchange = Exchange()
    for number in range(120):
        exchange.write(START + number)
    stream, told = LedgerStream(), []
    cursor: Cursor = {}
    for _ in range(3):
        ask = stream.ask(cursor, NOW)
        page = stream.page(cursor, ask, exchange.answer(ask), Known())
        told.append((page.reached and int(page.reached.timestamp() - int(START)), page.left, page.done))
        cursor = dict(page.cursor)
    assert told == [(70, 2, False), (20, 1, False), (None, 0, True)]


def test_a_newest_row_of_an_unknown_kind_pushes_no_other_out() -> None:
    exchange = Exchange(size=2)
    for number in range(5):
        exchange.write(START + 10 * number)

    def odd(ask: Ask) -> bytes:
        return exchange.answer(ask).replace(b'"ZEUR","amount":"5"', b'"SOL.Q","amount":"5"')

    reader = Reader()
    reader.sync(odd)
    assert set(reader.legs) == set(exchange.truth()) - {"L00005"}


def test_a_later_sync_asks_only_for_what_is_new_and_a_little_before() -> None:
    exchange = Exchange()
    for number in range(120):
        exchange.write(START + 100 * number)
    reader = read(exchange)
    exchange.write(START + 12345)
    exchange.asked.clear()
    assert reader.sync(exchange.answer) == 1
    assert exchange.asked == [Ask("ledger", {"start": str(1795000000 + 11900 - OVERLAP)})]
    assert reader.legs == exchange.truth()


def test_an_account_without_history_is_asked_again_from_the_start() -> None:
    exchange = Exchange()
    reader = read(exchange)
    assert reader.cursor == {}
    exchange.write(START)
    reader.sync(exchange.answer)
    assert reader.legs == exchange.truth()


def test_a_quiet_account_keeps_its_place() -> None:
    exchange = Exchange()
    exchange.write(START)
    reader = read(exchange)
    before = dict(reader.cursor)
    reader.sync(exchange.answer)
    assert reader.cursor == before


def test_a_row_written_late_is_found_by_the_next_sync() -> None:
    exchange = Exchange()
    exchange.write(START + 5000)
    reader = read(exchange)
    exchange.write(START + 5000 - OVERLAP + 1)
    exchange.write(START + 5000)
    reader.sync(exchange.answer)
    assert reader.legs == exchange.truth()


def test_a_row_from_the_future_does_not_hide_what_comes_before_it() -> None:
    exchange = Exchange()
    exchange.write(Decimal(2000000000))
    reader = read(exchange)
    exchange.write(START)
    later = datetime.fromtimestamp(int(START) + OVERLAP - 1, UTC)
    assert reader.step(exchange.answer, later)
    assert reader.legs == exchange.truth()


def test_rows_whose_times_cannot_be_read_do_not_end_the_walk() -> None:
    exchange = Exchange(size=2)
    for number in range(5):
        exchange.write(START + number)
    bodies: list[bytes] = []

    def blurred(ask: Ask) -> bytes:
        bodies.append(exchange.answer(ask).replace(b'"time":', b'"when":'))
        return bodies[-1]

    reader = Reader()
    assert reader.sync(blurred) == 3
    assert reader.cursor == {}
    assert sum(body.count(b"refid") for body in bodies) == 5


def test_an_error_is_no_page() -> None:
    with pytest.raises(NotReadable, match="Invalid nonce"):
        Reader().step(lambda _: b'{"error":["EAPI:Invalid nonce"]}')
    with pytest.raises(NotReadable):
        Reader().step(lambda _: b'{"error":[],"result":{"ledger":{')


def test_a_page_that_comes_twice_by_mistake_costs_no_row() -> None:
    exchange = Exchange(size=2)
    for number in range(7):
        exchange.write(START + number)
    reader, last, faults = Reader(), b"", 2

    def stutter(ask: Ask) -> bytes:
        nonlocal last, faults
        if last and faults:
            faults -= 1
            return last
        last = exchange.answer(ask)
        return last

    reader.sync(stutter)
    assert reader.legs == exchange.truth()


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("claimed", [3, 4, 50])
def test_a_last_page_repeated_for_ever_ends_and_is_told_where_more_was_announced(
    counts: bool,  # noqa: FBT001
    claimed: int,
) -> None:
    exchange = Exchange(size=2, counts=counts)
    for number in range(3):
        exchange.write(START + number)

    def stuck(ask: Ask) -> bytes:
        ofs = min(int(ask.params.get("ofs", "0")), 2)
        return exchange.page(exchange.rows[::-1][ofs : ofs + 2], claimed)

    reader = Reader()
    reader.sync(stuck)
    assert reader.legs == exchange.truth()
    assert reader.stuck == (counts and claimed > 3)


def test_rows_behind_a_page_that_is_repeated_for_ever_are_read_when_it_is_over() -> None:
    exchange = Exchange(size=2)
    for number in range(9):
        exchange.write(START + number)
    reader, first = Reader(), exchange.answer(Ask("ledger"))
    reader.sync(lambda _: first)
    assert reader.stuck
    reader.sync(exchange.answer)
    assert reader.legs == exchange.truth()


@given(st.integers(1, 40), st.integers(2, 9), st.lists(st.integers(0, 8), max_size=40))
def test_pages_that_begin_before_the_place_asked_for_push_no_row_out(rows: int, size: int, overlaps: list[int]) -> None:
    exchange = Exchange(size)
    for number in range(rows):
        exchange.write(START + number)
    coming = iter(overlaps)

    def overlapping(ask: Ask) -> bytes:
        ofs = int(ask.params.get("ofs", "0"))
        before = max(0, ofs - min(next(coming, 0), size - 1))
        return exchange.answer(Ask("ledger", {**ask.params, "ofs": str(before)}))

    reader = Reader()
    reader.sync(overlapping)
    assert reader.legs == exchange.truth()


def test_rows_that_leave_the_window_make_the_walk_step_back() -> None:
    exchange = Exchange(size=3)
    for number in range(12):
        exchange.write(START + number)
    reader = Reader()
    assert not reader.step(exchange.answer)
    assert not reader.step(exchange.answer)
    del exchange.rows[-2:]
    reader.sync(exchange.answer)
    assert exchange.truth().items() <= reader.legs.items()


times = st.decimals(START, START + 20, places=1)


@given(st.lists(times, max_size=40), st.integers(1, 9), st.booleans(), st.integers(0, 30))
def test_every_row_is_read_from_wherever_a_walk_was_left(
    written: list[Decimal],
    size: int,
    counts: bool,  # noqa: FBT001
    left: int,
) -> None:
    exchange = Exchange(size, counts)
    for time in written:
        exchange.write(time)
    reader = Reader()
    for _ in range(left):  # the process dies after any page: the cursor is all that remains
        reader.step(exchange.answer)
    reader.sync(exchange.answer)
    assert reader.legs == exchange.truth()


@given(
    st.lists(times, min_size=1, max_size=25),
    st.integers(1, 9),
    st.lists(st.lists(st.decimals(0, 3, places=1), max_size=4), max_size=25),
)
def test_rows_that_arrive_between_pages_push_none_out(
    written: list[Decimal], size: int, arrivals: list[list[Decimal]]
) -> None:
    exchange = Exchange(size)
    for time in written:
        exchange.write(time)
    clock = max(written)

    coming = iter(arrivals)

    def arrive() -> None:
        nonlocal clock
        for step in next(coming, []):  # a step of zero: at the very time of the newest row
            clock += step
            exchange.write(clock)

    reader = Reader()
    reader.sync(exchange.answer, between=arrive)
    before = {row_id for time, row_id, _ in exchange.rows[: len(written)]}
    assert before <= set(reader.legs), "a row that stood there when the walk began was missed"
    reader.sync(exchange.answer)
    assert reader.legs == exchange.truth()


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(-1, 12)), max_size=60))
def test_no_answers_however_wild_keep_the_walk_going(pages: list[tuple[int, int]]) -> None:
    exchange = Exchange()
    for number in range(12):
        exchange.write(START + number)
    coming = iter(pages)

    def wild(ask: Ask) -> bytes:
        rows, count = next(coming, (2, 6))
        exchange.counts = count >= 0
        return exchange.page(exchange.rows[:rows], count)

    assert Reader().sync(wild, limit=400) < 400


def test_an_event_whose_rows_lie_on_two_pages_keeps_one_id() -> None:
    exchange = Exchange(size=1)
    exchange.write(START)
    exchange.write(START)
    stream, found = LedgerStream(), []
    cursor: Cursor = {}
    for _ in range(2):
        ask = stream.ask(cursor, NOW)
        body = exchange.answer(ask).replace(b'"refid":"R2"', b'"refid":"R1"')
        page = stream.page(cursor, ask, body, Known())
        found += [(entry.id, [leg.id for leg in entry.legs]) for entry in page.entries]
        cursor = page.cursor
    assert found == [("R1", ["L00002"]), ("R1", ["L00001"])]
