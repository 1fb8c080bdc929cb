"""Replay: what an older version made of the stored answers is made anew, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from tallyglass.exchanges.streams import Ask, Unparsed
from tallyglass.ledger.entries import Entry, Kind, Leg
from tallyglass.ledger.transfers import Pair, find
from tallyglass.money import Asset, amount, text
from tallyglass.store import history, lease, transfers
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync import imports
from tallyglass.sync.replay import replay
from tallyglass.sync.report import PartReport

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROW = (
    '"{id}":{{"refid":"{refid}","time":1704164645.5,"type":"{type}","subtype":"","aclass":"currency",'
    '"asset":"XXBT","amount":"{amount}","fee":"0","balance":"1"}}'
)
THEN = datetime(2024, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)
Shown = list[tuple[str, str, tuple[str, ...]]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "portfolio.db", bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def held(store: Store) -> lease.Lease:
    claimed = lease.claim(store, "kraken", "me", NOW)
    assert claimed is not None
    return claimed


def now() -> datetime:
    return NOW


def row(number: int, figure: str, kind: str = "deposit") -> str:
    return ROW.format(id=f"L{number}", refid=f"R{number}", type=kind, amount=figure)


def page(*rows: str) -> bytes:
    return f'{{"error":[],"result":{{"ledger":{{{",".join(rows)}}},"count":{len(rows)}}}}}'.encode()


def entry(name: str, *legs: tuple[str, str], kind: Kind = "deposit") -> Entry:
    made = tuple(Leg(leg, "spot", Asset("BTC"), amount(figure)) for leg, figure in legs)
    return Entry(name, THEN, kind, made, note=kind)


def stored(store: Store, body: bytes, *entries: Entry, stream: str = "ledger") -> int:
    """An answer, and what some version made of it."""
    with store.write() as db:
        raw = history.keep_raw(db, history.RawPage(0, "kraken", stream, Ask("ledger"), {}, NOW, body))
        history.add_entries(db, "kraken", entries, raw)
    return raw


def ledger(store: Store) -> Shown:
    found = [each.entry for each in history.list_entries(store, limit=100)]
    return sorted((each.id, each.note, tuple(f"{leg.id} {text(leg.amount)}" for leg in each.legs)) for each in found)


def again(store: Store, held: lease.Lease) -> list[PartReport]:
    parts = replay(store, held, "kraken", now=now).parts
    imports.settle(store, held, now)
    return parts


TRUE: Shown = [("R1", "deposit", ("L1 1",)), ("R2", "deposit", ("L2 2",))]


def test_wrong_legs_and_entries_of_an_older_version_are_gone(store: Store, held: lease.Lease) -> None:
    wrong = entry("R1", ("L1", "1"), ("L1:bonus", "5"))
    stored(store, page(row(1, "1"), row(2, "2")), wrong, entry("R2", ("L2", "3")), entry("R9", ("L9", "5")))
    early = structs.replace(entry("R2", ("L2", "2")), time=THEN - timedelta(days=1))
    stored(store, page(row(2, "2")), early)

    [part] = again(store, held)
    assert ledger(store) == TRUE
    assert {each.entry.time for each in history.list_entries(store, limit=9)} == {THEN}
    assert (part.fault, part.pages, part.new) == ("", 2, 0)
    again(store, held)
    assert ledger(store) == TRUE


def test_what_is_not_of_the_answers_stays(store: Store, held: lease.Lease) -> None:
    stored(store, page(row(1, "1")), entry("R1", ("L1", "1")))
    stored(store, b"[]", entry("old", ("x", "7")), stream="a-stream-of-a-version-long-ago")
    with store.write() as db:
        history.add_entries(db, "kraken", [entry("opening:BTC", ("o", "4"))], None)
    before = ledger(store)

    again(store, held)
    assert ledger(store) == before
    assert len(before) == 3


def test_after_an_error_the_old_books_are_there(store: Store, held: lease.Lease) -> None:
    stored(store, page(row(1, "1")), entry("R1", ("L1", "5")))
    before = ledger(store)

    def dies(_: PartReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(store, held, "kraken", watch=dies, now=now)
    assert ledger(store) == before


def test_an_answer_that_cannot_be_read_any_more_leaves_the_books_alone(store: Store, held: lease.Lease) -> None:
    stored(store, page(row(1, "1")), entry("R1", ("L1", "5")))
    stored(store, b"<html>", entry("R3", ("L3", "3")))
    before = ledger(store)

    for _ in range(2):
        [part] = again(store, held)
        assert (part.stream, part.fault) == ("ledger", "not_readable")
        assert ledger(store) == before


def test_an_answer_that_could_never_be_read_is_told_and_the_others_are_made_anew(
    store: Store, held: lease.Lease
) -> None:
    raw = stored(store, b"<html>")
    with store.write() as db:
        piece = Unparsed(f"page:{NOW.isoformat()}", "no JSON", "<html>")
        history.add_unparsed(db, "kraken", "ledger", [piece], raw_page=raw, now=NOW)
    stored(store, page(row(1, "1"), row(2, "2")), entry("R1", ("L1", "5")))

    for _ in range(2):
        [part] = again(store, held)
        assert (part.fault, part.unparsed) == ("", 1)
        assert ledger(store) == TRUE
    assert [each.piece.id for each in history.list_unparsed(store)] == [piece.id]


def test_what_the_user_said_of_a_transfer_outlives_a_replay(store: Store, held: lease.Lease) -> None:
    sent, received = ("kraken", "R1"), ("other", "d")
    stored(store, page(row(1, "-1", "withdrawal")), entry("R1", ("L1", "-5"), kind="withdrawal"))
    with store.write() as db:
        history.add_entries(db, "other", [entry("d", ("d", "0.3"))], None)
        transfers.decide(db, (sent, received), "matched", NOW)
        transfers.keep(db, find(transfers.movements(db), decisions=transfers.decisions(db)).transfers)
    again(store, held)

    pair: Pair = (sent, received)
    with store.read() as db:
        assert transfers.outdated(db)
        [found] = find(transfers.movements(db), decisions=transfers.decisions(db)).transfers
    assert ((found.sent.key, found.received.key), found.basis, text(found.lost)) == (pair, "user", "0.7")


def test_a_line_of_a_file_that_only_a_wrong_entry_told_comes_back(store: Store, held: lease.Lease) -> None:
    header = '"txid","refid","time","type","subtype","aclass","asset","wallet","amount","fee","balance"\n'
    line = '"L7","R7","2024-01-02 03:04:05","deposit","","currency","XXBT","spot / main",1,0,1\n'
    stored(store, page(row(2, "2")), entry("R7", ("L7", "1")))
    imports.settle(store, held, now, bring=imports.page_of("kraken", "kraken", (header + line).encode(), {}, NOW))
    assert [name for name, *_ in ledger(store)] == ["R7"]
    again(store, held)

    assert [name for name, *_ in ledger(store)] == ["R2", "R7"]
    once = ledger(store)
    again(store, held)
    assert ledger(store) == once


def test_a_replay_killed_before_the_files_are_settled_is_made_up_for(store: Store, held: lease.Lease) -> None:
    header = '"txid","refid","time","type","subtype","aclass","asset","wallet","amount","fee","balance"\n'
    line = '"L2","R2","2024-01-02 03:04:05","deposit","","currency","XXBT","spot / main",2,0,1\n'
    imports.settle(store, held, now, bring=imports.page_of("kraken", "kraken", (header + line).encode(), {}, NOW))
    replay(store, held, "kraken", now=now)

    with store.read() as db:
        assert history.cursor_of(db, "kraken", "import:settled")["settled"] == "no"


def test_odd_pieces_keep_the_time_at_which_they_were_first_seen(store: Store, held: lease.Lease) -> None:
    stored(store, page(row(1, "1", "teleport")))
    again(store, held)
    [first] = history.list_unparsed(store)
    replay(store, held, "kraken", now=lambda: NOW + timedelta(days=1))

    assert history.list_unparsed(store) == [first]
    assert first.seen_at == NOW


def test_an_odd_balance_does_not_hinder_forgetting_the_answer_it_stood_in(store: Store) -> None:
    piece = Unparsed("X", "unknown asset", "{}")
    with store.write() as db:
        first = history.keep_raw(db, history.RawPage(0, "kraken", "balances", Ask("balances"), {}, NOW, b"{}"))
        history.add_unparsed(db, "kraken", "balances", [piece], raw_page=first, now=NOW)
        history.drop_raw(db, "kraken", "balances", before=first + 1)
        assert history.raw_streams(db, "kraken") == []
    assert [each.piece for each in history.list_unparsed(store)] == [piece]
