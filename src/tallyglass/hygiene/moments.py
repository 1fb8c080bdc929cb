"""Times as mails write them: found in a text, with every moment that each can mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: Hours east of Greenwich. Letters that are in use at more than one place have more than one meaning.
_HOURS: Final = """
UTC=0 GMT=0 UT=0 Z=0 WET=0 WEST=1 BST=1/6 IST=5.5/1/2 CET=1 MEZ=1 CEST=2 MESZ=2 EET=2 EEST=3 SAST=2 WAT=1 MSK=3 TRT=3
GST=4 PKT=5 ICT=7 WIB=7 SGT=8 HKT=8 PHT=8 AWST=8 JST=9 KST=9 ACST=9.5 ACDT=10.5 AEST=10 AEDT=11 NZST=12 NZDT=13
AST=-4/3 ADT=-3 BRT=-3 EST=-5 EDT=-4 CST=-6/8 CDT=-5 MST=-7 MDT=-6 PST=-8 PDT=-7 AKST=-9 AKDT=-8 HST=-10
"""
_LETTERS: Final = {
    name: tuple(float(each) for each in hours.split("/"))
    for name, _, hours in (told.partition("=") for told in _HOURS.split())
}
#: Names that hold in summer and in winter.
_REGIONS: Final = {
    **dict.fromkeys(("PT", "PACIFIC"), "America/Los_Angeles"),
    **dict.fromkeys(("MT", "MOUNTAIN"), "America/Denver"),
    **dict.fromkeys(("CT", "CENTRAL"), "America/Chicago"),
    **dict.fromkeys(("ET", "EASTERN"), "America/New_York"),
}
#: Every offset that clocks somewhere have: whole hours, and a few between them.
_EVERYWHERE: Final = tuple(
    timezone(timedelta(hours=hours))
    for hours in (*range(-12, 15), -9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75, 13.75)
)

_MONTH = rf"({'|'.join(_NAMES)})[a-z]{{0,6}}\.?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
#: Year first; day and month in words; month in words first; two numbers, of which either may be the day.
_DATES: Final = (
    re.compile(r"(?<![\d.:/-])(?P<y>20\d\d)([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?!\d)"),
    re.compile(rf"(?<![\w.:/-]){_DAY}\.?(?:\sof)?[\s-](?P<m>{_MONTH}),?[\s-](?P<y>20\d\d)\b", re.IGNORECASE),
    re.compile(rf"\b(?P<m>{_MONTH})\s{{1,2}}{_DAY},?\s{{1,2}}(?P<y>20\d\d)\b", re.IGNORECASE),
    re.compile(r"(?<![\d.:/-])(?P<d>\d{1,2})([/.-])(?P<m>\d{1,2})\2(?P<y>20\d\d)(?!\d)"),
)
_CLOCK: Final = re.compile(
    r"(?<![\d:.])(?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,]\d{1,9})?)?(?![\d:])"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?",
    re.IGNORECASE,
)
_OFFSET = r"(?P<sign>[+−–-])\s?(?P<h>\d{1,2})(?::?(?P<m>[0-5]\d))?(?![\d:/]|\.\d)"
_ZONE: Final = re.compile(
    rf"\s{{0,2}}[(\[]?(?:(?:UTC|GMT)?\s?{_OFFSET}|(?P<place>[A-Z][a-z]+/[A-Z][A-Za-z_]+)"
    r"|(?P<wide>Pacific|Mountain|Central|Eastern)\s(?:(?P<part>Standard|Daylight)\s)?[Tt]ime\b|(?P<full>Coordinated\sUniversal\sTime)\b"
    r"|(?P<letters>[A-Z]{1,4})\b)"
)
#: `Time (UTC): …`.
_ZONE_BEFORE: Final = re.compile(r"[(\[](?P<zone>[A-Z][A-Z0-9:+−-]{1,8})[)\]]\s?:?\s?$")
#: `Fri Nov 27 09:14:05 UTC 2026`.
_UNIX: Final = re.compile(
    rf"\b(?P<m>{_MONTH})\s{{1,2}}(?P<d>\d{{1,2}})\s(?P<t>[\d:]{{4,8}})\s(?P<z>[A-Z]{{1,5}}\s)?(?P<y>20\d\d)\b",
    re.IGNORECASE,
)
#: What may stand between a date and its time of day.
_BETWEEN: Final = re.compile(r"(?:[\s,;|·()T–—:-]|\bat\b|@|\bon\b|\bof\b|\bum\b|\btime\b){0,24}", re.IGNORECASE)
_APART = 32
#: What looks like a time of day, or like a whole time in one: `5h02`, `05.02 UTC`, `5 pm`, `20261126T050211`, seconds.
_CLOCK_LIKE: Final = re.compile(
    r"(?<![\w.:])\d{1,2}[:h]\d\d(?!\d)|(?<![\w.:])\d{1,2}\.\d\d\s?(?:UTC|GMT|Uhr|h\b)|(?<![\w.:])\d{1,2}\s?(?:[ap]\.?m\b|Uhr\b|[时時点시])"
    r"|(?<!\d)20\d{6}T?\d{4,6}(?!\d)|(?<![\w.])1[5-9]\d{8}(?:\d{3})?(?![\w.])",
    re.IGNORECASE,
)
#: What looks like a day: beside it, a time of day is one that somebody meant to tell.
_DAY_LIKE: Final = re.compile(r"(?<!\d)20\d\d(?![\d.])|(?<![\d.])\d{1,2}([./-])\d{1,2}\1\d\d(?![\d.])")
#: A zone that is named in words, behind a time or for all of a text.
_ZONE_IN_WORDS: Final = re.compile(
    r"[\s(\[]*(?:(?:[A-Z][a-z]+\s){1,3}(?:Standard\s|Daylight\s|Summer\s)?[Tt]ime\b|(?:Pacific|Mountain|Central|Eastern)\b)"
)
_ZONE_ELSEWHERE: Final = re.compile(r"\btime\s?zone\b|\btimes?\s(?:are|is)\s(?:\w+\s)?in\b|\bzeitzone\b", re.IGNORECASE)
#: Words and signs around a time that say nothing of it.
_FILLING: Final = re.compile(
    r"\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\b|\b(?:on|at|time|when|date)\b|[\s,.;:()\[\]|·]", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Span:
    """A moment, as exactly as it was written: a second or a minute, without its end."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """A time that stands in a text, and all that it can mean."""

    text: str
    #: Where it begins.
    at: int
    #: Where it names no zone: as clocks show it in every zone there is.
    spans: tuple[Span, ...]
    has_zone: bool

    def covers(self, place: int) -> bool:
        """Whether it is this that stands at a place of the text."""
        return self.at <= place < self.at + len(self.text)


@dataclass(frozen=True, slots=True)
class _Clock:
    at: int
    end: int
    time: time
    length: timedelta


def find(text: str) -> list[Written]:
    """Every date with a time of day, in their order. A date alone is none."""
    text = _plain(text)
    clocks = list(_clocks(text))
    found: dict[int, Written] = {}
    for pattern in _DATES:
        for match in pattern.finditer(text):
            days = _days(pattern, match)
            written = _written(text, match, days, clocks) if days else None
            if written is not None and not any(each.covers(match.start()) for each in found.values()):
                found[match.start()] = written
    return [found[at] for at in sorted(found)]


def not_understood(text: str, written: Written) -> str:
    """What stands beside a time in a text that should hold nothing else, such as a zone that is not known."""
    rest = _plain(text).replace(written.text, " ", 1)
    return " ".join(_FILLING.sub(" ", rest).split())


def unread(text: str, found: list[Written], *, alone: bool) -> bool:
    """Whether a time seems to stand there that is not among those found: in another language, or shortened.

    `alone`: none of those found is the one that is meant, so that even a bare time of day or a day may be.
    """
    text = _plain(text)
    for each in found:
        text = text[: each.at] + " " * len(each.text) + text[each.at + len(each.text) :]
    for match in _CLOCK_LIKE.finditer(text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.end()]
        if alone or len(match[0]) >= 10 or _DAY_LIKE.search(line[-60:]):
            return True
    return alone and any(_days(each, day) for each in _DATES for day in each.finditer(text))


def zone_in_words(text: str, written: Written) -> bool:
    """Whether a zone is named that is not understood as this time's."""
    text, behind = _plain(text), written.at + len(written.text)
    return not written.has_zone and bool(_ZONE_IN_WORDS.match(text, behind) or _ZONE_ELSEWHERE.search(text))


def _plain(text: str) -> str:
    return _UNIX.sub(lambda found: "{d} {m} {y} {t} {z}".format(**{"z": "", **found.groupdict("")}), text)


def as_utc(written: Written) -> Written:
    """The same, read as UTC where it names no zone."""
    spans = written.spans if written.has_zone else tuple(each for each in written.spans if not each.begin.utcoffset())
    return Written(written.text, written.at, spans, has_zone=True)


def _days(pattern: re.Pattern[str], match: re.Match[str]) -> list[date]:
    year, month, day = match["y"], match["m"].lower()[:3], match["d"]
    month = str(_NAMES.index(month) + 1) if month in _NAMES else match["m"]
    orders = [(month, day)]
    if pattern is _DATES[3] and match[2] != ".":
        orders.append((day, month))
    return list(dict.fromkeys(each for m, d in orders if (each := _date(int(year), int(m), int(d))) is not None))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _clocks(text: str) -> Iterator[_Clock]:
    for match in _CLOCK.finditer(text):
        hour, minute, second = int(match["H"]), int(match["M"]), int(match["S"] or 0)
        if match["half"]:
            if not 1 <= hour <= 12:
                continue
            hour = hour % 12 + (12 if match["half"] in "pP" else 0)
        if hour < 24 and minute < 60 and second < 60:
            length = timedelta(seconds=1) if match["S"] else timedelta(minutes=1)
            yield _Clock(match.start(), match.end(), time(hour, minute, second), length)


def _written(text: str, day: re.Match[str], days: list[date], clocks: list[_Clock]) -> Written | None:
    after = [each for each in clocks if 0 <= each.at - day.end() <= _APART]
    before = [each for each in clocks if 0 <= day.start() - each.end <= _APART]
    for clock in (*after[:1], *before[-1:]):
        first, last = (day.end(), clock.at) if clock in after else (clock.end, day.start())
        zones, end = _zones(text, clock.end)
        between = text[max(first, end) if clock in before else first : last]
        if not _BETWEEN.fullmatch(between):
            continue
        begin, end = min(day.start(), clock.at), max(day.end(), end)
        if not zones and clock in before:
            zones, end = _zones(text, day.end())
        if not zones:
            named = _ZONE_BEFORE.search(text[max(0, begin - _APART) : begin])
            zones = _zones(named["zone"], 0)[0] if named else ()
        spans = [span for each, zone in product(days, zones or _EVERYWHERE) for span in _spans(each, clock, zone)]
        end += text.startswith(")", end)
        return Written(text[begin:end].strip(), begin, tuple(dict.fromkeys(spans)), has_zone=bool(zones))
    return None


def _spans(day: date, clock: _Clock, zone: tzinfo) -> Iterator[Span]:
    """One; two in the hour that clocks live through twice when summer ends."""
    for fold in (0, 1):
        begin = datetime.combine(day, clock.time, zone).replace(fold=fold)
        yield (
            Span(begin, begin + clock.length) if zone in _EVERYWHERE else Span(_utc(begin), _utc(begin) + clock.length)
        )


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _zones(text: str, at: int) -> tuple[tuple[tzinfo, ...], int]:
    """The zones that what stands there can mean, and where it ends; none for what is no zone."""
    match = _ZONE.match(text, at)
    if match is None:
        return (), at
    name = match["letters"] or ("UTC" if match["full"] else (match["wide"] or "").upper())
    if match["sign"]:
        minutes = int(match["h"]) * 60 + int(match["m"] or 0)
        signed = minutes if match["sign"] == "+" else -minutes
        zones: tuple[tzinfo, ...] = (_fixed(signed),) if minutes <= 14 * 60 else ()
    elif match["place"] or name in _REGIONS:
        zones = _region(match["place"] or _REGIONS[name])
    else:
        zones = tuple(_fixed(round(hours * 60)) for hours in _LETTERS.get(name, ()))
    return zones, match.end() if zones else at


def _fixed(minutes: int) -> tzinfo:
    return timezone(timedelta(minutes=minutes))


def _region(name: str) -> tuple[tzinfo, ...]:
    try:
        return (ZoneInfo(name),)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the name of a folder of zones, too
        return ()
