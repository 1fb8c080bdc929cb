"""`audit` and `keys` from outside: findings open, are put off and close as the facts change; the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from support.program import DONE, FAILED, USAGE, Program, running_home
from support.sandbox import Sandbox, running_sandbox

HOSTILE = '=HYPERLINK("http://evil.example","Main")'
LATER = "2126-01-31"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    with running_home(tmp_path_factory.mktemp("audit"), sandbox) as running:
        assert running.connect("kraken", sandbox.key("kraken"), "--label", HOSTILE)[0] == DONE
        assert running.connect("coinbase", sandbox.key("coinbase"))[0] == DONE
        yield running


def audited(program: Program) -> tuple[int, dict[str, Any], Any]:
    """How it ends, the findings by id, and all that it tells."""
    code, told = program.json("audit")
    return code, {each["id"]: each for each in told["findings"]}, told


def test_the_report_is_the_same_in_words_in_json_and_as_a_table(program: Program) -> None:
    code, found, told = audited(program)
    assert code == FAILED
    assert list(found) == ["ip_unbound:kraken"]
    assert told["journal"]["intact"]
    grades = {key["connection"]: key["grade"] for key in told["keys"]}
    assert grades == {"kraken": "C", "coinbase": "B"}
    for key in told["keys"]:
        assert key["grade"] == max(point["letter"] for point in key["points"])
    code, keys = program.json("keys")
    assert code == DONE
    assert [(key["grade"], key["findings"]) for key in keys] == [
        (key["grade"], key["findings"]) for key in told["keys"]
    ]

    table = list(csv.DictReader(io.StringIO(program.run("audit", "--csv").out)))
    assert [(row["connection"], row["grade"]) for row in table] == list(grades.items())
    assert [row["findings"] for row in table] == ["ip_unbound", ""]
    assert table[0]["trade"] == "absent"
    assert table[0]["due_at"] == told["keys"][0]["due_at"]

    words = program.run("audit")
    assert words.code == FAILED
    for piece in (
        "The key of kraken works from anywhere",
        "tallyglass guide kraken",
        "has no end date",
        "One thing needs",
    ):
        assert piece in words.words
    assert max(map(len, words.out.splitlines())) <= 80


def test_no_cell_of_the_table_is_a_formula(program: Program) -> None:
    for row in csv.reader(io.StringIO(program.run("audit", "--csv").out)):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row)
        assert "'" + HOSTILE in row or "kraken" not in row


def test_what_is_put_off_stays_open_and_says_why(program: Program) -> None:
    told = program.json("audit", "snooze", "ip_unbound:kraken", "--until", LATER, "--reason", "moving house")
    assert told[0] == DONE
    try:
        code, found, _ = audited(program)
        asleep = found["ip_unbound:kraken"]
        assert (code, asleep["snooze_reason"]) == (DONE, "moving house")
        assert asleep["snoozed_until"].startswith(LATER)
        words = program.run("audit").words
        assert "Nothing needs you." in words
        assert f"Snoozed until {LATER} (moving house)" in words
    finally:
        assert program.run("audit", "wake", "ip_unbound:kraken").code == DONE
    assert audited(program)[0] == FAILED


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("audit snooze ip_unbound:kraken --until 2126-01-31", "usage"),
        ("audit snooze ip_unbound:kraken --until 2020-01-31 --reason x", "time"),
        ("audit snooze ip_unbound:kraken --until soon --reason x", "time"),
        ("audit snooze ip_unbound:nobody --until 2126-01-31 --reason x", "no_such_finding"),
        ("audit snooze", "usage"),
        ("audit wake nothing", "no_such_finding"),
        ("audit --walked nowhere", "unknown_exchange"),
        ("set-rotation 366", "usage"),
        ("set-rotation 0", "usage"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_next_step(line: str, code: str, program: Program) -> None:
    ended, told = program.json(*line.split())
    assert ended in (FAILED, USAGE)
    assert told["error"]["code"] == code
    assert told["error"]["fix"]


def test_a_right_that_is_gained_is_urgent_and_closes_when_it_is_gone(program: Program, sandbox: Sandbox) -> None:
    sandbox.change_key("kraken", grant=["trade"])
    try:
        assert program.run("thaw", "kraken").code != DONE
        code, found, told = audited(program)
        finding = found["frozen:kraken"]
        assert (code, finding["severity"]) == (FAILED, "urgent")
        assert next(iter(found)) == "frozen:kraken"
        assert "may now trade" in finding["text"]
        assert finding["action"] == "tallyglass compromised kraken"
        assert {key["connection"]: key["grade"] for key in told["keys"]} == {"kraken": "F", "coinbase": "B"}
    finally:
        sandbox.change_key("kraken", revoke=["trade"])
    assert program.run("thaw", "kraken").code == DONE
    assert "frozen:kraken" not in audited(program)[1]


def test_a_key_that_the_user_has_frozen_waits_for_him(program: Program) -> None:
    assert program.run("freeze", "coinbase", "--why", "on holiday").code == DONE
    first = audited(program)[1]["frozen:coinbase"]
    again = audited(program)[1]["frozen:coinbase"]
    assert (first["severity"], first["since"]) == ("warning", again["since"])
    assert "on holiday" in first["text"]
    assert program.run("thaw", "coinbase").code == DONE
    assert "frozen:coinbase" not in audited(program)[1]


def test_a_journal_that_was_altered_is_found_at_once(program: Program) -> None:
    path = program.home / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"kraken"', b'"krakem"', 1))
    try:
        code, found, told = audited(program)
        assert (code, told["journal"]["intact"]) == (FAILED, False)
        assert found["journal_broken:house"]["severity"] == "urgent"
        assert {key["grade"] for key in told["keys"]} == {"D"}
        # and stays so where it is not read again
        assert {key["grade"] for key in program.json("keys")[1]} == {"D"}
    finally:
        path.write_bytes(whole)
    assert "journal_broken:house" not in audited(program)[1]


def test_the_users_own_limit_counts_and_a_walk_is_noted(program: Program) -> None:
    before = {key["connection"]: key["due_at"] for key in program.json("keys")[1]}
    try:
        assert program.json("set-rotation", "20") == (DONE, {"days": 20})
        after = {key["connection"]: key for key in program.json("keys")[1]}
        assert all(after[name]["due_at"] < due for name, due in before.items())
        # the sandbox's Kraken key is a month old
        assert "rotation_due" in [each["code"] for each in after["kraken"]["findings"]]
    finally:
        assert program.run("set-rotation", "180").code == DONE
    assert "you have looked through your keys at Kraken" in program.run("audit", "--walked", "kraken").words
