"""What the command line says where things are not as they should be: words, one next step, never a traceback."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer.main

from support.home import open_home
from support.program import DONE, EXCHANGE, FAILED, HURRY, PASSPHRASE, USAGE, Ended, Program, run
from support.sandbox import Sandbox, running_sandbox
from support.terminal import typed
from tallyglass.app import syncing
from tallyglass.cli import main, show
from tallyglass.store import lease

NOTHING = "Nothing connected yet. Start with: tallyglass guide kraken"
PROGRAM = str(Path(sys.executable).with_name("tallyglass"))
#: Nobody listens there.
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        running.unlimited()
        yield running


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Program:
    """A home that has just been made; its keeper does not run."""
    folder = tmp_path_factory.mktemp("empty")
    program = Program(folder / "home", sandbox.base_url, folder / "passphrase")
    program.passphrase_file.write_text(PASSPHRASE)
    assert program.run("init").code == DONE
    return program


def said(ended: Ended) -> str:
    """What people read; it is never a traceback."""
    assert "Traceback" not in ended.err
    assert not re.search(r"\b(Errno|Error\()", ended.err)
    return ended.words


# -- where there is nothing yet


@pytest.mark.parametrize(
    "line", ["worth", "sync", "holdings", "history", "orders", "reconcile", "journal list", "keys"], ids=str
)
def test_where_nothing_is_connected_it_says_how_to_begin(line: str, empty: Program) -> None:
    ended = empty.run(*line.split())
    assert ended.code == DONE
    assert "tallyglass guide kraken" in said(ended)
    assert len(ended.out.splitlines()) == 1


def test_programs_get_the_empty_answer(empty: Program) -> None:
    assert empty.json("sync") == (DONE, [])
    assert empty.json("worth")[1]["holdings"] == []


def test_where_there_is_no_home_each_command_says_so_and_makes_none(tmp_path: Path) -> None:
    home, secret = tmp_path / "home", tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)
    for line in (["worth"], ["unlock"], ["up", "--port", "0", "--passphrase-file", str(secret)]):
        ended = run("--home", str(home), *line)
        assert (ended.code, "Make one with: tallyglass init" in said(ended)) == (FAILED, True)
    ended = run("--home", str(home), "init")
    assert (ended.code, "--passphrase-file" in said(ended), "locked" in said(ended)) == (USAGE, True, False)
    ended = run("--home", str(home), "lock")
    assert (ended.code, "Nothing is running" in said(ended)) == (DONE, True)
    ended = run("--home", str(home), "doctor")
    assert (ended.code, "tallyglass init" in said(ended), "unlock" in said(ended)) == (FAILED, True, False)
    assert not home.exists()


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/tallyglass"])
def test_a_home_that_cannot_be_made_is_told(place: str, tmp_path: Path) -> None:
    secret = tmp_path / "file"
    secret.write_text(PASSPHRASE)
    ended = run("--home", str(tmp_path / place), "init", "--passphrase-file", str(secret))
    assert (ended.code, "No home can be made at" in said(ended), "--home" in said(ended)) == (FAILED, True, True)


def test_the_first_command_on_a_terminal_offers_a_home_and_goes_on(tmp_path: Path) -> None:
    lines = [("Make one now?", "y"), ("New passphrase", PASSPHRASE), ("Again", PASSPHRASE)]
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TALLYGLASS_HOME": str(tmp_path / "home")}
    shown = typed([PROGRAM, "worth"], lines, env)
    assert NOTHING.encode() in shown
    assert PASSPHRASE.encode() not in shown
    # and a passphrase that is mistyped may be typed again
    lines = [("Passphrase: ", "a slip of the finger"), ("Passphrase: ", PASSPHRASE)]
    shown = typed([PROGRAM, "worth"], lines, env)
    assert NOTHING.encode() in shown


# -- what nobody foresaw


def test_a_fault_of_ours_is_told_without_its_words() -> None:
    broken = (
        "import tallyglass.app.exchanges as e, sys\n"
        "def broken(): raise RuntimeError('who knows what')\n"
        "e.exchanges = broken\n"
        "from tallyglass.cli.main import main\n"
        "main(sys.argv[1:])"
    )
    for line in (["exchanges"], ["exchanges", "--json"], ["exchanges", "--log-level", "debug"]):
        done = subprocess.run(
            [sys.executable, "-c", broken, *line], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == FAILED
        assert "This is a fault of ours" in done.stdout + done.stderr
        assert ("Traceback" in done.stderr) == ("debug" in line)
        assert "who knows what" not in done.stdout
        if "--json" in line:
            assert json.loads(done.stdout)["error"]["code"] == "internal"


def test_a_disk_that_is_full_when_the_database_is_made_is_told_and_tried_again(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)
    given = ["--home", str(tmp_path / "home"), "--passphrase-file", str(secret)]
    assert run("init", *given).code == DONE
    limited = ["bash", "-c", 'ulimit -f 8; exec "$@"', "-", PROGRAM, "worth", *given]  # no file above 8 KiB
    done = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=60)
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert (ended.code, "portfolio.db cannot be used" in said(ended)) == (FAILED, True)
    assert NOTHING in said(run("worth", *given))


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["words", "json"])
def test_a_full_disk_behind_the_output_is_told(more: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [PROGRAM, "exchanges", *more], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert done.returncode == FAILED
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_terminal_of_another_alphabet_shows_what_it_can() -> None:
    ended = run("guide", "kraken", env={"PYTHONIOENCODING": "ascii"})
    assert (ended.code, "Six steps" in said(ended)) == (DONE, True)


@pytest.mark.parametrize("name", ["sandbox", "demo"])
def test_a_port_that_is_taken_is_told_before_anything_is_begun(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run(name, "--port", str(taken.getsockname()[1]))
    assert (ended.code, "is taken by another program" in said(ended)) == (FAILED, True)
    assert ended.out == ""


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tallyglass", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == run("--version").out


# -- mistakes on the line


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        (["wrth"], "Did you mean 'worth'?"),
        (["guide", "Krakn"], "Did you mean 'kraken'?"),
        (["set-currency", ""], "is no currency"),
        (["history", "--connection", "nope"], "No connection 'nope'; there are: none yet."),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_slip_is_told_with_what_was_meant(line: list[str], piece: str, empty: Program) -> None:
    ended = empty.run(*line)
    assert (ended.code, piece in said(ended)) == (USAGE, True), ended.words


def test_the_help_has_one_whole_line_for_each_command_in_the_order_of_the_journey() -> None:
    for module in main.MODULES:
        import_module(f"tallyglass.cli.{module}")
    commands = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]
    listed = [name for names in main.JOURNEY.values() for name in names.split()]
    assert sorted(listed) == sorted(commands)
    text = run("--help").out.partition("To begin:")[2]
    assert [line.split()[0] for line in text.splitlines() if re.match(r"  [a-z-]+ {2,}\S", line)] == listed
    assert "..." not in text
    assert all(len(each.get_short_help_str(200)) <= 54 for each in commands.values())


# -- how it is shown


def test_a_figure_is_never_broken_or_cut(capsys: pytest.CaptureFixture[str]) -> None:
    figures = ["12,345,678.123456789012345678", "−9,999,999.123456789012345678", "3,333,333.000000000000000001"]
    table = show.table("connection", "asset", *((f"figure {n}", "right") for n in range(3)), "since")
    table.add_row("a-very-long-name-of-a-connection", "BTC", *figures, "2026-01-01 00:00")
    show.print_table(table)
    shown = capsys.readouterr().out
    assert all(figure in shown for figure in figures)


# -- with a connection (from here on)


@pytest.fixture(scope="module")
def connected(empty: Program, sandbox: Sandbox) -> Program:
    """The same home with one key, under a name of the user's."""
    key = json.dumps(sandbox.key("coinbase"))
    ended = empty.run("connect", "coinbase", "--label", "Rainy [days]", "--key-file", "-", stdin=key)
    assert ended.code == DONE
    assert "Connected as coinbase (Rainy [days])." in ended.words
    return empty


def test_a_key_is_listed_under_its_label(connected: Program) -> None:
    assert "Rainy [days]" in connected.run("keys").out


def test_an_outage_is_told_once(connected: Program) -> None:
    away = Program(connected.home, NOBODY, connected.passphrase_file)
    ended = away.run("sync", env=HURRY)
    assert ended.code == EXCHANGE
    found = re.findall(r"coinbase: (\d+) of (\d+) parts not read: Coinbase cannot be reached", said(ended))
    assert len(found) == 1
    assert found[0][0] == found[0][1]
    assert len(ended.err.splitlines()) < 10
    again = away.run("sync", "--json", env=HURRY)
    parts = again.json()
    assert (again.code, len(parts), all(part["fault"] for part in parts)) == (EXCHANGE, int(found[0][0]), True)


def test_ids_and_the_next_page_are_whole(connected: Program) -> None:
    assert connected.run("sync").code == DONE
    page = connected.json("history", "--limit", "3")[1]
    lines = connected.run("history", "--limit", "3", "--ids").out.splitlines()
    assert [each["id"] for each in page["items"]] == [line for line in lines if line.startswith("coinbase/")]
    assert f"More: tallyglass history --after {page['next']}" in lines
    ended = connected.run("history", "--connection", "kraken")
    assert (ended.code, "there are: coinbase." in said(ended)) == (USAGE, True)


def test_a_sync_waits_for_the_one_that_runs(tmp_path: Path, sandbox: Sandbox) -> None:
    with open_home(tmp_path, sandbox, "kraken") as session:
        held = syncing.claim(session, "kraken")
        assert held is not None
        assert [part["fault"] for part in syncing.sync(session)] == ["busy"]
        given = threading.Timer(
            1, lambda: lease.release(session.store, held, session.now(), next_due=None, failed=False)
        )
        given.start()
        begun, waited = time.monotonic(), []
        parts = syncing.sync(session, patience=30, watch=lambda part: waited.append(part.stream))
        given.join()
        assert time.monotonic() - begun >= 0.9
        assert "waiting for another sync" in waited
        assert [part["fault"] for part in parts] == [None] * len(parts)
