"""Every command once, as programs and as people see it: JSON, words of 80 columns, exit codes, common options."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal, localcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from support.program import (
    DONE,
    FAILED,
    LOCKED,
    PARTIAL,
    PASSPHRASE,
    USAGE,
    Ended,
    Program,
    run,
    running_home,
    running_keeper,
)
from support.sandbox import Sandbox, running_sandbox
from tallyglass.cli import main

DOCS = Path(__file__).parents[2] / "docs" / "commands.md"
CONNECTED = ("kraken", "coinbase")
#: What runs until it is told to end, or needs a home of its own: tested by themselves.
APART = {"init", "up", "demo", "sandbox", "lock", "unlock"}
#: These have tests of their own.
ELSEWHERE = {"alerts", "was-it-me", "compromised", "backup", "restore", "import", "transfers", "reconcile", "accounts"}
ELSEWHERE |= {"audit", "export", "fetch", "passphrase", "recovery-kit", "set-auto-lock", "token"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    """A home with two connections, synced."""
    with running_home(tmp_path_factory.mktemp("program"), sandbox) as running:
        for exchange in CONNECTED:
            assert running.connect(exchange, sandbox.key(exchange))[0] == DONE
        code, parts = running.json("sync")
        assert code == DONE, parts
        yield running


def commands() -> dict[str, Any]:
    """Every command with its parameters, as the program itself knows them."""
    for module in main.MODULES:
        import_module(f"tallyglass.cli.{module}")
    found: dict[str, Any] = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]
    return found


def options(command: Any) -> set[str]:
    """The options of a command and of what stands under it."""
    own = {param.opts[0] for param in command.params if param.param_type_name == "option"} - {"--help"}
    return own.union(*(options(each) for each in getattr(command, "commands", {}).values()))


def readable(ended: Ended) -> Ended:
    """What people get where there is no terminal: no line over 80 columns, no colour codes, no tracebacks."""
    for line in (ended.out + ended.err).splitlines():
        # an address or a link is one word: it is broken by nobody
        assert len(line) <= 80 or re.search(r"\S{60}|/tmp/|/shm/|GET |POST ", line), line
    assert "\x1b" not in ended.out + ended.err
    assert "Traceback" not in ended.err
    return ended


# -- the page and the program


def test_a_command_loads_the_module_that_brings_it() -> None:
    listed = [name for names in main.MODULES.values() for name in names.split()]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(commands())


@pytest.mark.parametrize("name", sorted({each for names in main.MODULES.values() for each in names.split()}))
def test_every_command_and_option_stands_on_the_page(name: str) -> None:
    page = DOCS.read_text()
    entries = [each for each in page.split("\n\n") if re.search(rf"\*\*`tallyglass {name}[ `]", each)]
    assert entries, f"docs/commands.md does not tell of {name}"
    for under in getattr(commands()[name], "commands", {}):
        assert any(f"`{under} " in each or f"{name} {under} " in each or f"`{under}`" in each for each in entries), (
            under
        )
    for option in options(commands()[name]):
        assert any(f"`{option}" in each for each in entries), f"{name} {option}"


def test_the_page_tells_of_nothing_that_there_is_not() -> None:
    page = DOCS.read_text()
    assert set(re.findall(r"\*\*`tallyglass ([a-z-]+)", page)) == set(commands())
    known = {option for each in commands().values() for option in options(each)}
    common = {"--home", "--json", "--passphrase-file", "--log-level", "--version", "--help"}
    assert set(re.findall(r"`(--[a-z-]+)", page)) <= known | common


# -- each command once

READS: dict[str, tuple[tuple[str, ...], type, str]] = {
    "exchanges": ((), list, "Kraken (kraken)"),
    "guide": (("kraken",), dict, "Settings"),
    "keys": ((), list, "last used"),
    "sync": (("coinbase",), list, "connection"),
    "replay": (("coinbase",), list, "connection"),
    "worth": ((), dict, "Net worth"),
    "performance": (("--period", "24h"), dict, "time-weighted"),
    "holdings": ((), list, "kraken spot"),
    "movers": ((), dict, "by price"),
    "targets": (("set", "BTC:60,others:40"), dict, "never trades"),
    "prices": ((), list, "coinbase"),
    "history": (("--limit", "5"), dict, "More: tallyglass history --after"),
    "orders": ((), list, "limit"),
    "unparsed": ((), list, ""),
    "set-currency": (("usd",), dict, "counted in USD"),
    "status": ((), dict, "keeper: unlocked"),
    "journal": (("--limit", "5"), list, "coinbase"),
    "egress": ((), dict, "127.0.0.1"),
    "set-rotation": (("180",), dict, "after 180 days"),
}


@pytest.mark.parametrize("name", READS)
def test_it_prints_json_for_programs_and_words_for_people(name: str, program: Program) -> None:
    arguments, shape, piece = READS[name]
    ended = program.run(name, *arguments, "--json")
    assert ended.code == DONE, ended.words
    assert isinstance(ended.json(), shape)
    assert "SANDBOX" in ended.err
    words = readable(program.run(name, *arguments))
    assert words.code == DONE, words.words
    assert piece in words.words
    assert "SANDBOX" in words.err


def test_every_command_is_run_somewhere_here() -> None:
    acts = {"inspect", "connect", "freeze", "thaw", "rotate", "disconnect", "parse", "doctor"}
    assert set(commands()) - set(READS) - APART - ELSEWHERE - acts == set()


def test_exchanges_lists_every_call_and_what_can_be_proven() -> None:
    for page in run("exchanges", "--json").json():
        assert {"id", "name", "tier", "proves", "reads", "history"} <= page.keys()
        assert {"read", "trade", "withdraw", "transfer"} <= set(page["proves"])
        for read in page["reads"]:
            assert {"id", "method", "host", "path", "purpose"} <= read.keys()


def test_worth_and_holdings_say_the_same(program: Program) -> None:
    worth = program.json("worth")[1]
    assert worth["complete"]
    assert {source["connection"]: source["status"] for source in worth["sources"]} == dict.fromkeys(CONNECTED, "fresh")
    assert [(each["asset"], each["amount"]) for each in worth["holdings"]] == [
        (each["asset"], each["amount"]) for each in program.json("holdings")[1]
    ]
    assert all(isinstance(each["amount"], str) for each in worth["holdings"])
    with localcontext(prec=200):
        priced = [each for each in worth["holdings"] if each["asset"] != "KFEE"]  # fee credits have no price
        assert Decimal(worth["total"]) == sum(Decimal(each["value"]) for each in priced)


def test_history_is_paged_without_gap_or_repeat(program: Program) -> None:
    whole = program.json("history", "--limit", "30", "--connection", "kraken")[1]["items"]
    pages, after = [], ""
    for _ in range(3):
        page = program.json("history", "--limit=10", "--connection=kraken", *(["--after", after] if after else []))[1]
        pages += page["items"]
        after = page["next"]
    assert pages == whole
    assert [each["time"] for each in whole] == sorted((each["time"] for each in whole), reverse=True)
    assert all(each["id"].startswith("kraken/") for each in whole)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("history", "--limit", "0"), "limit"),
        (("history", "--after", "nonsense!"), "cursor"),
        (("sync", "bitstamp"), "no_such_connection"),
        (("freeze", "bitstamp"), "no_such_connection"),
        (("thaw", "bitstamp"), "no_such_connection"),
        (("disconnect", "bitstamp"), "no_such_connection"),
        (("rotate", "bitstamp"), "no_such_connection"),
        (("guide", "krakn"), "unknown_exchange"),
        (("parse", "kraken", "withdraw", "/dev/null"), "unknown_read"),
        (("parse", "kraken", "balances", "/dev/null"), "not_readable"),
        (("frobnicate",), "usage"),
        (("inspect",), "usage"),
        (("journal", "burn"), "usage"),
        (("worth", "--sideways"), "usage"),
        (("--log-level", "loud", "worth"), "usage"),
    ],
)
def test_a_mistake_on_the_line_ends_with_2_and_says_what_there_is(
    arguments: tuple[str, ...], code: str, program: Program
) -> None:
    ended = program.run(*arguments, "--json")
    assert ended.code == USAGE, ended.words
    error = ended.json()["error"]
    assert error["code"] == code
    assert error["text"]
    assert error["fix"]
    words = readable(program.run(*arguments))
    assert (words.code, words.out) == (USAGE, "")


def test_freeze_and_thaw(program: Program) -> None:
    words = readable(program.run("freeze", "kraken", "--why", "a strange mail"))
    assert (words.code, "kraken is frozen" in words.words) == (DONE, True)
    row = next(row for row in program.json("keys")[1] if row["connection"] == "kraken")
    assert (row["state"], row["why"]) == ("frozen", "a strange mail")
    assert program.json("worth")[0] == PARTIAL
    assert program.json("holdings")[0] == PARTIAL
    words = readable(program.run("thaw", "kraken"))
    assert (words.code, "kraken is in use again" in words.words) == (DONE, True)
    assert program.json("freeze", "kraken") == (DONE, {"connection": "kraken", "state": "frozen"})
    assert program.json("thaw", "kraken")[1]["state"] == "active"


def test_the_journal_is_whole_until_somebody_touches_it(program: Program) -> None:
    code, report = program.json("journal", "verify")
    assert (code, report["intact"]) == (DONE, True)
    assert readable(program.run("journal", "verify")).code == DONE
    path = program.home / "journal.jsonl"
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"kraken"', b'"krakeX"', 1))
    try:
        code, report = program.json("journal", "verify")
        assert (code, report["intact"]) == (FAILED, False)
    finally:
        path.write_bytes(before)
    assert program.json("journal", "verify")[1]["intact"]
    code, answer = program.json("journal", "restart")
    assert (code, answer["error"]["code"]) == (FAILED, "journal_intact")  # a whole one is not put aside


def test_the_doctor_is_content_and_finds_an_open_file(program: Program) -> None:
    code, checks = program.json("doctor")
    assert (code, {each["ok"] for each in checks}) == (DONE, {True})
    assert readable(program.run("doctor")).code == DONE
    vault = program.home / "vault.db"
    vault.chmod(0o644)
    try:
        code, checks = program.json("doctor")
        assert code == FAILED
        assert [each["fix"] for each in checks if not each["ok"]] == [f"chmod 600 {vault}"]
    finally:
        vault.chmod(0o600)


def test_parse_makes_items_of_a_raw_answer(program: Program, tmp_path: Path) -> None:
    answer = tmp_path / "balances.json"
    answer.write_text('{"error":[],"result":{"XXBT":{"balance":"0.10","hold_trade":"0.0"}}}')
    code, found = program.json("parse", "kraken", "balances", str(answer))
    assert (code, found["unparsed"]) == (DONE, [])
    assert [(item["item"], item["asset"], Decimal(item["total"])) for item in found["items"]] == [
        ("balance", "BTC", Decimal("0.1"))
    ]
    words = readable(program.run("parse", "kraken", "balances", "-", stdin=answer.read_text()))
    assert (words.code, "1 items, 0 not understood" in words.words) == (DONE, True)


def test_parse_is_told_what_was_asked_where_the_answer_does_not_say(program: Program, tmp_path: Path) -> None:
    answer = tmp_path / "klines.json"
    answer.write_text('[[1795132800000,"850.1","861.0","849.0","851.26","9.5",1795219199999]]')
    code, found = program.json("parse", "binance", "candles", str(answer), "--asked", "symbol=BNBUSDT")
    close = {"item": "close", "base": "BNB", "quote": "USDT", "day": "2026-11-20", "price": "851.26"}
    assert (code, found) == (DONE, {"items": [close], "unparsed": []})
    code, problem = program.json("parse", "binance", "candles", str(answer))
    assert (code, problem["error"]["code"]) == (USAGE, "not_readable")


def test_disconnect_removes_the_secret_and_history_only_when_asked(program: Program, sandbox: Sandbox) -> None:
    connection = program.connect("kraken", sandbox.key("kraken", "wrong_account"))[1]["connection"]
    assert program.json("sync", connection)[0] == DONE
    code, gone = program.json("disconnect", connection, "--forget")
    assert (code, gone["state"], gone["key_name"]) == (DONE, "gone", sandbox.key("kraken", "wrong_account")["key"])
    assert program.json("history", "--connection", connection)[1]["items"]
    again = program.connect("kraken", sandbox.key("kraken", "wrong_account"))[1]["connection"]
    assert program.json("sync", again)[0] == DONE
    words = readable(program.run("disconnect", again, "--forget", "--forget-history"))
    assert (words.code, "delete" in words.words, "at Kraken" in words.words) == (DONE, True, True)
    code, answer = program.json("history", "--connection", again)  # nothing of it is left
    assert (code, answer["error"]["code"]) == (USAGE, "no_such_connection")


# -- the options of all


def test_the_common_options_may_stand_anywhere(program: Program) -> None:
    home, file = str(program.home), str(program.passphrase_file)
    for line in (
        ("--json", "--home", home, "--passphrase-file", file, "keys"),
        ("keys", "--json", f"--home={home}", f"--passphrase-file={file}"),
        ("--home", home, "keys", "--passphrase-file", file, "--log-level", "error", "--json"),
    ):
        ended = run(*line)
        assert (ended.code, len(ended.json())) == (DONE, len(CONNECTED)), ended.words
    ended = run("keys", "--json", env={"TALLYGLASS_HOME": home})
    assert (ended.code, len(ended.json())) == (DONE, len(CONNECTED))


def test_the_passphrase_may_come_over_a_descriptor(program: Program) -> None:
    program.keeper.lock()
    try:
        ends, starts = os.pipe()
        os.write(starts, PASSPHRASE.encode() + b"\n")
        os.close(starts)
        ended = program.run(
            "keys", "--json", "--passphrase-file", f"/dev/fd/{ends}", passphrase=False, pass_fds=(ends,)
        )
        os.close(ends)
        assert (ended.code, len(ended.json())) == (DONE, len(CONNECTED)), ended.words
    finally:
        program.keeper.unlock(PASSPHRASE)


def test_locked_is_7_and_unlock_ends_it(program: Program) -> None:
    assert program.json("lock") == (DONE, {"keeper": "locked"})
    try:
        for name in ("keys", "worth", "sync", "journal"):
            ended = program.run(name, "--json", passphrase=False)
            assert (ended.code, ended.json()["error"]["code"]) == (LOCKED, "locked")
            assert "--passphrase-file" in ended.json()["error"]["fix"]
        status = program.run("status", "--json", passphrase=False)
        assert (status.code, status.json()["keeper"]) == (DONE, "locked")
        assert program.run("exchanges", "--json", passphrase=False).code == DONE
        assert program.run("guide", "kraken", passphrase=False).code == DONE
    finally:
        assert program.json("unlock") == (DONE, {"keeper": "unlocked"})
    assert program.json("keys")[0] == DONE


def test_help_and_version() -> None:
    ended = readable(run("--version"))
    assert (ended.code, bool(re.fullmatch(r"tallyglass \d+\.\d+\.\d+\n", ended.out))) == (DONE, True)
    ended = readable(run("--help"))
    assert ended.code == DONE
    assert all(name in ended.out for name in commands())
    ended = readable(run("connect", "--help"))
    assert (ended.code, "--accept-unproven" in ended.out) == (DONE, True)


# -- what has a home of its own


def test_a_home_is_made_once_closed_to_others_and_needs_no_keeper_that_runs(tmp_path: Path, sandbox: Sandbox) -> None:
    program = Program(tmp_path / "home", sandbox.base_url, tmp_path / "passphrase")
    program.passphrase_file.write_text(PASSPHRASE)
    words = readable(program.run("init"))
    assert (words.code, "tallyglass guide kraken" in words.words) == (DONE, True)
    assert program.home.stat().st_mode & 0o077 == 0
    assert all(each.stat().st_mode & 0o077 == 0 for each in program.home.rglob("*"))
    code, answer = program.json("init")
    assert (code, answer["error"]["code"]) == (FAILED, "home_exists")
    assert program.json("keys") == (DONE, [])
    assert program.json("unlock")[1]["error"]["code"] == "keeper_down"
    assert program.run("status", "--json", passphrase=False).json()["keeper"] == "down"
    with running_keeper(program, unlocked=False):
        assert program.json("unlock") == (DONE, {"keeper": "unlocked"})


@pytest.mark.parametrize("name", ["up", "sandbox"])
def test_what_runs_until_it_is_told_to_end(name: str, tmp_path: Path, sandbox: Sandbox) -> None:
    program = Program(tmp_path / "home", sandbox.base_url, tmp_path / "passphrase")
    program.passphrase_file.write_text(PASSPHRASE)
    state = tmp_path / "state.json"
    line = {
        "up": ["up", "--port", "0", "--home", str(program.home), "--passphrase-file", str(program.passphrase_file)],
        "sandbox": ["sandbox", "--port", "0", "--seed", "3", "--state", str(state)],
    }[name]
    environment = {"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": sandbox.base_url, "LANG": "C.UTF-8"}
    noise = tmp_path / "noise.txt"
    if name == "up":
        assert program.json("up")[1]["error"]["code"] == "no_home"  # a home is never made in passing
        assert program.run("init").code == DONE
    with noise.open("wb") as out:
        child = subprocess.Popen(
            [str(Path(sys.executable).with_name("tallyglass")), *line], env=environment, stdout=out, stderr=out
        )
    try:
        until = time.monotonic() + 60
        while not (state.exists() if name == "sandbox" else b"Dashboard: " in noise.read_bytes()):
            assert child.poll() is None, noise.read_text()
            assert time.monotonic() < until, noise.read_text()
            time.sleep(0.05)
        if name == "up":
            assert program.json("keys") == (DONE, [])
        else:
            assert {"kraken", "binance", "coinbase"} <= json.loads(state.read_text())["exchanges"].keys()
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(30)
    assert "Traceback" not in noise.read_text()


@pytest.mark.parametrize("command", ["inspect", "connect"])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_secret_typed_on_the_line_is_not_said_again(command: str, more: list[str]) -> None:
    ended = run(command, "kraken", "kQH5HWmadeUpSecretKey", *more)

    assert ended.code == USAGE
    assert "kQH5HWmadeUpSecretKey" not in ended.out + ended.err
    assert "history" in ended.words


def test_an_empty_log_level_is_the_usual_one() -> None:
    assert run("exchanges", env={"TALLYGLASS_LOG": ""}).code == DONE
    assert run("exchanges", env={"TALLYGLASS_LOG": "DEBUG"}).code == DONE
