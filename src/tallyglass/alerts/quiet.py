"""When a message goes out: quiet hours, the weekly digest, and how long to wait after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: A message that nobody took for so long is given up.
GIVE_UP = timedelta(days=3)
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of every day in which only what is urgent goes out."""

    begin: time
    end: time
    #: An IANA name; "" = the machine's own.
    zone: str = ""

    def until(self, now: datetime) -> datetime | None:
        """When the quiet ends that holds now; None = it does not."""
        here = now.astimezone(zone_of(self.zone))
        clock = here.time().replace(tzinfo=None)
        over_night = self.begin > self.end
        inside = clock >= self.begin or clock < self.end if over_night else self.begin <= clock < self.end
        if not inside:
            return None
        day = here.date() + timedelta(days=1 if over_night and clock >= self.begin else 0)
        return datetime.combine(day, self.end, here.tzinfo).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Weekly:
    """When the digest goes out."""

    #: 0 = Monday.
    day: int
    at: time
    zone: str = ""
    #: Whether it tells the net worth.
    balances: bool = False

    def last(self, now: datetime) -> datetime:
        """The latest moment for it that is not to come."""
        here: datetime = now.astimezone(zone_of(self.zone))
        day = here.date() - timedelta(days=(here.weekday() - self.day) % 7)
        moment: datetime = datetime.combine(day, self.at, here.tzinfo)
        if moment > here:
            moment = datetime.combine(day - timedelta(days=7), self.at, here.tzinfo)
        return moment.astimezone(UTC)


def zone_of(name: str) -> tzinfo | None:
    """The zone; None = the machine's own. Raises `LookupError` for a name that there is not."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError) as error:
        raise LookupError(name) from error


def next_try(tries: int, now: datetime) -> datetime:
    """After so many failures: a minute, then twice as long each time."""
    wait: timedelta = _FIRST_WAIT * 2 ** min(tries - 1, 10)
    return now + min(wait, _LONGEST_WAIT)
