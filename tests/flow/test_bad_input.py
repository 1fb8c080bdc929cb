"""What bad input gets: each mistake and each mishap its own words, the next step, its exit code, and nothing stored."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.program import DONE, EXCHANGE, LOCKED, PASSPHRASE, USAGE, Program, run, running_home, running_keeper
from support.sandbox import Sandbox, running_sandbox

EXCHANGES = ("kraken", "binance", "coinbase")
NAMES = {"kraken": "Kraken", "binance": "Binance", "coinbase": "Coinbase"}
PAGES = {
    "kraken": "Settings → API",
    "binance": "Account → API Management",
    "coinbase": "portal.cdp.coinbase.com → API Keys → Secret API Keys",
}
AGAIN = "check again: run the same command once more"
SHAPE = 'JSON like {"key": "…", "secret": "…"}'


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    with running_home(tmp_path_factory.mktemp("program"), sandbox, hurried=False) as running:
        yield running


@pytest.fixture
def calm(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, without faults before and after."""
    sandbox.calm()
    yield sandbox
    sandbox.calm()


def pair(sandbox: Sandbox, exchange: str) -> dict[str, str]:
    """Key and secret of the read-only key, and nothing else of the key file."""
    fields = sandbox.key(exchange)
    return {"key": fields["key"], "secret": fields["secret"]}


def other_secret(exchange: str) -> str:
    """Well formed, and of no key."""
    if exchange == "coinbase":
        private = ec.generate_private_key(ec.SECP256R1())
        return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return base64.b64encode(b"w" * 64).decode() if exchange == "kraken" else "w" * 64


def refused(program: Program, exchange: str, fields: dict[str, str] | str, code: int) -> dict[str, Any]:
    """The error of `connect --json`, when nothing of the key has stayed behind."""
    text = fields if isinstance(fields, str) else json.dumps(fields)
    vault = (program.home / "vault.db").read_bytes()
    ended = program.run("connect", exchange, "--key-file", "-", "--json", stdin=text)
    assert ended.code == code, ended.out + ended.err
    answer = ended.json()
    assert answer.keys() == {"error"}
    error: dict[str, Any] = answer["error"]
    assert error["text"]
    assert error["fix"]
    assert (program.home / "vault.db").read_bytes() == vault
    if not isinstance(fields, str):
        assert program.traces(fields) == []
        assert fields.get("secret", "nothing") not in ended.out + ended.err
    return error


def says(error: dict[str, Any], *pieces: str) -> None:
    whole = f"{error['text']} {error['fix']}"
    for piece in pieces:
        assert piece in whole


# -- the key itself


@pytest.mark.parametrize(
    ("exchange", "code"), [("kraken", "bad_secret"), ("binance", "bad_secret"), ("coinbase", "ambiguous")]
)
def test_a_wrong_secret(exchange: str, code: str, program: Program, sandbox: Sandbox) -> None:
    error = refused(program, exchange, pair(sandbox, exchange) | {"secret": other_secret(exchange)}, EXCHANGE)
    assert error["code"] == code
    says(error, "secret does not belong to this key", f"make a new key at {PAGES[exchange]}", AGAIN, "said: “")


@pytest.mark.parametrize(
    ("exchange", "status", "code", "piece"),
    [
        ("kraken", USAGE, "malformed_key", "swapped"),
        ("coinbase", USAGE, "malformed_key", "swapped"),
        # at Binance both parts look alike: only the exchange can tell that the first is no key of its own
        ("binance", EXCHANGE, "bad_key", "changed places with the secret"),
    ],
)
def test_key_and_secret_that_changed_places(
    exchange: str, status: int, code: str, piece: str, program: Program, sandbox: Sandbox
) -> None:
    fields = pair(sandbox, exchange)
    error = refused(program, exchange, {"key": fields["secret"], "secret": fields["key"]}, status)
    assert error["code"] == code
    says(error, piece)


@pytest.mark.parametrize(("exchange", "other"), [(a, b) for a in EXCHANGES for b in EXCHANGES if a != b])
def test_a_key_of_another_exchange_is_known_as_one(
    exchange: str, other: str, program: Program, sandbox: Sandbox
) -> None:
    error = refused(program, exchange, pair(sandbox, other), USAGE)
    assert error["code"] == "malformed_key"
    says(error, NAMES[other], f"of {NAMES[exchange]}")


@pytest.mark.parametrize(
    ("fields", "piece"),
    [
        ({"key": "a1" * 16, "secret": "c2VjcmV0" * 11, "passphrase": "hunter2hunter2"}, "Coinbase Exchange or Prime"),
        ({"key": "AbCdEfGh12345678", "secret": "x" * 32}, "switched off in February 2025"),
        ({"key": "A1b2C3d4" * 4, "secret": "x" * 40}, "Client API Key"),
    ],
)
def test_a_key_of_another_product_of_coinbase(fields: dict[str, str], piece: str, program: Program) -> None:
    error = refused(program, "coinbase", fields, USAGE)
    assert error["code"] == "malformed_key"
    says(error, piece, "portal.cdp.coinbase.com → API Keys → Secret API Keys")


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("part", ["key", "secret"])
def test_a_key_that_was_not_copied_whole(exchange: str, part: str, program: Program, sandbox: Sandbox) -> None:
    fields = pair(sandbox, exchange)
    error = refused(program, exchange, fields | {part: fields[part][:-9]}, USAGE)
    assert error["code"] == "malformed_key"
    says(error, "opy")  # copy it again, in the words of each exchange
    del fields[part]
    error = refused(program, exchange, fields, USAGE)
    says(error, "is missing")


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_key_pasted_with_blanks_and_line_breaks_is_read_all_the_same(
    exchange: str, program: Program, sandbox: Sandbox
) -> None:
    fields = pair(sandbox, exchange)
    middle = "" if exchange == "coinbase" else "\r\n "
    pasted = {
        "key": f"\n {fields['key'][:20]}{middle}{fields['key'][20:]}\t\n",
        "secret": f" \ufeff{fields['secret'][:60]}{middle}{fields['secret'][60:]} \r\n\n",
    }
    code, answer = program.inspect(exchange, pasted)
    assert (code, answer["verdict"]) == (DONE, "accepted")


def test_a_whole_key_file_of_coinbase_is_understood(program: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    fields = sandbox.key("coinbase")
    path = tmp_path / "cdp_api_key.json"
    path.write_text(json.dumps({"name": fields["key"], "privateKey": fields["secret"]}))
    code, answer = program.json("inspect", "coinbase", "--key-file", str(path))
    assert (code, answer["verdict"]) == (DONE, "accepted")


# -- the file


@pytest.mark.parametrize(
    ("content", "piece"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("API-Key: abc\nsecret: def", "is not whole JSON"),
        ('{"key": "abc", "secret": "de', "is not whole JSON"),
        ('{"key": "\\ud800", "secret": "x"}', "is not whole JSON"),
        ("[" * 40_000, "is not whole JSON"),
        ('["key", "secret"]', "holds JSON, but no object"),
        ('"key"', "holds JSON, but no object"),
        ("{}", "holds no key"),
        ('{"key": 12, "secret": null}', "holds no key"),
        ('{"key": "", "secret": "  "}', "holds no key"),
        ("x" * 70_000, "too large"),
    ],
    ids=range(12),
)
def test_a_malformed_key_file(content: str, piece: str, program: Program) -> None:
    error = refused(program, "kraken", content, USAGE)
    assert error["code"] == "key_file"
    says(error, "Standard input", piece, SHAPE)


def test_a_key_file_that_is_not_there_or_not_text(program: Program, tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(b"\xff\xfe\x00\x01")
    for name, piece in ((str(tmp_path / "none"), "No such file"), (str(tmp_path), "directory"), (str(blob), "JSON")):
        code, answer = program.json("inspect", "kraken", "--key-file", name)
        assert (code, answer["error"]["code"]) == (USAGE, "key_file")
        assert name in answer["error"]["text"]
        assert piece in answer["error"]["text"]


def test_no_key_at_all_and_no_terminal_to_ask_on(program: Program) -> None:
    code, answer = program.json("connect", "kraken")
    assert (code, answer["error"]["code"]) == (USAGE, "key_file")
    assert "--key-file FILE, or - for standard input" in answer["error"]["fix"]


def test_on_a_terminal_the_key_is_asked_for_and_not_shown(program: Program, sandbox: Sandbox) -> None:
    fields = pair(sandbox, "coinbase")  # its secret has several lines
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("tallyglass")), "inspect", "coinbase", "--home", str(program.home)]
    child = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": sandbox.base_url, "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        for waits_for, text in ((b"API key ID", fields["key"]), (b"privateKey", fields["secret"].strip())):
            while waits_for not in shown:
                shown += os.read(ours, 4096)
            os.write(ours, text.encode() + b"\n")
        while b"Read-only, by proof" not in shown and b"tallyglass --help" not in shown:
            shown += os.read(ours, 4096)
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    assert fields["key"].encode() not in shown
    assert all(line not in shown for line in fields["secret"].encode().splitlines() if not line.startswith(b"-----"))


@pytest.mark.parametrize("name", ["krakn", "ecb", "../kraken", ""])
def test_an_exchange_that_there_is_not(name: str, program: Program) -> None:
    code, answer = program.json("inspect", name, "--key-file", "/nowhere")
    assert (code, answer["error"]["code"]) == (USAGE, "unknown_exchange")
    assert "tallyglass exchanges" in answer["error"]["fix"]


# -- the way to the exchange


def test_a_clock_that_is_off_is_named_with_how_much(program: Program, calm: Sandbox) -> None:
    calm.fault("clock", value=3600)
    for exchange in ("binance", "coinbase"):
        error = refused(program, exchange, pair(calm, exchange), EXCHANGE)
        assert error["code"] == "clock"
        says(error, "Your computer's clock is 36", f"s behind {NAMES[exchange]}'s", "set time automatically", AGAIN)
    calm.calm()
    calm.fault("clock", value=-900)
    error = refused(program, "binance", pair(calm, "binance"), EXCHANGE)
    says(error, "s ahead of Binance's")


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_clock_that_is_a_little_off_is_put_right_without_a_word(
    exchange: str, program: Program, calm: Sandbox
) -> None:
    calm.fault("clock", value=20)
    code, answer = program.inspect(exchange, pair(calm, exchange))
    assert (code, answer["verdict"]) == (DONE, "accepted")


def test_a_nonce_that_another_program_used_up(program: Program, calm: Sandbox) -> None:
    calm.fault("nonce", "kraken")
    error = refused(program, "kraken", pair(calm, "kraken"), EXCHANGE)
    assert error["code"] == "nonce"
    says(error, "another program uses it too", "a key of its own", "Settings → API", AGAIN)


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize(
    ("fault", "code", "pieces"),
    [
        (("status", 503), "down", ("cannot be reached or does not work", "The status was 503", "Try again later")),
        (("reset", 0), "down", ("cannot be reached or does not work", "The connection to", "broke", "Try again later")),
        (("html", 502), "down", ("cannot be reached or does not work", "Try again later")),
        (("html", 200), "not_json", ("Something other than", "a page for people", "a proxy or a portal")),
        (("truncate", 0.5), "not_json", ("a part of an answer", "broke off", "Try again later")),
    ],
)
def test_an_exchange_that_is_down_or_answers_with_something_else(
    exchange: str, fault: tuple[str, float], code: str, pieces: tuple[str, ...], program: Program, calm: Sandbox
) -> None:
    calm.fault(fault[0], exchange, value=fault[1])
    error = refused(program, exchange, pair(calm, exchange), EXCHANGE)
    assert (error["code"], error["retry"]) == (code, True)
    says(error, NAMES[exchange], *pieces)


def test_an_exchange_that_nobody_can_reach(tmp_path: Path, sandbox: Sandbox) -> None:
    nowhere = Sandbox("http://127.0.0.1:9", sandbox.state, sandbox.state_file, None, sandbox.process)
    program = Program(tmp_path / "home", nowhere.base_url, tmp_path / "passphrase")
    program.passphrase_file.write_text(PASSPHRASE)
    assert program.run("init").code == DONE
    with running_keeper(program):
        error = refused(program, "kraken", pair(sandbox, "kraken"), EXCHANGE)
    assert error["code"] == "down"
    says(error, "No connection to api.kraken.com", "Try again later")


def test_too_many_requests_say_how_long_to_wait_and_nothing_more_is_sent_until_then(
    tmp_path: Path, calm: Sandbox
) -> None:
    with running_home(
        tmp_path, calm, hurried=False
    ) as program:  # its own keeper: for this one the exchanges stay shut for a while
        for exchange in EXCHANGES:
            calm.fault("status", exchange, value=429, retry_after=7, times=1)
            error = refused(program, exchange, pair(calm, exchange), EXCHANGE)
            assert (error["code"], error["retry"], error["retry_after"]) == ("rate_limited", True, 7)
            says(error, "too many requests", "may be asked again in 7 s", "nothing is lost")
    with running_home(tmp_path / "second", calm, hurried=False) as program:
        for exchange in EXCHANGES:
            calm.fault("status", exchange, value=429, times=1)
            error = refused(program, exchange, pair(calm, exchange), EXCHANGE)
            assert (error["code"], error["retry"]) == ("rate_limited", True)
            assert error["retry_after"] > 0
            says(error, f"may be asked again in {error['retry_after']} s")
            sent = len(calm.requests(exchange))
            if error["retry_after"] > 25:  # longer than the keeper lets a user wait: it says no by itself
                error = refused(program, exchange, pair(calm, exchange), EXCHANGE)
                assert error["code"] == "rate_limited"
                says(error, "sent nothing")
                assert len(calm.requests(exchange)) == sent


def test_an_address_that_binance_shut_out(tmp_path: Path, calm: Sandbox) -> None:
    with running_home(tmp_path, calm, hurried=False) as program:
        calm.fault("status", "binance", value=418, retry_after=120, times=1)
        error = refused(program, "binance", pair(calm, "binance"), EXCHANGE)
        assert (error["code"], error["retry_after"]) == ("banned", 120)
        says(error, "shut out this computer's address", "asked again in 120 s")


# -- the home


def test_a_wrong_passphrase_and_none_leave_it_locked(program: Program, tmp_path: Path) -> None:
    program.keeper.lock()
    wrong = tmp_path / "wrong"
    wrong.write_text("not the one that was chosen\n")
    try:
        for arguments, code in (
            (("--passphrase-file", str(wrong)), "wrong_passphrase"),
            ((), "locked"),
        ):
            ended = program.run("keys", "--json", *arguments, passphrase=False)
            assert ended.code == LOCKED
            assert ended.json()["error"]["code"] == code
            assert ended.json()["error"]["fix"]
    finally:
        program.keeper.unlock(PASSPHRASE)


def test_a_passphrase_file_that_cannot_be_used(program: Program, tmp_path: Path) -> None:
    program.keeper.lock()
    (tmp_path / "empty").write_text("\nsecond line\n")
    (tmp_path / "blob").write_bytes(b"\xff\xfe\xfa")
    try:
        for name, piece in (("none", "No such file"), ("empty", "is empty"), ("blob", "is not text")):
            ended = program.run("keys", "--json", "--passphrase-file", str(tmp_path / name), passphrase=False)
            assert (ended.code, ended.json()["error"]["code"]) == (USAGE, "passphrase_file")
            assert piece in ended.json()["error"]["text"]
    finally:
        program.keeper.unlock(PASSPHRASE)


def test_no_home_yet(tmp_path: Path) -> None:
    ended = run("--home", str(tmp_path / "none"), "keys", "--json")
    assert ended.code == 1
    assert ended.json()["error"]["code"] == "no_home"
    assert "tallyglass init" in ended.json()["error"]["fix"]
    assert not (tmp_path / "none").exists()


def test_a_weak_passphrase_makes_no_home(tmp_path: Path) -> None:
    weak = tmp_path / "weak"
    weak.write_text("1234\n")
    ended = run("--home", str(tmp_path / "home"), "init", "--passphrase-file", str(weak), "--json")
    assert ended.code == 1
    assert ended.json()["error"]["code"] == "passphrase_short"
    assert "words" in ended.json()["error"]["fix"]
    assert not (tmp_path / "home" / "vault.db").exists()
