"""`tallyglass transfers` and what stands under it, as programs and as people use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.program import DONE, FAILED, USAGE, Program, running_home
from support.sandbox import Sandbox, running_sandbox

HASH = "5e" * 32


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=6) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    """One withdrawal from Kraken that either of two deposits at Coinbase might be: all in one transaction."""
    sandbox.happen("kraken", "withdrawal", asset="LTC", amount="1.75", txid=HASH)
    for _ in range(2):
        sandbox.happen("coinbase", "deposit", asset="LTC", amount="1.75", txid=HASH)
    sandbox.happen("kraken", "withdrawal", asset="SOL", amount="2", txid=HASH[::-1])
    sandbox.happen("coinbase", "deposit", asset="SOL", amount="1.7", txid=HASH[::-1])
    with running_home(tmp_path_factory.mktemp("program"), sandbox) as running:
        for exchange in ("kraken", "coinbase"):
            assert running.connect(exchange, sandbox.key(exchange))[0] == DONE
        code, parts = running.json("sync")
        assert code == DONE, parts
        yield running


@pytest.fixture
def unsure(program: Program) -> tuple[str, list[str]]:
    """The withdrawal, and the deposits that it might be."""
    (sent,) = (each for each in listed(program)["open"] if each["amount"] == "-1.75")
    assert sent["reason"] == "ambiguous"
    return sent["id"], [each["id"] for each in sent["candidates"]]


def listed(program: Program) -> Any:
    code, found = program.json("transfers")
    assert code == DONE
    return found


def matched(program: Program) -> set[tuple[str, str]]:
    return {(each["sent"]["id"], each["received"]["id"]) for each in listed(program)["matched"]}


def test_people_see_what_is_matched_and_how_to_decide_the_rest(program: Program, unsure: tuple[str, list[str]]) -> None:
    sent, deposits = unsure
    ended = program.run("transfers")

    assert ended.code == DONE, ended.words
    assert re.search(r"^\d{4}-\d\d-\d\d +coinbase +kraken +[\d.,]+ \w+ +[\d.]+ +\w+ *$", ended.out, re.MULTILINE)
    assert all(each in ended.words for each in (sent, *deposits))
    assert f"tallyglass transfers match {sent} {deposits[0]}" in ended.words
    lone = sum(not each["candidates"] for each in listed(program)["open"])
    assert f"{lone} more went to or came from" in ended.words
    assert len(program.run("transfers", "--all").out) > len(ended.out)


def test_match_unmatch_and_reset_say_what_is_so(program: Program, unsure: tuple[str, list[str]]) -> None:
    sent, (one, other) = unsure

    code, told = program.json("transfers", "match", one, sent)
    assert (code, told["sent"]["id"], told["received"]["id"], told["basis"]) == (DONE, sent, one, "user")
    assert (sent, one) in matched(program)
    (entry,) = (each for each in program.json("history", "--limit", "1000")[1]["items"] if each["id"] == sent)
    assert entry["partner"] == one
    assert re.search(r"^ +to coinbase *$", program.run("history").out, re.MULTILINE)

    assert program.json("transfers", "match", sent, other)[0] == FAILED
    assert program.run("transfers", "unmatch", sent, one).code == DONE
    assert (sent, other) in matched(program), "the one that is left is the only one that fits"
    assert program.run("transfers", "reset", sent, one).code == DONE
    assert not {sent, one, other} & {side for pair in matched(program) for side in pair}


def test_mistakes_are_told_and_change_nothing(program: Program, unsure: tuple[str, list[str]]) -> None:
    sent, (one, other) = unsure
    before = listed(program)

    for code, words, *arguments in (
        (USAGE, "no deposit or withdrawal", "match", sent, "coinbase/nothing"),
        (FAILED, "Both were received", "match", one, other),
        (FAILED, "said nothing", "reset", sent, one),
        (USAGE, "window hours", "rules", "--window", "soon"),
        (USAGE, "Missing argument", "unmatch", sent),
    ):
        ended = program.run("transfers", *arguments)
        assert (ended.code, words in ended.words) == (code, True), ended.words
    assert listed(program) == before


def test_rules_are_shown_and_changed(program: Program, unsure: tuple[str, list[str]]) -> None:
    assert program.json("transfers", "rules") == (
        DONE,
        {"window_hours": "20", "early_hours": "1", "shortfall_percent": "0.5", "excess_percent": "0.5"},
    )
    before = matched(program)

    code, changed = program.json("transfers", "rules", "--window", "12h", "--early", "1", "--shortfall", "20%")
    assert (code, changed["window_hours"], changed["shortfall_percent"]) == (DONE, "12", "20")
    assert "up to 12 h before" in program.run("transfers", "rules").words
    assert matched(program) > before, "a transaction of which a seventh did not arrive"
    assert program.run("transfers", "rules", "--window", "20", "--shortfall", "0.5").code == DONE
    assert matched(program) == before
