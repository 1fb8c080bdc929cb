"""The allow-list from outside, against every endpoint that ccxt knows: what is not listed cannot even be said."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.endpoints import EXCHANGES, Endpoint, filled, walked
from support.keeper import PASSPHRASE, running
from support.sandbox import Sandbox, running_sandbox
from tallyglass.exchanges import registry

pytestmark = pytest.mark.peers

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


@pytest.fixture(scope="module")
def endpoints() -> list[Endpoint]:
    return walked()


def test_the_walk_meets_everything_that_matters(endpoints: list[Endpoint], record_property: Any) -> None:
    walked = {(each.exchange, each.method, each.host, each.path) for each in endpoints}
    assert walked >= DANGEROUS
    per = {name: [each for each in endpoints if each.exchange == name] for name in EXCHANGES}
    assert all(len(found) >= 60 for found in per.values()), {name: len(found) for name, found in per.items()}
    listed = {name: sum(each.listed for each in found) for name, found in per.items()}
    for name in EXCHANGES:
        record_property(name, f"{len(per[name])} endpoints, {listed[name]} of them listed")
        pages = {(r.method, r.host, filled(r)) for r in registry.manifest(name).reads.values()}
        assert 0 < listed[name] <= len(pages)
        assert listed[name] < len(per[name])
    assert not {each for each in endpoints if each.listed} & {Endpoint(*each) for each in DANGEROUS}


def test_the_manifest_lists_its_own_lines_and_nothing_beside_them(endpoints: list[Endpoint]) -> None:
    """Every path of every exchange, with every method, at every host, asked of every page: of sources too."""
    paths = {each.filled for each in endpoints} | {"/sapi/v1/soft-staking/set"}  # changes the account, by GET
    for page in registry.manifests().values():
        hosts = {each.host for each in endpoints} | {read.host for read in page.reads.values()}
        asked = {(m, h, p) for m in METHODS for h in hosts for p in paths | {filled(r) for r in page.reads.values()}}
        assert {each for each in asked if page.lists(*each)} == {
            (read.method, read.host, filled(read)) for read in page.reads.values()
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
    for said in (path, each.url):
        yield "not_allowed", {"source": name, "read": said, "params": {}}
    for params in ({path: ""}, {"path": path}, {"url": each.url}, {"method": each.method}, {"host": each.host}):
        yield "not_allowed", {"connection": name, "read": "balances", "params": params}
    yield "not_allowed", {"source": name, "read": "server_time", "params": {"path": path}}
    yield "no_such_connection", {"connection": path, "read": "balances", "params": {}}
    yield "unknown_exchange", {"source": each.url, "read": "server_time", "params": {}}
    for value in (path, path[1:], f"a1/../../..{path}?", f"a1?{path}", f"a1#{path}", quote(path, safe="")):
        yield "not_allowed", {"connection": "coinbase", "read": "ledger", "params": {"account": value}}
        yield "not_allowed", {"source": "defillama", "read": "candles", "params": {"coin": value}}
    smuggled = f"0\r\n\r\n{each.method} {path} HTTP/1.1\r\nHost: {each.host}\r\n\r\n"
    yield "not_allowed", {"connection": "kraken", "read": "ledger", "params": {"ofs": smuggled}}
    yield "bad_call", {"connection": name, "read": "balances", "params": {}, "path": path, "method": each.method}
    yield "bad_call", {"connection": name, "read": {"path": path}, "params": {}}
    yield "bad_call", {"connection": name, "read": "balances", "params": {"path": [path]}}


def words(each: Endpoint) -> Iterator[tuple[set[str], str, str, dict[str, Any]]]:
    """The codes one of which must come back, method, target and body, for all that can be tried with an endpoint."""
    for expected, body in readings(each):
        yield {expected}, "POST", "/read" if "connection" in body else "/public-read", body
    wrong = quote(each.filled, safe="")
    for method, target, body in (
        (each.method, each.filled, {}),
        ("POST", f"/{each.method}/{each.host}{each.filled}", {}),
        ("POST", f"/connections/{wrong}/recheck", {}),
        ("POST", "/inspect", {"exchange": each.url, "sealed": "AAAA"}),
        ("POST", "/admit", {"exchange": each.filled, "sealed": "AAAA", "label": "", "accept_unproven": True}),
    ):
        yield {"bad_call", "no_such_connection", "unknown_exchange"}, method, target, body


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.soak)])
def test_no_endpoint_can_be_said_to_the_keeper(
    line: Line, sandbox: Sandbox, endpoints: list[Endpoint], step: int
) -> None:
    """All words, in all fields; listed endpoints too: a read has an id, and no other name.

    Every day each endpoint is said in some ways, each way by many endpoints, and the dangerous ones in all.
    """
    before = len(sandbox.requests())
    assert before > 0
    dangerous = {Endpoint(*each) for each in DANGEROUS}
    said = 0
    for number, each in enumerate(endpoints):
        for way, (expected, method, target, body) in enumerate(words(each)):
            if (number + way) % step and each not in dangerous:
                continue
            assert line.say(method, target, body)[1] in expected, (target, body)
            said += 1
    assert said > 25 * len(endpoints) / step
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
