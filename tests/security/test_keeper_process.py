"""What an attacker beside the keeper meets: another user, another program of this user, a reader of disk or log."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import logging
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.closed import eventually
from support.keeper import (
    PASSPHRASE,
    READ,
    FakeExchange,
    Planned,
    Process,
    binance_key,
    fake_exchange,
    kraken_key,
    kraken_rights,
    running,
)
from tallyglass.exchanges import registry
from tallyglass.keeper import sealing, server, service
from tallyglass.keeper.__main__ import Allowed
from tallyglass.keeper.budgets import Refused
from tallyglass.keeper.client import Keeper, KeeperError, Unreachable, socket_path
from tallyglass.keeper.door import Door, Key
from tallyglass.keeper.service import Service

#: What a locked keeper answers.
OPEN = {"/health", "/seal-key", "/create", "/unlock", "/lock"}
READ_CALL = {"connection": "kraken", "read": "balances", "params": {}}
BODIES: dict[str, object] = {
    "/inspect": {"exchange": "kraken", "sealed": "AAAA"},
    "/admit": {"exchange": "kraken", "sealed": "AAAA", "label": "", "accept_unproven": True},
    "/freeze": {"connection": "kraken", "why": ""},
    "/read": READ_CALL,
    "/public-read": {"source": "kraken", "read": "server_time", "params": {}},
    "/make-key": {"exchange": "binance", "anew": False},
    "/supply": {"connection": "kraken", "sealed": "AAAA"},
    "/journal": {"limit": 10, "connection": ""},
    "/journal/restart": {"why": ""},
    **{each: {"connection": "kraken"} for each in ("/recheck", "/thaw", "/forget")},
}


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with fake_exchange() as made:
        yield made


def raw(path: Path, method: str, target: str, body: object = None) -> tuple[int, bytes]:
    """A call as a program without our client would make it."""
    wire = http.client.HTTPConnection("keeper", timeout=20)
    wire.sock = socket.socket(socket.AF_UNIX)
    wire.sock.connect(str(path))
    try:
        wire.request(method, target, None if body is None else json.dumps(body))
        answer = wire.getresponse()
        return answer.status, answer.read()
    finally:
        wire.close()


def routes(home: Path) -> set[str]:
    found = server.application(_service(home)).router.routes()
    return {each.resource.canonical for each in found if each.resource is not None}


def _service(home: Path) -> Service:
    async def made() -> Service:
        return Service(home, Door())

    return asyncio.run(made())


def test_a_locked_keeper_answers_nothing_but_how_to_unlock_it(tmp_path: Path, exchange: FakeExchange) -> None:
    listed = routes(tmp_path)
    assert listed > OPEN
    with running(tmp_path / "home", sandbox=exchange.url) as process:
        process.keeper.create(PASSPHRASE)
        process.keeper.admit("kraken", kraken_key())
        sealed = process.keeper._seal("passphrase", "", {"old": PASSPHRASE, "new": "nine herons nap"})
        process.keeper.lock()
        asked = len(exchange.seen)
        for route in sorted(listed - OPEN):
            body = {"sealed": sealed} if route == "/passphrase" else BODIES.get(route, {})
            status, answer = raw(process.keeper.socket, "POST", route, body)
            assert (route, status, json.loads(answer)["error"]["code"]) == (route, 423, "locked")
        assert len(exchange.seen) == asked


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/read", {"url": "https://example.org/"}),
        ("POST", "/read", {**READ_CALL, "headers": {}}),
        ("POST", "/read", {**READ_CALL, "params": {"ofs": 1}}),
        ("POST", "/read", {**READ_CALL, "connection": ["kraken"]}),
        ("POST", "/read", [1]),
        ("POST", "/read", None),
        ("POST", "/admit", {"exchange": "kraken", "sealed": "AAAA", "label": "", "accept_unproven": "yes"}),
        ("POST", "/journal", {"limit": True, "connection": ""}),
        ("POST", "/fetch", {"url": "https://example.org/"}),
        ("PUT", "/read", READ_CALL),
        ("GET", "/read", None),
    ],
)
def test_there_is_no_word_for_anything_else(tmp_path: Path, method: str, target: str, body: object) -> None:
    with running(tmp_path / "home") as process:
        process.keeper.create(PASSPHRASE)
        status, answer = raw(process.keeper.socket, method, target, body)
        assert status in (400, 404, 405)
        assert json.loads(answer)["error"]["code"] == "bad_call"


def test_files_folder_and_socket_are_for_their_owner_alone(tmp_path: Path, exchange: FakeExchange) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    with running(home, sandbox=exchange.url) as process:
        process.keeper.create(PASSPHRASE)
        process.keeper.admit("kraken", kraken_key())
        assert home.stat().st_mode & 0o777 == 0o700
        names = {each.name for each in home.iterdir()}
        assert names == {"vault.db", "journal.jsonl", "journal.head", "keeper.lock", "keeper.sock"}
        for each in home.iterdir():
            assert each.stat().st_mode & 0o777 == 0o600, each


def test_a_shared_folder_is_no_home(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    process = Process(shared)
    assert process.child.wait(20) == 1
    process.close_input()
    assert "not a folder of this user alone" in process.log.read_text()
    assert shared.stat().st_mode & 0o7777 == 0o1777


def test_another_user_gets_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells who is at the other end; here the keeper is made to believe that it is somebody else itself."""

    async def stranger() -> tuple[int, bytes]:
        runner = await server.listen(server.application(Service(tmp_path, Door())), tmp_path / "s")
        ours = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: ours + 1)
        try:
            return await asyncio.to_thread(raw, tmp_path / "s", "POST", "/health", {})
        finally:
            await runner.cleanup()

    status, answer = asyncio.run(stranger())
    assert status == 403
    assert json.loads(answer)["error"]["code"] == "stranger"


def test_the_client_does_not_talk_to_a_keeper_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(str(tmp_path / "s"))
        squatter.listen()

        def listen() -> None:
            connection = squatter.accept()[0]
            heard.append(connection.recv(1000))
            connection.close()

        listener = threading.Thread(target=listen)
        listener.start()
        ours = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: ours + 1)
        with pytest.raises(Unreachable):
            Keeper(tmp_path / "s").unlock(PASSPHRASE)
        listener.join()
    assert heard == [b""]


def test_the_process_is_closed_to_others(tmp_path: Path) -> None:
    with running(tmp_path / "home") as process:
        process.keeper.create(PASSPHRASE)
        proc = Path("/proc") / str(process.child.pid)
        limits = (proc / "limits").read_text()
        assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.MULTILINE)
        assert re.search(r"^Umask:\s+0077$", (proc / "status").read_text(), re.MULTILINE)
        # what is not dumpable belongs to root in /proc, whoever runs it
        assert (proc / "mem").stat().st_uid == 0
        for each in ("cmdline", "environ"):
            assert PASSPHRASE.encode() not in (proc / each).read_bytes()
        process.child.send_signal(signal.SIGSEGV)
        process.child.wait(10)
        assert not list(tmp_path.rglob("core*"))
    asked = "import ctypes; from tallyglass.keeper.__main__ import harden; harden(); print(ctypes.CDLL(None).prctl(3))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "0"  # PR_GET_DUMPABLE


def test_memory_at_rest_is_small(tmp_path: Path, exchange: FakeExchange) -> None:
    """The aim is 60 MB; the bound here leaves room for other builds of the same libraries. Started from nothing."""
    command = [sys.executable, "-m", "tallyglass.keeper", "--home", str(tmp_path / "home")]
    environment = {"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": exchange.url}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            eventually(socket_path(tmp_path / "home").exists, "the keeper did not start")
            keeper = Keeper(socket_path(tmp_path / "home"), timeout=30)
            keeper.create(PASSPHRASE)
            keeper.admit("kraken", kraken_key())
            status = (Path("/proc") / str(process.pid) / "status").read_text()
        finally:
            process.kill()
    [resident] = re.findall(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert int(resident) < 80_000


def test_a_verdict_older_than_a_day_is_asked_for_anew_before_the_key_is_used(
    tmp_path: Path, exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the app does or forgets to do."""

    async def act() -> None:
        door = Door(exchange.url)
        await door.start()
        kept = Service(tmp_path, door, sandbox=exchange.url)

        def sealed(purpose: str, name: str, **fields: str) -> str:
            told = kept.seal_key()
            return sealing.seal(told.public_key, sealing.info(purpose, told.install_id, name), fields)

        try:
            await kept.create(sealed("passphrase", "", new=PASSPHRASE))
            await kept.admit("kraken", sealed("key", "kraken", **kraken_key()), "", accept_unproven=False)
            await kept.read("kraken", "balances", {})
            assert exchange.paths()[1:] == ["/0/private/BalanceEx"]
            monkeypatch.setattr(service, "VERDICT_AGE", timedelta(0))
            exchange.plans["/0/private/GetApiKeyInfo"] = Planned(kraken_rights(*READ, "withdraw-funds"))
            with pytest.raises(KeeperError) as frozen:
                await kept.read("kraken", "balances", {})
            assert frozen.value.code == "frozen"
            assert exchange.paths()[2:] == ["/0/private/GetApiKeyInfo"]
        finally:
            await door.close()

    asyncio.run(act())


BAD = (
    Planned(b'{"error":["EAPI:Invalid key"]}'),
    Planned(b"<html>", 200),
    Planned(b"", 503),
    Planned(b"{", 200),
    Planned(status=302, headers={"Location": "https://example.org"}),
    Planned(b"{}", headers={"Content-Length": "99", "Connection": "close"}),
)


class Overheard(Keeper):
    """A client that remembers every answer as it came over the wire."""

    def __init__(self, socket: Path) -> None:
        super().__init__(socket)
        self.heard: list[bytes] = []

    def _exchange(self, target: str, body: Mapping[str, object]) -> tuple[http.client.HTTPMessage, bytes]:
        headers, raw = super()._exchange(target, body)
        self.heard += [str(headers).encode(), raw]
        return headers, raw

    def note(self, act: Callable[[], object]) -> None:
        """What a caller would see of it, be it an error."""
        try:
            self.heard.append(repr(act()).encode())
        except KeeperError as error:
            self.heard.append(f"{error!r} {error.text} {error.fix} {error.more}".encode())


def all_calls(keeper: Overheard, exchange: FakeExchange, new: str) -> None:
    """Secrets and passphrases through every call and every error."""
    keeper.create(PASSPHRASE)
    swapped = {"key": kraken_key()["secret"], "secret": kraken_key()["key"]}
    short = {**kraken_key(), "secret": kraken_key()["secret"][:-1]}
    for plan in (*BAD, Planned(kraken_rights(*READ, "modify-trades")), Planned(kraken_rights(*READ))):
        exchange.plans.update(dict.fromkeys(("/0/private/GetApiKeyInfo", "/sapi/v1/account/apiRestrictions"), plan))
        for name, fields in (
            ("kraken", kraken_key()),
            ("kraken", swapped),
            ("kraken", short),
            ("binance", binance_key()),
        ):
            keeper.note(partial(keeper.admit, name, fields))
    assert [each.id for each in keeper.connections()] == ["kraken"]
    for act in (
        lambda: keeper.read("kraken", "balances"),
        lambda: keeper.read("kraken", "nothing"),
        lambda: keeper.recheck("kraken"),
        lambda: keeper.change_passphrase(new, new),
        lambda: keeper.change_passphrase(PASSPHRASE, new),
        lambda: keeper.unlock(PASSPHRASE),
        lambda: keeper._call("/inspect", exchange="kraken", sealed=base64.b64encode(new.encode()).decode()),
        keeper.journal,
        keeper.verify_journal,
        keeper.egress,
    ):
        keeper.note(act)


def test_a_canary_is_found_nowhere(tmp_path: Path, exchange: FakeExchange) -> None:
    """Not on disk, not in an answer or an error, not in the log at debug level."""
    new = "a CANARY of a new passphrase"
    with running(tmp_path / "home", sandbox=exchange.url) as process:
        keeper = Overheard(process.keeper.socket)
        all_calls(keeper, exchange, new)
        places = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    log = process.log.read_bytes()
    assert b"asked exchange=kraken read=key_info" in log
    signatures = [each.headers["api-sign"] for each in exchange.seen if "api-sign" in each.headers]
    signatures += [each.query["signature"][0] for each in exchange.seen if "signature" in each.query]
    assert len(signatures) > 10
    secrets = [kraken_key()["secret"], binance_key()["secret"]]
    sought = [
        each.encode() for each in (PASSPHRASE, new, "CANARY", *secrets, *(each[:30] for each in secrets), *signatures)
    ]
    sought.append(base64.b64decode(kraken_key()["secret"]))
    for place in (*places, *keeper.heard, log):
        assert not [each for each in sought if each in place]
    assert not [each for each in (b"/0/private", b"http://", b"nonce", kraken_key()["key"].encode()) if each in log]


def test_the_log_withholds_what_the_keeper_did_not_write_itself() -> None:
    """A library's message, an error's text, an argument, a field that is not listed: any of them may quote a secret."""
    with pytest.raises(ValueError, match="CANARY") as raised:
        int("CANARY of an error")
    failed = (raised.type, raised.value, raised.tb)
    records = [
        logging.LogRecord("aiohttp.server", logging.ERROR, "x.py", 1, "CANARY of a library", None, failed),
        logging.LogRecord("asyncio", logging.ERROR, "x.py", 1, "%s", ("CANARY of an argument",), None),
        logging.LogRecord("tallyglass.keeper", logging.INFO, "x.py", 1, "asked %s", ("CANARY of an argument",), None),
        logging.LogRecord("tallyglass.keeper", logging.INFO, "x.py", 1, "asked", None, failed),
    ]
    records[-1].__dict__.update(body="CANARY of a field", status=200)
    records[0].__dict__.update(status="CANARY of a library's field")
    lines = [Allowed().format(each) for each in records]
    assert not [each for each in lines if "CANARY" in each]
    assert lines[-1].endswith("status=200")
    assert "ValueError at test_keeper_process.py" in lines[-1]


def test_a_stranger_in_the_line_is_refused(tmp_path: Path) -> None:
    """TLS is verified, in a sandbox too: an unknown certificate gets not a byte of a request."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.path)

    with HTTPServer(("127.0.0.1", 0), Handler) as stranger:
        stranger.handle_error = lambda *_: None  # type: ignore[method-assign] # the handshake is meant to fail
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(tmp_path))
        stranger.socket = context.wrap_socket(stranger.socket, server_side=True)
        thread = threading.Thread(target=stranger.serve_forever, args=(0.02,), daemon=True)
        thread.start()

        async def ask() -> Refused:
            door = Door(f"https://localhost:{stranger.server_address[1]}")
            await door.start()
            try:
                key = Key("0f", kraken_key(), lambda: None)
                with pytest.raises(Refused) as refused:
                    await door.request(registry.manifest("kraken"), "key_info", {}, key)
                return refused.value
            finally:
                await door.close()

        refused = asyncio.run(ask())
        stranger.shutdown()
        thread.join()
    assert "certificate of api.kraken.com is not valid" in refused.note
    assert got == []


def _certificate(folder: Path) -> Path:
    """For `localhost`, signed by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "stranger.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_home_belongs_to_one_world_with_its_first_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home) as real:
        real.keeper.create(PASSPHRASE)
    with fake_exchange() as exchange:
        with running(home, sandbox=exchange.url) as made_up:  # no key yet: it may still be either
            made_up.keeper.unlock(PASSPHRASE)
            assert made_up.keeper.admit("kraken", kraken_key()).connection == "kraken"
        with running(home) as real, pytest.raises(KeeperError, match="made-up accounts") as caught:
            real.keeper.unlock(PASSPHRASE)
        assert caught.value.code == "sandbox_home"
        with running(home, sandbox=exchange.url) as made_up:
            made_up.keeper.unlock(PASSPHRASE)
            made_up.keeper.forget("kraken")
    with running(home) as real, pytest.raises(KeeperError, match="made-up accounts"):
        real.keeper.unlock(PASSPHRASE)
