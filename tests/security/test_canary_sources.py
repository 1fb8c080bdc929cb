"""The canary hunt over the ways of a key that are no file: password managers, pairs made here, a new passphrase.

Everything runs at debug logging; then every file, every word, every argument and environment, and everything that went
to the exchange is searched. What a password manager itself holds lies apart and is not ours.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.canary import Traces, Watch, files, found_in, nothing_new, search, traces
from support.closed import eventually
from support.keeper import running
from support.managers import TOKENS, password_store, stand_in
from support.program import PASSPHRASE, Ended, Program
from support.sandbox import Sandbox, running_sandbox
from support.tap import Tap, tapped
from tallyglass.keeper.client import Keeper, KeeperError
from tallyglass.keeper.vault import Vault

pytestmark = pytest.mark.timeout(900)
OTHER = "six grey geese above the old canal"
DEBUG = ("--log-level", "debug")


@dataclass(slots=True)
class Day:
    """What was done with secrets, and all that was written, said and sent meanwhile."""

    folder: Path
    program: Program
    sandbox: Sandbox
    tap: Tap
    environment: dict[str, str]
    wanted: dict[str, str]
    watch: Watch
    said: list[tuple[str, bytes]] = field(default_factory=list)
    told: list[tuple[str, bytes]] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)

    @property
    def traces(self) -> Traces:
        return traces(self.wanted)

    def run(self, *arguments: str, code: int = 0) -> Ended:
        ended = self.program.run(*arguments, *DEBUG, env=self.environment, cwd=self.folder / "here")
        assert ended.code == code, ended.words
        self.said.append((" ".join(arguments[:2]), f"{ended.out}\n{ended.err}".encode()))
        return ended


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder, apart = tmp_path_factory.mktemp("searched"), tmp_path_factory.mktemp("apart")
    (folder / "here").mkdir()
    (folder / "tmp").mkdir()
    for name, words in (("right", PASSPHRASE), ("new", OTHER)):
        (apart / name).write_text(words + "\n")
    with running_sandbox(apart, seed=47_123) as sandbox, tapped(sandbox.base_url) as tap:
        sandbox.unlimited()
        kraken, coinbase, binance = (sandbox.key(each)["secret"] for each in ("kraken", "coinbase", "binance"))
        wanted = {"kraken": kraken, "coinbase": coinbase, "binance": binance, "passphrase": PASSPHRASE, "new": OTHER}
        #: A user takes it for a reference: it stands on his command line, and nowhere else.
        wanted["misplaced"] = sandbox.key("kraken", "expired")["secret"]
        stand_in(apart, "op", {"op://Private/Kraken": json.dumps(sandbox.key("kraken"))})
        kept = {"coinbase": json.dumps(sandbox.key("coinbase")), "torn": json.dumps(sandbox.key("kraken"))[:-3]}
        with password_store(apart, {**kept, "trades": json.dumps(sandbox.key("kraken", "can_trade"))}) as store:
            path = f"{apart}{os.pathsep}{os.environ['PATH']}"
            environment = {**TOKENS, **store, "PATH": path, "TMPDIR": str(folder / "tmp")}
            program = Program(folder / "home", tap.url, apart / "right")
            looked = traces(wanted)
            with nothing_new(Path("/tmp"), looked) as tmp, Watch() as watch:  # noqa: S108
                made = Day(folder, program, sandbox, tap, environment, wanted, watch)
                _everything(made, apart)
            made.shared = tmp
        yield made


def _everything(it: Day, apart: Path) -> None:
    it.run("init")
    with running(it.program.home, sandbox=it.tap.url, hurried=True) as process:
        process.keeper.unlock(PASSPHRASE)
        it.run("connect", "kraken", "--key-from", "op://Private/Kraken", "--keep-reference")
        it.run("connect", "coinbase", "--key-from", "pass:coinbase", "--keep-reference")
        it.run("inspect", "kraken", "--key-from", "pass:trades", code=3)
        it.run("connect", "kraken", "--key-from", "pass:torn", code=2)
        it.run("connect", "kraken", "--key-from", "op://Private/Kraken", "--key-id", "other", code=3)
        it.run("connect", "kraken", "--key-from", it.wanted["misplaced"], code=2)
        _made_here(it)
        process.keeper.lock()
        process.keeper.unlock(PASSPHRASE)
        it.run("fetch", "coinbase")
        it.run("sync", "kraken")  # fetches by itself
        for row in process.keeper.connections():
            it.told.append((row.id, repr(row).encode()))
        it.told.append(("supply", _other_key(it, process.keeper)))
        _killed(it)
        it.run("passphrase", "--new-passphrase-file", str(apart / "new"))
        it.run("recovery-kit")
        it.run("keys")
        it.run("journal")


def _made_here(it: Day) -> None:
    view = it.run("connect", "binance", "--make-key", "--json").json()
    it.run("connect", "binance", "--make-key")
    secret = Vault.open(it.program.home / "vault.db", PASSPHRASE).secret("@made:binance")["secret"]
    it.wanted["made here"] = secret
    it.wanted["made here, the number"] = base64.b64encode(base64.b64decode(secret)[-32:]).decode()
    it.sandbox.change_key("binance", "read_only_ed25519", public_key=view["public_key"])
    it.run("connect", "binance", "--key-id", it.sandbox.key("binance", "read_only_ed25519")["key"])
    it.run("sync", "binance")


def _killed(it: Day) -> None:
    """A command with a fetched key in its hand, while the exchange is asked about it."""
    it.sandbox.fault("delay", "kraken", "/0/private/GetApiKeyInfo", value=6)
    before = it.tap.count("GetApiKeyInfo")
    command = [str(Path(sys.executable).with_name("tallyglass")), "--home", str(it.program.home)]
    command += ["inspect", "kraken", "--key-from", "op://Private/Kraken", *DEBUG]
    told = {**it.environment, "TALLYGLASS_SANDBOX": it.tap.url}
    with (it.folder / "killed.txt").open("wb") as out:
        process = subprocess.Popen(command, env=told, cwd=it.folder / "here", stdout=out, stderr=out)
    try:
        eventually(lambda: it.tap.count("GetApiKeyInfo") > before, "no key was looked at")
    finally:
        process.kill()
        process.wait()
        it.sandbox.calm()


def _other_key(it: Day, keeper: Keeper) -> bytes:
    try:
        keeper.supply(keeper.connections()[0], it.sandbox.key("kraken", "wrong_account"))
    except KeeperError as error:
        return f"{error!r} {error.text} {error.fix} {error.more}".encode()
    raise AssertionError("another key was taken")


def test_no_file_holds_a_secret(day: Day) -> None:
    found = files(day.folder)
    assert {"vault.db", "portfolio.db", "journal.jsonl", "home.log"} <= {Path(each).name for each in found}
    assert search(found, day.traces) == []
    assert day.shared == []
    assert list((day.folder / "tmp").iterdir()) == []
    assert list((day.folder / "here").iterdir()) == []


def test_nothing_that_was_said_holds_a_secret(day: Day) -> None:
    everything = b"\n".join(text for _, text in day.said)
    for expected in (b"DEBUG", b"BEGIN PUBLIC KEY", b"Fetched: coinbase", b"not whole JSON", b"RECOVERY KIT"):
        assert expected in everything, expected
    assert search([*day.said, *day.told], day.traces) == []


def test_no_process_carries_a_secret_in_arguments_or_environment(day: Day) -> None:
    """But the one command that was given one in the wrong place by its user."""
    for expected in (b"op\0item\0get\0Kraken", b"show\0--\0coinbase", b"tallyglass.keeper"):
        assert expected in day.watch.all, expected
    mine = {name: text for name, text in day.wanted.items() if name != "misplaced"}
    assert found_in(day.watch.all, traces(mine)) == []


def test_what_goes_to_an_exchange_holds_no_secret(day: Day) -> None:
    heard = [(each.target, f"{each.target} {each.headers}".encode() + each.body) for each in day.tap.heard]
    assert len(heard) > 20
    assert search(heard, day.traces) == []


def test_the_vault_holds_no_key_that_is_kept_elsewhere(day: Day) -> None:
    vault = Vault.open(day.program.home / "vault.db", OTHER)
    assert (vault.secret("kraken"), vault.secret("coinbase"), vault.secret("@made:binance")) == ({}, {}, {})
    assert vault.secret("binance")["secret"] == day.wanted["made here"]
    assert search([("records", json.dumps(vault.records()).encode())], day.traces) == []
