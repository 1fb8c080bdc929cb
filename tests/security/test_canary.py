"""Secrets through everything that can be done with them, at debug logging; then everything is searched for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from support.canary import Watch, files, found_in, nothing_new, search, signatures, traces
from support.closed import core_limit, dumped, eventually, exposed, probed
from support.evidence import KINDS, WRONG, Evidence, everything
from support.program import PASSPHRASE, Program
from support.sandbox import running_sandbox
from support.tap import Heard, tapped
from tallyglass.keeper.client import Keeper, KeeperError, socket_path

#: One long day, for all of them together.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    folder, handed = tmp_path_factory.mktemp("searched"), tmp_path_factory.mktemp("handed")
    for name in ("here", "tmp"):
        (folder / name).mkdir()
    for name, words in (("right", PASSPHRASE), ("wrong", WRONG)):
        (handed / name).write_text(words + "\n")
    with running_sandbox(handed, seed=47_110) as sandbox, tapped(sandbox.base_url) as tap:
        sandbox.unlimited()
        keys = {f"{e} {k}": sandbox.key(e, k)["secret"] for e, kinds in KINDS.items() for k in kinds}
        wanted = traces({**keys, "passphrase": PASSPHRASE, "wrong passphrase": WRONG})
        program = Program(folder / "home", tap.url, handed / "right")
        with nothing_new(Path("/tmp"), wanted) as tmp, nothing_new(Path("/dev/shm"), wanted) as shm, Watch() as watch:  # noqa: S108
            found = Evidence(folder, program, sandbox, tap, watch, wanted)
            everything(found)
        found.shared = tmp + shm
        yield found


def test_no_file_holds_a_secret(evidence: Evidence) -> None:
    found = files(evidence.folder)
    names = {Path(each).name for each in found}
    assert names >= {"vault.db", "portfolio.db", "journal.jsonl", "journal.head", "home.log", "left-alone.txt"}
    log = found[str(evidence.folder / "home.log")]
    assert b"asked exchange=kraken read=key_info" in log
    assert b"asked exchange=coinbase read=ledger" in log
    assert search(found, evidence.wanted) == []
    assert evidence.shared == []


def test_nothing_is_left_beside_the_home(evidence: Evidence) -> None:
    assert list((evidence.folder / "tmp").iterdir()) == []
    assert [each.name for each in (evidence.folder / "here").iterdir()] == ["left-alone.txt"]
    names = {each.name for each in evidence.program.home.iterdir()}
    assert names - {"portfolio.db-wal", "portfolio.db-shm", "keeper.sock"} == {
        *("vault.db", "journal.jsonl", "journal.head", "keeper.lock", "portfolio.db")
    }


def test_a_backup_of_the_home_holds_no_secret(evidence: Evidence) -> None:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(evidence.program.home)
    assert b"vault.db" in packed.getvalue()
    assert found_in(packed.getvalue(), evidence.wanted) == []


def test_the_terminal_shows_no_secret(evidence: Evidence) -> None:
    everything = b"\n".join(text for _, text in evidence.said)
    for expected in (b"DEBUG", b"accepted", b"swapped", b"not JSON", b"does not open with this passphrase", b"SANDBOX"):
        assert expected in everything, everything.decode()
    assert search(evidence.said, evidence.wanted) == []


def test_what_is_typed_at_a_terminal_is_not_shown(evidence: Evidence) -> None:
    shown = {command: text for command, text in evidence.said if command.endswith("(typed)")}
    assert set(shown) == {"unlock (typed)", "inspect kraken (typed)", "inspect coinbase (typed)"}
    assert all(b"Read-only, by proof." in text for command, text in shown.items() if "inspect" in command), shown
    assert search(shown, evidence.wanted) == []


def test_the_keeper_answers_with_no_secret(evidence: Evidence) -> None:
    assert len({call for call, _ in evidence.told}) > 2 * 15
    assert search(evidence.told, evidence.wanted) == []


def test_the_dashboard_shows_no_secret(evidence: Evidence) -> None:
    shown = dict(evidence.pages)
    assert b"coinbase" in shown["GET /connections"].lower()
    assert shown["GET /nowhere"].startswith(b"404")
    assert search(evidence.pages, evidence.wanted) == []


def test_what_goes_to_an_exchange_holds_no_secret(evidence: Evidence) -> None:
    """Signed with it, yes: the signatures are searched for elsewhere."""
    heard = [(each.target, _spelled(each)) for each in evidence.tap.heard]
    assert len(heard) > 50
    assert search(heard, evidence.wanted) == []
    requests = json.dumps(evidence.sandbox.requests()).encode()
    assert b"/0/private/GetApiKeyInfo" in requests
    assert found_in(requests, evidence.wanted) == []


def _spelled(heard: Heard) -> bytes:
    """The request and its answer, but for the one name in it that is no secret: that of the key."""
    headers = {name: value for name, value in heard.headers.items() if name != "x-mbx-apikey"}
    return f"{heard.method} {heard.target} {headers}".encode() + heard.body + heard.answer


def test_a_secret_in_the_place_of_the_key_goes_no_further_than_its_exchange(evidence: Evidence) -> None:
    """Binance's key and secret look alike: that they are swapped only Binance can tell, which made both. Asked once."""
    secret = evidence.sandbox.key("binance")["secret"]
    asked = [each for each in evidence.tap.heard if secret in each.headers.values()]
    assert [each.target.partition("?")[0] for each in asked] == ["/sapi/v1/account/apiRestrictions"]
    assert all(each.headers["x-original-host"] == "api.binance.com" for each in asked)


def test_no_process_carries_a_secret_in_arguments_or_environment(evidence: Evidence) -> None:
    for expected in (b"--key-file", b"tallyglass.keeper", b"TALLYGLASS_LOG=debug"):
        assert expected in evidence.watch.all
    assert found_in(evidence.watch.all, evidence.wanted) == []


def test_the_database_holds_no_secret_even_when_it_is_decrypted(evidence: Evidence) -> None:
    assert b"coinbase" in evidence.decrypted
    assert b"advanced_trade_fill" in evidence.decrypted
    assert len(evidence.decrypted) > 100_000
    assert found_in(evidence.decrypted, evidence.wanted) == []


def test_no_signature_is_kept_or_shown(evidence: Evidence) -> None:
    """What proves a request is as good as a secret, as long as it is fresh."""
    made = {each for heard in evidence.tap.heard for each in signatures(heard.headers, heard.target)}
    assert len(made) > 50
    wanted = {
        f"{text[:9]}… {end}": part.encode() for text in made for end, part in (("from", text[:40]), ("to", text[-40:]))
    }
    assert search(files(evidence.folder), wanted) == []
    assert search([*evidence.said, *evidence.told, *evidence.pages], wanted) == []
    assert found_in(evidence.watch.all + evidence.decrypted, wanted) == []


def test_a_keeper_that_crashes_leaves_no_core_and_nobody_can_look_into_it(evidence: Evidence) -> None:
    """Also not another program of the same user; `control` is a process that is not closed."""
    home = evidence.program.home
    command = [sys.executable, "-m", "tallyglass.keeper", "--home", str(home)]
    command += ["--passphrase-file", str(evidence.program.passphrase_file)]
    environment = {"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": evidence.tap.url}
    here = evidence.folder / "here"
    before = sorted(here.iterdir())
    with subprocess.Popen(exposed(command), env=environment, cwd=here, stdin=subprocess.DEVNULL) as process:
        keeper = Keeper(socket_path(home), timeout=30)
        eventually(lambda: _unlocked(keeper), "the keeper did not start")
        try:
            _closed_and_without_core(process)
        finally:
            process.kill()
    assert sorted(here.iterdir()) == before


def test_a_command_that_crashes_with_a_key_in_hand_leaves_no_core(evidence: Evidence) -> None:
    it = evidence
    before = sorted((it.folder / "here").iterdir())
    it.sandbox.fault("delay", "kraken", "/0/private/GetApiKeyInfo", value=8)
    asked = it.tap.count("GetApiKeyInfo")
    process = it.start("inspect", "kraken", "--key-file", "-", given=json.dumps(it.sandbox.key("kraken")))
    try:
        eventually(lambda: it.tap.count("GetApiKeyInfo") > asked, "no key was looked at")
        _closed_and_without_core(process)
    finally:
        it.sandbox.calm()
        process.kill()
        process.wait()
    assert sorted((it.folder / "here").iterdir()) == before


def _unlocked(keeper: Keeper) -> bool:
    try:
        return keeper.health().state == "unlocked"
    except KeeperError:
        return False


def _closed_and_without_core(process: subprocess.Popen[bytes]) -> None:
    assert core_limit(process.pid) == "0"
    seen = probed(process.pid)
    assert set(seen["control"].values()) == {"open"}
    assert set(seen["process"].values()) == {"closed"}
    assert dumped(process, signal.SIGABRT) == (signal.SIGABRT, False)
