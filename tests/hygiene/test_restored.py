"""An older backup brings a whole journal that lacks what was written since: of that time nothing is certain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.diary import Line, more, written
from support.program import DONE, PARTIAL, Program
from tallyglass.app import archive
from tallyglass.app.home import Home
from tallyglass.app.keeper_process import KeeperProcess

PASSPHRASE = "four herons on a cold pier"
NOON = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
MADE = NOON + timedelta(days=1)
AFTER = NOON + timedelta(days=2)


@contextmanager
def awake(program: Program) -> Iterator[None]:
    """While a keeper runs in its home, unlocked."""
    process = KeeperProcess(Home(program.home), sandbox=None)
    try:
        process.start().unlock(PASSPHRASE)
        yield
    finally:
        process.stop()


def answer(program: Program, at: datetime) -> tuple[int, str, str]:
    code, told = program.json("was-it-me", "--exchange", "kraken", "--at", f"{at:%F %T} UTC", "--ip", "203.0.113.7")
    return code, told["answer"], told["why"]


def test_between_a_backup_and_its_restoring_nothing_is_told_for_certain(tmp_path: Path) -> None:
    passphrase, saved = tmp_path / "passphrase", tmp_path / "saved.age"
    passphrase.write_text(PASSPHRASE + "\n")
    home = written(tmp_path, PASSPHRASE, [Line(NOON, "kraken", "kraken", "203.0.113.7")])
    program = Program(home.path, "", passphrase)
    assert program.json("backup", str(saved))[0] == DONE
    then = replace(archive.unseal(saved.read_bytes(), PASSPHRASE), made_at=MADE)
    saved.write_bytes(archive.seal(then, PASSPHRASE))
    more(home, PASSPHRASE, [Line(AFTER, "kraken", "kraken", "203.0.113.7")])
    assert answer(program, AFTER)[:2] == (DONE, "yes")

    code, view = program.json("restore", str(saved), "--replace", "--older")
    assert code == DONE, view
    assert "A backup of 2025-11-21 12:00 UTC was restored on" in view["journal"]
    with awake(program):
        for at in (MADE, AFTER, AFTER + timedelta(days=30), MADE - timedelta(minutes=1), datetime.now(UTC)):
            code, told, why = answer(program, at)
            assert (code, told) == (PARTIAL, "cannot_tell"), f"{at}: {why}"
            if at <= AFTER:
                assert "from a backup of 2025-11-21 12:00:00 UTC: what was done between them is not in" in why
        assert answer(program, NOON)[:2] == (DONE, "yes")
        assert answer(program, NOON + timedelta(hours=4))[:2] == (DONE, "no")
        verified = program.json("journal", "verify")[1]
        assert verified["intact"]
        assert "of the time between, it tells nothing" in verified["text"]
