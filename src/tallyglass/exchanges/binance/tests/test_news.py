"""A list that an earlier sync was cut in: the one that goes on reads its holes, and then what is new since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tallyglass.exchanges.binance.windows import Paging, Windows, milliseconds
from tallyglass.exchanges.streams import Cursor, Known

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIST = Windows("rewards", "rewards", 30 * DAY, 2 * DAY, Paging(("limit", 500)))


def rewards(*times: datetime) -> bytes:
    rows = [
        {"id": number, "amount": "1", "asset": "BNB", "divTime": milliseconds(at), "enInfo": "", "direction": 1}
        for number, at in enumerate(times, 1)
    ]
    return msgspec.json.encode({"rows": rows, "total": len(rows)})


@pytest.mark.parametrize("ago", [timedelta(seconds=2), timedelta(minutes=59), timedelta(hours=2)])
def test_what_is_new_is_read_though_holes_were_left(ago: timedelta) -> None:
    happened, cut = NOW - ago / 2, NOW - ago
    hole = f"{milliseconds(cut - 40 * DAY)}-{milliseconds(cut - 20 * DAY)}"
    cursor: Cursor = {"top": str(milliseconds(cut)), "holes": hole}
    told, known = list[datetime](), Known(begun=NOW)
    for _ in range(10):
        ask = LIST.ask(cursor, NOW)
        begin, end = int(ask.params["startTime"]), int(ask.params["endTime"])
        held = [at for at in (happened, cut - 30 * DAY) if begin <= milliseconds(at) <= end]
        page = LIST.page(cursor, ask, rewards(*held), known)
        told += [entry.time for entry in page.entries]
        cursor = page.cursor
        if page.done:
            break
    else:
        raise AssertionError("it does not come to an end")
    assert sorted(told) == [cut - 30 * DAY, happened]


def test_a_list_without_holes_takes_one_question() -> None:
    page = LIST.page(
        cursor := {"top": str(milliseconds(NOW - DAY))}, LIST.ask(cursor, NOW), rewards(), Known(begun=NOW)
    )
    assert page.done
