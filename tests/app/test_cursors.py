"""Cursors: what was written is read, anything else is told so; and a journal page by page is the whole journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.app import cursors, journal
from tallyglass.app.problems import Problem
from tallyglass.keeper.client import JournalRow, Keeper

START = datetime(2026, 1, 31, 9, 14, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Uses:
    """A keeper's journal, as its client tells it."""

    rows: list[JournalRow]

    def journal(
        self, *, limit: int, connection: str, since: datetime | None, until: datetime | None
    ) -> list[JournalRow]:
        assert since is None
        found = [row for row in self.rows if until is None or row.time < until]
        return [row for row in found if connection in ("", row.connection)][:limit]


@given(st.timedeltas(timedelta(), timedelta(days=2_000_000)), st.integers(0, (1 << 63) - 1))
def test_what_is_written_is_read(since: timedelta, place: int) -> None:
    moment = START + since
    assert cursors.read(cursors.written(moment, place)) == (moment, place)


@given(st.one_of(st.text(max_size=60), st.integers(1 << 63).map(lambda place: cursors.written(START, place))))
def test_what_was_not_written_is_told_so(cursor: str) -> None:
    with pytest.raises(Problem, match="no cursor of ours"):
        cursors.read(cursor)


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 7))
def test_pages_of_the_journal_hold_every_use_once(apart: list[int], limit: int) -> None:
    """Many uses share a moment; a page may end in the middle of one."""
    rows, time = [], START
    for number, each in enumerate(apart):
        time -= timedelta(microseconds=each)
        rows.append(JournalRow(time, "one", str(number), "kraken", "ledger", "200", None, 5))
    keeper = cast(Keeper, Uses(rows))

    found, after = list[str](), ""
    while True:
        page = journal.page(keeper, limit=limit, after=after)
        found += [use["key"] for use in page["items"]]
        after = page["next"] or ""
        if not after:
            break

    assert found == [row.key for row in rows]
