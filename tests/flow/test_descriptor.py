"""A key on a file descriptor (`--key-from fd:N`), as a shell hands it over; and every way in which that goes wrong."""

from __future__ import annotations

import json
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.program import DONE, PASSPHRASE, USAGE, Ended, Program, new_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import secrets
from tallyglass.app.problems import Problem
from tallyglass.keeper.vault import Vault


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("town"), seed=47_131) as made:
        made.change_key("kraken", "can_trade", revoke=["trade"])  # another read-only key of the same account
        yield made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Program:
    return new_home(tmp_path_factory.mktemp("here"), sandbox)


@contextmanager
def holding(text: str) -> Iterator[int]:
    """A descriptor that gives this and then ends, open to the programs that are started meanwhile."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    os.set_inheritable(reading, True)
    try:
        yield reading
    finally:
        os.close(reading)


def run(program: Program, *arguments: str, fd: int) -> Ended:
    return program.run(*arguments, "--key-from", f"fd:{fd}", "--json", pass_fds=[fd])


def test_a_key_on_a_descriptor_is_connected_and_another_takes_over(program: Program, sandbox: Sandbox) -> None:
    """No keeper runs here: each command starts one, which must not take the descriptor for its own."""
    first, second = sandbox.key("kraken"), sandbox.key("kraken", "can_trade")
    with holding(json.dumps(first)) as fd:
        connected = run(program, "connect", "kraken", fd=fd)
    assert (connected.code, connected.json()["verdict"]) == (DONE, "accepted"), connected.words
    with holding(f"{second['secret']}\nkey: {second['key']}\n") as fd:
        rotated = run(program, "rotate", "kraken", fd=fd)
    assert (rotated.code, rotated.json()["verdict"]) == (DONE, "accepted"), rotated.words
    assert Vault.open(program.home / "vault.db", PASSPHRASE).secret("kraken")["secret"] == second["secret"]
    assert program.traces({"first": first["secret"], "second": second["secret"]}) == []


def test_what_was_not_opened_for_the_command_is_refused_and_its_own_lines_are_left_alone(
    program: Program, sandbox: Sandbox
) -> None:
    """By then some numbers are the program's own, such as its lines to the keeper that it started."""
    assert program.connect("coinbase", sandbox.key("coinbase"))[0] == DONE
    ended = program.run("rotate", "coinbase", "--key-from", "fd:6", "--json")
    assert (ended.code, ended.json()["error"]["code"]) == (USAGE, "reference"), ended.words
    assert "fd:6 cannot be read" in ended.json()["error"]["text"]
    ended = program.run("rotate", "coinbase", "--key-from", "fd:1", "--json")
    assert ended.json()["error"]["code"] in ("reference", "reference_empty")  # said where it was to be read
    with own_pipe() as (reading, _):
        assert "not open for this command" in refused(reading).text
        os.fstat(reading)  # still there
    assert "not open for this command" in refused(7777).text


def refused(number: int) -> Problem:
    with pytest.raises(Problem) as caught:
        secrets.fetch(f"fd:{number}")
    assert caught.value.fix
    return caught.value


@contextmanager
def own_pipe() -> Iterator[tuple[int, int]]:
    """One that no other program inherits; what of it is still open is closed in the end."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for each in ends:
            with suppress(OSError):
                os.close(each)


def test_an_empty_one_is_told() -> None:
    with own_pipe() as (reading, writing):
        os.set_inheritable(reading, True)
        os.close(writing)
        assert refused(reading).code == "reference_empty"


@pytest.mark.parametrize("begun", [b"", b'{"key": "k", "secret": "half-of-it'])
def test_one_that_never_ends_is_waited_for_so_long_and_no_longer(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PATIENCE_SECONDS", 0.2)
    with own_pipe() as (reading, writing):
        os.set_inheritable(reading, True)
        os.write(writing, begun)
        problem = refused(reading)
        assert (problem.code, "within 0.2 s" in problem.text) == ("reference", True)
        assert "half-of-it" not in f"{problem!r} {problem.text} {problem.fix}"
        with pytest.raises(BrokenPipeError):
            os.write(writing, b"the other half")  # nobody holds what was begun


def test_a_terminal_would_show_what_is_typed() -> None:
    ours, theirs = pty.openpty()
    try:
        os.set_inheritable(theirs, True)
        assert "unseen" in refused(theirs).fix
    finally:
        os.close(ours)
        with suppress(OSError):
            os.close(theirs)


def test_what_is_too_large_for_a_key_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * 1_000_000)
    fd = os.open(file, os.O_RDONLY)
    os.set_inheritable(fd, True)
    assert "too large" in refused(fd).text
