"""The journal: every use of every key, and the proof that none is missing."""

from __future__ import annotations

from typing import Any

from tallyglass.app.views import moment
from tallyglass.keeper.client import JournalRow, Keeper


def journal(keeper: Keeper, *, limit: int = 100, connection: str = "") -> list[dict[str, Any]]:
    """The last uses of keys, newest first."""
    return [_row(row) for row in keeper.journal(limit=limit, connection=connection)]


def _row(row: JournalRow) -> dict[str, Any]:
    return {
        "time": moment(row.time),
        "connection": row.connection,
        "key": row.key,
        "exchange": row.exchange,
        "read": row.read,
        "status": row.status,
        "egress_ip": row.egress_ip,
        "ms": row.ms,
    }


def verify(keeper: Keeper) -> dict[str, Any]:
    """Whether every line is as it was written and none is gone."""
    report = keeper.verify_journal()
    return {"intact": report.intact, "lines": report.lines, "first_bad": report.first_bad, "text": report.text}


def restart(keeper: Keeper) -> dict[str, str]:
    """Put a broken journal aside and begin a new one: keys are used again. Code `journal_intact` for a whole one."""
    return {"aside": keeper.restart_journal("told by the user")}
