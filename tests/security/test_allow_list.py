"""The allow-list against every endpoint that ccxt knows of the three exchanges: what is not listed does not go out."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from support.keeper import PASSPHRASE, binance_key, kraken_key, running
from support.sandbox import Sandbox, running_sandbox
from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Call, Manifest, NotListed, Read, Stamp, Wire
from tallyglass.keeper.budgets import Refused
from tallyglass.keeper.door import Door, Key

pytestmark = pytest.mark.peers

ROOT = Path(__file__).parents[2]
EXCHANGES = ("binance", "coinbase", "kraken")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
#: Calls that every reader of this file knows to be dangerous. That they are there shows that the walk is a walk.
DANGEROUS = {
    ("kraken", "POST", "api.kraken.com", "/0/private/AddOrder"),
    ("kraken", "POST", "api.kraken.com", "/0/private/Withdraw"),
    ("kraken", "POST", "api.kraken.com", "/0/private/WalletTransfer"),
    ("binance", "POST", "api.binance.com", "/api/v3/order"),
    ("binance", "POST", "api.binance.com", "/sapi/v1/capital/withdraw/apply"),
    ("binance", "POST", "api.binance.com", "/sapi/v1/asset/transfer"),
    ("coinbase", "POST", "api.coinbase.com", "/api/v3/brokerage/orders"),
    ("coinbase", "POST", "api.coinbase.com", "/v2/accounts/{account_id}/transactions"),
}


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One call that an exchange knows."""

    exchange: str
    method: str
    host: str
    path: str

    @property
    def filled(self) -> str:
        """The path with a plain segment in place of each placeholder."""
        return "/".join("a1" if part.startswith("{") else part for part in self.path.split("/"))

    @property
    def url(self) -> str:
        return f"https://{self.host}{self.filled}"

    @property
    def listed(self) -> bool:
        """Compared with the page as text, not with the code under test."""
        return any(
            (self.method, self.host, self.filled) == (read.method, read.host, _filled(read))
            for read in registry.manifest(self.exchange).reads.values()
        )


def _filled(read: Read) -> str:
    return "/".join("a1" if part.startswith("{") else part for part in read.path.split("/"))


@pytest.fixture(scope="module")
def endpoints() -> list[Endpoint]:
    command = [str(ROOT / ".venv-peers/bin/python"), str(ROOT / "tests/peers/ccxt_endpoints.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [Endpoint(*each) for each in json.loads(done.stdout)]


def test_the_walk_meets_everything_that_matters(endpoints: list[Endpoint], record_property: Any) -> None:
    walked = {(each.exchange, each.method, each.host, each.path) for each in endpoints}
    assert walked >= DANGEROUS
    per = {name: [each for each in endpoints if each.exchange == name] for name in EXCHANGES}
    assert all(len(found) >= 60 for found in per.values()), {name: len(found) for name, found in per.items()}
    listed = {name: sum(each.listed for each in found) for name, found in per.items()}
    for name in EXCHANGES:
        record_property(name, f"{len(per[name])} endpoints, {listed[name]} of them listed")
        pages = {(r.method, r.host, _filled(r)) for r in registry.manifest(name).reads.values()}
        assert 0 < listed[name] <= len(pages)
        assert listed[name] < len(per[name])
    assert not {each for each in endpoints if each.listed} & {Endpoint(*each) for each in DANGEROUS}


def test_the_manifest_lists_its_own_lines_and_nothing_beside_them(endpoints: list[Endpoint]) -> None:
    """Every path of every exchange, with every method, at every host, asked of every page."""
    paths = {each.filled for each in endpoints} | {"/sapi/v1/soft-staking/set"}  # changes the account, by GET
    for name in EXCHANGES:
        page = registry.manifest(name)
        hosts = {each.host for each in endpoints} | {read.host for read in page.reads.values()}
        asked = {(m, h, p) for m in METHODS for h in hosts for p in paths | {_filled(r) for r in page.reads.values()}}
        assert {each for each in asked if page.lists(*each)} == {
            (read.method, read.host, _filled(read)) for read in page.reads.values()
        }


@pytest.mark.parametrize(
    ("method", "host", "path"),
    [
        ("GET", "api.coinbase.com", "/v2/accounts//transactions"),
        ("GET", "api.coinbase.com", "/v2/accounts/a/b/transactions"),
        ("GET", "api.coinbase.com", "/v2/accounts/../transactions"),
        ("GET", "api.coinbase.com", "/v2/accounts/a%2Fb/transactions"),
        ("GET", "api.coinbase.com", "/v2/accounts/{account}/transactions"),
        ("GET", "api.coinbase.com", "/v2/accounts/a/transactions/"),
        ("GET", "api.coinbase.com", "/v2/accounts/a/transactions\n"),
        ("GET", "api.coinbase.com", "/v2/accounts/a\n/transactions"),
        ("GET", "api.coinbase.com", "/x/../v2/accounts/a/transactions"),
        ("GET", "API.coinbase.com", "/v2/accounts"),
        ("GET", "api.coinbase.com:443", "/v2/accounts"),
        ("GET", "api.coinbase.com@example.org", "/v2/accounts"),
        ("get", "api.coinbase.com", "/v2/accounts"),
        ("GET", "api.coinbase.com", "/v2/Accounts"),
        ("GET", "api.coinbase.com", "v2/accounts"),
    ],
)
def test_what_only_looks_like_a_line_is_none(method: str, host: str, path: str) -> None:
    page = registry.manifest("coinbase")
    assert page.lists("GET", "api.coinbase.com", "/v2/accounts")
    assert page.lists("GET", "api.coinbase.com", "/v2/accounts/a-1/transactions")
    assert not page.lists(method, host, path)


# -- from outside: whoever owns the app has the keeper's socket, and this is all that he can say there


class Line:
    """One connection to the keeper, as a program without our client would hold it."""

    def __init__(self, path: Path) -> None:
        self._wire = http.client.HTTPConnection("keeper", timeout=20)
        self._wire.sock = socket.socket(socket.AF_UNIX)
        self._wire.sock.connect(str(path))

    def say(self, method: str, target: str, body: object = None) -> tuple[int, str]:
        """Status and the code of the refusal."""
        payload = None if body is None else json.dumps(body)
        self._wire.request(method, target, payload, {"Content-Type": "application/json"} if payload else {})
        answer = self._wire.getresponse()
        raw = answer.read()
        assert answer.status != 200, (method, target, body)
        return answer.status, json.loads(raw)["error"]["code"]

    def close(self) -> None:
        self._wire.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Line]:
    """To a keeper that holds a good key of each exchange."""
    with running(tmp_path_factory.mktemp("keeper") / "home", sandbox=sandbox.base_url) as process:
        process.keeper.create(PASSPHRASE)
        for name in EXCHANGES:
            assert process.keeper.admit(name, sandbox.key(name)).connection == name
        held = Line(process.keeper.socket)
        yield held
        held.close()


def readings(each: Endpoint) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every way to name an endpoint to `read` and `public-read`; the code that must come back, and the body."""
    name, path = each.exchange, each.filled
    last = path.rpartition("/")[2]
    for said in (path, path[1:], last, each.url, f"{each.method} {path}", f"balances/../..{path}", f"balances?{path}"):
        if said not in registry.manifest(name).reads:
            yield "not_allowed", {"connection": name, "read": said, "params": {}}
            yield "not_allowed", {"source": name, "read": said, "params": {}}
    for where, listed in (("connection", "balances"), ("source", "server_time")):
        for params in ({path: ""}, {"path": path}, {"url": each.url}, {"method": each.method}, {"host": each.host}):
            yield "not_allowed", {where: name, "read": listed, "params": params}
    yield "no_such_connection", {"connection": path, "read": "balances", "params": {}}
    yield "unknown_exchange", {"source": each.url, "read": "server_time", "params": {}}
    for value in (path, path[1:], f"..{path}", f"a1/../../..{path}?", f"a1?{path}", f"a1#{path}", quote(path, safe="")):
        yield "not_allowed", {"connection": "coinbase", "read": "ledger", "params": {"account": value}}
    smuggled = f"0\r\n\r\n{each.method} {path} HTTP/1.1\r\nHost: {each.host}\r\n\r\n"
    yield "not_allowed", {"connection": "kraken", "read": "ledger", "params": {"ofs": smuggled}}
    yield "bad_call", {"connection": name, "read": "balances", "params": {}, "path": path, "method": each.method}
    yield "bad_call", {"connection": name, "read": {"path": path}, "params": {}}
    yield "bad_call", {"connection": name, "read": "balances", "params": {"path": [path]}}


def test_no_endpoint_can_be_said_to_the_keeper(line: Line, sandbox: Sandbox, endpoints: list[Endpoint]) -> None:
    """All words, in all fields; listed endpoints too: a read has an id, and no other name."""
    before = len(sandbox.requests())
    assert before > 0
    said = 0
    for each in endpoints:
        for expected, body in readings(each):
            target = "/read" if "connection" in body else "/public-read"
            assert (line.say("POST", target, body)[1], body) == (expected, body)
            said += 1
        wrong = quote(each.filled, safe="")
        for method, target, body in (
            (each.method, each.filled, {}),
            ("POST", f"/{each.method}/{each.host}{each.filled}", {}),
            ("POST", f"/connections/{wrong}/recheck", {}),
            ("POST", "/inspect", {"exchange": each.url, "sealed": "AAAA"}),
            ("POST", "/admit", {"exchange": each.filled, "sealed": "AAAA", "label": "", "accept_unproven": True}),
        ):
            code = line.say(method, target, body)[1]
            assert code in ("bad_call", "no_such_connection", "unknown_exchange"), (target, body)
            said += 1
    assert said > 25 * len(endpoints)
    assert len(sandbox.requests()) == before


def test_a_read_is_made_with_its_own_kind_of_key_or_not_at_all(line: Line, sandbox: Sandbox) -> None:
    """A listed read of another exchange, without the key it needs, or with one it does not need."""
    before = len(sandbox.requests())
    for name in EXCHANGES:
        for other in EXCHANGES:
            for read in registry.manifest(other).reads.values():
                if not read.signed or read.id not in registry.manifest(name).reads:
                    body = {"connection": name, "read": read.id, "params": {}}
                    assert line.say("POST", "/read", body) == (403, "not_allowed")
                if read.signed:
                    body = {"source": other, "read": read.id, "params": {}}
                    assert line.say("POST", "/public-read", body) == (403, "not_allowed")
    assert len(sandbox.requests()) == before


# -- from inside: even the door's own functions, given a request that no manifest made


_watching: list[list[str]] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _watching and event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        _watching[-1].append(f"{event} {args[1:]!r}")


sys.addaudithook(_watch)  # Python itself tells of each socket; a hook can be silenced but never taken away


@contextmanager
def sockets() -> Iterator[list[str]]:
    """What this process tries to reach while the block runs, told by the interpreter."""
    _watching.append([])
    try:
        yield _watching[-1]
    finally:
        _watching.pop()


KEYS: Mapping[str, Mapping[str, str]] = {
    "kraken": kraken_key(),
    "binance": binance_key(),
    "coinbase": {
        "key": "8c7e6890-45c1-4a4e-9a2b-1f2e3d4c5b6a",
        # the seed of RFC 8032, section 7.1, test 1
        "secret": "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    },
}


def key(name: str, used: list[str] | None = None) -> Key:
    uses = used if used is not None else []
    credentials = registry.signing(name).credentials(KEYS[name])
    return Key("0f0f", credentials, lambda: uses.append("used"))


def inside(url: str, act: Callable[[Door], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        door = Door(url)
        await door.start()
        try:
            await act(door)
        finally:
            await door.close()

    asyncio.run(run())


def test_the_watch_sees_a_socket(sandbox: Sandbox) -> None:
    """The guard of the tests below: a listed read is seen by it, and by the sandbox."""
    before = len(sandbox.requests("kraken"))

    async def one(door: Door) -> None:
        await door.request(registry.manifest("kraken"), "server_time", {})

    with sockets() as seen:
        inside(sandbox.base_url, one)
    assert any(each.startswith("socket.connect") for each in seen)
    assert len(sandbox.requests("kraken")) == before + 1


def test_the_door_sends_no_request_that_no_manifest_lists(sandbox: Sandbox, endpoints: list[Endpoint]) -> None:
    """Whoever gets as far as the last function before the socket still finds the page in the way."""
    before = len(sandbox.requests())
    refused: list[Endpoint] = []

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                for target in (each.filled, f"{each.filled}?a=1", f"{each.filled}?"):
                    wire = Wire(each.method, each.host, target, {}, b"a=1" * (each.method == "POST"))  # type: ignore[arg-type]
                    with pytest.raises(NotListed):
                        await door._fetch(each.exchange, wire)
                refused.append(each)

    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)
    assert len(refused) > 900


def test_a_call_that_no_manifest_made_is_not_sent(sandbox: Sandbox, endpoints: list[Endpoint]) -> None:
    """A `Call` put together by hand, signed by the exchange's own signer, with a good key."""
    before = len(sandbox.requests())

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                page = registry.manifest(each.exchange)
                call = Call(each.method, each.host, each.filled, (("amount", "1"),))  # type: ignore[arg-type]
                with pytest.raises(NotListed):
                    await door._once(page, page.read(page.permissions_read), call, key(each.exchange))

    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)


def test_a_page_that_was_forged_opens_nothing(sandbox: Sandbox, endpoints: list[Endpoint]) -> None:
    """The door believes the pages that it finds itself, not the one that it is handed."""
    before = len(sandbox.requests())

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                page = registry.manifest(each.exchange)
                read = page.read(page.permissions_read)
                forged = replace(read, method=each.method, host=each.host, path=each.filled, cost=0)  # type: ignore[arg-type]
                with pytest.raises(NotListed):
                    await door.request(_with(page, forged), forged.id, {}, key(each.exchange))

    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)


def _with(page: Manifest, read: Read) -> Manifest:
    return replace(page, reads={**page.reads, read.id: read})


class Turncoat:
    """A signer that makes another request of what it is given."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def sign(self, call: Call, credentials: Mapping[str, str], stamp: Stamp) -> Wire:
        return self._wire


def test_a_signer_cannot_make_another_request(
    sandbox: Sandbox, endpoints: list[Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(sandbox.requests())

    async def all_of_them(door: Door) -> None:
        for each in endpoints:
            if not each.listed:
                wire = Wire(each.method, each.host, each.filled)  # type: ignore[arg-type]
                monkeypatch.setattr(registry, "signing", lambda name, wire=wire: Turncoat(wire))
                page = registry.manifest(each.exchange)
                with pytest.raises(NotListed):
                    await door.request(_with(page, replace(page.read("balances"), cost=0)), "balances", {}, held)

    held = key("kraken")
    with sockets() as seen:
        inside(sandbox.base_url, all_of_them)
    assert (seen, len(sandbox.requests())) == ([], before)


def test_a_free_value_stays_a_value(endpoints: list[Endpoint]) -> None:
    """What a param does take (any plain text) ends in the query or the body, and never in the address."""
    stamp = Stamp(1_795_305_600_000, 1_795_305_600_000_000_000, bytes(32))
    for name in EXCHANGES:
        page, signing = registry.manifest(name), registry.signing(name)
        credentials = signing.credentials(KEYS[name])
        for read in (each for each in page.reads.values() if each.signed):
            free = [each for each in read.params if f"{{{each}}}" not in read.path]
            for each in endpoints[:: 7 if free else len(endpoints)]:
                values = dict.fromkeys(free, f"{each.path}?&#/../@:%2f {each.url}")
                wire = signing.sign(
                    read.call({"account": "a1"} | values if "{" in read.path else values), credentials, stamp
                )
                path, _, query = wire.target.partition("?")
                assert (wire.method, wire.host, path) == (read.method, read.host, _filled(read))
                sent = dict(parse_qsl(query or wire.body.decode(), keep_blank_values=True, strict_parsing=bool(values)))
                assert sent.items() >= values.items()
                assert urlsplit(f"https://{wire.host}{wire.target}").fragment == ""


def test_refusals_of_the_way_are_no_way_round(sandbox: Sandbox) -> None:
    """A listed read that the exchange redirects to a write is not followed."""
    sandbox.fault("status", "kraken", "/0/private/BalanceEx", value=302)
    before = len(sandbox.requests())

    async def one(door: Door) -> None:
        with pytest.raises(Refused):
            await door.request(registry.manifest("kraken"), "balances", {}, key("kraken"))

    try:
        inside(sandbox.base_url, one)
    finally:
        sandbox.calm()
    assert [each["path"] for each in sandbox.requests()[before:]] == ["/0/private/BalanceEx"]
