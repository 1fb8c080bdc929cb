"""Which facts make which findings, and which grade: each rule at its edge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tallyglass.cli import main
from tallyglass.exchanges import registry
from tallyglass.hygiene import audit, grade, rotation
from tallyglass.hygiene.facts import Facts, Failing, KeyFacts
from tallyglass.hygiene.findings import SEVERITIES, Finding
from tallyglass.keeper.client import Binding, Connection, JournalReport, OldKey
from tallyglass.store.findings import Kept

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WHOLE = JournalReport(intact=True, lines=9, first_bad=None, text="9 lines.")
BROKEN = JournalReport(intact=False, lines=9, first_bad=4, text="Line 4 of the journal is not as it was written.")
RIGHTS = {"read": "granted", "trade": "absent", "withdraw": "absent", "transfer": "absent", "manage": "absent"}
PAGE = Path(__file__).parents[2] / "docs" / "hygiene.md"


def key(exchange: str = "kraken", *, name: str = "", facts: Mapping[str, Any] | None = None, **told: Any) -> KeyFacts:
    """A key of which nothing is to be said, but for what is told."""
    good: dict[str, Any] = {
        "id": name or exchange,
        "exchange": exchange,
        "label": "",
        "state": "active",
        "why": "",
        "account": "AA11",
        "key_name": "A-key-of-many-letters",
        "fingerprint": "ab12",
        "grants": RIGHTS,
        "ip": Binding("yes", ("203.0.113.7",)),
        "admitted_at": NOW - 10 * DAY,
        "created_at": NOW - 10 * DAY,
        "expires_at": NOW + 400 * DAY,
        "last_used_at": NOW,
        "checked_at": NOW,
        "unproven": False,
    }
    known: dict[str, Any] = {"holds": True, "last_entry_at": NOW - DAY, **(facts or {})}
    return KeyFacts(Connection(**{**good, **told}), registry.manifest(exchange), **known)


def found(*keys: KeyFacts, **facts: Any) -> list[Finding]:
    return audit.findings(Facts(NOW, keys, **{"journal": WHOLE, **facts}))


def codes(*keys: KeyFacts, **facts: Any) -> list[tuple[str, str]]:
    return [(each.code, each.severity) for each in found(*keys, **facts)]


def letter(each: KeyFacts, **facts: Any) -> str:
    graded = grade.grade(each, Facts(NOW, (each,), **{"journal": WHOLE, **facts}))
    return graded.letter if graded else ""


def failing(fault: str, days: float) -> dict[str, Any]:
    return {"failing": (Failing("balances", fault, NOW - days * DAY, "It did not answer.", "Wait"),)}


def rows() -> Iterator[tuple[str, KeyFacts, list[tuple[str, str]], str]]:
    """What is told, the key, the findings, the grade."""
    yield "nothing", key(), [], "A"
    yield "trades", key(state="frozen", grants=RIGHTS | {"trade": "granted"}), [("frozen", "urgent")], "F"
    told: dict[str, Any] = {"why": "The key is no longer bound to addresses.", "evidence": "{}"}
    yield "drifted", key(state="frozen", **told), [("frozen", "urgent")], "A"
    yield (
        "unbound and drifted by one change",
        key(state="frozen", ip=Binding("no"), **told),
        [("frozen", "urgent")],
        "C",
    )
    yield "replaced", key(old=OldKey("Old", "cd34", NOW - DAY)), [("rotation_open", "warning")], "A"
    yield "replaced today", key(old=OldKey("Old", "cd34", NOW)), [("rotation_open", "notice")], "A"
    yield "stopped", key(state="frozen"), [("frozen", "warning")], "A"
    yield "unproven", key(unproven=True, grants=RIGHTS | {"manage": "unknown"}), [("unproven", "warning")], "D"
    yield "unbound", key(ip=Binding("no")), [("ip_unbound", "warning")], "C"
    yield "not told", key("coinbase", ip=Binding()), [], "B"
    yield "no end", key(expires_at=None), [], "B"
    yield "no end there is", key("binance", expires_at=None), [], "A"
    yield "165 days", key(created_at=NOW - 165 * DAY), [], "A"
    yield "166 days", key(created_at=NOW - 166 * DAY), [("rotation_due", "notice")], "A"
    yield "180 days", key(created_at=NOW - 180 * DAY), [("rotation_due", "warning")], "C"
    yield "a year", key(created_at=NOW - 365 * DAY), [("rotation_due", "warning")], "D"
    yield "connected long ago", key(created_at=None, admitted_at=NOW - 80 * DAY), [], "A"
    yield "ends in 15 days", key(expires_at=NOW + 15 * DAY), [], "A"
    yield "ends in 14 days", key(expires_at=NOW + 14 * DAY), [("key_expires", "warning")], "A"
    yield "has ended", key(expires_at=NOW, facts=failing("key_expired", 0)), [("key_expired", "urgent")], "F"
    yield "a part", key(window=(NOW - DAY, None)), [("history_limited", "notice")], "B"
    yield "29 days idle", key(last_used_at=NOW - 29 * DAY), [], "A"
    yield "30 days idle", key(last_used_at=NOW - 30 * DAY), [("key_unused", "warning")], "C"
    yield "never used", key(last_used_at=None, admitted_at=NOW - 31 * DAY), [("key_unused", "warning")], "C"
    long: dict[str, Any] = {"admitted_at": NOW - 90 * DAY, "created_at": NOW - 90 * DAY}
    nothing = {"holds": False, "last_entry_at": NOW - 90 * DAY}
    yield "empty", key(**long, facts=nothing), [("account_empty", "notice")], "A"
    yield "empty and new", key(facts=nothing), [], "A"
    yield "empty, not idle", key(**long, facts=nothing | {"last_entry_at": NOW - 89 * DAY}), [], "A"
    yield "never read", key(**long, facts={"holds": None, "last_entry_at": None}), [], "A"
    yield "down", key(facts=failing("down", 2)), [], "A"
    yield "long down", key(facts=failing("down", 3)), [("failing", "warning")], "A"
    yield "gone at once", key(facts=failing("bad_key", 0)), [("failing", "warning")], "A"
    yield "twice", key(facts={"twins": ("kraken-0",)}), [("duplicate_account", "warning")], "C"
    yield "dead", key(state="dead", ip=Binding("no"), unproven=True), [("key_dead", "notice")], ""


@pytest.mark.parametrize(("each", "wanted", "graded"), [pytest.param(*row[1:], id=row[0]) for row in rows()])
def test_each_fact_makes_its_finding_and_its_grade(each: KeyFacts, wanted: list[tuple[str, str]], graded: str) -> None:
    assert codes(each) == wanted
    assert letter(each) == graded


def test_a_key_that_was_unbound_before_it_was_frozen_stays_so() -> None:
    before = Kept("ip_unbound:kraken", "ip_unbound", "kraken", "warning", "", NOW - DAY)
    each = key(state="frozen", ip=Binding("no"), why="Another account.", evidence="{}")
    assert codes(each, known={before.id: before}) == [("frozen", "urgent"), ("ip_unbound", "warning")]


def everything() -> list[Finding]:
    """A finding of each kind."""
    old = key(admitted_at=NOW - 91 * DAY, created_at=NOW)
    return [each for _, key_, _, _ in rows() for each in found(key_)] + found(old, journal=BROKEN)


def test_every_rule_says_what_is_so_and_what_to_do() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    for each in everything():
        assert each.code in told
        assert each.severity in SEVERITIES
        assert each.text.endswith((".", "!", "?")), each.text
        assert each.fix
        assert "{" not in each.headline("Mine")


def test_what_closes_a_finding_is_a_command_that_there_is() -> None:
    for module in main.MODULES:
        import_module(f"tallyglass.cli.{module}")
    commands: dict[str, Any] = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]
    for each in everything():
        program, name, *rest = each.action.split()
        assert (program, name in commands) == ("tallyglass", True), each.action
        known = {option for param in commands[name].params for option in param.opts}
        assert {word for word in rest if word.startswith("--")} <= known, each.action


def test_the_page_tells_of_every_point_of_a_grade_and_of_its_rule() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text().split("## Grades")[1], re.MULTILINE))
    assert told == {code: rule for code, _, rule in grade.POINTS}


def test_a_frozen_key_is_forgotten_after_a_fortnight() -> None:
    row = Kept("frozen:kraken", "frozen", "kraken", "warning", "Frozen.", NOW - 14 * DAY)
    [before] = found(key(state="frozen"), known={row.id: replace(row, since=NOW - 13 * DAY)})
    [after] = found(key(state="frozen"), known={row.id: row})
    assert "forgotten" not in before.title
    assert (before.id, "forgotten" in after.title) == (after.id, True)


def test_a_walk_is_due_a_quarter_after_the_last_one_or_after_the_first_key() -> None:
    young, old = key(admitted_at=NOW - 90 * DAY), key(admitted_at=NOW - 91 * DAY, created_at=NOW - DAY)
    assert codes(young) == []
    [due] = found(old, young)
    assert (due.id, due.severity, due.connection) == ("walk_due:kraken", "notice", "")
    assert "Settings → API" in due.fix
    assert codes(old, walked={"kraken": NOW - 90 * DAY}) == []
    assert codes(old, walked={"kraken": NOW - 91 * DAY}) == [("walk_due", "notice")]


def test_a_journal_that_is_not_read_again_stays_as_it_was_found() -> None:
    [broken] = found(journal=BROKEN)
    row = Kept(broken.id, broken.code, "", broken.severity, broken.text, NOW - DAY)
    assert codes(journal=None) == []
    assert codes(journal=None, known={row.id: row}) == [("journal_broken", "urgent")]
    assert codes(journal=None, known={row.id: replace(row, closed_at=NOW)}) == []
    assert codes(journal=WHOLE, known={row.id: row}) == []
    assert codes(key(facts=failing("journal_broken", 0)), journal=None) == [("journal_broken", "urgent")]
    assert letter(key(), journal=BROKEN) == "D"
    assert letter(key(), journal=None, known={row.id: row}) == "D"
    assert letter(key(), journal=WHOLE, known={row.id: row}) == "A"


@pytest.mark.parametrize(
    ("wanted", "told", "expires", "due"),
    [
        (180, {}, None, 180),
        (90, {}, None, 90),
        (365, {}, None, 365),
        (365, {"maximum_days": 200}, None, 200),
        (365, {"maximum_days": 999}, None, 365),
        (180, {"exchange_expiry_days": 90}, None, 90),
        (60, {"exchange_expiry_days": 90}, None, 60),
        (180, {}, 100, 100),
        (180, {"exchange_expiry_days": 90}, 80, 80),
        (180, {}, 500, 180),
    ],
)
def test_a_key_is_due_by_the_users_wish_and_never_after_its_end(
    wanted: int, told: dict[str, int], expires: int | None, due: int
) -> None:
    made = NOW - 10 * DAY
    each = key(expires_at=None if expires is None else made + expires * DAY)
    manifest = replace(each.manifest, rotation=told)
    assert rotation.due_at(each.connection, manifest, wanted) == made + due * DAY


def test_words_are_the_exchanges_own() -> None:
    [finding] = found(key("binance", ip=Binding("no")))
    assert "deleted when it is not used for 30 days" in finding.text
    [finding] = found(key("coinbase", created_at=NOW - 200 * DAY, ip=Binding()))
    assert "portal.cdp.coinbase.com" in finding.fix
