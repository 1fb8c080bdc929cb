"""What the user has said of alerts: quiet hours and the digest, kept among the settings."""

from __future__ import annotations

import json
from datetime import time
from typing import Any

from tallyglass.alerts.quiet import DAYS, Quiet, Weekly, zone_of
from tallyglass.app.problems import Problem
from tallyglass.store import present
from tallyglass.store.base import Db

WEEKDAYS = DAYS
_QUIET = "alerts.quiet"
_WEEKLY = "alerts.weekly"


def quiet(db: Db) -> Quiet | None:
    """The quiet hours, if there are any."""
    told = _read(db, _QUIET)
    return Quiet(_time(told["begin"]), _time(told["end"]), told["zone"]) if told else None


def set_quiet(db: Db, hours: Quiet | None) -> None:
    """Change or end them."""
    told = {"begin": _clock(hours.begin), "end": _clock(hours.end), "zone": hours.zone} if hours else {}
    present.set_setting(db, _QUIET, json.dumps(told))


def weekly(db: Db) -> Weekly | None:
    """When the digest goes out, if it does."""
    told = _read(db, _WEEKLY)
    return Weekly(told["day"], _time(told["at"]), told["zone"], told["balances"]) if told else None


def set_weekly(db: Db, when: Weekly | None) -> None:
    """Change or end it."""
    told: dict[str, Any] = {}
    if when:
        told = {"day": when.day, "at": _clock(when.at), "zone": when.zone, "balances": when.balances}
    present.set_setting(db, _WEEKLY, json.dumps(told))


def read_quiet(begin: str, end: str, zone: str) -> Quiet:
    """Quiet hours as a user writes them."""
    hours = Quiet(_time_of_day(begin), _time_of_day(end), _zone(zone))
    if hours.begin == hours.end:
        raise Problem("usage", "Quiet hours begin and end at different times.", "For example: 22:00 07:00")
    return hours


def read_weekly(day: str, at: str, zone: str, *, balances: bool) -> Weekly:
    """The moment of the digest as a user writes it."""
    return Weekly(_day(day), _time_of_day(at), _zone(zone), balances)


def _day(text: str) -> int:
    """A day of the week: its English name, or the first letters of it."""
    found = [number for number, day in enumerate(DAYS) if len(text) > 1 and day.startswith(text.lower())]
    if len(found) != 1:
        raise Problem("usage", f"{text!r} is no day of the week.", f"One of: {', '.join(DAYS)}.")
    return found[0]


def _time_of_day(text: str) -> time:
    """A time of day, as 22:00."""
    try:
        return _time(text if ":" in text else f"{text}:00")
    except ValueError:
        raise Problem("usage", f"{text!r} is no time of day.", "Write it as 22:00.") from None


def _zone(name: str) -> str:
    """The name of a time zone; "" = the machine's own."""
    try:
        zone_of(name)
    except LookupError:
        raise Problem("usage", f"There is no time zone {name!r}.", "Name one as Europe/Vienna.") from None
    return name


def _read(db: Db, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(present.setting(db, name, "{}"))
    return found


def _time(text: str) -> time:
    found = time.fromisoformat(text.zfill(5))
    if found.tzinfo is not None:
        raise ValueError(text)
    return found


def _clock(moment: time) -> str:
    return moment.strftime("%H:%M")
