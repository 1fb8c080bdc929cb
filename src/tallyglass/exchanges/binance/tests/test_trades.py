"""Fills page by page, against `myTrades` in memory as the documentation has it; and which markets are asked at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.binance import trades
from tallyglass.exchanges.binance.history import streams
from tallyglass.exchanges.binance.trades import Climb, Sweep, Trades
from tallyglass.exchanges.streams import Ask, Cursor, Known, Market, NotReadable, Stream
from tallyglass.ledger.entries import Entry
from tallyglass.money import Asset, asset

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MANIFEST = registry.manifest("binance")
DAY = 86_400_000
NOTHING = Known()
Row = dict[str, Any]


def ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def fill(symbol: str, number: int, time: int = ms(NOW) - 1000 * DAY) -> Row:
    amounts = {"price": "2", "qty": "3", "quoteQty": "6", "commission": "0", "commissionAsset": "BNB"}
    return {"symbol": symbol, "id": number, **amounts, "time": time, "isBuyer": True}


@dataclass
class Fills:
    """`myTrades` of one market: ids rise with time, an answer holds at most `cap` rows and is ascending.

    `fromId` and `endTime` are inclusive; without `fromId` the newest are given.
    """

    #: (id, time)
    known: list[tuple[int, int]]
    cap: int
    arriving: list[int] = field(default_factory=list)
    inclusive: bool = True
    #: Answers of these turns hold one row less than they could.
    short: frozenset[int] = frozenset()
    asked: list[Ask] = field(default_factory=list)

    def answer(self, ask: Ask) -> bytes:
        MANIFEST.read(ask.read).call(ask.params)
        assert len({"fromId", "endTime"} & ask.params.keys()) <= 1
        self.asked.append(ask)
        if self.arriving and len(self.asked) % 2:
            last, time = self.known[-1] if self.known else (0, 0)
            self.known.append((last + self.arriving.pop(), time))
        size = min(self.cap, int(ask.params["limit"]))
        until = int(ask.params.get("endTime", 2**62)) - (not self.inclusive)
        rows = [row for row in self.known if row[0] >= int(ask.params.get("fromId", 0)) and row[1] <= until]
        rows = rows[:size] if "fromId" in ask.params else rows[-size:]
        if len(self.asked) in self.short:
            rows = rows[1:] if "fromId" not in ask.params else rows[:-1]
        return json.dumps([fill(ask.params["symbol"], *row) for row in rows]).encode()


def read(stream: Stream, answer: Callable[[Ask], bytes], cursor: Cursor, got: list[Entry]) -> Cursor:
    """To the end, as the engine does."""
    for _ in range(3000):
        ask = stream.ask(cursor, NOW)
        page = stream.page(cursor, ask, answer(ask), NOTHING)
        got += page.entries
        assert page.done == (page.left == 0)
        assert page.done or dict(page.cursor) != dict(cursor)
        cursor = page.cursor
        if page.done:
            return cursor
    raise AssertionError(f"{stream.name} does not end")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is full with four fills."""
    monkeypatch.setattr(trades, "FULL", 4)


rising = st.lists(st.tuples(st.integers(1, 1000), st.sampled_from((0, 0, 1, 5000))), max_size=40)


@given(
    rising=rising,
    late=st.lists(st.integers(1, 9), max_size=5),
    inclusive=st.booleans(),
    short=st.frozensets(st.integers(1, 30), max_size=4),
)
def test_every_fill_arrives(
    rising: list[tuple[int, int]],
    late: list[int],
    inclusive: bool,  # noqa: FBT001 - drawn
    short: frozenset[int],
) -> None:
    """Many in one millisecond, an `endTime` that leaves out what it should not, answers too short, fills meanwhile."""
    known, number, time = [], 0, ms(NOW) - 1000 * DAY
    for step, pause in rising:
        number, time = number + step, time + pause
        known.append((number, time))
    exchange = Fills(known, 4, list(late), inclusive, short if known else frozenset())
    got: list[Entry] = []
    cursor: Cursor = {}
    for _ in range(len(late) + 2):
        cursor = read(Trades("BNBUSDT"), exchange.answer, cursor, got)
    exchange.short = frozenset()
    read(Trades("BNBUSDT"), exchange.answer, cursor, got)
    assert {entry.id for entry in got} == {f"trade:BNBUSDT:{number}" for number, _ in exchange.known}


def test_the_newest_fills_come_first_and_reach_back() -> None:
    known = [(n, ms(NOW) - (50 - n) * DAY) for n in range(1, 50)]
    exchange, stream = Fills(known, 4), Trades("BNBUSDT")
    cursor: Cursor = {}
    got: set[str] = set()
    for _ in range(10):
        ask = stream.ask(cursor, NOW)
        page = stream.page(cursor, ask, exchange.answer(ask), NOTHING)
        got |= {entry.id for entry in page.entries}
        assert page.reached is not None
        assert got == {f"trade:BNBUSDT:{n}" for n, time in known if time >= ms(page.reached)}
        cursor = page.cursor


@pytest.mark.parametrize(("fills", "first", "later"), [(0, 1, 1), (3, 2, 1), (4, 4, 1), (40, 16, 1)])
def test_what_a_market_costs(fills: int, first: int, later: int) -> None:
    """An empty one a single request; a small one two, as the first fill is proven to be the first.

    A large one as many as it has pages (here three new fills on each but the first), and three at its two ends.
    """
    exchange = Fills([(n, ms(NOW) - (100 - n) * DAY) for n in range(fills)], 4)
    cursor = read(Trades("BNBUSDT"), exchange.answer, {}, [])
    assert len(exchange.asked) == first
    read(Trades("BNBUSDT"), exchange.answer, cursor, [])
    assert len(exchange.asked) - first == later


def test_the_same_fills_given_for_ever_come_to_an_end() -> None:
    for rows in (1, 4):
        body = json.dumps([fill("BNBUSDT", 7 + n) for n in range(rows)]).encode()
        read(Trades("BNBUSDT"), lambda _, body=body: body, {}, [])  # type: ignore[misc]
        read(Climb("trades.margin", "BNBUSDT"), lambda _, body=body: body, {}, [])  # type: ignore[misc]


def test_a_fill_that_is_not_understood_does_not_stop_those_around_it() -> None:
    stream = Trades("BNBUSDT")
    body = json.dumps([{**fill("BNBUSDT", 7), "price": None}, fill("BNBUSDT", 8)]).encode()
    page = stream.page({}, stream.ask({}, NOW), body, NOTHING)
    assert ([entry.id for entry in page.entries], len(page.unparsed)) == (["trade:BNBUSDT:8"], 1)
    assert page.cursor["from"] == "9"
    assert page.cursor["low"] == "7"
    with pytest.raises(NotReadable):
        stream.page({}, stream.ask({}, NOW), b'[{"symbol":"BNBUSDT"}]', NOTHING)


def test_a_cursor_of_an_earlier_version_goes_on() -> None:
    exchange = Fills([(n, n) for n in range(20)], 4)
    got: list[Entry] = []
    read(Trades("BNBUSDT"), exchange.answer, {"from": "12"}, got)
    assert [entry.id for entry in got] == [f"trade:BNBUSDT:{n}" for n in range(12, 20)]


@given(rising)
def test_fills_on_margin_arrive_from_the_first_one_up(rising: list[tuple[int, int]]) -> None:
    number, known = 0, []
    for step, _ in rising:
        number += step
        known.append((number, 0))
    got: list[Entry] = []
    read(Climb("trades.isolated", "BNBUSDT"), Fills(known, 4).answer, {}, got)
    assert [entry.id for entry in got] == [f"margin-trade:BNBUSDT:{number}" for number, _ in known]


def sweep(
    stream: Sweep, cursor: Cursor, now: datetime, traded: frozenset[str] = frozenset()
) -> tuple[Cursor, list[str]]:
    """One sync; the markets asked."""
    asked: list[str] = []
    while True:
        ask = stream.ask(cursor, now)
        MANIFEST.read(ask.read).call(ask.params)
        symbol = ask.params["symbol"]
        asked.append(symbol)
        page = stream.page(cursor, ask, json.dumps([fill(symbol, 3)] if symbol in traded else []).encode(), NOTHING)
        assert [entry.id for entry in page.entries] == ([f"trade:{symbol}:3"] if symbol in traded else [])
        cursor = page.cursor
        if page.done:
            return cursor, asked


def test_an_asset_that_does_not_add_up_has_all_its_markets_asked_and_again_a_day_later() -> None:
    stream = Sweep("trades.of:USDT", tuple(f"C{n:03}USDT" for n in range(60)))
    cursor, asked = sweep(stream, {}, NOW, frozenset(("C041USDT",)))
    assert asked == list(stream.symbols)
    soon = NOW + timedelta(minutes=10)
    for _ in range(3):
        cursor, asked = sweep(stream, cursor, soon)
        assert len(asked) == 1
    _, asked = sweep(stream, cursor, NOW + timedelta(days=1, hours=1))
    assert len(asked) == 57  # those that came after the three


def test_the_markets_that_nothing_points_to_come_round_bit_by_bit() -> None:
    stream = Sweep("trades.others", tuple(f"C{n:03}USDT" for n in range(9)), 2)
    cursor: Cursor = {}
    asked: list[str] = []
    for _ in range(5):
        cursor, more = sweep(stream, cursor, NOW)
        asked += more
    assert asked == list(stream.symbols)
    _, again = sweep(stream, cursor, NOW)
    assert again == list(stream.symbols[:2])


MARKETS = {
    symbol: Market(symbol, asset(base), asset(quote))
    for base, quote in (
        *(("BTC", "USDT"), ("ETH", "BTC"), ("ETH", "USDT"), ("PEPE", "USDT"), ("PEPE", "TRY"), ("SOL", "DOGE")),
        *(("XYZ", "USDT"), ("XYZ", "DOGE")),
    )
    for symbol in (base + quote,)
}


def assets(*names: str) -> frozenset[Asset]:
    return frozenset(Asset(each) for each in names)


def names(known: Known) -> list[str]:
    return [each.name for each in streams(known)]


def traded(*touched: str, gaps: frozenset[Asset] | None = None, read: Iterable[str] = ()) -> set[str]:
    known = Known(markets=MARKETS, assets=assets(*touched), gaps=gaps, read=frozenset(read))
    return {name.removeprefix("trades:") for name in names(known) if name.startswith("trades:")}


def test_markets_are_asked_for_by_the_assets_that_were_touched() -> None:
    assert traded() == set()
    assert traded("PEPE") == {"PEPEUSDT", "PEPETRY"}
    assert traded("USDT") == {"BTCUSDT", "ETHUSDT"}
    assert traded("SOL") == set()
    assert traded("SOL", "DOGE") == {"SOLDOGE"}


def test_a_market_known_by_two_names_is_asked_for_once() -> None:
    known = Known(markets={**MARKETS, "OLDBTC": MARKETS["ETHBTC"]}, assets=assets("ETH"))
    assert names(known).count("trades:ETHBTC") == 1


LISTS = frozenset(name for name in names(NOTHING) if not name.startswith("trades"))
DEAR = frozenset(name for name in LISTS if name.startswith(("earn.", "conversions")))


def test_where_all_adds_up_no_market_is_asked_but_two_by_turns() -> None:
    known = Known(markets=MARKETS, assets=assets("PEPE", "USDT"), gaps=frozenset(), read=LISTS)
    assert [name for name in names(known) if name.startswith("trades")] == ["trades.others"]
    assert traded("PEPE", "ETH", gaps=assets("PEPE"), read=LISTS) == {"PEPEUSDT", "PEPETRY"}


def test_cheap_lists_come_first_then_dear_ones_then_markets() -> None:
    gaps = assets("PEPE")
    known = Known(markets=MARKETS, assets=assets("PEPE", "ETH"), gaps=gaps)
    assert set(names(known)) == LISTS - DEAR
    assert set(names(Known(markets=MARKETS, assets=known.assets, gaps=gaps, read=LISTS - DEAR))) == LISTS
    assert traded("PEPE", "ETH", gaps=gaps, read=LISTS) == {"PEPEUSDT", "PEPETRY"}


def test_while_all_history_is_unread_markets_need_not_wait_for_dear_lists() -> None:
    gaps = assets("PEPE", "ETH")
    assert traded("PEPE", "ETH", gaps=gaps) == set()
    assert traded("PEPE", "ETH", gaps=gaps, read=LISTS - DEAR) == {"PEPEUSDT", "PEPETRY", "ETHBTC", "ETHUSDT"}


def test_when_the_likely_markets_have_not_closed_a_gap_all_markets_of_its_asset_are_asked() -> None:
    gaps = assets("DOGE", "USDT")
    known = Known(assets=assets("DOGE", "USDT"))
    read = set(names(Known(markets=MARKETS, assets=known.assets, gaps=gaps, read=LISTS)))
    assert not any(name.startswith("trades.of:") for name in read)
    again = list(streams(Known(markets=MARKETS, assets=known.assets, gaps=gaps, read=frozenset(read))))
    of = {each.name: each.symbols for each in again if isinstance(each, Sweep)}
    assert of["trades.of:DOGE"] == ("SOLDOGE", "XYZDOGE")
    assert of["trades.of:USDT"] == ("PEPEUSDT", "XYZUSDT")
    assert set(of["trades.others"]) == set(MARKETS)


def test_assets_of_many_markets_are_swept_in_parts_one_in_each_round_the_largest_first() -> None:
    pairs = [(f"C{n:04}", quote) for quote, count in (("EUR", 50), ("USDT", 400)) for n in range(count)]
    markets = {base + quote: Market(base + quote, asset(base), asset(quote)) for base, quote in pairs}
    gaps, read = assets("EUR", "USDT"), frozenset(names(NOTHING))
    swept: list[Sweep] = []
    for _ in range(4):
        found = list(streams(Known(markets=markets, assets=gaps, gaps=gaps, read=read)))
        fresh = [each for each in found if isinstance(each, Sweep) and each.name not in {*read, "trades.others"}]
        assert len(fresh) == 1
        swept += fresh
        read |= {each.name for each in found}
    assert [each.name for each in swept[2:]] == ["trades.of:USDT:2", "trades.of:EUR:0"]
    assert [symbol for each in swept for symbol in each.symbols] == ordered(markets)


def ordered(markets: Mapping[str, Market]) -> list[str]:
    return sorted(markets, key=lambda name: (not name.endswith("USDT"), name))


def test_margin_is_asked_only_of_an_account_that_has_it() -> None:
    known = Known(markets=MARKETS, assets=assets("PEPE"), wallets={"opened:MARGIN": asset("USDT")})
    assert not {"trades.margin:PEPEUSDT", "margin.interest"} & set(names(Known(markets=MARKETS, assets=known.assets)))
    found = set(names(known))
    assert {"trades.margin:PEPEUSDT", "margin.interest", "transfers.MAIN_MARGIN", "transfers.MARGIN_FUNDING"} <= found
    assert not {"futures.usdm", "transfers.MAIN_UMFUTURE", "transfers.MARGIN_UMFUTURE"} & found


def test_isolated_margin_is_asked_where_it_does_not_add_up() -> None:
    wallets = {"opened:MARGIN": asset("USDT"), "isolated:BNBUSDT": asset("BNB"), "isolated:XYZDOGE": asset("XYZ")}
    lists = frozenset(names(Known(wallets=wallets)))
    for gaps, asked in ((assets(), set()), (assets("BNB"), {"BNBUSDT"}), (assets("DOGE"), {"XYZDOGE"})):
        found = names(Known(markets=MARKETS, wallets=wallets, gaps=gaps, read=lists))
        assert {each.partition(":")[2] for each in found if each.startswith("trades.isolated:")} == asked


def test_the_names_of_streams_are_unique_and_their_reads_are_listed() -> None:
    opened = ("opened:MARGIN", "opened:UMFUTURE", "opened:CMFUTURE", "opened:OPTION", "isolated:BNBUSDT")
    known = Known(markets=MARKETS, assets=assets("ETH"), wallets=dict.fromkeys(opened, asset("USDT")))
    found = list(streams(known))
    assert len({each.name for each in found}) == len(found)
    for stream in found:
        ask = stream.ask({}, NOW)
        MANIFEST.read(ask.read).call(ask.params)
