"""Backup and restore: the real program, everything in one file, on another machine without loss."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import threading
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest

from support.canary import found_in, traces
from support.program import DONE, FAILED, LOCKED, PASSPHRASE, USAGE, Program, running_home, running_keeper
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import archive, backup
from tallyglass.app.home import Home
from tallyglass.app.problems import Problem
from tallyglass.keeper.client import WrongPassphrase

#: What a user would compare.
QUESTIONS = (
    ("worth",),
    ("keys",),
    ("history", "--limit", "1000"),
    ("reconcile", "--all"),
    ("journal", "list", "--limit", "100000"),
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    """A home with two connections, synced, whose keeper runs."""
    with running_home(tmp_path_factory.mktemp("program"), sandbox) as running:
        for exchange in ("kraken", "coinbase"):
            assert running.connect(exchange, sandbox.key(exchange))[0] == DONE
        assert running.json("sync")[0] == DONE
        assert running.json("keys")[0] == DONE  # what wants a hand has been seen, and since when
        (running.home / "egress.txt").write_text("203.0.113.7\n")
        yield running


@pytest.fixture(scope="module")
def saved(program: Program) -> Path:
    """A backup of it, made while it runs."""
    file = program.home.with_name("saved.age")
    code, view = program.json("backup", str(file))
    assert code == DONE, view
    assert view["connections"] == 2
    assert (view["bytes"], file.stat().st_mode & 0o777) == (file.stat().st_size, 0o600)
    return file


def elsewhere(program: Program, folder: Path) -> Program:
    """The same user's program on another machine: nothing is there."""
    return replace(program, home=folder / "other")


@pytest.fixture(scope="module")
def other(program: Program, saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Another machine, with the backup restored."""
    other = elsewhere(program, tmp_path_factory.mktemp("elsewhere"))
    code, view = other.json("restore", str(saved))
    assert (code, view["restored"], view["aside"], view["connections"]) == (DONE, True, None, 2), view
    return other


def answers(program: Program) -> dict[str, Any]:
    found = {" ".join(question): program.json(*question) for question in QUESTIONS}
    found["worth"][1].pop("as_of")
    return found


def test_on_another_machine_everything_is_as_it_was(program: Program, other: Program) -> None:
    before = answers(program)
    with running_keeper(other):
        after = answers(other)
        assert [name for name in before if after[name] != before[name]] == [], [
            (field, now[field], was[field])
            for now, was in zip(after["keys"][1], before["keys"][1], strict=True)
            for field in was
            if now[field] != was[field]
        ]
        code, report = other.json("journal", "verify")
        assert (code, report["intact"]) == (DONE, True)
        assert other.keeper.store_key() == program.keeper.store_key()
    here, there = [(each.home / "journal.jsonl").read_bytes().splitlines() for each in (program, other)]
    common = [line for line in here if line in there]
    assert common == there[: len(common)]
    assert len(common) > 100
    assert (other.home / "egress.txt").read_text() == "203.0.113.7\n"
    assert {path.stat().st_mode & 0o077 for path in other.home.rglob("*")} == {0}
    assert not [path.name for path in other.home.iterdir() if path.name.startswith((".", "before-"))]


def test_any_program_that_knows_the_format_opens_it_and_none_without_the_passphrase(
    program: Program, saved: Path, sandbox: Sandbox
) -> None:
    sealed = saved.read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1\n-> scrypt ")
    with tarfile.open(fileobj=io.BytesIO(pyrage.passphrase.decrypt(sealed, PASSPHRASE))) as tar:
        assert {"vault.db", "journal.jsonl", "journal.head", "portfolio.db", "egress.txt"} <= set(tar.getnames())
        inside = b"".join(file.read() for member in tar if (file := tar.extractfile(member)))
    keys = {f"{name} {field}": text for name in ("kraken", "coinbase") for field, text in sandbox.key(name).items()}
    wanted = traces({"passphrase": PASSPHRASE, **{name: text for name, text in keys.items() if "secret" in name}})
    assert found_in(sealed + inside, wanted) == []
    assert b"SQLite format" not in inside.replace((program.home / "vault.db").read_bytes()[:16], b"", 1)
    with pytest.raises(WrongPassphrase):
        archive.unseal(sealed, PASSPHRASE + ".")


def test_a_plain_copy_of_the_home_is_useless_without_the_passphrase(
    program: Program, tmp_path: Path, sandbox: Sandbox
) -> None:
    copy = elsewhere(program, tmp_path)
    shutil.copytree(program.home, copy.home, ignore=shutil.ignore_patterns("*.sock"))
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase at all\n")
    ended = replace(copy, passphrase_file=wrong).run("worth", "--json")
    assert (ended.code, ended.json()["error"]["code"]) == (LOCKED, "wrong_passphrase")
    content = b"".join(path.read_bytes() for path in copy.home.rglob("*") if path.is_file())
    secrets = {name: sandbox.key(name)["secret"] for name in ("kraken", "coinbase")}
    assert found_in(content, traces({"passphrase": PASSPHRASE, **secrets})) == []
    figures = {each["amount"].encode() for each in program.json("holdings")[1] if len(each["amount"]) > 6}
    assert figures
    assert not [figure for figure in figures if figure in content]


def test_a_flipped_byte_is_refused_and_nothing_is_there(saved: Path, tmp_path: Path) -> None:
    raw = saved.read_bytes()
    for place in (3, 30, 140, len(raw) - 1):  # the version, the kind of lock, its MAC, the data; all: the campaign
        spoiled = bytearray(raw)
        spoiled[place] ^= 1
        refused(bytes(spoiled), tmp_path)
    for other in (b"", raw[:100], b"PK\x03\x04 something else"):
        refused(other, tmp_path)
    assert not (tmp_path / "other").exists()


@pytest.mark.soak
def test_a_byte_flipped_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    raw = saved.read_bytes()
    for place in [*range(200), *range(200, len(raw), len(raw) // 200)]:
        spoiled = bytearray(raw)
        spoiled[place] ^= 1 << place % 8
        refused(bytes(spoiled), tmp_path)


def refused(raw: bytes, folder: Path) -> None:
    file = folder / "spoiled.age"
    file.write_bytes(raw)
    try:
        backup.restore(Home(folder / "other"), file, PASSPHRASE, backup.Wish())
    except (Problem, WrongPassphrase) as error:
        assert error.code in ("backup_refused", "wrong_passphrase")  # noqa: PT017  (one of two kinds)
    else:
        pytest.fail("it was taken")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", ".profile", "link"])
def test_nothing_in_a_backup_reaches_beyond_the_home(name: str) -> None:
    about = json.dumps({"format": 1, "made_at": "2026-01-01T00:00:00Z", "install": "x", "version": "1"}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        first, second = tarfile.TarInfo("backup.json"), tarfile.TarInfo(name)
        first.size = len(about)
        tar.addfile(first, io.BytesIO(about))
        if name == "link":
            second.type, second.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(second)
    with pytest.raises(Problem) as caught:
        archive.unpack(packed.getvalue())
    assert caught.value.code == "backup_refused"


def test_a_home_that_is_not_empty_is_kept_and_an_older_backup_is_refused(
    other: Program, saved: Path, tmp_path: Path
) -> None:
    code, answer = other.json("restore", str(saved))
    assert (code, answer["error"]["code"]) == (FAILED, "home_not_empty")
    assert other.json("freeze", "kraken")[0] == DONE
    vault = (other.home / "vault.db").read_bytes()
    code, answer = other.json("restore", str(saved), "--replace")
    assert (code, answer["error"]["code"]) == (FAILED, "backup_older")
    assert "frozen" in answer["error"]["text"]
    assert (other.home / "vault.db").read_bytes() == vault
    newer = tmp_path / "newer.age"
    code, made = other.json("backup", str(newer))
    assert code == DONE, made
    number = made["number"]
    code, view = other.json("restore", str(saved), "--replace", "--older")
    assert code == DONE, view
    assert {row["state"] for row in other.json("keys")[1]} == {"active"}
    aside = replace(other, home=Path(view["aside"]))
    assert {row["connection"]: row["state"] for row in aside.json("keys")[1]}["kraken"] == "frozen"
    # and on again, to the newer of the two
    code, view = other.json("restore", str(newer), "--replace", "--at-least", number)
    assert code == DONE, view
    assert {row["connection"]: row["state"] for row in other.json("keys")[1]}["kraken"] == "frozen"
    # of the time before it was restored the journal tells nothing, so no use is laid at somebody else's door
    paper = tmp_path / "incident.md"
    assert other.json("compromised", "coinbase", "--report", str(paper))[0] == DONE
    assert "Other uses may have been ours too" in paper.read_text()


def test_a_check_proves_everything_and_changes_nothing(program: Program, saved: Path, tmp_path: Path) -> None:
    other = elsewhere(program, tmp_path)
    words = other.run("restore", str(saved), "--check", "--at-least", "1.1")
    assert words.code == DONE, words.words
    assert "Nothing was changed" in words.words
    assert all(len(line) <= 80 for line in words.out.splitlines())
    assert not other.home.exists()
    code, answer = program.json("restore", str(saved), "--check", "--at-least", "999999.1")  # beside a home that runs
    assert (code, answer["error"]["code"]) == (FAILED, "backup_older")


def test_what_runs_is_not_replaced(program: Program, saved: Path) -> None:
    code, answer = program.json("restore", str(saved), "--replace", "--older")
    assert (code, answer["error"]["code"]) == (FAILED, "running")
    assert program.json("keys")[0] == DONE


def test_a_mistake_is_told_before_anything_is_done(program: Program, saved: Path, tmp_path: Path) -> None:
    assert program.json("backup", str(saved))[1]["error"]["code"] == "file_exists"
    assert program.json("backup", str(tmp_path / "no" / "such.age"))[1]["error"]["code"] == "not_writable"
    code, answer = program.json("restore", str(tmp_path / "none.age"))
    assert (code, answer["error"]["code"]) == (USAGE, "not_readable")
    code, answer = program.json("restore", str(saved), "--check", "--at-least", "yesterday")
    assert (code, answer["error"]["code"]) == (USAGE, "usage")
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase at all\n")
    ended = replace(program, passphrase_file=wrong).run("backup", str(tmp_path / "new.age"), "--json")
    assert (ended.code, ended.json()["error"]["code"]) == (LOCKED, "wrong_passphrase")
    assert not (tmp_path / "new.age").exists()
    assert elsewhere(program, tmp_path).json("backup", str(tmp_path / "x"))[1]["error"]["code"] == "no_home"


def test_a_backup_is_of_one_moment_while_everything_runs(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are frozen and thawed, history is read anew, and what is taken meanwhile opens as if nothing had been."""
    monkeypatch.setenv("TALLYGLASS_SANDBOX", program.url)
    ended = threading.Event()
    changed = []

    def change() -> None:
        while not ended.is_set():
            program.keeper.freeze("coinbase", "a drill")
            changed.append(program.keeper.thaw("coinbase").verdict)
            program.keeper.read("kraken", "balances")

    busy = threading.Thread(target=change)
    busy.start()
    syncing = threading.Thread(target=program.json, args=("sync", "kraken"))
    syncing.start()
    home = Home(program.home)
    try:
        while len(changed) < 2:
            time.sleep(0.01)
        taken = [backup._taken(home, program.keeper) for _ in range(20)]
    finally:
        ended.set()
        busy.join()
        syncing.join()
    assert set(changed) == {"accepted"}
    marks = [archive.Mark.of(each) for each in taken]
    assert marks == sorted(marks)
    assert len(set(marks)) > 10
    for number, files in enumerate(taken[::10]):
        made = archive.Archive(datetime.now(UTC), "x", "1", files)
        there = Home(tmp_path / str(number))
        there.make()
        assert backup._proven(made, there, PASSPHRASE, "warning")[0] == 2


def test_the_passphrase_is_one_however_it_was_typed() -> None:
    made = archive.Archive(datetime.now(UTC), "x", "1", {"vault.db": b"v"})
    sealed = archive.seal(made, unicodedata.normalize("NFD", "fünf Wörter über Möwen"))
    assert archive.unseal(sealed, unicodedata.normalize("NFC", "fünf Wörter über Möwen")).files == {"vault.db": b"v"}
