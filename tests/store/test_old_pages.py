"""Answers that earlier versions asked for in their own ways, with their own cursors, give their entries in a replay."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tallyglass.exchanges.streams import Ask, Cursor, Market, Unparsed
from tallyglass.money import asset
from tallyglass.store import history, lease, present
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync.replay import replay

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEGIN, THEN, END = 1_700_000_000_000, 1_701_000_000_000, 1_702_000_000_000
WINDOW = {"startTime": str(BEGIN), "endTime": str(END)}
SPAN = {"at": str(BEGIN), "old": str(BEGIN)}
INSIDE = {"at": str(BEGIN), "end": str(END), "page": "1", "seen": "100", "last": "0123456789abcdef"}
WALLET = "3e5fc9a4-0000-5000-8000-000000000001"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "portfolio.db", bytes(32))
    with opened.write() as db:
        present.set_markets(db, "binance", [Market("BNBUSDT", asset("BNB"), asset("USDT"))])
        present.set_wallets(db, "coinbase", {WALLET: asset("BTC")})
    yield opened
    opened.close()


def keep(store: Store, exchange: str, stream: str, asked: tuple[Ask, Cursor], body: object) -> int:
    told = json.dumps(body).encode()
    with store.write() as db:
        return history.keep_raw(db, history.RawPage(0, exchange, stream, *asked, NOW, told))


def remade(store: Store, exchange: str) -> set[str]:
    """The ids of the entries after a replay in which nothing went wrong."""
    held = lease.claim(store, exchange, "me", NOW)
    assert held is not None
    assert [part.text for part in replay(store, held, exchange, now=lambda: NOW).parts if part.fault] == []
    assert history.list_unparsed(store) == []
    return {each.entry.id for each in history.list_entries(store, limit=100)}


def deposit(number: int) -> dict[str, Any]:
    told = {"amount": "1", "coin": "BTC", "status": 1, "insertTime": THEN, "txId": "", "walletType": 0}
    return {"id": str(number), **told}


def fill(number: int) -> dict[str, Any]:
    paid = {"price": "600", "qty": "1", "quoteQty": "600", "commission": "0.1", "commissionAsset": "USDT"}
    sides = {"isBuyer": True, "isMaker": False, "isBestMatch": True}
    return {"symbol": "BNBUSDT", "id": number, "orderId": 1, "orderListId": -1, **paid, "time": THEN, **sides}


def conversion(number: int) -> dict[str, Any]:
    sides = {"fromAsset": "USDT", "fromAmount": "2", "toAsset": "BNB", "toAmount": "1"}
    return {"orderId": number, "orderStatus": "SUCCESS", **sides, "createTime": THEN}


def moved(number: int) -> dict[str, Any]:
    told = {"asset": "USDT", "amount": "1", "type": "MAIN_FUNDING", "status": "CONFIRMED", "timestamp": THEN}
    return {"tranId": number, **told}


CURSORS: list[Cursor] = [{}, {"at": str(BEGIN)}, SPAN, {**SPAN, "back": "1"}, {**SPAN, "width": "86400000"}, INSIDE]


def test_binances_lists_from_the_past_to_now(store: Store) -> None:
    for n, cursor in enumerate(CURSORS):
        ask = Ask("deposits", {**WINDOW, "limit": "1000", "offset": "0"})
        keep(store, "binance", "deposits", (ask, {**cursor, "open": str(BEGIN)}), [deposit(n)])
        ask = Ask("conversions", {**WINDOW, "limit": "1000"})
        keep(store, "binance", "conversions", (ask, cursor), {"list": [conversion(n)]})
        ask = Ask("transfers", {"type": "MAIN_FUNDING", **WINDOW, "size": "100", "current": "1"})
        keep(store, "binance", "transfers.MAIN_FUNDING", (ask, cursor), {"total": 1, "rows": [moved(n)]})
    names = [f"{name}:{n}" for name in ("deposit", "convert", "transfer") for n in range(len(CURSORS))]
    assert remade(store, "binance") == set(names)


def test_deposits_that_binances_dear_lists_looked_at_are_not_theirs(store: Store) -> None:
    ask = Ask("deposits", {**WINDOW, "limit": "1000", "offset": "0"})
    for stream in ("conversions", "earn.rewards", "earn.redemptions"):
        for cursor in ({}, {"trace": str(BEGIN)}):
            keep(store, "binance", stream, (ask, cursor), [deposit(1)])
    assert remade(store, "binance") == set()


def test_binances_fills_by_ids(store: Store) -> None:
    for n, cursor in enumerate([{}, {"from": "1"}]):
        ask = Ask("trades", {"symbol": "BNBUSDT", "fromId": cursor.get("from", "0"), "limit": "1000"})
        keep(store, "binance", "trades:BNBUSDT", (ask, cursor), [fill(n)])
    assert remade(store, "binance") == {"trade:BNBUSDT:0", "trade:BNBUSDT:1"}


@pytest.mark.parametrize("read", ["trades", "trades.others"])
def test_binances_markets_that_nothing_points_to(store: Store, read: str) -> None:
    cursors = [{}, {"at": "AAAUSDT", "round": "0", "asked": "3"}, {"at": "AAAUSDT", "round": "1"}, {"round": "2"}]
    for n, cursor in enumerate(cursors):
        ask = Ask(read, {"symbol": "BNBUSDT", "fromId": "0", "limit": "1"})
        keep(store, "binance", "trades.others", (ask, cursor), [fill(n)])
    assert remade(store, "binance") == {f"trade:BNBUSDT:{n}" for n in range(4)}


def test_a_stream_that_is_listed_only_at_times_is_replayed(store: Store) -> None:
    """What was not understood there is understood now."""
    streams = {
        "trades.of:XYZ": ("trades.others", [fill(1)]),
        "trades.of:XYZ:3": ("trades.others", [fill(2)]),
        "trades:LOSTUSDT": ("trades", [fill(3)]),
        "trades.margin:BNBUSDT": ("trades.margin", [{**fill(4), "isIsolated": False}]),
        "transfers.MAIN_MARGIN": ("transfers", {"total": 1, "rows": [{**moved(5), "type": "MAIN_MARGIN"}]}),
    }
    for stream, (read, body) in streams.items():
        raw = keep(store, "binance", stream, (Ask(read, {**WINDOW, "symbol": "BNBUSDT"}), {}), body)
        with store.write() as db:
            piece = Unparsed(stream, "an asset that is not known yet", "{}")
            history.add_unparsed(db, "binance", stream, [piece], raw_page=raw, now=NOW)
    fills = {"trade:BNBUSDT:1", "trade:BNBUSDT:2", "trade:BNBUSDT:3"}
    assert remade(store, "binance") == {*fills, "margin-trade:BNBUSDT:4", "transfer:5"}


WALK = {"end": "1702000001", "next": "1701998200", "ofs": "50", "count": "80", "told": "80", "page": "0123456789abcdef"}
KRAKEN: list[tuple[Mapping[str, str], Cursor]] = [
    ({}, {}),
    ({"start": "1701000000"}, {"from": "1701000000"}),
    ({"end": "1702000001", "ofs": "50"}, {**WALK, "again": "0"}),
    ({"start": "1701000000", "end": "1702000001", "ofs": "50"}, {"from": "1701000000", **WALK, "again": "2"}),
    ({"end": "1702000001", "ofs": "50"}, {name: each for name, each in WALK.items() if name not in ("count", "told")}),
]


def test_krakens_ledger(store: Store) -> None:
    row = {"time": 1_701_500_000.5, "type": "deposit", "subtype": "", "aclass": "currency", "asset": "XXBT"}
    names: set[str] = set()
    for count in ({"count": 80}, {"count": 40}, {}):
        for params, cursor in KRAKEN:
            name = f"R{len(names)}"
            told = {f"L{name}": {"refid": name, **row, "amount": "1", "fee": "0", "balance": "1"}}
            for rows in (told, {}):
                body = {"error": [], "result": {"ledger": rows, **count}}
                keep(store, "kraken", "ledger", (Ask("ledger", params), cursor), body)
            names.add(name)
    assert remade(store, "kraken") == names


COINBASE: list[Cursor] = [
    {},
    {"after": ""},
    {"after": "a"},
    {"after": "a", "open": "", "open_at": "2025-01-01T00:00:00Z"},
    {"after": "a", "waived": "2025-01-01T00:00:00Z"},
]


def test_coinbases_rows_from_the_oldest_on(store: Store) -> None:
    """Rows came in rising order; an empty page and pending rows among them."""
    names: set[str] = set()
    for n, cursor in enumerate(COINBASE):
        after = {"starting_after": cursor["after"]} if cursor.get("after") else {}
        asked = Ask("ledger", {"account": WALLET, **after}), cursor
        rows = [row(f"{letter}{n}", day, pending=letter == "b") for day, letter in enumerate("abc", 1)]
        for data, more in ((rows, None), (rows, f"/x?starting_after=c{n}"), ([], None)):
            told = {"data": data, "pagination": {"order": "asc", "next_uri": more}}
            keep(store, "coinbase", f"transactions:{WALLET}", asked, told)
        names |= {f"tx:a{n}", f"tx:c{n}"}
    assert remade(store, "coinbase") == names


def row(name: str, day: int, *, pending: bool) -> dict[str, Any]:
    told = {"type": "receive", "status": "pending" if pending else "completed"}
    money = {"amount": "1", "currency": "BTC"}
    return {"id": name, **told, "amount": money, "created_at": f"2026-01-0{day}T00:00:00Z"}
