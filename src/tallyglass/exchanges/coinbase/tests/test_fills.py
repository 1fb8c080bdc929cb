from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.coinbase.fills import Fills
from tallyglass.exchanges.coinbase.parse import parse
from tallyglass.exchanges.streams import Cursor, Known, NotReadable
from tallyglass.ledger.entries import Entry

PAYLOADS = Path(__file__).parent / "payloads"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
STREAM = Fills()
ORDER = b"0d000000-0000-4000-8000-000000000001"


def fill(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "entry_id": f"e{number}",
        "trade_id": f"t{number}",
        "order_id": f"o{number}",
        "trade_time": (START + timedelta(minutes=number)).isoformat().replace("+00:00", ".123456789Z"),
        "trade_type": "FILL",
        "price": "2101.50",
        "size": "0.6",
        "commission": "4.4",
        "product_id": "ETH-EUR",
        "liquidity_indicator": "MAKER",
        "side": "SELL",
    } | changes


class Exchange:
    """Coinbase's list of fills: newest first, with an opaque cursor that names the last fill of the page."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fills: list[dict[str, Any]] = []
        self.asked = 0

    def add(self) -> None:
        self.fills.append(fill(len(self.fills)))

    def answer(self, params: Mapping[str, str]) -> bytes:
        self.asked += 1
        sent = dict(registry.manifest("coinbase").read("trades").call(params).params)
        since = sent.get("start_sequence_timestamp", "")
        rows = [each for each in self.fills[::-1] if each["trade_time"] >= since]
        if "cursor" in sent:
            rows = rows[[each["entry_id"] for each in rows].index(sent["cursor"]) + 1 :]
        page = rows[: self.size]
        return json.dumps({"fills": page, "cursor": page[-1]["entry_id"] if len(page) == self.size else ""}).encode()


def sync(exchange: Exchange, cursor: Cursor, held: dict[str, Entry], between: int = 0) -> Cursor:
    for _ in range(len(exchange.fills) + 50):
        page = STREAM.page(cursor, ask := STREAM.ask(cursor, NOW), exchange.answer(ask.params), Known())
        held |= {each.id: each for each in page.entries}
        cursor = json.loads(json.dumps(dict(page.cursor)))
        if page.done:
            return cursor
        for _ in range(between):
            exchange.add()
        between -= 1
    raise AssertionError("the walk does not end")


def test_fills_add_facts_to_the_ledger_s_trades_and_book_nothing() -> None:
    page = STREAM.page({}, STREAM.ask({}, NOW), (PAYLOADS / "trades.json").read_bytes(), Known())
    first, second = page.entries
    ledger = (PAYLOADS / "ledger_eth.json").read_bytes().replace(b"order-1", ORDER)
    assert first.id in {each.id for each in parse("ledger", ledger, Known()).items if isinstance(each, Entry)}
    assert first.facts == (
        ("liquidity", "maker"),
        ("market", "ETH/EUR"),
        ("order", ORDER.decode()),
        ("price", "2101.5"),
        ("side", "sell"),
    )
    assert first.legs == second.legs == ()
    assert dict(second.facts)["liquidity"] == "taker"
    assert [piece.id for piece in page.unparsed] == ["e3"]  # a reversal amends a fill, and is shown
    assert STREAM.enriches


def test_fills_of_futures_have_nothing_in_the_spot_ledger_to_add_to() -> None:
    rows = [fill(1, product_id="BIP-20DEC30-CDE"), fill(2)]
    page = STREAM.page({}, STREAM.ask({}, NOW), json.dumps({"fills": rows, "cursor": ""}).encode(), Known())
    assert [dict(each.facts)["order"] for each in page.entries] == ["o2"]
    assert not page.unparsed


@given(size=st.integers(1, 7), count=st.integers(0, 20), comes=st.integers(0, 3), later=st.integers(0, 4))
def test_every_fill_is_read_and_later_only_what_is_new(size: int, count: int, comes: int, later: int) -> None:
    exchange = Exchange(size)
    for _ in range(count):
        exchange.add()
    held: dict[str, Entry] = {}
    cursor = sync(exchange, {}, held, comes)
    for _ in range(later):
        exchange.add()
    cursor = sync(exchange, cursor, held)
    assert len(held) == len(exchange.fills)
    if exchange.fills:
        assert cursor == {
            "since": (START + timedelta(minutes=len(exchange.fills) - 1, microseconds=123456)).isoformat()
        }


def test_nothing_new_is_one_request() -> None:
    exchange = Exchange(100)
    for _ in range(450):
        exchange.add()
    held: dict[str, Entry] = {}
    cursor = sync(exchange, {}, held)
    before = exchange.asked
    assert sync(exchange, cursor, held) == cursor
    assert exchange.asked == before + 1


def test_how_far_back_it_has_come_is_told() -> None:
    exchange = Exchange(10)
    for _ in range(25):
        exchange.add()
    page = STREAM.page({}, STREAM.ask({}, NOW), exchange.answer({}), Known())
    assert page.reached == START + timedelta(minutes=15, microseconds=123456)
    assert not page.done


@pytest.mark.parametrize("body", [b"", b"{}", b'{"fills": [], "cursor": "", "proof_token_required": true}'])
def test_a_list_that_is_none_or_held_back_is_not_read_as_empty(body: bytes) -> None:
    with pytest.raises(NotReadable):
        STREAM.page({}, STREAM.ask({}, NOW), body, Known())
