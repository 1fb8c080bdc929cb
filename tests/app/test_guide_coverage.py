"""docs/guide-coverage.md says what does each thing that a guide asks of a user, and what shows it: it must be so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from support.program import run
from support.reading import given

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide-coverage.md"
DESIGN = ROOT.parent / "shared" / "DESIGN.md"
#: A command is told as it is typed; a test as pytest names it.
COMMAND = re.compile(r"`tallyglass ([a-z-]+)[^`]*`")
TEST = re.compile(r"`((?:tests|src)/[^`]+\.py)::([a-z_0-9]+)`")


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table under a heading row that begins so."""
    lines = page.read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading}")) + 2
    table = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


ROWS = rows(PAGE, "The guide says")


def test_every_row_of_the_guide_is_there() -> None:
    if not DESIGN.exists():  # outside the workshop the page stands for itself
        assert len(ROWS) == 10
        return
    assert [row[0] for row in ROWS] == [row[0] for row in rows(DESIGN, "the guide says")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:30])
def test_its_commands_are_there(row: list[str]) -> None:
    told = COMMAND.findall(row[1])
    assert told
    for command in set(told):
        assert run(command, "--help").code == 0, command


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:30])
def test_its_tests_are_there(row: list[str]) -> None:
    told = TEST.findall(row[2])
    assert told
    for file, name in told:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:30])
def test_each_command_is_given_by_one_of_its_tests(row: list[str]) -> None:
    by_tests = {word for file, name in TEST.findall(row[2]) for word in given(ROOT / file, name)}
    assert set(COMMAND.findall(row[1])) - by_tests == set()


def test_what_a_test_gives_is_read_from_its_source_and_that_of_what_it_uses() -> None:
    flow = ROOT / "tests" / "flow"
    assert {"restore", "backup", "freeze"} <= given(
        flow / "test_backup.py", "test_a_home_that_is_not_empty_is_kept_and_an_older_backup_is_refused"
    )
    assert "connect" in given(flow / "test_compromised.py", "test_what_came_before_is_not_told"), "by a fixture"
    assert "rotate" not in given(flow / "test_compromised.py", "test_what_came_before_is_not_told")
