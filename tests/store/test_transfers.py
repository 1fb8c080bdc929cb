"""Transfers in the store: found anew only when there is cause, and the user's word kept apart from what is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from tallyglass.exchanges.streams import Ask
from tallyglass.ledger.entries import Entry, Kind, Leg
from tallyglass.ledger.transfers import Found, Pair, find
from tallyglass.money import Asset, amount
from tallyglass.store import history, transfers
from tallyglass.store.base import Store
from tallyglass.store.sqlcipher import open_store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAIR: Pair = (("kraken", "W1"), ("binance", "deposit:1"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "portfolio.db", bytes(range(32)))
    yield opened
    opened.close()


def entry(name: str, figure: str, kind: Kind, leg: str = "L1") -> Entry:
    return Entry(name, NOW, kind, (Leg(leg, "spot", Asset("ETH"), amount(figure)),))


SENT, RECEIVED = entry("W1", "-2", "withdrawal"), entry("deposit:1", "2", "deposit")


def add(store: Store, connection: str, *entries: Entry, stream: str = "ledger") -> None:
    with store.write() as db:
        page = history.RawPage(0, connection, stream, Ask("ledger"), {}, NOW, b"{}")
        history.add_entries(db, connection, entries, history.keep_raw(db, page))


def look(store: Store) -> Found:
    with store.write() as db:
        found = find(transfers.movements(db), decisions=transfers.decisions(db))
        transfers.keep(db, found.transfers)
    return found


def outdated(store: Store) -> bool:
    with store.read() as db:
        return transfers.outdated(db)


def partners(store: Store, *keys: tuple[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    with store.read() as db:
        return transfers.partners(db, keys)


@pytest.fixture
def matched(store: Store) -> Store:
    add(store, "kraken", SENT)
    add(store, "binance", RECEIVED)
    assert [(each.sent.key, each.received.key) for each in look(store).transfers] == [PAIR]
    return store


def test_partners_are_those_that_were_found_of_either_side_and_of_no_other_connection(matched: Store) -> None:
    sent, received = PAIR

    assert partners(matched, sent, received) == {sent: received, received: sent}
    assert partners(matched, received) == {received: sent}
    assert partners(matched, ("coinbase", "W1"), ("kraken", "deposit:1")) == {}


def test_what_is_found_holds_while_nothing_that_moved_changes(matched: Store) -> None:
    assert not outdated(matched)
    add(matched, "kraken", entry("T1", "5", "trade"), entry("R1", "1", "reward"))
    add(matched, "kraken", SENT)

    assert not outdated(matched)


@pytest.mark.parametrize(
    "change",
    [
        entry("W2", "-3", "withdrawal"),
        entry("W1", "2", "withdrawal", leg="L2"),
        entry("W1", "-2.5", "withdrawal"),
        structs.replace(SENT, status="failed"),
        structs.replace(SENT, txid="ab" * 32),
    ],
    ids=["another", "returned", "amount", "failed", "hash"],
)
def test_what_comes_or_changes_outdates_it(matched: Store, change: Entry) -> None:
    add(matched, "kraken", change)

    assert outdated(matched)
    look(matched)
    assert not outdated(matched)


def test_what_is_removed_outdates_it(store: Store) -> None:
    add(store, "kraken", SENT, stream=f"{history.FILES}kraken")
    look(store)
    with store.write() as db:
        history.remove_entries(db, "kraken", ["W1"], history.file_pages(db, "kraken"))

    assert outdated(store)
    assert look(store) == Found()


def test_a_change_that_is_rolled_back_outdates_nothing(matched: Store) -> None:
    def fail() -> None:
        with matched.write() as db:
            history.add_entries(db, "kraken", [entry("W2", "-3", "withdrawal")], None)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert not outdated(matched)


def test_the_last_word_counts_and_can_be_taken_back(matched: Store) -> None:
    with matched.write() as db:
        transfers.decide(db, PAIR, "matched", NOW)
        transfers.decide(db, PAIR, "apart", NOW)
    assert look(matched).transfers == ()
    assert partners(matched, *PAIR) == {}

    with matched.write() as db:
        assert transfers.undecide(db, PAIR)
        assert not transfers.undecide(db, PAIR)
    assert len(look(matched).transfers) == 1


def test_what_was_said_of_a_forgotten_connection_is_forgotten(matched: Store) -> None:
    with matched.write() as db:
        transfers.decide(db, PAIR, "apart", NOW)
        transfers.forget(db, "binance")

    assert len(look(matched).transfers) == 1


def test_two_thousand_entries_of_one_page_have_their_partners(store: Store) -> None:
    add(store, "kraken", *(entry(f"W{n}", f"-{n + 10}.0625", "withdrawal") for n in range(1000)))
    add(store, "binance", *(entry(f"D{n}", f"{n + 10}.0625", "deposit") for n in range(1000)))
    look(store)
    keys = [(place, f"{letter}{n}") for place, letter in (("kraken", "W"), ("binance", "D")) for n in range(1000)]

    found = partners(store, *keys)

    assert {key: value[1][1:] for key, value in found.items()} == {key: key[1][1:] for key in keys}
