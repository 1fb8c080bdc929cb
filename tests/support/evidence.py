"""A day in which everything is done with secrets that can be done; and all that was written, said and sent in it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlcipher3 import dbapi2 as sqlcipher

from support.canary import Traces, Watch
from support.closed import eventually, exposed
from support.keeper import running
from support.program import PASSPHRASE, Program
from support.sandbox import Sandbox
from support.tap import Tap
from support.terminal import typed
from tallyglass.keeper import server
from tallyglass.keeper.client import Keeper, KeeperError
from tallyglass.keeper.door import Door
from tallyglass.keeper.service import Service
from tallyglass.keeper.vault import Vault

WRONG = "not the words of this vault at all"
KINDS = {
    "kraken": ("read_only", "can_trade", "expired", "wrong_account"),
    "binance": ("read_only", "read_only_ed25519", "can_withdraw", "ip_bound_elsewhere"),
    "coinbase": ("read_only", "read_only_ed25519", "can_trade", "revoked"),
}
PAGES = ("/", "/orders", "/history", "/connections", "/journal", "/healthz", "/nowhere")
NOT_SHOWN = "(not shown): "
_PROGRAM = str(Path(sys.executable).with_name("tallyglass"))
DEBUG = ("--log-level", "debug")
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("html", {}), ("truncate", {}), ("reset", {}), ("clock", {})),
    *(("status", {"value": 500}), ("status", {"value": 401}), ("status", {"value": 429, "retry_after": 1})),
)


@dataclass(slots=True)
class Evidence:
    """All that was written, said or sent by anybody while it went on."""

    folder: Path
    program: Program
    sandbox: Sandbox
    tap: Tap
    watch: Watch
    wanted: Traces
    #: Terminal output, by command.
    said: list[tuple[str, bytes]] = field(default_factory=list)
    #: What the keeper answered on its socket, by call.
    told: list[tuple[str, bytes]] = field(default_factory=list)
    #: What the dashboard answered, by request.
    pages: list[tuple[str, bytes]] = field(default_factory=list)
    #: What files directly in /tmp or /dev/shm gave away.
    shared: list[str] = field(default_factory=list)
    decrypted: bytes = b""

    def run(self, *arguments: str, stdin: str | None = None, **more: Any) -> bytes:
        """One command at debug logging, its two streams kept."""
        more |= {"env": {"TALLYGLASS_LOG": "debug", "TMPDIR": str(self.folder / "tmp")}, "cwd": self.folder / "here"}
        ended = self.program.run(*arguments, *DEBUG, stdin=stdin, **more)
        both = f"{ended.out}\n{ended.err}".encode()
        self.said.append((" ".join(arguments), both))
        return both

    def type(self, arguments: str, *lines: tuple[str, str]) -> bytes:
        """One command at a terminal, with what somebody types there after each prompt."""
        command = [_PROGRAM, "--home", str(self.program.home), *arguments.split(), *DEBUG]
        shown = typed(command, lines, self._environment, cwd=self.folder / "here")
        self.said.append((f"{arguments} (typed)", shown))
        return shown

    @property
    def _environment(self) -> dict[str, str]:
        told = {"PATH": os.environ["PATH"], "TALLYGLASS_SANDBOX": self.tap.url, "TALLYGLASS_LOG": "debug"}
        return told | {"TMPDIR": str(self.folder / "tmp")}

    def start(self, *arguments: str, given: str) -> subprocess.Popen[bytes]:
        """A command that is left alone for now, with cores allowed; its output goes to a file that is searched."""
        command = [_PROGRAM, "--home", str(self.program.home), *arguments, *DEBUG]
        command += ["--passphrase-file", str(self.program.passphrase_file)]
        with (self.folder / "here" / "left-alone.txt").open("ab") as out:
            process = subprocess.Popen(
                exposed(command),
                env=self._environment,
                cwd=self.folder / "here",
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
            )
        assert process.stdin is not None
        process.stdin.write(given.encode())
        process.stdin.close()
        return process


def everything(it: Evidence) -> None:
    """From the first command to the last crash."""
    it.run("init")
    it.run("connect", "kraken", "--key-file", "-", stdin=json.dumps(it.sandbox.key("kraken")))
    with running(it.program.home, sandbox=it.tap.url, hurried=True) as process:
        process.keeper.unlock(PASSPHRASE)
        _good_and_bad_keys(it)
        _faults(it, process.keeper)
        _daily_use(it)
        _every_call(it, process.keeper)
        it.decrypted = decrypted(it.program.home, process.keeper)
    _dashboard(it)
    _killed(it)


def _good_and_bad_keys(it: Evidence) -> None:
    for exchange in ("binance", "coinbase"):
        key = it.sandbox.key(exchange, "read_only_ed25519")
        assert b"accepted" in it.run("connect", exchange, "--key-file", "-", "--json", stdin=json.dumps(key))
    refused = [(name, json.dumps(it.sandbox.key(name, kind))) for name, kinds in KINDS.items() for kind in kinds[2:]]
    with ThreadPoolExecutor(4) as at_once:
        for name, text in (*refused, *_malformed(it.sandbox)):
            at_once.submit(it.run, "connect", name, "--key-file", "-", stdin=text)


def _malformed(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    """Cut, swapped, of another exchange, and no key files at all."""
    for exchange in KINDS:
        key = sandbox.key(exchange)
        yield exchange, json.dumps({**key, "secret": key["secret"][:-9]})
        yield exchange, json.dumps({"key": key["secret"], "secret": key["key"]})
    yield "binance", json.dumps(sandbox.key("kraken"))
    yield "kraken", sandbox.key("kraken")["secret"]
    yield "coinbase", json.dumps(sandbox.key("coinbase"))[:-2]
    yield "coinbase", json.dumps([sandbox.key("coinbase")["secret"]])
    yield "coinbase", json.dumps({"file": json.dumps(sandbox.key("coinbase"))[:-2]})


def _faults(it: Evidence, keeper: Keeper) -> None:
    """Every way in which an exchange can fail a key that is being looked at; and a secret that is not the key's."""
    one, other = it.sandbox.key("coinbase"), it.sandbox.key("coinbase", "can_trade")
    it.run("inspect", "coinbase", "--key-file", "-", stdin=json.dumps({**one, "secret": other["secret"]}))
    for number, (fault, more) in enumerate(FAULTS):
        it.sandbox.fault(fault, **more)
        for exchange in KINDS:
            key = it.sandbox.key(exchange)
            if number < 2 and exchange == "coinbase":
                it.run("inspect", exchange, "--key-file", "-", stdin=json.dumps(key))
            it.told.append((f"inspect {fault}", _outcome(lambda e=exchange, k=key: keeper.inspect(e, k))))  # type: ignore[misc]
        it.sandbox.calm()


def _outcome(act: Callable[[], object]) -> bytes:
    try:
        return repr(act()).encode()
    except KeeperError as error:
        return f"{error!r} {error.text} {error.fix} {error.more}".encode()


def _daily_use(it: Evidence) -> None:
    it.sandbox.fault("html", "coinbase", "/v2", times=1)
    for line in ("sync coinbase", "sync coinbase", "worth", "keys", "journal", "journal verify", "history", "status"):
        it.run(*line.split())
    it.sandbox.calm()
    it.run("doctor", "--json")
    it.run("freeze", "coinbase")
    it.run("lock")
    it.run("keys", passphrase=False)
    it.run("keys", "--passphrase-file", str(it.program.passphrase_file.with_name("wrong")), passphrase=False)
    assert b"unlocked" in it.type("unlock", ("Passphrase: ", PASSPHRASE))
    for exchange in ("kraken", "coinbase"):  # the latter's secret has several lines
        key = it.sandbox.key(exchange)
        it.type(f"inspect {exchange}", *((NOT_SHOWN, key[name].strip()) for name in ("key", "secret")))


BODIES: dict[str, object] = {
    "/inspect": {"exchange": "kraken", "sealed": "AAAA"},
    "/admit": {"exchange": "kraken", "sealed": "AAAA", "label": "", "accept_unproven": True},
    "/connections/{id}/freeze": {"why": ""},
    "/make-key": {"exchange": "binance", "anew": False},
    "/supply": {"connection": "kraken", "sealed": "AAAA"},
    "/read": {"connection": "kraken", "read": "balances", "params": {}},
    "/public-read": {"source": "kraken", "read": "server_time", "params": {}},
    "/journal/restart": {"why": ""},
}


def _every_call(it: Evidence, keeper: Keeper) -> None:
    """Each route of the keeper's socket, without our client: open, locked, and with words that it does not know."""
    known = [each for each in routes() if each[1] not in ("/lock", "/connections/{id}/forget")]
    for state in ("open", "locked"):
        if state == "locked":
            keeper.lock()
        for method, route in known:
            sealed = {"sealed": _sealed(keeper, route)} if route in ("/create", "/unlock", "/passphrase") else None
            for body in (BODIES.get(route, sealed), {"secret": PASSPHRASE}, [PASSPHRASE]):
                answer = asked(
                    keeper.socket, method, route.replace("{id}", "kraken"), body if method == "POST" else None
                )
                it.told.append((f"{method} {route} {state}", answer))
    keeper.unlock(PASSPHRASE)


def _dashboard(it: Evidence) -> None:
    """Every page as its reader gets it; and what is answered to one who types a secret into the wrong place."""
    process = it.start("up", "--port", "0", given="")  # with a keeper of its own
    spoken = it.folder / "here" / "left-alone.txt"
    try:
        eventually(lambda: b"Dashboard: " in spoken.read_bytes(), "no dashboard")
        link = urlsplit(spoken.read_text().partition("Dashboard: ")[2].split()[0])
        origin = {"Origin": f"http://{link.netloc}", "Sec-Fetch-Site": "same-origin"}
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        entered = _web(it, link.netloc, "GET", f"{link.path}?{link.query}", {})
        cookie = {"Cookie": entered["set-cookie"].partition(";")[0]}
        for page in (*PAGES, f"/enter?key={quote(WRONG)}"):
            _web(it, link.netloc, "GET", page, cookie)
        for path in ("/sync", "/look", "/connections", "/leave"):
            _web(it, link.netloc, "POST", path, cookie | origin | form, f"secret={quote(PASSPHRASE)}")
    finally:
        process.terminate()
        process.wait(30)


def _web(
    it: Evidence, host: str, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> dict[str, str]:
    wire = http.client.HTTPConnection(host, timeout=30)
    try:
        wire.request(method, path, body, headers)
        answer = wire.getresponse()
        it.pages.append((f"{method} {path}", f"{answer.status} {answer.headers}".encode() + answer.read()))
        return {name.lower(): value for name, value in answer.getheaders()}
    finally:
        wire.close()


def routes() -> list[tuple[str, str]]:
    async def made() -> list[tuple[str, str]]:
        found = server.application(Service(Path("/nonexistent"), Door())).router.routes()
        return [(each.method, each.resource.canonical) for each in found if each.resource is not None]

    return [each for each in asyncio.run(made()) if each[0] != "HEAD"]


def _sealed(keeper: Keeper, route: str) -> str:
    fields = {
        "/create": {"new": PASSPHRASE},
        "/unlock": {"old": WRONG},
        "/passphrase": {"old": WRONG, "new": PASSPHRASE},
    }
    return keeper._seal("passphrase", "", fields[route])


def asked(path: Path, method: str, target: str, body: object) -> bytes:
    wire = http.client.HTTPConnection("keeper", timeout=30)
    wire.sock = socket.socket(socket.AF_UNIX)
    wire.sock.connect(str(path))
    try:
        wire.request(method, target, None if body is None else json.dumps(body))
        answer = wire.getresponse()
        return f"{answer.status} {answer.headers}".encode() + answer.read()
    finally:
        wire.close()


def decrypted(home: Path, keeper: Keeper, passphrase: str = PASSPHRASE) -> bytes:
    """The portfolio database and the vault's own records, in the clear."""
    database = sqlcipher.connect(str(home / "portfolio.db"))
    try:
        database.execute(f"PRAGMA key = \"x'{keeper.store_key().hex()}'\"")
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [each for table in tables for row in database.execute(f'SELECT * FROM "{table}"') for each in row]  # noqa: S608
    finally:
        database.close()
    clear = [zlib.decompress(each) if isinstance(each, bytes) else str(each).encode() for each in values]
    return b"\n".join([*clear, json.dumps(Vault.open(home / "vault.db", passphrase).records()).encode()])


def _killed(it: Evidence) -> None:
    """The keeper in the middle of a read, and a command in the middle of connecting; each with its memory full."""
    with running(it.program.home, sandbox=it.tap.url, hurried=True) as process:
        process.keeper.unlock(PASSPHRASE)
        it.sandbox.fault("delay", "kraken", "/0/private", value=8)
        before = len(it.tap.heard)
        syncing = it.start("sync", "kraken", given="")
        eventually(lambda: len(it.tap.heard) > before, "no read went out")
        os.kill(process.child.pid, signal.SIGKILL)
        syncing.wait(60)
    it.sandbox.calm()
    it.sandbox.fault("delay", "kraken", "/0/private/GetApiKeyInfo", value=8)
    before = it.tap.count("GetApiKeyInfo")
    connecting = it.start(
        "connect", "kraken", "--key-file", "-", given=json.dumps(it.sandbox.key("kraken", "wrong_account"))
    )
    eventually(lambda: it.tap.count("GetApiKeyInfo") > before, "no key was looked at")
    connecting.kill()
    connecting.wait(20)
    it.sandbox.calm()
