"""Tables for other programs: exact figures, no formulas, files that are whole and for their owner alone."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.program import DONE, FAILED, USAGE, Program, running_home
from support.sandbox import running_sandbox
from tallyglass.app import export
from tallyglass.app.export import Table
from tallyglass.app.problems import Problem


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp
    with running_sandbox(folder("sandbox")) as sandbox, running_home(folder("program"), sandbox) as running:
        assert running.connect("coinbase", sandbox.key("coinbase"))[0] == DONE
        assert running.json("sync")[0] == DONE
        yield running


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_files_hold_what_the_commands_tell(program: Program, tmp_path: Path) -> None:
    entries = program.json("history", "--limit", "1000")[1]["items"]
    legs = [(each["id"], leg["asset"], leg["amount"]) for each in entries for leg in each["legs"]]
    file = tmp_path / "ledger.csv"
    code, told = program.json("export", "history", str(file))
    assert (code, told) == (DONE, {"file": str(file), "what": "history", "rows": len(legs), "complete": True})
    assert [(each["id"], each["asset"], each["amount"]) for each in rows(file.read_text())] == legs
    assert any(amount.startswith("-") for _, _, amount in legs)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]

    points = program.json("worth", "history", "--every", "month")[1]["points"][:-1]
    written = rows(program.run("export", "worth", "-", "--every", "month").out)[:-1]
    assert [(each["day"], each["total"], each["flow"]) for each in written] == [
        (each["day"], each["total"], each["flow"]) for each in points
    ]
    prices = rows(program.run("export", "prices", "-").out)
    assert [each["asset"] for each in prices] == [each["asset"] for each in program.json("prices")[1]]
    assert rows(program.run("export", "performance", "-").out)[0]["asset"] == ""


def test_a_file_that_is_there_stays(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("mine")
    code, told = program.json("export", "prices", str(file))
    assert (code, told["error"]["code"], file.read_text()) == (USAGE, "usage", "mine")
    assert program.json("export", "prices", str(file), "--force")[0] == DONE
    assert rows(file.read_text())
    assert program.json("export", "prices", str(tmp_path / "no" / "such.csv"))[0] == FAILED


@pytest.mark.parametrize(
    "line",
    [("wealth", "-"), ("worth", "a.xls"), ("prices", "-", "--from", "2026-01-01"), ("history", "-", "--every", "day")],
)
def test_what_cannot_be_written_is_told_so(program: Program, line: tuple[str, ...]) -> None:
    code, told = program.json("export", *line)
    assert (code, told["error"]["code"]) == (USAGE, "usage")


def test_words_are_no_formulas_and_figures_stay_figures() -> None:
    found = Table(("asset", "amount", "note"), [("=1+1", "-0.10", "@x"), ("BTC", None, 'a,"b"')])
    assert export.as_csv(found) == 'asset,amount,note\n\'=1+1,-0.10,\'@x\nBTC,,"a,""b"""\n'


def test_parquet_gets_text_by_column_and_is_missed_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Table(("asset", "amount"), [("=1+1", "-0.10"), ("BTC", None)])
    assert export.by_column(found) == {"asset": ["=1+1", "BTC"], "amount": ["-0.10", None]}
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(Problem) as missed:
        export.as_parquet(found)
    assert (missed.value.code, "tallyglass[parquet]" in missed.value.fix) == ("no_pyarrow", True)
