"""What is remembered of findings: they open, last, grow worse and close with the facts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tallyglass.hygiene.findings import Finding, Severity, remember
from tallyglass.store import findings as memory
from tallyglass.store.base import Store

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(create_engine("sqlite://", creator=lambda: sqlite3.connect(tmp_path / "a.db")))
    made.migrate()
    yield made
    made.close()


def finding(severity: Severity = "warning", connection: str = "kraken", code: str = "frozen") -> Finding:
    return Finding(code, severity, "It is so.", "Do this", START, connection)


def seen(store: Store, now: datetime, *found: Finding) -> list[Finding]:
    with store.write() as db:
        known, changed = remember(found, memory.kept(db), now)
        memory.keep(db, changed, now)
    return known


def kept(store: Store, name: str = "frozen:kraken") -> memory.Kept:
    with store.read() as db:
        return memory.kept(db)[name]


def snooze(store: Store, until: datetime) -> None:
    with store.write() as db:
        assert memory.snooze(db, "frozen:kraken", until, "on holiday")


def test_a_finding_keeps_the_time_at_which_it_was_first_seen_and_has_a_new_one_when_it_comes_back(store: Store) -> None:
    assert [each.since for each in seen(store, START, finding())] == [START]
    assert [each.since for each in seen(store, START + DAY, finding())] == [START]
    assert seen(store, START + 2 * DAY) == []
    assert kept(store).closed_at == START + 2 * DAY
    assert [each.since for each in seen(store, START + 3 * DAY, finding())] == [START + 3 * DAY]
    assert kept(store).closed_at is None


def test_a_snoozed_one_sleeps_until_its_time_or_until_it_grows_worse(store: Store) -> None:
    seen(store, START, finding("notice"))
    snooze(store, START + 9 * DAY)
    [asleep] = seen(store, START + DAY, finding("notice"))
    assert asleep.asleep(START + DAY)
    assert asleep.snooze_reason == "on holiday"
    assert not asleep.asleep(START + 9 * DAY)
    [awake] = seen(store, START + 2 * DAY, finding("urgent"))
    assert not awake.asleep(START + 2 * DAY)
    assert awake.since == START


def test_what_is_closed_takes_its_snooze_along(store: Store) -> None:
    seen(store, START, finding())
    snooze(store, START + 9 * DAY)
    seen(store, START + DAY)
    [again] = seen(store, START + 2 * DAY, finding())
    assert not again.asleep(START + 2 * DAY)


def test_what_an_alert_told_is_remembered_until_its_end_is_told(store: Store) -> None:
    seen(store, START, finding())
    with store.write() as db:
        memory.set_alerted(db, "frozen:kraken", "warning")
    seen(store, START + DAY, finding("urgent"))
    assert (kept(store).severity, kept(store).alerted) == ("urgent", "warning")
    seen(store, START + 2 * DAY)
    assert kept(store).alerted == "warning"


def test_an_old_end_is_forgotten(store: Store) -> None:
    seen(store, START, finding())
    seen(store, START + DAY)
    seen(store, START + 200 * DAY, finding(code="other"))
    with store.read() as db:
        assert set(memory.kept(db)) == {"other:kraken"}


def test_the_worst_stands_first_and_of_one_severity_the_oldest(store: Store) -> None:
    seen(store, START, finding("warning", "b"))
    found = seen(
        store, START + DAY, finding("notice"), finding("warning", "a"), finding("warning", "b"), finding("urgent", "")
    )
    assert [each.id for each in found] == ["frozen:house", "frozen:b", "frozen:a", "frozen:kraken"]


def test_nothing_that_is_closed_or_unknown_can_be_snoozed(store: Store) -> None:
    seen(store, START, finding())
    seen(store, START + DAY)
    with store.write() as db:
        assert not memory.snooze(db, "frozen:kraken", START + 9 * DAY, "")
        assert not memory.snooze(db, "frozen:nobody", START + 9 * DAY, "")
