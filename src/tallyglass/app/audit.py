"""The audit as a report: findings, and a line for each key, as JSON and as a table for spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from tallyglass.app import hygiene
from tallyglass.app.key_views import AuditView, FindingView, KeyView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.app.visible import harmless
from tallyglass.exchanges.grants import RIGHTS


def audit(session: Session) -> AuditView:
    """Everything that wants a hand, and how every key stands; the journal is read again."""
    looked = hygiene.look(session, verify=True)
    journal = looked.facts.journal
    return {
        "as_of": moment(looked.facts.now) or "",
        "findings": [hygiene.finding_view(each) for each in looked.findings],
        "keys": hygiene.key_views(session, looked),
        "journal": {
            "intact": journal is not None and journal.intact,
            "lines": journal.lines if journal else 0,
            "text": journal.text if journal else "",
        },
        "rotation_days": looked.facts.rotation_days,
    }


def wants_a_hand(finding: FindingView) -> bool:
    """Whether it is more than a notice, and not put off."""
    return finding["severity"] != "notice" and finding["snoozed_until"] is None


def table(found: AuditView) -> list[list[str]]:
    """A head, and a line for each key; no cell is a formula, whatever a key is called."""
    as_of = datetime.fromisoformat(found["as_of"])
    return [list(COLUMNS), *([harmless(tell(key, as_of)) for tell in COLUMNS.values()] for key in found["keys"])]


def day(text: str) -> datetime:
    """A day, or a moment, as it is typed; UTC where it says nothing else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Problem("time", f"{text!r} is no day.", "Write it so: --until 2027-01-31") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _age(key: KeyView, as_of: datetime) -> str:
    made = key["created_at"] or key["admitted_at"]
    return str((as_of - datetime.fromisoformat(made)).days) if made else ""


def _right(name: str) -> Callable[[KeyView, datetime], str]:
    return lambda key, _: key["grants"].get(name, "unknown")


#: Each column of the table, and what stands in it.
COLUMNS: Final[Mapping[str, Callable[[KeyView, datetime], str]]] = {
    "connection": lambda key, _: key["connection"],
    "exchange": lambda key, _: key["exchange"],
    "label": lambda key, _: key["label"],
    "state": lambda key, _: key["state"],
    "grade": lambda key, _: key["grade"] or "",
    **{right: _right(right) for right in RIGHTS},
    "unproven": lambda key, _: "yes" if key["unproven"] else "no",
    "ip_bound": lambda key, _: key["ip"]["bound"],
    "ip_addresses": lambda key, _: " ".join(key["ip"]["addresses"]),
    "account": lambda key, _: key["account"] or "",
    "key_name": lambda key, _: key["key_name"],
    "created_at": lambda key, _: key["created_at"] or "",
    "connected_at": lambda key, _: key["admitted_at"] or "",
    "age_days": _age,
    "due_at": lambda key, _: key["due_at"] or "",
    "expires_at": lambda key, _: key["expires_at"] or "",
    "checked_at": lambda key, _: key["checked_at"] or "",
    "last_used_at": lambda key, _: key["last_used_at"] or "",
    "findings": lambda key, _: " ".join(finding["code"] for finding in key["findings"]),
}
