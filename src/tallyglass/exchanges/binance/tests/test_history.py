"""History page by page, against an exchange in memory that pages as Binance's documentation says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.binance.history import Dust, streams
from tallyglass.exchanges.binance.windows import Paging, Windows
from tallyglass.exchanges.manifest import Bucket
from tallyglass.exchanges.streams import Ask, Cursor, Known, Stream, Unparsed
from tallyglass.ledger.entries import Entry
from tallyglass.money import asset

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OPENED = datetime(2017, 7, 1, tzinfo=UTC)
MANIFEST = registry.manifest("binance")
NOTHING = Known()
Row = dict[str, Any]


def ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def deposit(number: int, time: int) -> Row:
    return {
        "id": str(number),
        "amount": "1",
        "coin": "BTC",
        "status": 1,
        "insertTime": time,
        "txId": "",
        "walletType": 0,
    }


def withdrawal(number: int, time: int) -> Row:
    applied = (EPOCH + timedelta(milliseconds=time)).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "id": f"{number:032x}",
        "amount": "1",
        "transactionFee": "0.1",
        "coin": "BTC",
        "status": 6,
        "applyTime": applied,
    }


def reward(number: int, time: int) -> Row:
    return {"id": number, "amount": "1", "asset": "BNB", "divTime": time, "enInfo": "Flexible", "direction": 1}


def conversion(number: int, time: int) -> Row:
    sides = {"fromAsset": "USDT", "fromAmount": "2", "toAsset": "BNB", "toAmount": "1"}
    return {"orderId": 10**18 + number, "orderStatus": "SUCCESS", **sides, "createTime": time}


def transfer(number: int, time: int) -> Row:
    return {
        "tranId": number,
        "asset": "USDT",
        "amount": "1",
        "type": "MAIN_FUNDING",
        "status": "CONFIRMED",
        "timestamp": time,
    }


def redemption(number: int, time: int) -> Row:
    return {"redeemId": number, "asset": "USDT", "amount": "1", "time": time, "status": "PAID", "destAccount": "SPOT"}


def fiat(number: int, time: int) -> Row:
    amounts = {"indicatedAmount": "2", "amount": "2", "totalFee": "0"}
    return {"orderNo": str(number), "fiatCurrency": "EUR", **amounts, "status": "Successful", "createTime": time}


def person(number: int, time: int) -> Row:
    told = {"tradeType": "BUY", "orderStatus": "COMPLETED", "commission": "0"}
    return {"orderNumber": str(number), "asset": "USDT", "amount": "1", **told, "createTime": time}


def pay(number: int, time: int) -> Row:
    told = {"walletType": 1, "walletTypes": [1], "fundsDetail": []}
    return {"transactionId": f"M_P_{number}", "amount": "1", "currency": "USDT", **told, "transactionTime": time}


def income(number: int, time: int) -> Row:
    told = {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": "-1", "asset": "USDT", "info": ""}
    return {**told, "time": time, "tranId": number, "tradeId": ""}


def interest(number: int, time: int) -> Row:
    told = {"asset": "USDT", "principal": "1", "interest": "0.1", "interestRate": "0.1", "type": "PERIODIC"}
    return {"txId": number, **told, "interestAccuredTime": time}


ROWS: Mapping[str, Callable[[int, int], Row]] = {
    "deposits": deposit,
    "withdrawals": withdrawal,
    "rewards": reward,
    "conversions": conversion,
    "transfers": transfer,
    "transfers.redemptions": redemption,
    "fiat.deposits": fiat,
    "fiat.p2p": person,
    "transfers.pay": pay,
    "ledger.usdm": income,
    "ledger.margin": interest,
}
#: In days, as the documentation has them; an answer to a longer window is an error.
LONGEST = {
    "deposits": 90,
    "withdrawals": 90,
    "rewards": 180,
    "conversions": 30,
    "transfers": 184,
    "transfers.redemptions": 30,
    "fiat.p2p": 30,
    "transfers.pay": 90,
    "ledger.margin": 30,
}


@dataclass
class Exchange:
    """Lists of (time, number) by read; newest first or oldest first; an answer holds at most `cap` rows."""

    lists: dict[str, list[tuple[int, int]]]
    cap: int = 1000
    newest_first: bool = True
    #: Appear one by one while the exchange is being read.
    arriving: list[tuple[str, int]] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)
    now: int = ms(NOW)
    number: int = 1_000_000

    def answer(self, ask: Ask) -> bytes:
        MANIFEST.read(ask.read).call(ask.params)
        self.asked.append(ask)
        self.now += 50
        if self.arriving and len(self.asked) % 3 == 0:
            read, ago = self.arriving.pop()
            self.number += 1
            self.lists.setdefault(read, []).append((self.now - ago, self.number))
        begin, end = (int(value) for name, value in ask.params.items() if name.startswith(("start", "begin", "end")))
        assert begin < end
        assert end - begin < LONGEST.get(ask.read, 10**6) * DAY
        rows = sorted(row for row in self.lists.get(ask.read, []) if begin <= row[0] <= end)
        rows = rows[::-1] if self.newest_first else rows
        size = min(self.cap, *(int(ask.params[name]) for name in ("limit", "size", "rows") if name in ask.params))
        page = int(ask.params.get("current", ask.params.get("page", 1))) - 1
        start = int(ask.params.get("offset", page * size))
        shown = [ROWS[ask.read](number, time) for time, number in rows[start : start + size]]
        return self._wrapped(ask.read, shown, len(rows), len(rows) > size)

    def _wrapped(self, read: str, shown: list[Row], total: int, more: bool) -> bytes:  # noqa: FBT001 - the exchange's flag
        told: Any = shown
        if read == "conversions":
            told = {"list": shown, "moreData": more}
        elif read.startswith("fiat"):
            told = {"code": "000000", "success": True, "total": total, **({"data": shown} if shown else {})}
        elif read == "transfers.pay":
            told = {"code": "000000", "success": True, "data": shown}
        elif read not in {"deposits", "withdrawals", "ledger.usdm"}:
            told = {"rows": shown, "total": total}
        return json.dumps(told).encode()


def sync(
    stream: Stream, exchange: Exchange, cursor: Cursor, entries: dict[str, Entry], known: Known = NOTHING
) -> Cursor:
    """Read a stream to its end, as the engine does: a cursor that stands still is a fault."""
    for _ in range(5000):
        now = EPOCH + timedelta(milliseconds=exchange.now)
        ask = stream.ask(cursor, now)
        page = stream.page(cursor, ask, exchange.answer(ask), known)
        entries.update({entry.id: entry for entry in page.entries})
        assert page.unparsed == ()
        assert all(isinstance(value, str) for value in page.cursor.values())
        if page.done:
            return page.cursor
        assert dict(page.cursor) != dict(cursor)
        cursor = page.cursor
    raise AssertionError(f"{stream.name} does not end")


def ids(exchange: Exchange, read: str) -> set[int]:
    return {number for _, number in exchange.lists.get(read, [])}


def numbers(read: str, entries: Mapping[str, Entry]) -> set[int]:
    base = {"withdrawals": 16}.get(read, 10)
    less = 10**18 if read == "conversions" else 0
    return {int(re.split("[:_]", name)[-1], base) - less for name in entries}


#: An account that has opened everything, one isolated margin market among it.
WALLETS = dict.fromkeys(("opened:MARGIN", "opened:UMFUTURE", "opened:CMFUTURE", "isolated:BNBUSDT"), asset("USDT"))


def named(name: str, first: datetime | None = None) -> Windows:
    found = streams(Known(wallets=WALLETS, first=first))
    return next(each for each in found if each.name == name and isinstance(each, Windows))


def small(stream: Windows, rows: int) -> Windows:
    """The same stream with pages of a few rows, so that a few rows make many pages."""
    paging = stream.paging
    smaller = Paging((paging.size[0], rows), paging.number, paging.first, rows if paging.step > 1 else paging.step)
    parts = {
        name: getattr(stream, name) for name in ("name", "read", "span", "overlap", "fixed", "times", "reach", "since")
    }
    return Windows(**parts, paging=smaller)


NAMES = [
    "deposits",
    "withdrawals",
    "rewards",
    "conversions",
    "earn.redemptions",
    "fiat.deposits",
    "transfers.MAIN_FUNDING",
    "fiat.p2p",
    "pay",
    "futures.usdm",
    "margin.interest",
]
moments = st.integers(ms(OPENED) // 1000, ms(NOW) // 1000 - 60).map(lambda second: second * 1000)
crowd = st.lists(moments, max_size=30) | st.builds(
    lambda at, count, step: [at + (n // 2) * step * 1000 for n in range(count)],
    moments,
    st.integers(1, 25),
    st.integers(1, 90_000),
)


@given(
    name=st.sampled_from(NAMES),
    times=crowd,
    rows=st.integers(3, 9),
    newest=st.booleans(),
    late=st.lists(st.integers(0, 40), max_size=4),
    first=st.none() | moments,
)
def test_every_row_arrives_whatever_the_pages_and_whenever_it_comes(
    name: str,
    times: list[int],
    rows: int,
    newest: bool,  # noqa: FBT001 - drawn
    late: list[int],
    first: int | None,
) -> None:
    """`first`: where the account seems to begin; there may be older rows."""
    stream = small(named(name, None if first is None else EPOCH + timedelta(milliseconds=first)), rows)
    forgotten = ms(NOW) - (stream.reach // timedelta(days=1) - 8) * DAY if stream.reach else 0
    here = [(time, n) for n, time in enumerate(times) if forgotten < time < ms(NOW)]
    if not stream.paging.number:  # no list shows more rows of one moment than an answer holds
        here = [row for row in here if sum(row[0] == other[0] for other in here) < rows]
    exchange = Exchange({}, newest_first=newest)
    exchange.lists.setdefault(stream.read, []).extend(here)
    exchange.arriving = [(stream.read, 1000 * ago) for ago in late]
    entries: dict[str, Entry] = {}
    cursor: Cursor = {}
    for _ in range(60):  # the years before the account seems to begin take some syncs
        cursor = sync(stream, exchange, cursor, entries)
        exchange.now += 3 * 3_600_000
        if "old" not in cursor and not exchange.arriving:
            break
    cursor = sync(stream, exchange, cursor, entries)
    while "old" in cursor:
        cursor = sync(stream, exchange, cursor, entries)
    assert numbers(stream.read, entries) == ids(exchange, stream.read)


@pytest.mark.parametrize("name", NAMES)
def test_the_newest_comes_first_and_what_has_been_reached_is_true(name: str) -> None:
    stream = small(named(name), 3)
    far = 80 if stream.reach else 2000
    exchange = Exchange({stream.read: [(ms(NOW) - n * far // 40 * DAY - 1, n) for n in range(40)]})
    cursor: Cursor = {}
    had: set[int] = set()
    earlier, left = NOW, None
    for _ in range(5000):
        ask = stream.ask(cursor, NOW)
        page = stream.page(cursor, ask, exchange.answer(ask), Known())
        had |= numbers(stream.read, {entry.id: entry for entry in page.entries})
        assert page.reached is not None
        if page.reached < earlier:
            assert {n for time, n in exchange.lists[stream.read] if time > ms(page.reached)} <= had
        earlier, cursor, left = min(earlier, page.reached), page.cursor, page.left
        assert page.done == (left == 0)
        if page.done:
            break
    assert had == ids(exchange, stream.read)
    assert earlier == OPENED or "old" in cursor


@given(stops=st.lists(st.integers(1, 12), max_size=6), pauses=st.lists(st.integers(0, 3000), min_size=6, max_size=6))
def test_a_walk_that_is_stopped_takes_up_what_is_new_before_it_goes_on(stops: list[int], pauses: list[int]) -> None:
    stream = small(named("rewards"), 4)
    exchange = Exchange({"rewards": [(ms(NOW) - n * 40 * DAY, n) for n in range(60)]})
    entries: dict[str, Entry] = {}
    cursor: Cursor = {}
    for stop, pause in zip(stops, pauses, strict=False):
        for index in range(stop):
            now = EPOCH + timedelta(milliseconds=exchange.now)
            ask = stream.ask(cursor, now)
            page = stream.page(cursor, ask, exchange.answer(ask), Known())
            entries |= {entry.id: entry for entry in page.entries}
            if index == 0 and pause > 60 and "page" not in cursor:
                assert int(ask.params["endTime"]) == ms(now)
            cursor = page.cursor
            if page.done:
                break
        exchange.now += pause * 60_000
        exchange.number += 1
        exchange.lists["rewards"].append((exchange.now - 1, exchange.number))
        exchange.now += 3_700_000
    sync(stream, exchange, cursor, entries)
    assert numbers("rewards", entries) == ids(exchange, "rewards")


def test_a_cursor_of_an_earlier_version_goes_on() -> None:
    """Lists were read from the past to now: what it had read is not read again."""
    stream = named("conversions")
    exchange = Exchange({"conversions": [(ms(NOW) - n * DAY, n) for n in range(1, 400)]})
    entries: dict[str, Entry] = {}
    sync(stream, exchange, {"at": str(ms(NOW) - 100 * DAY)}, entries)
    assert numbers("conversions", entries) == set(range(1, 103))
    assert len(exchange.asked) <= 5


@pytest.mark.parametrize("name", NAMES)
def test_a_second_sync_asks_only_for_what_is_new(name: str) -> None:
    stream = named(name)
    recent = [(ms(NOW) - n * DAY, n) for n in range(2, 40)]
    exchange = Exchange({"deposits": recent, stream.read: recent})
    entries: dict[str, Entry] = {}
    cursor = sync(stream, exchange, {}, entries)
    before = len(exchange.asked)
    exchange.now += DAY
    exchange.lists[stream.read] = [*exchange.lists[stream.read], (exchange.now - 1000, 77)]
    sync(stream, exchange, cursor, entries)
    assert 77 in numbers(stream.read, entries)
    assert len(exchange.asked) - before <= 2


@pytest.mark.parametrize("name", ["conversions", "earn.redemptions"])
def test_dear_lists_begin_where_the_account_does_and_look_before_it_bit_by_bit(name: str) -> None:
    first = ms(NOW) - 400 * DAY
    stream = named(name, EPOCH + timedelta(milliseconds=first))
    later = range(first + 40 * DAY, ms(NOW), 30 * DAY)
    # a row on every day of the years before: no day may be passed over
    early = range(ms(OPENED) + DAY // 2, first - 90 * DAY, DAY)
    rows = [(time, number) for number, time in enumerate([*early, *later])]
    exchange = Exchange({stream.read: rows})
    entries: dict[str, Entry] = {}
    cursor = sync(stream, exchange, {}, entries)
    assert len(exchange.asked) <= (400 + 31) * timedelta(days=1) / stream.span + 3
    assert set(range(len(early), len(rows))) <= numbers(stream.read, entries)
    assert len(numbers(stream.read, entries)) <= len(later) + stream.span.days + 1
    while "old" in cursor:
        asked = len(exchange.asked)
        cursor = sync(stream, exchange, cursor, entries)
        assert len(exchange.asked) - asked <= 2
    assert numbers(stream.read, entries) == set(range(len(rows)))


def test_what_lies_before_is_read_at_once_when_something_does_not_add_up() -> None:
    stream = named("conversions", NOW - timedelta(days=400))
    exchange = Exchange({"conversions": [(ms(OPENED) + DAY, 1)]})
    entries: dict[str, Entry] = {}
    cursor = sync(stream, exchange, {}, entries)
    assert entries == {}
    sync(stream, exchange, cursor, entries, known=Known(gaps=frozenset((asset("BNB"),))))
    assert numbers("conversions", entries) == {1}


def test_an_account_of_which_nothing_is_known_is_read_from_the_first_day() -> None:
    early = (ms(datetime(2017, 8, 1, tzinfo=UTC)), 1)
    exchange = Exchange({"conversions": [early]})
    entries: dict[str, Entry] = {}
    assert "old" not in sync(named("conversions"), exchange, {}, entries)
    assert numbers("conversions", entries) == {1}


def test_what_is_pending_is_asked_for_again_until_it_is_done() -> None:
    row = {**deposit(5, ms(NOW) - 30 * DAY), "status": 0}
    stream = named("deposits")
    entries: dict[str, Entry] = {}
    cursor: Cursor = {}
    for days in range(60):
        now = NOW + timedelta(days=days)
        done = False
        while not done:
            ask = stream.ask(cursor, now)
            within = int(ask.params["startTime"]) <= row["insertTime"] <= int(ask.params["endTime"])
            page = stream.page(cursor, ask, json.dumps([row] if within else []).encode(), Known())
            entries.update({entry.id: entry for entry in page.entries})
            cursor, done = page.cursor, page.done
        if days < 50:
            assert entries["deposit:5"].status == "pending"
            row["status"] = 1 if days == 49 else 0
    assert entries["deposit:5"].status == "done"


@pytest.mark.parametrize("name", NAMES)
def test_one_page_given_for_ever_ends_or_stands_still_where_rows_lack(name: str) -> None:
    stream = small(named(name), 3)
    rows = [ROWS[stream.read](n, ms(NOW) - n * DAY) for n in range(3)]
    body = Exchange({})._wrapped(stream.read, rows, 10**6, more=False)
    if not stream.paging.number:
        body = Exchange({})._wrapped(stream.read, rows[:2], 2, more=False)
    cursor: Cursor = {"at": str(ms(NOW) - 200 * DAY)}
    done, stands, asked = False, False, 0
    while not done and not stands and asked < 300:
        page = stream.page(cursor, stream.ask(cursor, NOW), body, Known())
        stands = dict(page.cursor) == dict(cursor)
        cursor, done, asked = page.cursor, page.done, asked + 1
    assert (done, stands) == (not stream.paging.number, bool(stream.paging.number))


@dataclass
class Slipping(Exchange):
    """So many questions for a page other than the first are answered with the first, or with no row, or with one."""

    slips: int = 0
    how: str = "first"

    def answer(self, ask: Ask) -> bytes:
        name = next(each for each in ("offset", "current", "page") if each in ask.params)
        first = "0" if name == "offset" else "1"
        if not self.slips or ask.params[name] == first:
            return super().answer(ask)
        self.slips -= 1
        if self.how == "first":
            return super().answer(Ask(ask.read, {**ask.params, name: first}))
        told = json.loads(super().answer(ask))
        place = next(each for each in ("rows", "data") if each in told)
        return json.dumps({**told, place: told[place][: self.how == "one"]}).encode()


SLIPS = [
    *((name, "first") for name in NAMES if named(name).paging.number),
    *((name, how) for name in ("earn.redemptions", "fiat.deposits") for how in ("none", "one")),
]


@pytest.mark.parametrize("slips", [1, 2])
@pytest.mark.parametrize(("name", "how"), SLIPS)
def test_a_page_that_brings_nothing_is_asked_for_again(name: str, how: str, slips: int) -> None:
    stream = small(named(name), 3)
    rows = [(ms(NOW) - 10 * DAY - n * 1000, n) for n in range(8)]
    exchange = Slipping({stream.read: rows}, slips=slips, how=how)
    entries: dict[str, Entry] = {}
    sync(stream, exchange, {}, entries)
    assert numbers(stream.read, entries) == set(range(8))


@pytest.mark.parametrize(("name", "how"), [each for each in SLIPS if each[1] != "one"])
def test_no_row_is_stepped_over_while_a_page_brings_nothing(name: str, how: str) -> None:
    stream = small(named(name), 3)
    rows = [(ms(NOW) - 10 * DAY - n * 1000, n) for n in range(8)]
    exchange = Slipping({stream.read: rows}, slips=10**6, how=how)
    cursor: Cursor = {}
    entries: dict[str, Entry] = {}
    for _ in range(50):
        ask = stream.ask(cursor, NOW)
        page = stream.page(cursor, ask, exchange.answer(ask), NOTHING)
        entries.update({entry.id: entry for entry in page.entries})
        assert not page.done
        if dict(page.cursor) == dict(cursor):
            break
        cursor = page.cursor
    assert numbers(stream.read, entries) == {0, 1, 2}
    exchange.slips = 0
    sync(stream, exchange, cursor, entries)
    assert numbers(stream.read, entries) == set(range(8))


@pytest.mark.parametrize("left", [3, 4, 5, 6])
@pytest.mark.parametrize("name", [name for name in NAMES if named(name).paging.number])
def test_a_list_whose_last_rows_vanish_meanwhile_ends(name: str, left: int) -> None:
    stream = small(named(name), 3)
    rows = [(ms(NOW) - 10 * DAY - n * 1000, n) for n in range(8)]
    exchange = Exchange({stream.read: rows})
    cursor: Cursor = {}
    entries: dict[str, Entry] = {}
    while "page" not in cursor:
        ask = stream.ask(cursor, NOW)
        page = stream.page(cursor, ask, exchange.answer(ask), NOTHING)
        entries.update({entry.id: entry for entry in page.entries})
        cursor = page.cursor
    exchange.lists[stream.read] = rows[:left]
    sync(stream, exchange, cursor, entries)
    assert numbers(stream.read, entries) == set(range(left))


def test_more_rows_in_one_moment_than_an_answer_holds_are_reported_and_the_rest_is_read() -> None:
    stream = small(named("rewards"), 4)
    at = ms(datetime(2024, 5, 5, tzinfo=UTC))
    exchange = Exchange({"rewards": [(at, n) for n in range(9)] + [(at + DAY, 100)]})
    cursor: Cursor = {}
    unparsed: list[Unparsed] = []
    entries: dict[str, Entry] = {}
    done = False
    while not done and len(exchange.asked) < 500:
        ask = stream.ask(cursor, NOW)
        page = stream.page(cursor, ask, exchange.answer(ask), NOTHING)
        entries.update({entry.id: entry for entry in page.entries})
        unparsed += page.unparsed
        cursor, done = page.cursor, page.done
    assert done
    assert "reward:100" in entries
    assert unparsed
    assert all("one millisecond" in each.reason for each in unparsed)


def test_dust_is_asked_for_at_once() -> None:
    body = b'{"total":0,"userAssetDribblets":[]}'
    page = Dust().page({}, Dust().ask({}, NOW), body, Known())
    assert (page.done, page.entries) == (True, ())


#: What may be used in how many seconds, as the documentation has it: /sapi calls by their scope, each for itself.
BUDGETS = {"api": (6000, 60), "withdrawals": (180_000, 1), "ip": (12_000, 60), "key": (180_000, 60)}


@pytest.mark.parametrize("bucket", MANIFEST.buckets.values(), ids=lambda bucket: bucket.id)
def test_the_budget_of_the_exchange_cannot_be_overrun(bucket: Bucket) -> None:
    limit, seconds = BUDGETS.get(bucket.id, BUDGETS[bucket.scope])
    most = bucket.capacity + seconds * bucket.refill
    # fiat orders are so dear that two syncs in a row need all that a minute has
    assert max(bucket.capacity, most - bucket.capacity) <= limit if bucket.id == "fiat" else most <= limit
    reads = [read for read in MANIFEST.reads.values() if read.bucket == bucket.id]
    assert reads
    for read in reads:
        assert read.cost <= bucket.capacity
        assert read.cost / bucket.refill <= 30
