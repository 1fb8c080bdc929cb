"""The calendar: due dates as an iCalendar feed (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

#: How long before a day its reminder comes.
_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Due:
    """One day on which something is due."""

    #: The same as long as it is the same thing: a calendar moves it rather than doubling it.
    id: str
    at: datetime
    title: str
    text: str


def feed(dues: Iterable[Due], now: datetime) -> bytes:
    """The feed, with a reminder a week before each day."""
    from icalendar import Alarm, Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//Tallyglass//Due dates//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Tallyglass")
    for due in dues:
        event = Event()
        event.add("uid", f"{due.id}@tallyglass")
        event.add("dtstamp", now)
        event.add("dtstart", due.at.date())
        event.add("summary", due.title)
        event.add("description", due.text)
        event.add("transp", "TRANSPARENT")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", due.title)
        alarm.add("trigger", -_BEFORE)
        event.add_component(alarm)
        calendar.add_component(event)
    told: bytes = calendar.to_ical()
    return told
