"""The lists beside the ledger: every row is read and adds to the ledger's entry; what is on its way is asked again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.kraken.history import DepositsStream, OrdersStream, TradesStream, WithdrawalsStream
from tallyglass.exchanges.kraken.walk import GIVEN_UP, OVERLAP, Walk
from tallyglass.exchanges.streams import Ask, Cursor, Known
from tallyglass.ledger.entries import Entry

START = 1795000000
NOW = datetime.fromtimestamp(1799000000, UTC)


@dataclass
class Reader:
    """What a store would hold: the last word on every entry, and the cursor, through JSON as a store keeps it."""

    stream: Walk
    cursor: Cursor = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)

    def sync(self, exchange: Trades | Fundings, limit: int = 500) -> None:
        self.asked.clear()
        while len(self.asked) < limit:
            ask = self.stream.ask(self.cursor, NOW)
            registry.manifest("kraken").read(ask.read).call(ask.params)
            self.asked.append(ask)
            page = self.stream.page(self.cursor, ask, exchange.answer(ask), Known())
            assert page.unparsed == ()
            self.entries |= {entry.id: entry for entry in page.entries}
            self.cursor = json.loads(json.dumps(dict(page.cursor)))
            if page.done:
                return
        raise AssertionError("the walk does not end")


@dataclass
class Trades:
    """TradesHistory and ClosedOrders, a fill each, as documented: by offset from the newest, with a count."""

    times: list[int]

    def answer(self, ask: Ask) -> bytes:
        start, end = int(ask.params.get("start", "0")), int(ask.params.get("end", NOW.timestamp()))
        window = [(time, number) for number, time in enumerate(self.times) if start < time <= end]
        ofs = int(ask.params.get("ofs", "0"))
        rows = sorted(window, reverse=True)[ofs : ofs + 50]
        if ask.read == "trades":
            told = {"trades": {f"T{number}": self.trade(time, number) for time, number in rows}}
        else:
            told = {"closed": {f"O{number}": self.order(time, number) for time, number in rows}}
        return json.dumps({"error": [], "result": {**told, "count": len(window)}}).encode()

    def trade(self, time: int, number: int) -> dict[str, object]:
        money = {"price": "2.0", "cost": "4.00000", "fee": "0.01000", "vol": "2.00000000", "margin": "0.00000"}
        what = {"pair": "XXBTZEUR", "type": "buy", "ordertype": "limit", "leverage": "0", "misc": "", "maker": True}
        return {**money, **what, "ordertxid": f"O{number}", "postxid": "TKH2SE-M7IF5-CFI7LT", "time": time}

    def order(self, time: int, number: int) -> dict[str, object]:
        descr = {"pair": "XBTEUR", "type": "buy", "ordertype": "limit", "price": "2.1", "price2": "0"}
        times = {"opentm": time - 90000, "closetm": time}
        return {"descr": descr, **times, "vol": "2", "vol_exec": "2", "oflags": "fciq", "trades": [f"T{number}"]}


@dataclass
class Fundings:
    """DepositStatus and WithdrawStatus as documented: newest first, a word for the next page, bounds inclusive."""

    #: refid → (time, status), in the order of arrival.
    rows: dict[str, tuple[int, str]] = field(default_factory=dict)
    size: int = 25
    tokens: bool = True

    def answer(self, ask: Ask) -> bytes:
        start, word = int(ask.params.get("start", "0")), ask.params["cursor"]
        window = sorted(((time, name) for name, (time, _) in self.rows.items() if time >= start), reverse=True)
        after = window if word == "true" else [row for row in window if row < tuple(json.loads(word.replace("'", '"')))]
        rows = after[: self.size]
        more = str(list(rows[-1])) if len(after) > self.size and self.tokens else None
        name = "deposit" if ask.read == "deposits" else "withdrawals"
        told = {name: [self.row(time, name) for time, name in rows], "next_cursor": more}
        return json.dumps({"error": [], "result": told}).encode()

    def row(self, time: int, name: str) -> dict[str, object]:
        what = {"method": "Bitcoin", "aclass": "currency", "asset": "XXBT", "info": "bc1q", "amount": "1.5"}
        return {**what, "refid": name, "txid": f"hash-{name}", "fee": "0.1", "time": time, "status": self.rows[name][1]}


@pytest.mark.parametrize("stream", [TradesStream(), OrdersStream()])
def test_every_fill_is_told_once_and_moves_nothing(stream: Walk) -> None:
    exchange = Trades([START + 7 * number for number in range(120)])
    reader = Reader(stream)
    reader.sync(exchange)
    assert set(reader.entries) == {f"T{number}" for number in range(120)}
    assert all(entry.legs == () and entry.facts for entry in reader.entries.values())
    assert {entry.kind for entry in reader.entries.values()} == {"trade"}
    assert len(reader.asked) == 3


@pytest.mark.parametrize("stream", [TradesStream(), OrdersStream()])
def test_where_nothing_is_new_one_request_tells_so(stream: Walk) -> None:
    exchange = Trades([START + 100 * number for number in range(120)])
    reader = Reader(stream)
    reader.sync(exchange)
    before = dict(reader.entries)
    reader.sync(exchange)
    assert [dict(ask.params) for ask in reader.asked] == [{"start": str(START + 11900 - OVERLAP)}]
    exchange.times += [START + 11900, START + 12000]
    reader.sync(exchange)
    assert set(reader.entries) - set(before) == {"T120", "T121"}
    assert len(reader.asked) == 1


def test_trades_and_orders_tell_different_things_of_one_fill() -> None:
    exchange = Trades([START])
    fills, asked = Reader(TradesStream()), Reader(OrdersStream())
    fills.sync(exchange)
    asked.sync(exchange)
    assert set(dict(fills.entries["T0"].facts)).isdisjoint(dict(asked.entries["T0"].facts))


def fundings(count: int) -> Fundings:
    return Fundings({f"FT{number:03}": (START + 100 * number, "Success") for number in range(count)})


@pytest.mark.parametrize("stream", [DepositsStream(), WithdrawalsStream()])
def test_what_arrived_has_its_transaction_and_leaves_the_moving_to_the_ledger(stream: Walk) -> None:
    exchange, reader = fundings(60), Reader(stream)
    reader.sync(exchange)
    assert set(reader.entries) == set(exchange.rows)
    assert len(reader.asked) == 3
    for name, entry in reader.entries.items():
        assert (entry.legs, entry.status, entry.txid, entry.note) == ((), "done", f"hash-{name}", "")
        assert dict(entry.facts)["address"] == "bc1q"


def test_what_is_on_its_way_has_its_amount_and_is_asked_about_until_it_is_done() -> None:
    exchange, reader = fundings(60), Reader(DepositsStream())
    exchange.rows["FT000"] = (START, "Settled")
    reader.sync(exchange)
    waiting = reader.entries["FT000"]
    assert (waiting.status, [leg.amount == 0 for leg in waiting.legs]) == ("pending", [False, False])
    reader.sync(exchange)
    assert reader.asked[0].params["start"] == str(START)
    assert reader.entries["FT000"] == waiting

    exchange.rows["FT000"] = (START, "Success")
    reader.sync(exchange)
    assert (reader.entries["FT000"].status, reader.entries["FT000"].legs) == ("done", ())
    reader.sync(exchange)
    assert [dict(ask.params) for ask in reader.asked] == [{"start": str(START + 5900 - OVERLAP), "cursor": "true"}]


def test_what_came_to_nothing_moves_nothing() -> None:
    exchange, reader = fundings(1), Reader(WithdrawalsStream())
    exchange.rows["FT000"] = (START, "Failure")
    reader.sync(exchange)
    assert (reader.entries["FT000"].status, reader.entries["FT000"].legs) == ("failed", ())


def test_what_never_ends_is_given_up_after_a_month() -> None:
    exchange, reader = fundings(1), Reader(DepositsStream())
    exchange.rows |= {"FT000": (START, "Pending"), "FT001": (START + GIVEN_UP + 5, "Success")}
    reader.sync(exchange)
    reader.sync(exchange)
    assert reader.asked[0].params["start"] == str(START + GIVEN_UP + 5 - OVERLAP)


def test_an_account_without_any_asks_once_and_keeps_its_place() -> None:
    reader = Reader(DepositsStream())
    reader.sync(Fundings())
    reader.sync(Fundings())
    assert reader.asked == [Ask("deposits", {"cursor": "true"})]
    exchange = fundings(1)
    reader.sync(exchange)
    place = reader.cursor
    exchange.rows.clear()  # what Kraken lists no more
    reader.sync(exchange)
    assert reader.cursor == place


def test_a_page_that_comes_back_for_ever_stops_the_walk_where_it_is_until_it_is_over() -> None:
    exchange = fundings(60)

    class Stuck(Fundings):
        def answer(self, ask: Ask) -> bytes:
            told = json.loads(exchange.answer(Ask(ask.read, {"cursor": "true"})))
            told["result"]["next_cursor"] += " " * len(ask.params["cursor"])
            return json.dumps(told).encode()

    reader = Reader(DepositsStream())
    with pytest.raises(AssertionError, match="does not end"):
        reader.sync(Stuck(), limit=4)
    assert len({json.dumps(dict(ask.params)) for ask in reader.asked}) == 2  # the engine tells the third
    assert len(reader.entries) == 25
    reader.sync(exchange)
    assert set(reader.entries) == set(exchange.rows)


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=30),
    st.integers(1, 7),
    st.integers(0, 9),
    st.lists(st.integers(0, 5), max_size=6),
)
def test_every_funding_is_read_from_wherever_a_walk_was_left(
    written: list[int], size: int, left: int, arrivals: list[int]
) -> None:
    exchange = Fundings({f"FT{number}": (START + time, "Success") for number, time in enumerate(written)}, size)
    reader = Reader(DepositsStream())
    for _ in range(left):  # the process dies after any page: the cursor is all that remains
        ask = reader.stream.ask(reader.cursor, NOW)
        page = reader.stream.page(reader.cursor, ask, exchange.answer(ask), Known())
        reader.entries |= {entry.id: entry for entry in page.entries}
        reader.cursor = json.loads(json.dumps(dict(page.cursor)))
    exchange.rows |= {f"FN{number}": (START + 40 + time, "Success") for number, time in enumerate(arrivals)}
    reader.sync(exchange)
    reader.sync(exchange)
    assert set(reader.entries) == set(exchange.rows)
