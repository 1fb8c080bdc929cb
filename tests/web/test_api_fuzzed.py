"""Schemathesis, which nobody here wrote, reads what the API says of itself and asks the live server.

It finds no failure of ours, no answer that is not described, no lock that opens without its key.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.app import App, running_app
from support.sandbox import running_sandbox
from tallyglass.web.api.addresses import ADDRESSES

PROGRAM = Path(__file__).parents[2] / ".venv-peers" / "bin" / "schemathesis"
#: What is true of a question's form may still be no question: a day to come, the cursor of another list.
CHECKS = ("--checks", "all", "--exclude-checks", "positive_data_acceptance")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp
    with running_sandbox(folder("sandbox")) as sandbox, running_app(folder("web"), sandbox, "coinbase") as running:
        yield running


@pytest.mark.peers
@pytest.mark.parametrize(
    ("phases", "examples"),
    [
        pytest.param("examples,fuzzing", 4, id="short"),
        pytest.param("examples,coverage,fuzzing,stateful", 100, id="long", marks=pytest.mark.soak),
    ],
)
def test_no_question_brings_a_failure_or_an_answer_that_is_not_described(
    app: App, tmp_path: Path, phases: str, examples: int
) -> None:
    visitor = app.enter()
    document, session = tmp_path / "openapi.json", visitor.cookie.partition("=")[2]
    document.write_text(visitor.page("/api/v1/openapi.json"), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(f"[auth.openapi.session]\napi_key = {json.dumps(session)}\n")

    told = subprocess.run(
        [PROGRAM, "run", document, "--url", app.url, "--phases", phases, "-n", str(examples), *CHECKS, "--no-shrink",
         "--continue-on-failure", "--warnings", "off", "--seed", "6", "--request-timeout", "60"],
        cwd=tmp_path, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip

    assert told.returncode == 0, told.stdout[-20_000:] + told.stderr
    assert f"Operations:       {len(ADDRESSES)} selected / {len(ADDRESSES)} total" in told.stdout
