"""What wants the reader's hand, as pages show it; and what its buttons do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from tallyglass.app import hygiene
from tallyglass.app.key_views import FindingView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session

#: For how many days a thing can be put off with a press.
DAYS = ("7", "30", "90")
_DOTS = {"urgent": "bad", "warning": "warn", "notice": "none"}


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that wants the reader's hand."""

    finding: FindingView
    title: str
    text: str
    fix: str
    command: str
    #: The colour of its dot.
    dot: str
    #: The exchange whose page of keys is to be walked through; else empty.
    walk: str
    #: The page where it can be done; else empty.
    place: str


def needs(found: Iterable[FindingView], names: Mapping[str, str]) -> list[Need]:
    """Those that are not put off, the worst first."""
    return [_need(each, names) for each in found if each["snoozed_until"] is None]


def _need(finding: FindingView, names: Mapping[str, str]) -> Need:
    connection, title = finding["connection"], finding["title"]
    if connection:
        title = title.replace(connection, names.get(connection, connection))
    walk = finding["id"].partition(":")[2] if finding["code"] == "walk_due" else ""
    fix = finding["fix"].rstrip(".") if finding["action"] else finding["fix"]
    rotates = connection and finding["action"].startswith(f"tallyglass rotate {connection}")
    place = f"/rotate/{quote(connection)}" if rotates else ""
    return Need(finding, title, finding["text"], fix, finding["action"], _DOTS[finding["severity"]], walk, place)


def put_off(session: Session, form: Mapping[str, str]) -> None:
    """Hear of a finding later, for a reason. A `Problem` where the form does not say both."""
    days = form.get("days", "")
    if days not in DAYS:
        raise Problem("usage", "It is not said for how long.", "Choose one of the times on the page.")
    until = session.now() + timedelta(days=int(days))
    hygiene.snooze(session, form.get("finding", ""), until, form.get("reason", ""))


def walked(session: Session, form: Mapping[str, str]) -> None:
    """The reader has looked through an exchange's page of keys. A `Problem` for none of ours."""
    hygiene.walked(session, form.get("exchange", ""))
