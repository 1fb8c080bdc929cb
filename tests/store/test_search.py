"""Finding entries: what is found is what looking at each of them would find, the newest first, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import pytest
from msgspec import structs

from tallyglass.ledger.entries import Entry, Kind, Leg, Status
from tallyglass.money import Asset, amount
from tallyglass.store import history, rows, search
from tallyglass.store.base import Store
from tallyglass.store.rows import StoredEntry
from tallyglass.store.search import Wanted, find
from tallyglass.store.sqlcipher import open_store

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made(number: int) -> Entry:
    """Trades on three markets, now and then something else."""
    base, quote = (("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC"))[number % 3]
    at = NOW - (number * 37 % 400) * HOUR
    if number % 50 == 7:
        return moved(number, at)
    legs = (leg("base", base, "1"), leg("quote", quote, "-2"), leg("fee", "BNB" if number % 4 else quote, "-3"))
    facts = (("market", f"{base}/{quote}"), ("order", f"7000{number // 4}"))
    return Entry(f"trade:{base}{quote}:{880_000 + number}", at, "trade", legs, note="buy", facts=facts)


def moved(number: int, at: datetime) -> Entry:
    kind: Kind = "deposit" if number % 4 == 1 else "withdrawal"
    status: Status = "pending" if number % 200 == 7 else "done"
    return Entry(f"{kind}:Q{number}", at, kind, (leg("in", "PEPE", "9"),), "ERC20", status, f"0xfeed{number:04}")


def leg(name: str, asset: str, figure: str) -> Leg:
    return Leg(name, "spot", Asset(asset), amount(figure))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("store") / "portfolio.db", bytes(32))
    with opened.write() as db:
        history.book(db, "binance", [made(number) for number in range(900)], None)
        history.book(db, "kraken", [made(number) for number in range(300)], None)
    yield opened
    opened.close()


def everything(store: Store) -> list[StoredEntry]:
    whole = [history.list_entries(store, limit=5000, done=done) for done in (True, False)]
    return sorted((each for some in whole for each in some), key=lambda each: (each.entry.time, each.place))[::-1]


def has(each: StoredEntry, word: str) -> bool:
    entry, sought = each.entry, word.casefold()
    market = dict(entry.facts).get("market", "")
    *prefix, own = entry.id.split(":")
    names = (*prefix, own, entry.id, entry.txid, *dict(entry.facts).values())
    words = (each.connection, entry.kind, entry.note, entry.status, market, *names, *(leg.asset for leg in entry.legs))
    return any(name.casefold().startswith(sought) for name in words)


WANTED = {
    "all": Wanted(),
    "connection": Wanted(connection="kraken"),
    "kind": Wanted(kind="withdrawal"),
    "asset": Wanted(asset="bnb"),
    "rare": Wanted(asset="PEPE", connection="binance"),
    "times": Wanted(since=NOW - 90 * HOUR, until=NOW - 60 * HOUR),
    "pending": Wanted(done=False),
    "market": Wanted(text="ETHBTC"),
    "market, written out": Wanted(text="eth/btc"),
    "id": Wanted(text="880123"),
    "beginning of an id": Wanted(text="88012"),
    "whole id": Wanted(text="trade:BTCUSDT:880123"),
    "order": Wanted(text="700012"),
    "transaction": Wanted(text="0xfeed00"),
    "transaction in capitals": Wanted(text="0XFEED0057"),
    "note": Wanted(text="erc20"),
    "two words": Wanted(text="buy 88012", asset="ETH"),
    "word and name": Wanted(text="kraken 880120"),
    "nothing": Wanted(text="nobody-is-called-that"),
    "no asset": Wanted(asset="XYZ"),
}

#: The ways of finding: how many places the buckets may tell, and how many of the newest are looked through before.
WAYS = {"asked": (99_999, 0), "both": (-1, 5), "looked through": (-1, 5_000)}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED.keys())
@pytest.mark.parametrize(
    ("told", "looked"), [(9_999, 0), (-1, 5), (-1, 5_000)], ids=["asked", "both", "looked-through"]
)
def test_what_is_found_is_what_each_entry_says(
    store: Store, wanted: Wanted, told: int, looked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_TOLD", told)
    monkeypatch.setattr(search, "_LOOKED_THROUGH", looked)
    expected = [
        (each.connection, each.entry.id)
        for each in everything(store)
        if (each.entry.status == "done") == wanted.done
        and wanted.connection in ("", each.connection)
        and wanted.kind in ("", each.entry.kind)
        and (not wanted.asset or wanted.asset.upper() in {leg.asset for leg in each.entry.legs})
        and (wanted.since is None or each.entry.time >= wanted.since)
        and (wanted.until is None or each.entry.time < wanted.until)
        and all(has(each, word) for word in wanted.text.split())
    ]
    found: list[StoredEntry] = []
    with store.read() as db:
        while page := find(db, wanted, limit=41, after=(found[-1].entry.time, found[-1].place) if found else None):
            found += page

    assert [(each.connection, each.entry.id) for each in found] == expected


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(text="eth"), Wanted(text="8800", kind="trade")])
@pytest.mark.parametrize(("told", "looked"), WAYS.values(), ids=WAYS.keys())
def test_pages_join_where_many_entries_have_one_moment(
    tmp_path: Path, wanted: Wanted, told: int, looked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_TOLD", told)
    monkeypatch.setattr(search, "_LOOKED_THROUGH", looked)
    opened = open_store(tmp_path / "portfolio.db", bytes(32))
    with opened.write() as db:
        for name in ("binance", "kraken"):
            some = (structs.replace(made(number), time=NOW + number // 40 * HOUR) for number in range(99))
            history.book(db, name, list(some), None)
    pages: list[list[int]] = []
    with opened.read() as db:
        whole = [each.place for each in find(db, wanted, limit=500)]
        after = None
        while page := find(db, wanted, limit=7, after=after):
            pages.append([each.place for each in page])
            after = (page[-1].entry.time, page[-1].place)
    opened.close()

    assert len(whole) > 100
    assert [place for page in pages for place in page] == whole
    assert {len(page) for page in pages[:-1]} == {7}


def test_a_beginning_of_too_many_names_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_MOST_NAMED", 100)
    with store.read() as db, pytest.raises(search.TooMany, match="more than 100 entries begin like"):
        find(db, Wanted(text="8801"), limit=10)


def test_one_entry_is_found_by_its_id_on_each_connection(store: Store) -> None:
    with store.read() as db:
        assert {each.connection for each in search.by_id(db, "trade:BTCUSDT:880123")} == {"binance", "kraken"}
        assert {each.connection for each in search.by_id(db, made(600).id)} == {"binance"}
        assert search.by_id(db, "880123") == []


#: What the ids of each exchange look like, by number.
SHAPES: dict[str, Callable[[int], str]] = {
    "binance: trade": lambda number: f"trade:1000SATSUSDT:{number}",
    "binance: income": lambda number: f"income-um:REALIZED_PNL:{number}",
    "binance: earn": lambda number: f"earn-reward:BTC:BTC{number % 99:03}:{1795000000 + number}",
    "binance: rebate": lambda number: f"rebate:1:BNB:{1795000000 + number}",
    "binance: payment": lambda number: f"fiat-buy:{uuid5(NAMESPACE_OID, str(number)).hex}:payment",
    "binance: number": lambda number: f"fiat-buy:{number}:payment",
    "coinbase: trade": lambda number: f"trade:{uuid5(NAMESPACE_OID, str(number))}:{1795000000 + number}",
    "coinbase: capitals": lambda number: f"trade:{str(uuid5(NAMESPACE_OID, str(number))).upper()}:{number}",
    "coinbase: row": lambda number: f"tx:{uuid5(NAMESPACE_OID, str(number))}",
    "kraken: refid": lambda number: f"T{number:05}-AAAAA-BBBBBB",
    "file": lambda number: f"file:{NOW + number * HOUR:%Y-%m-%dT%H:%M:%S}:deposit:BTC:1",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_many_entries_of_one_sort_share_one_bucket(shape: Callable[[int], str]) -> None:
    entries = (Entry(shape(number), NOW, "reward", (leg("in", "BTC", "1"),)) for number in range(500))
    assert len({rows.bucket(each) for each in entries}) == 1


@pytest.mark.parametrize(
    ("entry_id", "word"),
    [
        ("trade:1000SATSUSDT:880123", "1000satsusdt"),
        ("trade:1000SATSUSDT:880123", "8801"),
        ("income-um:REALIZED_PNL:990077", "990077"),
        ("fiat-buy:353fca443f06466db0c4dc89f94f027a:payment", "353fca44"),
        ("trade:8a9d14b1-8346-53d3-92c1-22e53d3cbb18:1795010123", "8a9d14b1-8346-53d3-92c1-22e53d3cbb18"),
        ("trade:8a9d14b1-8346-53d3-92c1-22e53d3cbb18:1795010123", "8A9D"),
        ("tx:8a9d14b1-8346-53d3-92c1-22e53d3cbb18", "8a9d14b1"),
        ("TABCDE-AAAAA-BBBBBB", "tabcde"),
    ],
)
def test_an_entry_is_found_by_its_id_and_by_what_tells_it_from_others(tmp_path: Path, entry_id: str, word: str) -> None:
    opened = open_store(tmp_path / "portfolio.db", bytes(32))
    with opened.write() as db:
        history.book(db, "x", [Entry(entry_id, NOW, "reward", (leg("in", "BTC", "1"),))], None)
    with opened.read() as db:
        for sought in (entry_id, word):
            assert [each.entry.id for each in find(db, Wanted(text=sought), limit=2)] == [entry_id]
    opened.close()
