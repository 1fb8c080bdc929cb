"""The grade of a key, A to F: the weakest of its points is the grade, and each point says its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from tallyglass.hygiene import egress, rotation
from tallyglass.hygiene.facts import MOST_ROTATION_DAYS, UNUSED, Facts, KeyFacts

Letter = Literal["A", "B", "C", "D", "F"]


@dataclass(frozen=True, slots=True)
class Point:
    """One point that is looked at."""

    code: str
    #: The best grade that the key can have by this point: A = nothing against it.
    letter: Letter
    #: How it stands.
    text: str
    #: The rule: what gives which letter.
    rule: str


@dataclass(frozen=True, slots=True)
class Grade:
    """The letter of a key, and what it comes from."""

    letter: Letter
    points: tuple[Point, ...]


Told = tuple[Letter, str]


def grade(key: KeyFacts, facts: Facts) -> Grade | None:
    """How well a key is kept; None for a dead one."""
    if key.connection.state == "dead":
        return None
    points = tuple(Point(code, *judge(key, facts), rule) for code, judge, rule in POINTS)
    return Grade(max(point.letter for point in points), points)


def _read_only(key: KeyFacts, _facts: Facts) -> Told:
    if key.gained:
        return "F", f"may {' and '.join(key.gained)}"
    if key.connection.unproven:
        return "D", f"{key.manifest.name} cannot prove it: stored on your word"
    return "A", f"proven by {key.manifest.name} on {key.connection.checked_at:%Y-%m-%d}"


def _bound(key: KeyFacts, facts: Facts) -> Told:
    ip = key.connection.ip
    found = egress.bond(ip, egress.ours(facts.egress, key.connection.exchange))
    if found.verdict == "others_too":
        return "B", f"works from {', '.join(found.others)} too, which is not yours"
    if ip.bound == "yes" and found.verdict != "unbound":
        return "A", f"works only from {', '.join(ip.addresses) or 'listed addresses'}"
    return ("C", "works from anywhere") if found.verdict == "unbound" else ("B", f"{key.manifest.name} does not tell")


def _age(key: KeyFacts, facts: Facts) -> Told:
    days = (facts.now - rotation.made_at(key.connection)).days
    allowed = rotation.allowed_days(key.manifest, facts.rotation_days)
    most = rotation.allowed_days(key.manifest, MOST_ROTATION_DAYS)
    told = f"{days} days old, to be replaced after {allowed}"
    return ("D" if days >= most else "C" if days >= allowed else "A"), told


def _expiry(key: KeyFacts, facts: Facts) -> Told:
    end = rotation.ends_at(key.connection, key.manifest)
    if end is not None and end <= facts.now:
        return "F", f"expired on {end:%Y-%m-%d}"
    if end is not None:
        return "A", f"ends by itself on {end:%Y-%m-%d}"
    if key.manifest.tells.get("expiry"):
        return "B", f"has no end date, though {key.manifest.name} offers one"
    return "A", f"{key.manifest.name} gives keys no end date"


def _used(key: KeyFacts, facts: Facts) -> Told:
    days = (facts.now - key.used_at).days
    return ("C" if facts.now - key.used_at >= UNUSED else "A"), "in use" if days < 1 else f"last used {days} days ago"


def _unique(key: KeyFacts, _facts: Facts) -> Told:
    if key.twins:
        return "C", f"the same account as {' and '.join(key.twins)}"
    return ("A", "its only key here") if key.connection.account else ("B", f"{key.manifest.name} does not tell")


def _window(key: KeyFacts, _facts: Facts) -> Told:
    limited = any(key.connection.window or ())
    return ("B", "sees only a part of the history") if limited else ("A", "sees the whole history")


def _journal(_key: KeyFacts, facts: Facts) -> Told:
    broken = facts.still("journal_broken:house") if facts.journal is None else not facts.journal.intact
    if broken:
        return "D", "the journal of its uses is not as it was written"
    return "A", "every use is written down, and no line is changed or gone"


Judge = Callable[[KeyFacts, Facts], Told]
#: Code, judge, and the rule in words.
POINTS: Final[tuple[tuple[str, Judge, str], ...]] = (
    ("read_only", _read_only, "Proven read-only: A. Not provable: D. May do more: F."),
    ("bound", _bound, "Bound to addresses: A. To others too, or not told: B. Works from anywhere: C."),
    ("age", _age, "Younger than your limit: A. Older: C. Older than a year: D."),
    ("expiry", _expiry, "Ends by itself, or the exchange has no such thing: A. No end date: B. Expired: F."),
    ("used", _used, f"Used within {UNUSED.days} days: A. Else: C."),
    ("unique", _unique, "The account's only key here: A. Not told: B. Connected twice: C."),
    ("window", _window, "Sees the whole history: A. A part of it: B."),
    ("journal", _journal, "The journal is whole: A. Else: D."),
)


def weakest(points: Iterable[Point]) -> list[Point]:
    """The points that hold a key at its grade; none of a key with an A."""
    known = list(points)
    worst = max((point.letter for point in known), default="A")
    return [point for point in known if point.letter == worst != "A"]
