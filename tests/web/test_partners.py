"""The page of history names the other side of a transfer."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path

from support.app import running_app
from tallyglass.app import transfers
from tallyglass.ledger.entries import Entry, Kind, Leg
from tallyglass.money import Asset, amount
from tallyglass.store import history

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def entry(name: str, figure: str, kind: Kind) -> Entry:
    return Entry(name, NOON, kind, (Leg("L1", "spot", Asset("ETH"), amount(figure)),))


def test_history_says_where_coins_went_and_where_they_came_from(tmp_path: Path) -> None:
    with running_app(tmp_path) as app:
        session = app.service.session()
        with session.store.write() as db:
            history.add_entries(
                db, "kraken", [entry("W1", "-2.5", "withdrawal"), entry("W2", "-7", "withdrawal")], None
            )
            history.add_entries(db, "<b>bold", [entry("D1", "2.5", "deposit")], None)
        transfers.refresh(session)
        page = app.enter().page("/history")

    rows = {
        row[1]: " ".join(re.sub(r"<[^>]+>", " ", row[2]).split())
        for row in re.finditer(r'<li class="entry" data-entry="([^"]+)">(.*?)<ul class="legs">', page, re.DOTALL)
    }
    assert rows["kraken/W1"].endswith(f"to {html.escape('<b>bold')}")
    assert rows[html.escape("<b>bold/D1")].endswith("from kraken")
    assert rows["kraken/W2"].endswith("kraken")
    assert " to " not in rows["kraken/W2"]
