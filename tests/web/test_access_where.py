"""Where the dashboard listens: both of this machine's own addresses, and elsewhere by TLS alone."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.app import wait
from support.program import Program, new_home, run
from support.sandbox import running_sandbox
from support.terminal import typed
from tallyglass.app.home import Home
from tallyglass.app.problems import Problem
from tallyglass.app.service import Service
from tallyglass.web import server as web
from tallyglass.web.address import elsewhere, local
from tallyglass.web.auth.gate import Gate
from tallyglass.web.port import listening
from tallyglass.web.where import Where


@dataclass(frozen=True, slots=True)
class Served:
    """A dashboard somewhere."""

    port: int
    gate: Gate
    authority: Path

    def ask(self, method: str, path: str, host: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        """One request by TLS or, where there is no certificate, as a proxy sends it on."""
        line: http.client.HTTPConnection
        if self.authority.exists():
            known = ssl.create_default_context(cafile=str(self.authority))
            line = http.client.HTTPSConnection("localhost", self.port, context=known, timeout=20)
        else:
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(line):
            line.request(method, path, headers={"Host": host, **(headers or {})})
            answer = line.getresponse()
            answer.read()
            return answer


@contextlib.contextmanager
def serving(folder: Path, where: Where) -> Iterator[Served]:
    service = Service(Home(folder / "home"))
    service.start()
    try:
        with listening(where.port, where.listen) as sockets:
            port = sockets[0].getsockname()[1]
            gate = Gate(where.address(port))
            server = web.Server(service, gate, where)
            thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
            thread.start()
            try:
                wait(lambda: server.started)
                yield Served(port, gate, folder / "certificate.pem")
            finally:
                server.should_exit = True
                thread.join(20)
    finally:
        service.stop()


def certificate(folder: Path, *names: str) -> tuple[Path, Path]:
    """One that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    me = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(me).issuer_name(me).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return path, key_path


# -- this machine's own addresses


def test_both_own_addresses_are_taken_and_no_other() -> None:
    with listening(0) as sockets:
        port = sockets[0].getsockname()[1]
        assert {each.getsockname()[0] for each in sockets} <= {"127.0.0.1", "::1"}
        here = [each for each in psutil.Process().net_connections() if each.laddr[1:] == (port,)]
        assert {each.laddr[0] for each in here} == {each.getsockname()[0] for each in sockets}
        for address in {"127.0.0.1", "::1"} & {each.getsockname()[0] for each in sockets}:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family) as other, pytest.raises(OSError):
                other.bind((address, port))


def test_whoever_sits_on_the_other_own_address_is_not_taken_for_us() -> None:
    with socket.socket(socket.AF_INET6) as other:
        try:
            other.bind(("::1", 0))
        except OSError:
            return  # no IPv6 here: then nobody can sit there
        other.listen()
        with pytest.raises(Problem, match="Another program listens") as found, listening(other.getsockname()[1]):
            pass
    assert found.value.code == "port_taken"


# -- elsewhere


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1"])  # noqa: S104  (that it is refused)
def test_nobody_is_served_elsewhere_without_tls(address: str) -> None:
    with pytest.raises(Problem) as found:
        Where(0, address).checked()
    assert found.value.code == "no_tls"


@pytest.mark.parametrize(
    "where",
    [
        Where(0, "example.org"),
        Where(0, certificate=Path("c.pem")),
        Where(0, certificate_key=Path("k.pem")),
        Where(0, certificate=Path("/nowhere/c.pem"), certificate_key=Path("/nowhere/k.pem")),
        *(
            Where(0, behind=origin)
            for origin in (
                "http://tally.example",
                "tally.example",
                "https://",
                "https://tally.example/",
                "https://tally.example/path",
                "https://me@tally.example",
                "https://TALLY.example",
                "https://tally.example:x",
                "https://tally.example:443",
                "https://tally.example evil",
                "https://*.example",
            )
        ),
    ],
    ids=str,
)
def test_what_is_not_safe_is_refused(where: Where) -> None:
    with pytest.raises(Problem):
        where.checked()


def test_a_certificate_that_names_nobody_is_refused(tmp_path: Path) -> None:
    for names in ((), ("*.example",)):
        with pytest.raises(Problem, match="names no host"):
            Where(0, "", *certificate(tmp_path, *names)).checked()


def test_names_and_cookies_follow_from_where_it_is() -> None:
    here, there = local(8420), elsewhere("https://tally.example", "https://192.0.2.7:8443")

    assert (here.origin, here.name, here.secure) == ("http://localhost:8420", "localhost", False)
    assert here.hosts == {"localhost:8420", "127.0.0.1:8420"}
    assert (there.origin, there.name, there.secure) == ("https://tally.example", "tally.example", True)
    assert there.hosts == {"tally.example", "192.0.2.7:8443"}
    assert there.origins == {"https://tally.example", "https://192.0.2.7:8443"}
    assert there.cookie.startswith("__Host-")
    assert elsewhere("https://192.0.2.7").name == "", "no passkey is bound to a number"


def test_by_tls_cookies_are_secure_and_browsers_come_by_tls_only(tmp_path: Path) -> None:
    where = Where(0, "", *certificate(tmp_path, "localhost", "tally.example")).checked()
    with serving(tmp_path, where) as served:
        host = f"localhost:{served.port}"
        link = web.link(served.gate).removeprefix(f"https://{host}")
        answer = served.ask("GET", link, host)

        cookie = answer.getheader("set-cookie") or ""
        assert (answer.status, answer.getheader("location")) == (303, "/")
        assert cookie.startswith("__Host-tallyglass=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        assert (answer.getheader("strict-transport-security") or "").startswith("max-age=")
        assert served.ask("GET", "/enter", f"tally.example:{served.port}").status == 200
        for foreign in ("localhost", "evil.example", f"127.0.0.1:{served.port}", "tally.example"):
            assert served.ask("GET", "/enter", foreign).status == 421


def test_behind_a_proxy_its_name_alone_is_answered_and_nothing_that_it_forwards_is_believed(tmp_path: Path) -> None:
    where = Where(0, behind="https://tally.example").checked()
    forwarded = {
        "X-Forwarded-Host": "tally.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "127.0.0.1",
        "Forwarded": "host=tally.example;proto=https",
        "Remote-User": "owner",
        "X-Remote-User": "owner",
        "X-Forwarded-User": "owner",
    }
    with serving(tmp_path, where) as served:
        assert served.ask("GET", "/enter", f"localhost:{served.port}", forwarded).status == 421
        assert served.ask("GET", "/orders", "tally.example", forwarded).getheader("location") == "/enter"
        link = web.link(served.gate).removeprefix("https://tally.example")
        answer = served.ask("GET", link, "tally.example")
        assert (answer.getheader("set-cookie") or "").startswith("__Host-tallyglass=")
        assert answer.getheader("strict-transport-security")
        acting = {"Cookie": (answer.getheader("set-cookie") or "").split(";")[0]}
        evil = {"Origin": "https://evil.example", **forwarded, **acting}
        assert served.ask("POST", "/leave", "tally.example", evil).status == 403
        here = {"Origin": f"http://localhost:{served.port}", **acting}
        assert served.ask("POST", "/leave", "tally.example", here).status == 403
        ours = {"Origin": "https://tally.example", **acting}
        assert served.ask("POST", "/leave", "tally.example", ours).status == 303


# -- the command


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("home")
    with running_sandbox(folder) as sandbox:
        yield new_home(folder / "made", sandbox)


def test_the_command_refuses_before_it_begins(program: Program) -> None:
    ended = program.run("up", "--port", "0", "--listen", "0.0.0.0")  # noqa: S104  (that it is refused)
    assert ended.code == 2
    assert "served by TLS only" in ended.words
    assert "--certificate" in ended.words


def test_a_home_is_made_in_the_browser_only_when_that_was_asked_for(tmp_path: Path) -> None:
    ended = run("--home", str(tmp_path / "home"), "up", "--port", "0")
    assert ended.code == 1
    assert "up --new" in ended.words
    assert not (tmp_path / "home").exists()


def test_up_new_prints_the_link_to_where_the_passphrase_is_chosen(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("tallyglass")), "--home", str(tmp_path / "home"), "up", "--new"]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    with subprocess.Popen(
        [*command, "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            first = process.stdout.readline() if process.stdout else ""
        finally:
            process.terminate()
            rest = process.stdout.read() if process.stdout else ""
    assert re.match(r"Choose your passphrase: http://localhost:\d+/enter\?key=\S+$", first), first + rest
    assert "Traceback" not in rest
    assert not (tmp_path / "home" / "vault.db").exists()


def test_tokens_by_command(program: Program) -> None:
    code, made = program.json("token", "make", "cron", "--read", "worth", "--read", "keys", "--days", "30")
    assert code == 0
    assert made["scopes"] == ["worth", "keys"]
    code, listed = program.json("token", "list")
    assert [each["name"] for each in listed] == ["cron"]
    assert made["token"] not in str(listed)
    assert program.run("token", "list").out.count("never") == 1
    assert program.json("token", "revoke", made["id"])[0] == 0
    assert program.json("token", "list")[1] == []
    assert program.json("token", "revoke", made["id"])[0] == 2
    assert program.json("token", "make", "x", "--read", "everything")[0] == 2


def test_on_a_terminal_the_passphrase_can_be_left_to_the_browser(tmp_path: Path) -> None:
    """Enter at the prompt; the program is ended by Ctrl-C once it has said where."""
    program = str(Path(sys.executable).with_name("tallyglass"))
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path), "TERM": "dumb"}
    command = [program, "--home", str(tmp_path / "home"), "up", "--port", "0"]

    shown = typed(command, [("browser: ", ""), ("Stop with Ctrl-C", "\x03")], environment).decode()

    assert "Choose your passphrase: http://localhost:" in shown
    assert not (tmp_path / "home" / "vault.db").exists()
